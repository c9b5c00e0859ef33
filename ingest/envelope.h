/*
 * envelope.h: change records of databases, in Debezium's envelope, as flat records.
 *
 *     {"before": {…}, "after": {"id": 7, "amount": 5}, "op": "u", "source": {…}, "ts_ms": 1}       perhaps as the "payload" beside a "schema"
 *     {"id": 7, "amount": 5, "op": "u", "before": {…}, "after": {…}, "source": {…}, "ts_ms": 1}
 *
 * The columns are those of the row as it is now, or, of one that was deleted, as it was; `before.amount` and `after.amount` name one of both. Where a
 * column is called like a part of the envelope, the part keeps the name, and the column is found in `after` or `before`. What is journalled and shown
 * as evidence is the flat record: it is read like any other JSON.
 */
#ifndef EGRET_INGEST_ENVELOPE_H
#define EGRET_INGEST_ENVELOPE_H

#include "compiler/text.h"

typedef enum envelope_got {
    ENVELOPE_FLAT,      /* out has the flat record */
    ENVELOPE_EMPTY,     /* null: what follows a deletion in a compacted topic; it says nothing */
    ENVELOPE_NONE       /* it is no envelope, or no JSON that could be one */
} envelope_got;

/* Empties out and appends the flat record, with INGEST_JSON_PADDING bytes behind it that are not part of its length. out->failed: no memory. */
envelope_got ingest_envelope_open(const char *ptr, size_t len, egret_text *out);

#endif
