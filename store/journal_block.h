/*
 * journal_block.h: records of the journal as bytes: packed, compressed, checked.
 *
 *   block    head (64 bytes) | payload, as it is or compressed (zstd)
 *   payload  number of names, names (sources and streams, each with the layout of its slots) | record | record …
 *
 * A block can be read without any other. Each begins with the batch its first events belong to, told again (`continued`), when they
 * were cut from it by the size of a block.
 *
 * Records: START (a process begins: version, rules), BATCH (records of one source that arrived together), EVENT (of the batch before it),
 * EPOCH (all before it has been evaluated; the clocks; a digest of the alerts that came of it; which of its events
 * were not evaluated), CONTROL (rules, lists, tables or settings are
 * others from here on; it stands between two epochs, before the batches of the second).
 *
 * An event holds its text, for evidence and for rules to come, and its values as they were decoded, so that a replay under the same rules
 * evaluates the same values whatever the decoder has become meanwhile. Values that stand in the text are kept as places in it.
 *
 * Numbers are little-endian. Pure functions; one thread at a time for each object.
 */
#ifndef EGRET_STORE_JOURNAL_BLOCK_H
#define EGRET_STORE_JOURNAL_BLOCK_H

#include "compiler/text.h"

/* Of a payload: beyond it a new block begins. An event that is wanted as evidence is unpacked with all that stands before it in its block. */
enum { JOURNAL_BLOCK_BYTES = 32 * 1024 };

typedef enum journal_kind {
    JOURNAL_START = 'S',
    JOURNAL_BATCH = 'B',
    JOURNAL_EVENT = 'E',
    JOURNAL_EPOCH = 'T',
    JOURNAL_CONTROL = 'C'
} journal_kind;

typedef struct journal_start {
    egret_str version;      /* of the program */
    uint64_t rules;         /* fingerprint of rules, lists and tables */
    int64_t wall_ms;
    int64_t idle_ms;        /* silence after which a source holds the clock no more */
    egret_str files;        /* "name\0hash(32 hex)\0" … of the rule files; texts are in the store by hash */
} journal_start;

typedef struct journal_control {
    bool whole;             /* lines say all there is; else what has changed */
    int64_t wall_ms;
    egret_str who, note;
    egret_str lines;        /* see app/rule_set.h; texts are in the store by hash */
    bool warms;             /* new rules were filled with the past */
    uint64_t warm_from;     /* from this record on */
} journal_control;

/* What is known of the other side, where messages of a source (or of a partition) may wait: its silence means something only when none do. */
typedef enum journal_standing { JOURNAL_STANDING_SAME, JOURNAL_STANDING_BEHIND, JOURNAL_STANDING_CAUGHT_UP } journal_standing;

typedef struct journal_batch {
    egret_str source;
    int64_t arrival_ms;     /* wall clock */
    bool ends_source;
    bool continued;         /* told before, in the block before; not numbered */
    uint8_t standing;       /* journal_standing, from this batch on */
} journal_batch;

typedef struct journal_event {
    egret_str stream;
    uint64_t layout;        /* of its slots: tells whether `slots` mean what the plan at hand thinks */
    uint64_t line, offset;  /* in the source */
    egret_str raw;          /* JSON */
    const egret_value *slots;
    uint32_t n_slots;
} journal_event;

typedef struct journal_epoch {
    int64_t clock_ms;       /* the journal's clock: goes on while a process runs, stands still between two */
    int64_t wall_ms;        /* the wall clock then */
    uint64_t n_alerts, alerts;      /* how many, and a hash over their ids in order */
    /* What became of its events, for who evaluates them later without the order's past (app/warm_up.h). In blocks of version 1 it is not known. */
    bool told;              /* it is known */
    int64_t reached_ms;     /* event time: where the engine's clock was behind it; INT64_MIN: it had none yet */
    uint64_t n_events;      /* it has so many: the last ones before it */
    egret_str passed;       /* those of them that were late, duplicates, or not taken for another reason: journal_passed_next */
} journal_epoch;

typedef struct journal_record {
    journal_kind kind;
    uint64_t lsn;
    uint64_t event;         /* EVENT: its number among the events */
    union {
        journal_start start;
        journal_batch batch;
        journal_event event;
        journal_epoch epoch;
        journal_control control;
    } u;
} journal_record;

/* The events that were passed over, as a text: for each, how many events there are from behind the one before (the first: from the first of the
 * epoch) up to and with it. */
void journal_passed_put(egret_text *out, uint64_t step);
bool journal_passed_next(egret_str *rest, uint64_t *step);      /* false: there are no more */

/* ---- writing ---- */

typedef struct journal_name { egret_str name; uint64_t layout; } journal_name;

typedef struct journal_pack {
    egret_text names, body;
    journal_name *name;     /* borrowed texts: sources and streams outlive the pack */
    uint32_t n_names, cap_names, last_stream;
    uint32_t n_records, n_events;
    int64_t first_ms, last_ms;      /* wall clock of its records */
    bool timed;             /* they are set */
    bool failed;            /* no memory */
    struct ZSTD_CCtx_s *zstd;
} journal_pack;

void journal_pack_init(journal_pack *pack);
void journal_pack_deinit(journal_pack *pack);
void journal_pack_forget(journal_pack *pack);   /* what was begun is given up; its memory serves again */
void journal_pack_start(journal_pack *pack, const journal_start *start);
void journal_pack_batch(journal_pack *pack, const journal_batch *batch);
void journal_pack_event(journal_pack *pack, const journal_event *event);
void journal_pack_epoch(journal_pack *pack, const journal_epoch *epoch);
void journal_pack_control(journal_pack *pack, const journal_control *control);
size_t journal_pack_bytes(const journal_pack *pack);
/* Writes the block to out (emptied first) and empties the pack; false: no memory. */
bool journal_pack_seal(journal_pack *pack, uint64_t first_lsn, uint64_t first_event, egret_text *out);

/* One value by itself; get moves *at behind it, false: it is broken. A string stays where it was read. */
void journal_value_put(egret_text *out, const egret_value *value);
bool journal_value_get(const char **at, const char *end, egret_value *value);

/* ---- reading ---- */

typedef struct journal_head {
    char magic[4];
    uint16_t version, codec;
    uint32_t raw_bytes, stored_bytes, n_records, n_events;
    uint64_t first_lsn, first_event;
    int64_t first_ms, last_ms;
    uint64_t check;         /* of the head before it and of the payload */
} journal_head;

typedef struct journal_block {
    journal_head head;
    char *raw;
    size_t len, cap, at;
    journal_name *name;
    uint32_t n_names, cap_names;
    egret_value *slots;
    uint32_t cap_slots;
    uint64_t lsn, event;    /* of the next record */
    const char *fault;      /* of the last open or next that failed */
    bool no_memory;         /* that was it: the block may be good */
} journal_block;

void journal_block_init(journal_block *block);
void journal_block_deinit(journal_block *block);
/* Checks and unpacks; bytes are not needed afterwards. False: see fault. */
bool journal_block_open(journal_block *block, const void *bytes, size_t len);
/* The head alone, checked for form but not for its checksum. */
bool journal_head_read(journal_head *head, const void *bytes, size_t len);
/* The next record; what it points to lives until the block is opened again, its slots until the next call. False: there is none left, or the
 * block is broken in spite of its checksum (fault is not NULL). */
bool journal_block_next(journal_block *block, journal_record *record);

#endif
