/*
 * kafka_mark.c: see kafka_mark.h.
 */
#include "alerting/kafka_mark.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void begin_run(kafka_mark *mark, uint64_t from, uint64_t to)
{
    if (mark->n == KAFKA_MARK_RUNS) memmove(mark->runs, mark->runs + 1, (--mark->n) * sizeof mark->runs[0]);
    mark->runs[mark->n].from = from;
    mark->runs[mark->n++].to = to;
    mark->broken = false;
}

void kafka_mark_add(kafka_mark *mark, uint64_t row)
{
    bool back = mark->n > 0 && row <= mark->runs[mark->n - 1].to;      /* from the dead letters: it stands alone */
    if (mark->n > 0 && !mark->broken && !back) mark->runs[mark->n - 1].to = row;
    else begin_run(mark, row, row);
    mark->broken = back;
}

void kafka_mark_break(kafka_mark *mark)
{
    mark->broken = true;
}

bool kafka_mark_has(const kafka_mark *mark, uint64_t row)
{
    for (unsigned i = 0; i < mark->n; i++)
        if (row >= mark->runs[i].from && row <= mark->runs[i].to) return true;
    return false;
}

size_t kafka_mark_write(const kafka_mark *mark, char text[KAFKA_MARK_TEXT])
{
    size_t len = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < mark->n; i++) {
        uint64_t from = mark->runs[i].from, to = mark->runs[i].to;
        int n = from == to ? snprintf(text + len, KAFKA_MARK_TEXT - len, "%s%" PRIu64, i > 0 ? "," : "", from)
                           : snprintf(text + len, KAFKA_MARK_TEXT - len, "%s%" PRIu64 "-%" PRIu64, i > 0 ? "," : "", from, to);
        len += (size_t)n;
    }
    return len;
}

/* A number at *at; moves behind it. */
static bool read_number(const char **at, const char *end, uint64_t *out)
{
    const char *begin = *at;
    uint64_t n = 0;
    for (; *at < end && **at >= '0' && **at <= '9'; ++*at) {
        unsigned digit = (unsigned)(**at - '0');
        if (n > (UINT64_MAX - digit) / 10) return false;
        n = n * 10 + digit;
    }
    *out = n;
    return *at > begin;
}

bool kafka_mark_read(kafka_mark *mark, const char *text, size_t len)
{
    const char *at = text, *end = text + len;
    *mark = (kafka_mark){.broken = true};   /* what comes is given by another process: it goes on nowhere */
    while (at < end) {
        uint64_t from, to;
        bool fine = read_number(&at, end, &from);
        to = from;
        if (fine && at < end && *at == '-') fine = ++at < end && read_number(&at, end, &to);
        fine = fine && to >= from && (at == end || (*at == ',' && at + 1 < end));
        if (!fine) {
            *mark = (kafka_mark){0};
            return false;
        }
        begin_run(mark, from, to);
        if (at < end) at++;
    }
    mark->broken = true;
    return true;
}
