/*
 * generate_internal.h: what the kinds of sample streams share: chance, the plan of lines to write, and their form.
 */
#ifndef EGRET_INGEST_GENERATE_INTERNAL_H
#define EGRET_INGEST_GENERATE_INTERNAL_H

#include "ingest/generate.h"

enum { GENERATE_BODY = 384, GENERATE_MINUTE = 60000, GENERATE_HOUR = 3600000 };

/* A line that will be written at its time. body is the record without its time, label and closing brace. */
typedef struct generate_line {
    int64_t at_ms;
    uint64_t number;            /* equal times: in order of planning */
    const char *label;          /* NULL: an ordinary event */
    uint64_t episode;
    uint32_t len;
    char body[GENERATE_BODY];
} generate_line;

typedef struct generator {
    ingest_generate_options options;
    uint64_t chance[4];
    int64_t now_ms, last_ms;
    uint64_t planned, written, ids, episodes;
    generate_line *heap;        /* by (at_ms, number) */
    size_t n_heap, capacity;
    generate_line *delayed;     /* with faults: lines written later than their time, or again */
    size_t n_delayed, delayed_capacity;
    void *world;                /* of the kind */
    egret_status status;        /* sticky */
} generator;

typedef struct generate_kind {
    const char *name;
    bool (*begin)(generator *g);        /* makes g->world; false: no memory */
    void (*step)(generator *g);         /* moves g->now_ms on and plans what happens then */
    void (*end)(generator *g);
} generate_kind;

extern const generate_kind generate_payments, generate_logins, generate_sensors;

uint64_t generate_bits(generator *g);
uint64_t generate_below(generator *g, uint64_t n);                      /* 0 .. n - 1, n > 0 */
int64_t generate_between(generator *g, int64_t low, int64_t high);      /* both included */
bool generate_chance(generator *g, uint64_t per_mille);
/* 0 .. n - 1, small numbers far more often: the rank of a customer by activity. A fixed, integer shape close to 1 / (rank + n / 64). */
uint64_t generate_rank(generator *g, uint64_t n);
uint64_t generate_hash(uint64_t x);     /* attributes of the x-th thing, the same in every run */

/* Plans a line. format gives the body: {"id":"…",… without "at" and "}". */
void generate_plan(generator *g, int64_t at_ms, const char *label, uint64_t episode, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

#endif
