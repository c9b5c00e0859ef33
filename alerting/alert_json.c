/*
 * alert_json.c: the one place that knows how an alert looks on the wire.
 */
#include "alerting/alert_json.h"

#include <stdio.h>

const char *alert_kind_name(egret_alert_kind kind)
{
    switch (kind) {
    case EGRET_ALERT: return "alert";
    case EGRET_RESOLVED: return "resolved";
    case EGRET_ESCALATED: return "escalated";
    case EGRET_TIMEOUT: return "timeout";
    }
    return "alert";
}

static void put_tags(json_writer *w, const plan_rule *rule)
{
    jsonw_key_z(w, "tags");
    jsonw_begin(w, '[');
    for (uint32_t i = 0; i < rule->n_tags; i++) jsonw_string(w, rule->tags[i].ptr, rule->tags[i].len);
    jsonw_end(w, ']');
}

static void put_named(json_writer *w, const char *key, const egret_named_value *values, size_t n)
{
    jsonw_key_z(w, key);
    jsonw_begin(w, '{');
    for (size_t i = 0; i < n; i++) {
        jsonw_key_z(w, values[i].name);
        jsonw_value(w, values[i].value);
    }
    jsonw_end(w, '}');
}

static void put_time(json_writer *w, const char *key, int64_t ms)
{
    jsonw_key_z(w, key);
    jsonw_value(w, egret_time(ms));
}

static void put_list(json_writer *w, const egret_evidence *events, size_t n, uint64_t total, const alert_json_options *options);

/* An event; or the alert of another rule, by its id and what is behind it. */
static void put_event(json_writer *w, const egret_evidence *event, const alert_json_options *options)
{
    const char *ptr;
    size_t len;
    jsonw_begin(w, '{');
    if (event->step[0]) {
        jsonw_key_z(w, "step");
        jsonw_string_z(w, event->step);
    }
    jsonw_key_z(w, "stream");
    jsonw_string_z(w, event->stream);
    put_time(w, "time", event->time_ms);
    if (event->alert) {
        jsonw_key_z(w, "alert");
        jsonw_string_z(w, event->alert);
        put_list(w, event->events, event->n_events, event->n_events_total, options);
    } else if (options->record && options->record(options->record_user, event->ref, &ptr, &len)) {
        jsonw_key_z(w, "event");
        jsonw_record(w, ptr, len);
    }
    jsonw_end(w, '}');
}

static void put_list(json_writer *w, const egret_evidence *events, size_t n, uint64_t total, const alert_json_options *options)
{
    jsonw_key_z(w, "events");
    jsonw_begin(w, '[');
    for (size_t i = 0; i < n; i++) put_event(w, &events[i], options);
    jsonw_end(w, ']');
    if (total > n) {
        jsonw_key_z(w, "events_total");
        jsonw_uint(w, total);
    }
}

/* How often a rule's `by` was written decides whether people must be told which one this is. */
static void put_head(json_writer *w, const plan_rule *rule, const egret_alert *alert)
{
    jsonw_key_z(w, "id");
    jsonw_string_z(w, alert->id);
    jsonw_key_z(w, "rule");
    jsonw_string_z(w, alert->rule);
    if (rule->instance > 0) {
        jsonw_key_z(w, "instance");
        jsonw_uint(w, rule->instance);
    }
    jsonw_key_z(w, "severity");
    jsonw_string_z(w, alert->severity);
    put_tags(w, rule);
    jsonw_key_z(w, "kind");
    jsonw_string_z(w, alert_kind_name(alert->kind));
    if (alert->repeat > 0) {
        jsonw_key_z(w, "repeat");
        jsonw_uint(w, alert->repeat);
    }
}

void alert_json_write(json_writer *w, const plan *p, const nfa_alert *alert, const alert_json_options *options)
{
    const egret_alert *body = &alert->body;
    jsonw_begin(w, '{');
    put_head(w, &p->rules[alert->rule], body);
    put_named(w, "key", body->key, body->n_key);
    put_time(w, "time", body->time_ms);
    put_time(w, "started", body->started_ms);
    if (options->has_detected) put_time(w, "detected", options->detected_ms);
    if (body->reason) {
        jsonw_key_z(w, "reason");
        jsonw_string_z(w, body->reason);
    }
    put_named(w, "fields", body->fields, body->n_fields);
    if (body->held_back > 0) {
        jsonw_key_z(w, "held_back");
        jsonw_uint(w, body->held_back);
    }
    if (body->limited) {
        jsonw_key_z(w, "limited");
        jsonw_bool(w, true);
    }
    if (options->evidence) put_list(w, body->events, body->n_events, body->n_events_total, options);
    jsonw_end(w, '}');
}

void alert_json_newline(json_writer *w)
{
    jsonw_raw(w, "\n", 1);
    w->comma = false;
}

bool alert_message_id(char *out, size_t size, const egret_alert *alert)
{
    bool plain = alert->kind == EGRET_ALERT;
    int n = alert->repeat > 0 ? snprintf(out, size, "%s-%llu", alert->id, (unsigned long long)alert->repeat)
                              : snprintf(out, size, "%s%s%s", alert->id, plain ? "" : "-", plain ? "" : alert_kind_name(alert->kind));
    return n > 0 && (size_t)n < size;
}
