/*
 * generate.h: makes sample streams with known frauds and troubles in them: for demonstrations, tests and benchmarks. The same kind, number,
 * seed and faults give the same bytes on every machine.
 */
#ifndef EGRET_INGEST_GENERATE_H
#define EGRET_INGEST_GENERATE_H

#include "egret.h"

#include <stdio.h>

typedef struct ingest_generate_options {
    const char *kind;       /* "payments", "logins", "sensors" */
    uint64_t events;        /* lines of NDJSON written in all */
    uint64_t seed;
    bool faults;            /* some events out of order (within 5 s), some twice, some broken; else times ascend strictly */
    FILE *out;
    FILE *labels;           /* one line for each injected event: {"line":…,"label":"card_testing","episode":17}; may be NULL */
} ingest_generate_options;

/* EGRET_BAD_USE: no such kind. EGRET_IO: writing failed. */
egret_status ingest_generate(const ingest_generate_options *options);
const char *const *ingest_generate_kinds(void);     /* NULL-terminated */

#endif
