/*
 * kafka_mark.h: which rows of the outbox are in the topic: what a transaction says of itself, in itself.
 *
 * A crash may fall between the commit of a transaction and the note in the store that its rows are delivered. So each transaction carries the
 * set of rows that it and the ones before it have produced, and whoever starts anew reads it and passes over those rows. It is a set, not the last
 * row: a row that a broker refused is not in the topic, and its end may not be noted either.
 *
 * As text: "7-19,25,31-4000", runs in ascending order, as rows are given in that order. A run goes on as long as rows follow each other in the sink's own
 * order, so one begins only behind a row that was refused. Rows whose end is on the disk are forgotten (kafka_mark_forget); what may still be
 * asked for never is: a transaction takes no more runs than have room, and waits for the disk where none has.
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

/* The row is above all there are. False: it would begin a run for which there is no room; the mark is as it was. */
bool kafka_mark_add(kafka_mark *mark, uint64_t row);
/* A row was given in this place of the order and is not in the topic. */
void kafka_mark_break(kafka_mark *mark);
/* Nobody will ask for a row below this one any more. */
void kafka_mark_forget(kafka_mark *mark, uint64_t below);
/* No row from this one on was ever given: what the mark says of them is of another time (the data folder was restored from a backup). False: it said nothing. */
bool kafka_mark_clip(kafka_mark *mark, uint64_t next);
bool kafka_mark_has(const kafka_mark *mark, uint64_t row);
uint64_t kafka_mark_last(const kafka_mark *mark);   /* 0: it is empty */
size_t kafka_mark_write(const kafka_mark *mark, char text[KAFKA_MARK_TEXT]);   /* its length; with a NUL */
bool kafka_mark_read(kafka_mark *mark, const char *text, size_t len);       /* false: it is no such text; the mark is empty then */

#endif
