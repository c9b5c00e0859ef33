/*
 * json_template.h: reads JSON records by how the records before them were written: the usual way of a record into its slots.
 *
 * A template answers with the very values that the long way (simdjson_shim.h, convert.h) gives, or declines. It never rejects a record: whoever is
 * declined goes the long way, and what that accepts may be learned. So what a template knows can only cost time, never change an outcome.
 *
 * One thread at a time.
 */
#ifndef EGRET_INGEST_JSON_TEMPLATE_H
#define EGRET_INGEST_JSON_TEMPLATE_H

#include "ingest/convert.h"

/* Which fields to fill, and where. Borrowed by the template. */
typedef struct json_template_fields {
    const plan_field *const *fields;
    const uint32_t *slot;       /* the numbers below n, each once */
    uint32_t n;
    bool strict;                /* false: null is good for fields that are not optional, too */
} json_template_fields;

typedef struct json_template json_template;

json_template *json_template_new(json_template_fields fields);     /* NULL: no memory */
void json_template_free(json_template *template);                   /* NULL is allowed */

/* Reads the object that begins at ptr and lies before `stop`; INGEST_JSON_PADDING bytes behind stop must be readable. Fills slots[n]; strings borrow the
 * text. Gives the place behind the object, or NULL: declined, slots are undefined. */
const char *json_template_read(const json_template *template, ingest_date_cache *dates, const char *ptr, const char *stop, egret_value *slots);

/* Learns how a record is written that the long way has accepted, with the tokens it gave; INGEST_JSON_PADDING bytes behind it must be readable. Declines
 * in silence what it cannot learn. */
void json_template_learn(json_template *template, const char *raw, size_t len, const ingest_token *tokens);

#endif
