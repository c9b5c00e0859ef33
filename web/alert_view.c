/*
 * alert_view.c: see alert_view.h.
 */
#include "web/alert_view.h"

static void put_text(json_writer *w, const char *name, const char *text)
{
    jsonw_key_z(w, name);
    jsonw_string_z(w, text);
}

static void put_time(json_writer *w, const char *name, int64_t ms)
{
    jsonw_key_z(w, name);
    if (ms == INT64_MIN || ms == 0) jsonw_null(w);
    else jsonw_value(w, egret_time(ms));
}

static void put_key(json_writer *w, const history_entry *entry)
{
    jsonw_key_z(w, "key");
    jsonw_begin(w, '{');
    for (unsigned i = 0; i < entry->n_key; i++) put_text(w, entry->key[i].name, entry->key[i].value);
    jsonw_end(w, '}');
}

static void put_now(json_writer *w, const history_now *now)
{
    put_text(w, "state", history_state_name(now->state));
    put_time(w, "changed", now->changed_ms);
    if (!now->who[0]) return;
    put_text(w, "changed_by", now->who);
    if (now->reason[0]) put_text(w, "changed_reason", now->reason);
}

void alert_view_write(json_writer *w, const history_entry *entry, const history_now *now)
{
    jsonw_begin(w, '{');
    jsonw_key_z(w, "position");
    jsonw_uint(w, entry->position);
    put_text(w, "kind", history_kind_name(entry->kind));
    put_text(w, "id", entry->id);
    put_text(w, "rule", entry->rule);
    put_text(w, "severity", history_severity_name(now && entry->position == entry->head ? now->severity : entry->severity));
    put_key(w, entry);
    put_time(w, "time", entry->time_ms);
    put_time(w, "started", entry->started_ms);
    put_time(w, "told", entry->wall_ms);
    if (entry->who[0]) put_text(w, "who", entry->who);
    if (entry->reason[0]) put_text(w, "reason", entry->reason);
    if (now) put_now(w, now);
    if (entry->bytes) {
        jsonw_key_z(w, "alert");
        jsonw_record(w, entry->bytes, entry->len);
    }
    jsonw_end(w, '}');
}
