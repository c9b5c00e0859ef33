/*
 * kafka_mark.c: see kafka_mark.h.
 */
#include "alerting/kafka_mark.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool begin_run(kafka_mark *mark, uint64_t from, uint64_t to)
{
    if (mark->n == KAFKA_MARK_RUNS) return false;
    mark->runs[mark->n].from = from;
    mark->runs[mark->n++].to = to;
    mark->broken = false;
    return true;
}

bool kafka_mark_add(kafka_mark *mark, uint64_t row)
{
    if (mark->n == 0 || mark->broken) return begin_run(mark, row, row);
    mark->runs[mark->n - 1].to = row;
    return true;
}

void kafka_mark_forget(kafka_mark *mark, uint64_t below)
{
    unsigned gone = 0;
    while (gone < mark->n && mark->runs[gone].to < below) gone++;
    memmove(mark->runs, mark->runs + gone, (mark->n - gone) * sizeof mark->runs[0]);
    mark->n -= gone;
    if (mark->n > 0 && mark->runs[0].from < below) mark->runs[0].from = below;
}

bool kafka_mark_clip(kafka_mark *mark, uint64_t next)
{
    if (mark->n == 0 || kafka_mark_last(mark) < next) return false;
    while (mark->n > 0 && mark->runs[mark->n - 1].from >= next) mark->n--;
    if (mark->n > 0 && mark->runs[mark->n - 1].to >= next) mark->runs[mark->n - 1].to = next - 1;
    mark->broken = true;
    return true;
}

uint64_t kafka_mark_last(const kafka_mark *mark)
{
    return mark->n > 0 ? mark->runs[mark->n - 1].to : 0;
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
        fine = fine && to >= from && (at == end || (*at == ',' && at + 1 < end)) && (mark->n == 0 || from > kafka_mark_last(mark));
        if (!fine || !begin_run(mark, from, to)) {
            *mark = (kafka_mark){0};
            return false;
        }
        if (at < end) at++;
    }
    mark->broken = true;
    return true;
}
