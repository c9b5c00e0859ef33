/*
 * read_ahead.h: a thread that reads, decodes and orders the files of a replay, a few batches of events ahead of their evaluation.
 *
 * Evaluation and alerts stay in the thread that takes the batches, and the events come in the same order, so the output is the same
 * bytes. Records that are refused are told in the other thread, in their own order. The end of the files and troubles come with the batches.
 */
#ifndef EGRET_APP_READ_AHEAD_H
#define EGRET_APP_READ_AHEAD_H

#include "ingest/replay.h"

typedef struct read_ahead read_ahead;

/* Starts the thread. From now on it alone fills batches, with so many events each, about. EGRET_IO: the thread could not be made; the replay may go on without. */
egret_status read_ahead_start(ingest_replay *files, uint32_t batch_events, read_ahead **out);
/* The batch that follows; waits for it. It stays the read_ahead's. After the last one there is none. */
ingest_events *read_ahead_take(read_ahead *ahead);
/* Gives the batch back that was taken first. */
void read_ahead_give(read_ahead *ahead, ingest_events *events);
/* Ends and joins the thread, wherever it is, and frees all batches. NULL is allowed. */
void read_ahead_stop(read_ahead *ahead);

/* Threads worth having: 2 when this process may run on two cores or more, else 1. */
uint32_t read_ahead_threads(void);

#endif
