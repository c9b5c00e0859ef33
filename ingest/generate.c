/*
 * generate.c: the frame of the stream generators, and the fields they write.
 *
 * payments   one JSON object a line, about 180 bytes; streams over it choose what they read:
 *              id string   card string   card_fp string   ip string   device_id string   merchant_country string ("DE")
 *              amount decimal (2 digits)   status string ("approved", "declined")   at time (RFC 3339)
 *            labels: card_testing, card_velocity, card_countries, ten_times_average
 * logins     "type" names the stream: login_failed, login_ok, mfa_passed, password_change, email_change, phone_change, transfer_out,
 *            gift_card_purchase; fields id account user customer host ip device_id asn lat lon beneficiary beneficiary_id amount
 *            balance_before at, as far as they make sense. labels: brute_force, account_takeover
 * sensors    "type" names the stream: heartbeat {device_id}, reading {sensor, value}, http_request {service, status}, door {door, site,
 *            state}, error_log {app}, proc_exit and proc_start {host, service, code}, each with at.
 *            labels: silence, rising, error_rate, door_open, restart_loop
 *
 * A kind moves its clock on and plans lines, those of an injected episode ahead of time. Planned lines wait in a heap and are written once the
 * clock has passed them, so that episodes lie among ordinary events. Times are made strictly ascending when written. With faults a
 * line may be held back, or kept to be written a second time; its own time stays.
 *
 * An injected event carries its label as a field, which no stream declares and no rule can see.
 *
 * Chance is xoshiro256**, seeded by splitmix64; only integers decide, so that every machine writes the same.
 */
#include "ingest/generate_internal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/value.h"

static const int64_t START_MS = INT64_C(1767571200000);     /* 2026-01-05T00:00:00Z, a Monday */

static const generate_kind *const all_kinds[] = { &generate_payments, &generate_logins, &generate_sensors };
enum { N_KINDS = sizeof all_kinds / sizeof *all_kinds };

/* ---- chance ---- */

