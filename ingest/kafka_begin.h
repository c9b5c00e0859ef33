/*
 * kafka_begin.h: where a partition of Kafka is begun. Pure.
 *
 * Three may know something: our store (the place behind the last event whose effect is in our state), the group's offset at the broker (which others
 * of the group move on, too), and the declaration. Our state is good for going on only from our own place. When somebody else has read on from there, what he
 * read is missing in our state; then the declaration must say what is wanted.
 */
#ifndef EGRET_INGEST_KAFKA_BEGIN_H
#define EGRET_INGEST_KAFKA_BEGIN_H

#include <stdbool.h>
#include <stdint.h>

enum { KAFKA_NONE = -1, KAFKA_EARLIEST = -2, KAFKA_LATEST = -3 };   /* instead of an offset */

/* stored, committed: offsets or KAFKA_NONE; start: KAFKA_EARLIEST or KAFKA_LATEST. fresh: go on where the others are, although what they read is not in
 * our state (to read it again would not help: it is below our clock). Gives an offset, one of these two, or KAFKA_NONE: it is refused. */
int64_t kafka_begin(int64_t stored, int64_t committed, int64_t start, bool fresh);

#endif
