/*
 * alert_json.h: an alert as one line of JSON, the same for every sink.
 *
 * Keys in order: id, rule, instance (from the second key of a rule on), severity, tags, kind, repeat, key, time, started, detected,
 * fields, held_back, limited, events, events_total. What does not apply is left out: detected without a wall clock, repeat
 * and held_back at zero, limited when false, events without evidence, events_total when all events are shown. Equal alerts give equal bytes.
 */
#ifndef EGRET_ALERTING_ALERT_JSON_H
#define EGRET_ALERTING_ALERT_JSON_H

#include "alerting/json_write.h"
#include "nfa/engine.h"

/* Finds the raw record of an event. False: it is gone (the event is then shown without it). */
typedef bool (*alert_record_fn)(void *user, uint64_t ref, const char **ptr, size_t *len);

typedef struct alert_json_options {
    bool evidence;              /* write events */
    alert_record_fn record;     /* NULL: events without their records */
    void *record_user;
    bool has_detected;
    int64_t detected_ms;        /* wall clock */
} alert_json_options;

const char *alert_kind_name(egret_alert_kind kind);     /* alert, resolved, escalated, timeout */
/* Appends one object, without a newline. Call on a writer between lines (jsonw_reset, or after alert_json_newline). */
void alert_json_write(json_writer *w, const plan *plan, const nfa_alert *alert, const alert_json_options *options);
void alert_json_newline(json_writer *w);

/* The id under which a message is known: the alert's id, and its kind when that is not "alert" (one alert is resolved under its own id), or
 * the how manieth repetition it is: receivers drop what has an id they know. False: it does not fit. */
bool alert_message_id(char *out, size_t size, const egret_alert *alert);

#endif
