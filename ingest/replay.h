/*
 * replay.h: reads several files as one stream of events, in the one order: by time, equal times in the order of the files, then of
 * the lines. Decoding, ordering, late events and duplicates are as everywhere; no clock is read.
 *
 *     ingest_replay_open(&options, &replay, &failed)
 *     do status = ingest_replay_run(replay, 10000, &done);  while (status == EGRET_OK && !done)
 *     ... events have come through `release`; ingest_replay_watermark says how far the engine's clock may go ...
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
    nfa_engine *engine;                 /* told of what comes, and evaluates conditions of routes; may be NULL when there are none */
    nfa_engine *ahead_engine;           /* the conditions of routes of files that are read ahead; NULL: none will be */
    const ingest_replay_file *files;    /* in the order that decides between equal times; borrowed */
    uint32_t n_files;                   /* at most 32767 */
    ingest_release_fn release;
    ingest_refuse_fn refuse;            /* may be NULL */
    void *user;
    bool keep_texts;                    /* texts of what cannot be read again (standard input) are kept, for ingest_replay_text */
} ingest_replay_options;

typedef struct ingest_replay ingest_replay;

/* EGRET_IO: *failed is the number of the file, errno says why. */
egret_status ingest_replay_open(const ingest_replay_options *options, ingest_replay **out, uint32_t *failed);
void ingest_replay_close(ingest_replay *replay);        /* NULL is allowed */

/* Gives the batch that follows in a file, and takes back the list of those that are used up (it may be empty). Waits until there is one. The replay
 * keeps no more than INGEST_AHEAD_KEPT batches of a file at a time. */
typedef ingest_decoded *(*ingest_ahead_fn)(void *user, uint32_t file, ingest_decoded *done);
enum { INGEST_AHEAD_KEPT = 4 };

/* The reader of a file that may be read ahead (ahead_engine was given, it is a regular file), else NULL. */
ingest_reader *ingest_replay_reader(const ingest_replay *replay, uint32_t file);
/* From now on records of those files come from batches that somebody else lets the readers fill, in another thread. Before the first
 * run. The thread must be over before the replay is closed; batches the replay has not given back are freed by closing it. */
void ingest_replay_read_ahead(ingest_replay *replay, ingest_ahead_fn ahead, void *user);

/* Reads about max_records records. *done: all files are read and all events released. EGRET_IO: a read failed. What `release` answered with is
 * given back. */
egret_status ingest_replay_run(ingest_replay *replay, uint64_t max_records, bool *done);
int64_t ingest_replay_watermark(const ingest_replay *replay);   /* as ingest_order_watermark */
/* The text of an event's record by its ref, as JSON. EGRET_BAD_USE: unknown ref, or it was not kept. */
egret_status ingest_replay_text(ingest_replay *replay, uint64_t ref, egret_text *out);
/* Where a ref stands, for people: file and byte. */
bool ingest_replay_place(const ingest_replay *replay, uint64_t ref, const char **path, uint64_t *offset);
void ingest_replay_stats(ingest_replay *replay, ingest_stats *out);

#endif
