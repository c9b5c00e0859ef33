/*
 * convert.h: from a token (what a record says) to a value of the type a field declares.
 *
 * JSON:     string <- string     int <- integral number     number <- number     decimal <- number or string, digit by digit
 *           bool <- true, false  time <- RFC 3339 string or number (of the unit declared, or detected)
 *           duration <- string ("1h30m") or number of ms
 * CSV:      a cell is text of any of these.
 * Missing and null become null; whether that is allowed is the caller's question.
 */
#ifndef EGRET_INGEST_CONVERT_H
#define EGRET_INGEST_CONVERT_H

#include "compiler/plan.h"
#include "ingest/simdjson_shim.h"

/* The date seen last and its instant: events come day by day, so most times need their clock part read only. Zeroed to begin. */
typedef struct ingest_date_cache {
    char date[16];
    int64_t day_ms;
    bool known;
} ingest_date_cache;

/* An instant written as text. */
bool ingest_convert_time(ingest_date_cache *cache, const char *p, uint32_t len, int64_t *out_ms);
/* False: the token is not of that type. A string borrows what the token borrows. */
bool ingest_convert(ingest_date_cache *cache, const ingest_token *token, const plan_field *field, egret_value *out);

/* "field 'amount': expected decimal, found string "abc"" or "field 'amount': missing". Cut to cap, valid UTF-8 if the token is. */
void ingest_convert_explain(const ingest_token *token, const plan_field *field, char *out, size_t cap);

#endif
