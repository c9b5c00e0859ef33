/*
 * json_write.h: JSON into one growing buffer, for the hot way of alerts to their sinks.
 *
 * One writer makes one line; commas come by themselves. A writer without memory stays as it is and `failed` is set, so that callers look
 * once, at the end. Text that is not UTF-8 is written with U+FFFD in place of each bad byte.
 */
#ifndef EGRET_ALERTING_JSON_WRITE_H
#define EGRET_ALERTING_JSON_WRITE_H

#include "compiler/value.h"

typedef struct json_writer {
    char *ptr;          /* owned; not terminated */
    size_t len, capacity;
    bool comma;         /* the next member or element needs one before it */
    bool failed;
} json_writer;

void jsonw_init(json_writer *w);
void jsonw_deinit(json_writer *w);
void jsonw_reset(json_writer *w);     /* empties it, keeps its memory */

void jsonw_begin(json_writer *w, char bracket);  /* '{' or '[' */
void jsonw_end(json_writer *w, char bracket);    /* '}' or ']' */
void jsonw_key(json_writer *w, const char *ptr, size_t len);
void jsonw_key_z(json_writer *w, const char *key);
void jsonw_string(json_writer *w, const char *ptr, size_t len);
void jsonw_string_z(json_writer *w, const char *text);
void jsonw_int(json_writer *w, int64_t i);
void jsonw_uint(json_writer *w, uint64_t i);
void jsonw_bool(json_writer *w, bool b);
void jsonw_null(json_writer *w);
/* Decimals as exact numbers, durations ("1h30m") and times (RFC 3339) as strings. */
void jsonw_value(json_writer *w, egret_value value);
/* Bytes of a foreign record: as they are when they are one JSON object (white space between tokens may be squeezed so that the line stays
 * one line), as a string otherwise. */
void jsonw_record(json_writer *w, const char *ptr, size_t len);
/* Bytes between values: the newline after a line. */
void jsonw_raw(json_writer *w, const char *ptr, size_t len);

/* Is it one well-formed JSON object with nothing but white space around it? Nesting beyond 64 says no. */
bool jsonw_is_object(const char *ptr, size_t len);

#endif