uint64_t generate_hash(uint64_t x)
{
    x += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

static uint64_t turn(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

uint64_t generate_bits(generator *g)
{
    uint64_t *s = g->chance, result = turn(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = turn(s[3], 45);
    return result;
}

uint64_t generate_below(generator *g, uint64_t n)
{
    return (generate_bits(g) >> 11) % n;
}

int64_t generate_between(generator *g, int64_t low, int64_t high)
{
    return low + (int64_t)generate_below(g, (uint64_t)(high - low) + 1);
}

bool generate_chance(generator *g, uint64_t per_mille)
{
    return generate_below(g, 1000) < per_mille;
}

/* Octaves above n / 64 are equally likely, and within one all ranks are. */
uint64_t generate_rank(generator *g, uint64_t n)
{
    uint64_t first = n / 64 + 1, begin = first << generate_below(g, 6);
    uint64_t rank = begin + generate_below(g, begin) - first;
    return rank < n ? rank : generate_below(g, n);
}

/* ---- the heap of planned lines ---- */

static bool before(const generate_line *a, const generate_line *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->number < b->number;
}

static bool make_room(generate_line **lines, size_t *capacity, size_t n)
{
    if (n < *capacity)
        return true;
    size_t wanted = *capacity == 0 ? 64 : *capacity * 2;
    generate_line *grown = realloc(*lines, wanted * sizeof *grown);
    if (grown == NULL)
        return false;
    *lines = grown;
    *capacity = wanted;
    return true;
}

static void put(generator *g, const generate_line *line)
{
    if (!make_room(&g->heap, &g->capacity, g->n_heap)) {
        g->status = EGRET_NO_MEMORY;
        return;
    }
    size_t at = g->n_heap++;
    for (; at > 0 && before(line, &g->heap[(at - 1) / 2]); at = (at - 1) / 2)
        g->heap[at] = g->heap[(at - 1) / 2];
    g->heap[at] = *line;
}

static void take_first(generator *g, generate_line *out)
{
    *out = g->heap[0];
    const generate_line *last = &g->heap[--g->n_heap];
    size_t at = 0;
    for (size_t child; (child = at * 2 + 1) < g->n_heap; at = child) {
        if (child + 1 < g->n_heap && before(&g->heap[child + 1], &g->heap[child]))
            child++;
        if (!before(&g->heap[child], last))
            break;
        g->heap[at] = g->heap[child];
    }
    g->heap[at] = *last;
}

void generate_plan(generator *g, int64_t at_ms, const char *label, uint64_t episode, const char *format, ...)
{
    generate_line line = { .at_ms = at_ms, .number = g->planned++, .label = label, .episode = episode };
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line.body, sizeof line.body, format, args);
    va_end(args);
    line.len = len < 0 ? 0 : (uint32_t)len < sizeof line.body ? (uint32_t)len : (uint32_t)sizeof line.body - 1;
    put(g, &line);
}

/* ---- writing ---- */

static void note_label(generator *g, const generate_line *line)
{
    if (g->options.labels != NULL && line->label != NULL)
        fprintf(g->options.labels, "{\"line\":%" PRIu64 ",\"label\":\"%s\",\"episode\":%" PRIu64 "}\n", g->written + 1, line->label, line->episode);
}

static void write_line(generator *g, const generate_line *line)
{
    char text[GENERATE_BODY + 128], time[40];
    if (g->written == g->options.events)
        return;
    egret_value_text(egret_time(line->at_ms), time, sizeof time);
    int len = line->label == NULL ? snprintf(text, sizeof text, "%.*s,\"at\":\"%s\"}\n", (int)line->len, line->body, time)
                                  : snprintf(text, sizeof text, "%.*s,\"at\":\"%s\",\"label\":\"%s\"}\n", (int)line->len, line->body, time,
                                             line->label);
    note_label(g, line);
    if (fwrite(text, 1, (size_t)len, g->options.out) != (size_t)len)
        g->status = EGRET_IO;
    g->written++;
}

/* One broken record in the place of an event that never was. */
static void write_broken(generator *g)
{
    static const char *const broken[] = {
        "{\"id\":\"x1\",\"amount\":\n",
        "{\"id\":\"x2\",\"amount\":\"twelve\",\"device_id\":7,\"value\":\"warm\",\"account\":null,\"at\":\"2026-01-05T00:00:00Z\"}\n",
        "{\"at\":\"yesterday\"}\n",
        "not json at all\n",
        "{\"id\":\"\xC3\x28\"}\n",
        "[1,2,3]\n",
    };
    const char *text = broken[generate_below(g, sizeof broken / sizeof *broken)];
    if (g->written == g->options.events)
        return;
    if (fputs(text, g->options.out) < 0)
        g->status = EGRET_IO;
    g->written++;
}

static void delay(generator *g, const generate_line *line)
{
    if (!make_room(&g->delayed, &g->delayed_capacity, g->n_delayed)) {
        g->status = EGRET_NO_MEMORY;
        return;
    }
    g->delayed[g->n_delayed++] = *line;
}

/* Writes delayed lines that are due: `number` holds, for them, the time at which they are written. */
static void write_delayed(generator *g, int64_t now_ms)
{
    for (size_t i = 0; i < g->n_delayed;) {
        if ((int64_t)g->delayed[i].number > now_ms) {
            i++;
            continue;
        }
        write_line(g, &g->delayed[i]);
        g->delayed[i] = g->delayed[--g->n_delayed];
    }
}

static void write_with_faults(generator *g, generate_line *line)
{
    write_delayed(g, line->at_ms);
    uint64_t dice = generate_below(g, 2000);
    if (dice < 1)
        write_broken(g);
    if (dice >= 10 && dice < 25) {              /* late by less than 5 s */
        line->number = (uint64_t)(line->at_ms + generate_between(g, 100, 4900));
        delay(g, line);
        return;
    }
    write_line(g, line);
    if (dice >= 30 && dice < 34) {              /* once more, within the next seconds */
        line->number = (uint64_t)(line->at_ms + generate_between(g, 0, 3000));
        delay(g, line);
    }
}

/* Writes what was planned up to now. */
static void write_due(generator *g)
{
    while (g->n_heap > 0 && g->heap[0].at_ms <= g->now_ms && g->written < g->options.events && g->status == EGRET_OK) {
        generate_line line;
        take_first(g, &line);
        if (line.at_ms <= g->last_ms)
            line.at_ms = g->last_ms + 1;
        g->last_ms = line.at_ms;
        if (g->options.faults)
            write_with_faults(g, &line);
        else
            write_line(g, &line);
    }
}

const char *const *ingest_generate_kinds(void)
{
    static const char *const names[] = { "payments", "logins", "sensors", NULL };
    return names;
}

egret_status ingest_generate(const ingest_generate_options *options)
{
    const generate_kind *kind = NULL;
    for (size_t i = 0; i < N_KINDS; i++)
        if (strcmp(all_kinds[i]->name, options->kind) == 0)
            kind = all_kinds[i];
    if (kind == NULL)
        return EGRET_BAD_USE;
    generator g = { .options = *options, .now_ms = START_MS, .last_ms = START_MS - 1 };
    for (unsigned i = 0; i < 4; i++)
        g.chance[i] = generate_hash(options->seed * 4 + i);
    if (!kind->begin(&g))
        g.status = EGRET_NO_MEMORY;
    while (g.status == EGRET_OK && g.written < options->events) {
        kind->step(&g);
        write_due(&g);
    }
    kind->end(&g);
    free(g.heap);
    free(g.delayed);
    if (g.status == EGRET_OK && (fflush(options->out) != 0 || (options->labels != NULL && fflush(options->labels) != 0)))
        g.status = EGRET_IO;
    return g.status;
}
