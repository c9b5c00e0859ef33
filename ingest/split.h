/*
 * split.h: finds where one JSON value ends, without reading it. For array bodies and for objects written over several lines; the usual
 * case, one object a line, needs only the line's end.
 */
#ifndef EGRET_INGEST_SPLIT_H
#define EGRET_INGEST_SPLIT_H

#include <stddef.h>

typedef enum ingest_split {
    INGEST_SPLIT_DONE,      /* *end is the place behind the value */
    INGEST_SPLIT_MORE,      /* the text ends inside the value */
    INGEST_SPLIT_BROKEN     /* it cannot be a value: *end is where to go on (a line end inside a string, or a new object at a line's start) */
} ingest_split;

/* ptr[0] is the first byte of the value. Brackets are counted, not matched by kind: the reader of the value does that. */
ingest_split ingest_split_value(const char *ptr, size_t len, size_t *end);

#endif
