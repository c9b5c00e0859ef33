/*
 * replay.h: reads several files as one stream of events, in the one order: by time, equal times in the order of the files, then of
 * the lines. Decoding, ordering, late events and duplicates are as everywhere; no clock is read.
 *
 *     ingest_replay_open(&options, &replay, &failed)
 *     do { ingest_replay_fill(replay, events); ... evaluate events->list[0 .. events->n) ... } while (!events->last)
 *
 * Events come in batches, so that they may be read in one thread and evaluated in another: with several batches, one is filled while others are
 * evaluated.
 */
#ifndef EGRET_INGEST_REPLAY_H
#define EGRET_INGEST_REPLAY_H

#include "ingest/order.h"
#include "ingest/reader.h"

/* Chooses for a path: the declared file source whose path ends in the same file name; else the only stream of the plan; else the only source
 * declared; else the field "type" names the stream. The format goes by the source's `format` option, else by the path's ending. */
void ingest_replay_choose(const plan *plan, const char *path, ingest_replay_file *file);

/* A record that was not taken. kind: "late", "duplicate", or a reason's name. record and text are borrowed for the call. */
typedef void (*ingest_refuse_fn)(void *user, uint32_t file, const ingest_record *record, const char *kind, const char *text);

typedef struct ingest_replay_options {
    const plan *plan;
    nfa_engine *engine;                 /* evaluates conditions of routes and writes keys, in the thread that fills; may be NULL when there are no such
                                           conditions: events come without keys then */
    const ingest_replay_file *files;    /* in the order that decides between equal times; borrowed */
    uint32_t n_files;                   /* at most 32767 */
    ingest_refuse_fn refuse;            /* called in fill; may be NULL */
    void *user;
    bool keep_texts;                    /* texts of what cannot be read again (standard input) are kept, for ingest_replay_text */
} ingest_replay_options;

typedef struct ingest_replay ingest_replay;

/* EGRET_IO: *failed is the number of the file, errno says why. */
egret_status ingest_replay_open(const ingest_replay_options *options, ingest_replay **out, uint32_t *failed);
void ingest_replay_close(ingest_replay *replay);        /* NULL is allowed */

/* Events in their order. They live until the batch is filled again or freed, and so do those of the batches that were filled before it: batches
 * must be done with in the order in which they were filled. */
typedef struct ingest_events {
    nfa_event *list;
    uint32_t n, capacity;
    char *foresight;            /* of the events */
    uint32_t foresight_capacity;    /* events */
    bool last;                  /* nothing comes after these: all is read, or status says why not */
    egret_status status;
    int why;                    /* errno of EGRET_IO */
    struct ingest_events *next; /* for whoever keeps batches in a list */
    ingest_chunk *done;         /* chunks that nobody needs when this batch is done with */
} ingest_events;

ingest_events *ingest_events_new(void);             /* NULL: no memory */
void ingest_events_free(ingest_events *events);     /* NULL is allowed */

/* Fills the batch with the events that follow, some `wanted` of them. It may be empty before the last one. */
void ingest_replay_fill(ingest_replay *replay, ingest_events *events, uint32_t wanted);

/* All files can be read again by offset: ingest_replay_text may be asked in another thread than the one that fills. */
bool ingest_replay_rereads(const ingest_replay *replay);
int64_t ingest_replay_watermark(const ingest_replay *replay);   /* as ingest_order_watermark */
/* The text of an event's record by its ref, as JSON. EGRET_BAD_USE: unknown ref, or it was not kept. */
egret_status ingest_replay_text(ingest_replay *replay, uint64_t ref, egret_text *out);
/* Where a ref stands, for people: file and byte. */
bool ingest_replay_place(const ingest_replay *replay, uint64_t ref, const char **path, uint64_t *offset);
void ingest_replay_stats(ingest_replay *replay, ingest_stats *out);

#endif
