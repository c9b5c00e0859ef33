/*
 * kafka_mark.h: which rows of the outbox are in the topic: what a transaction says of itself, in itself.
 *
 * A crash may fall between the commit of a transaction and the note in the store that its rows are delivered. So each transaction carries the
 * set of rows that it and the ones before it have produced, and whoever starts anew reads it and passes over those rows. It is a set, not the last
 * row: what was refused, or comes again from the dead letters, has a smaller number than what was delivered before it.
 *
 * As text: "7-19,25,31-4000", runs in the order they were produced. A run goes on as long as rows follow each other in the sink's own order; so there
 * are few. The oldest go when there are too many: they have long been settled.
 */
#ifndef EGRET_ALERTING_KAFKA_MARK_H
#define EGRET_ALERTING_KAFKA_MARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KAFKA_MARK_RUNS = 80, KAFKA_MARK_TEXT = KAFKA_MARK_RUNS * 42 };

typedef struct kafka_mark {
    struct { uint64_t from, to; } runs[KAFKA_MARK_RUNS];
    unsigned n;
    bool broken;        /* the next row begins a run of its own: something between was not produced */
} kafka_mark;

void kafka_mark_add(kafka_mark *mark, uint64_t row);
/* A row was given in this place of the order and is not in the topic. */
void kafka_mark_break(kafka_mark *mark);
bool kafka_mark_has(const kafka_mark *mark, uint64_t row);
size_t kafka_mark_write(const kafka_mark *mark, char text[KAFKA_MARK_TEXT]);   /* its length; with a NUL */
bool kafka_mark_read(kafka_mark *mark, const char *text, size_t len);       /* false: it is no such text; the mark is empty then */

#endif
