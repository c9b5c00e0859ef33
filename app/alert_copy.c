/*
 * alert_copy.c: copies an alert and everything it points to.
 */
#include "app/alert_copy.h"

#include <string.h>

static const char *copy_text(egret_arena *arena, const char *text)
{
    return egret_arena_str(arena, text, strlen(text)).ptr;
}

static const egret_named_value *copy_values(egret_arena *arena, const egret_named_value *values, size_t n)
{
    egret_named_value *copy = egret_arena_alloc(arena, (n + 1) * sizeof *copy);
    for (size_t i = 0; copy && i < n; i++) {
        copy[i] = (egret_named_value){copy_text(arena, values[i].name), values[i].value};
        if (values[i].value.type == EGRET_STRING)
            copy[i].value.u.s = egret_arena_str(arena, values[i].value.u.s, values[i].value.len).ptr;
    }
    return copy;
}

static const egret_evidence *copy_events(egret_arena *arena, const egret_evidence *events, size_t n)
{
    egret_evidence *copy = egret_arena_alloc(arena, (n + 1) * sizeof *copy);
    for (size_t i = 0; copy && i < n; i++) {
        copy[i] = events[i];
        if (events[i].alert) copy[i].alert = copy_text(arena, events[i].alert);
        if (events[i].alert) copy[i].events = copy_events(arena, events[i].events, events[i].n_events);
        copy[i].step = copy_text(arena, events[i].step);
        copy[i].stream = copy_text(arena, events[i].stream);
    }
    return copy;
}

nfa_alert *alert_copy(egret_arena *arena, const nfa_alert *alert)
{
    nfa_alert *copy = egret_arena_alloc(arena, sizeof *copy);
    if (!copy) return NULL;
    *copy = *alert;
    copy->body.rule = copy_text(arena, alert->body.rule);
    copy->body.severity = copy_text(arena, alert->body.severity);
    if (alert->body.reason) copy->body.reason = copy_text(arena, alert->body.reason);
    copy->body.key = copy_values(arena, alert->body.key, alert->body.n_key);
    copy->body.fields = copy_values(arena, alert->body.fields, alert->body.n_fields);
    copy->body.events = copy_events(arena, alert->body.events, alert->body.n_events);
    return arena->failed ? NULL : copy;
}
