/*
 * json_pick.h: finds single values in an alert that is already JSON, without making a tree of it.
 *
 * For what sinks show of an alert besides its bytes: a topic, a chat message, an envelope. Numbers keep the digits they were written with.
 */
#ifndef EGRET_ALERTING_JSON_PICK_H
#define EGRET_ALERTING_JSON_PICK_H

#include "alerting/json_write.h"

/* A value as it stands in the text, strings with their quotes; borrowed. */
typedef struct json_span {
    const char *ptr;
    size_t len;
} json_span;

/* The value of a member of a well-formed object. False: there is none. */
bool json_pick_member(json_span object, const char *name, size_t name_len, json_span *out);
/* What people mean by a name: a dotted path from the alert itself, else from its `fields`, else from its `key`. "alert" is all of it. */
bool json_pick_field(json_span alert, const char *path, size_t len, json_span *out);

/* Steps through the members of an object: begin with *at = 0. False: that was the last one. The name keeps its quotes. */
bool json_pick_next(json_span object, size_t *at, json_span *name, json_span *value);

/* Appends a value as plain text: a string without quotes and escapes, all else as it stands. False: no memory. */
bool json_pick_text(json_span value, json_writer *out);

#endif
