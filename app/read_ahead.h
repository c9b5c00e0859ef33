/*
 * read_ahead.h: a thread that reads and decodes the files of a replay, a few batches ahead of their evaluation.
 *
 * Order, evaluation, alerts and dead letters stay where they are: in the thread that runs the replay, and in the same order, so the output is
 * the same bytes. Ends of files and troubles come through the same queue as the records.
 */
#ifndef EGRET_APP_READ_AHEAD_H
#define EGRET_APP_READ_AHEAD_H

#include "ingest/replay.h"

/* With more files nothing is read ahead: each has its own batches. */
enum { READ_AHEAD_MAX_FILES = 16 };

typedef struct read_ahead read_ahead;

/* Starts the thread for those of the replay's files that may be read ahead, and makes the replay take their records from it. *out is NULL when there
 * is no such file. EGRET_IO: the thread could not be made; the replay may go on without. */
egret_status read_ahead_start(ingest_replay *files, uint32_t n_files, read_ahead **out);
/* Ends and joins the thread, wherever it is, and frees the batches that are here. Before the replay is closed; it must not be run again. NULL is allowed. */
void read_ahead_stop(read_ahead *ahead);

/* Threads worth having: 2 when this process may run on two cores or more, else 1. */
uint32_t read_ahead_threads(void);

#endif
