/*
 * told.c: alerts and signals as events of other rules. See told.h.
 */
#include "nfa/told.h"

#include "nfa/ids.h"

#include <string.h>

/* ---- where the fields of a stream come from ---- */

typedef enum told_from { TOLD_NOTHING, TOLD_FIELD, TOLD_KEY, TOLD_RULE, TOLD_SEVERITY, TOLD_TIME, TOLD_STARTED, TOLD_KEY_TEXT } told_from;

typedef struct told_slot { uint8_t from; uint32_t index; } told_slot;

typedef struct told_item {
    struct told_item *next;
    nfa_event event;
    const egret_alert *body;
    uint32_t rule;
} told_item;

typedef struct told_list { told_item *first, **last; } told_list;

struct nfa_told {
    told_slot **slots;          /* by rule: of its stream; NULL: none */
    told_slot *alert_slots;     /* of `alert` */
    told_list *level;           /* what waits to be evaluated, by the level of its rule */
    uint32_t n_levels;
    told_list later;            /* what waits for the clock; all of one time */
    uint32_t n_waiting;
};

enum { TOLD_PART_ALERTS = 0, TOLD_PART_EVENTS = 1 };

typedef struct told_root { int64_t due_ms; } told_root;        /* never */

typedef struct told_alert {     /* a record of what was told; its events follow those of the one before */
    uint64_t id[2];
    int64_t time_ms;
    uint64_t total;
    uint32_t first, n;          /* events: ordinals */
} told_alert;

typedef struct told_event { uint64_t ref, identity; int64_t time_ms; uint32_t stream, reserved; } told_event;

static told_slot slot_named(const plan *p, const plan_rule *rule, egret_str name)
{
    const plan_group *group = &p->groups[rule->group];
    for (uint32_t i = 0; i < rule->n_fields + rule->n_lets; i++) {
        egret_str field = i < rule->n_fields ? rule->fields[i].name : rule->lets[i - rule->n_fields].name;
        if (egret_str_eq(field, name)) {
            return (told_slot){TOLD_FIELD, i};
        }
    }
    for (uint32_t i = 0; i < group->n_parts; i++) {
        if (egret_str_eq(group->part_name[i], name)) {
            return (told_slot){TOLD_KEY, i};
        }
    }
    return (told_slot){egret_str_is(name, "severity") ? TOLD_SEVERITY : egret_str_is(name, "time") ? TOLD_TIME
                       : egret_str_is(name, "started") ? TOLD_STARTED : TOLD_NOTHING, 0};
}

static told_slot alert_slot(egret_str name)
{
    return (told_slot){egret_str_is(name, "rule") ? TOLD_RULE : egret_str_is(name, "severity") ? TOLD_SEVERITY
                       : egret_str_is(name, "key") ? TOLD_KEY_TEXT : TOLD_TIME, 0};
}

/* rule NULL: `alert`. */
static told_slot *make_slots(nfa_engine *engine, const plan_rule *rule, uint32_t number)
{
    const plan_stream *stream = &engine->plan->streams[number];
    told_slot *slots = egret_arena_alloc(&engine->keep, (stream->n_slots + 1) * sizeof *slots);
    for (uint32_t i = 0; slots != NULL && i < stream->n_slots; i++) {
        egret_str name = stream->fields[stream->slot_field[i]].name;
        slots[i] = rule == NULL ? alert_slot(name) : slot_named(engine->plan, rule, name);
    }
    return slots;
}

static void empty(told_list *list)
{
    list->first = NULL;
    list->last = &list->first;
}

bool told_make(nfa_engine *engine)
{
    const plan *p = engine->plan;
    nfa_told *told = egret_arena_alloc(&engine->keep, sizeof *told);
    if (told == NULL) {
        return false;
    }
    engine->told = told;
    told->n_levels = p->n_rules > 0 ? p->rules[p->n_rules - 1].level + 1 : 1;
    told->level = egret_arena_alloc(&engine->keep, told->n_levels * sizeof *told->level);
    told->slots = egret_arena_alloc(&engine->keep, (p->n_rules + 1) * sizeof(told_slot *));
    if (engine->keep.failed) {
        return false;
    }
    empty(&told->later);
    for (uint32_t i = 0; i < told->n_levels; i++) {
        empty(&told->level[i]);
    }
    for (uint32_t i = 0; i < p->n_rules; i++) {
        if (p->rules[i].told != PLAN_NONE) {
            told->slots[i] = make_slots(engine, &p->rules[i], p->rules[i].told);
        }
        if (p->rules[i].told_alert != PLAN_NONE && told->alert_slots == NULL) {
            told->alert_slots = make_slots(engine, NULL, p->rules[i].told_alert);
        }
    }
    return !engine->keep.failed;
}

/* ---- an alert as an event ---- */

static egret_value text_value(const char *text)
{
    return egret_string(text, (uint32_t)strlen(text));
}

/* The parts of the key as one text, joined by ", ". */
static egret_value key_text(nfa_engine *engine, const egret_alert *body)
{
    egret_str text = {"", 0};
    for (size_t i = 0; i < body->n_key && text.ptr != NULL; i++) {
        char buffer[64];
        egret_value v = body->key[i].value;
        egret_str part = {v.u.s, v.len};
        if (v.type != EGRET_STRING) {
            part = (egret_str){buffer, (uint32_t)egret_value_text(v, buffer, sizeof buffer)};
        }
        char *joined = egret_arena_alloc(&engine->out, (size_t)text.len + part.len + 2);
        if (joined == NULL) {
            return egret_null();
        }
        uint32_t gap = i > 0 ? 2 : 0;
        memcpy(joined, text.ptr, text.len);
        memcpy(joined + text.len, ", ", gap);
        if (part.len > 0) {
            memcpy(joined + text.len + gap, part.ptr, part.len);
        }
        text = (egret_str){joined, text.len + gap + part.len};
    }
    return egret_string(text.ptr, text.len);
}

static egret_value value_at(nfa_engine *engine, const told_slot *slot, const egret_alert *body)
{
    switch ((told_from)slot->from) {
    case TOLD_FIELD: return body->fields[slot->index].value;
    case TOLD_KEY: return body->key[slot->index].value;
    case TOLD_RULE: return text_value(body->rule);
    case TOLD_SEVERITY: return text_value(body->severity);
    case TOLD_TIME: return egret_time(body->time_ms);
    case TOLD_STARTED: return egret_time(body->started_ms);
    case TOLD_KEY_TEXT: return key_text(engine, body);
    case TOLD_NOTHING: break;
    }
    return egret_null();
}

static void append(told_list *list, told_item *item)
{
    item->next = NULL;
    *list->last = item;
    list->last = &item->next;
}

static told_item *make_item(nfa_engine *engine, uint32_t rule, uint32_t stream, const told_slot *slots, const egret_alert *body,
                            const uint64_t id[2])
{
    uint32_t n = engine->plan->streams[stream].n_slots;
    told_item *item = egret_arena_alloc(&engine->out, sizeof *item);
    egret_value *values = egret_arena_alloc(&engine->out, (n + 1) * sizeof *values);
    if (item == NULL || values == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < n; i++) {
        values[i] = value_at(engine, &slots[i], body);
    }
    item->event = (nfa_event){.time_ms = body->time_ms, .ref = id[0], .identity = id[1], .stream = stream, .slots = values};
    item->body = body;
    item->rule = rule;
    return engine->out.failed ? NULL : item;
}

/* ---- what was behind it ---- */

void told_layout(nfa_section_def *def)
{
    def->root_size = sizeof(told_root);
    def->n_parts = 2;
    def->part[TOLD_PART_ALERTS] = (nfa_part_def){.kind = NFA_DEQUE, .rec_size = sizeof(told_alert)};
    def->part[TOLD_PART_EVENTS] = (nfa_part_def){.kind = NFA_DEQUE, .rec_size = sizeof(told_event)};
}

/* The section of a stream. make: also when it is not there yet. */
static bool open_section(nfa_engine *engine, uint32_t stream, bool make, nfa_section *section)
{
    uint32_t id = engine->stream_id[stream];
    uint64_t hash = nfa_key_hash(NFA_NO_GROUP, &id, sizeof id);
    if (engine->annex != NULL) {
        (void)annex_bring(engine, nfa_block_find(engine->store, NFA_NO_GROUP, &id, sizeof id, hash), NFA_NO_GROUP, &id, sizeof id, hash);
    }
    uint32_t block = make ? nfa_block_get(engine->store, NFA_NO_GROUP, &id, sizeof id, hash)
                          : nfa_block_find(engine->store, NFA_NO_GROUP, &id, sizeof id, hash);
    if (block == NFA_NO_BLOCK) {
        return false;
    }
    const nfa_section_def *def = &engine->told_def[stream];
    if (!make) {
        return nfa_section_find(engine->store, block, def, section);
    }
    if (!nfa_section_get(engine->store, block, def, section)) {
        return false;
    }
    ((told_root *)nfa_section_root(section))->due_ms = NFA_NEVER;
    return true;
}

static uint32_t stream_id(const nfa_engine *engine, const char *name)
{
    uint32_t i = 0;
    while (i + 1 < engine->ids->n_streams && engine->stream_name[i] != name) {
        i++;
    }
    return i;
}

/* Adds one event, while there is room for it. */
static bool keep_event(nfa_engine *engine, nfa_section *section, const egret_evidence *event, told_alert *kept, uint32_t cap)
{
    if (kept->n >= cap) {
        return true;
    }
    told_event *record = nfa_deque_push(section, TOLD_PART_EVENTS);
    if (record == NULL) {
        return false;
    }
    *record = (told_event){.ref = event->ref, .identity = event->identity, .time_ms = event->time_ms,
                           .stream = stream_id(engine, event->stream)};
    kept->n++;
    return true;
}

/* Keeps the events of the alert; of alerts it was made of, theirs. */
static bool keep(nfa_engine *engine, const told_item *item)
{
    const egret_alert *body = item->body;
    uint32_t cap = engine->plan->rules[item->rule].evidence_cap;
    nfa_section section;
    if (!open_section(engine, item->event.stream, true, &section)) {
        return false;
    }
    if (nfa_deque_count(&section, TOLD_PART_ALERTS) >= TOLD_KEPT) {
        const told_alert *oldest = nfa_deque_at(&section, TOLD_PART_ALERTS, nfa_deque_first(&section, TOLD_PART_ALERTS));
        nfa_deque_pop_front(&section, TOLD_PART_EVENTS, oldest->n);
        nfa_deque_pop_front(&section, TOLD_PART_ALERTS, 1);
    }
    told_alert kept = {.id = {item->event.ref, item->event.identity}, .time_ms = body->time_ms, .total = body->n_events_total};
    kept.first = nfa_deque_first(&section, TOLD_PART_EVENTS) + nfa_deque_count(&section, TOLD_PART_EVENTS);
    for (size_t i = 0; i < body->n_events; i++) {
        const egret_evidence *event = &body->events[i];
        kept.total += event->alert != NULL ? event->n_events_total - 1 : 0;
        for (size_t k = 0; k < event->n_events; k++) {
            if (!keep_event(engine, &section, &event->events[k], &kept, cap)) {
                return false;
            }
        }
        if (event->alert == NULL && !keep_event(engine, &section, event, &kept, cap)) {
            return false;
        }
    }
    told_alert *record = nfa_deque_push(&section, TOLD_PART_ALERTS);
    if (record != NULL) {
        *record = kept;
    }
    return record != NULL;
}

/* It may be evaluated as soon as all that is lower has been. */
static bool make_ready(nfa_engine *engine, told_item *item)
{
    append(&engine->told->level[engine->plan->rules[item->rule].level], item);
    return keep(engine, item);
}

static egret_status put(nfa_engine *engine, told_item *item)
{
    if (item == NULL) {
        return EGRET_NO_MEMORY;
    }
    engine->told->n_waiting++;
    if (item->event.time_ms > engine->clock_ms) {
        append(&engine->told->later, item);
        return EGRET_OK;
    }
    return make_ready(engine, item) ? EGRET_OK : EGRET_NO_MEMORY;
}

egret_status told_put(nfa_engine *engine, uint32_t number, const egret_alert *body, const uint64_t id[2])
{
    const plan_rule *rule = &engine->plan->rules[number];
    const nfa_told *told = engine->told;
    egret_status status = EGRET_OK;
    if (rule->told != PLAN_NONE && body->kind == EGRET_ALERT) {     /* what ran out of time says other things */
        status = put(engine, make_item(engine, number, rule->told, told->slots[number], body, id));
    }
    if (status == EGRET_OK && rule->told_alert != PLAN_NONE) {
        status = put(engine, make_item(engine, number, rule->told_alert, told->alert_slots, body, id));
    }
    return status;
}

/* ---- letting it go ---- */

/* Of alerts that come of what rules of this level told. A window that closes has all told at once, in its own place. */
static void tag_told(nfa_engine *engine, uint32_t level)
{
    nfa_tag *tag = &engine->tag;
    if (tag->kind == NFA_TAG_RELEASED || tag->closes) {
        return;
    }
    tag->told = true;
    tag->event = tag->kind == NFA_TAG_EVENT ? tag->event : 0;
    tag->order = tag->key_len = 0;
    tag->level = tag->kind == NFA_TAG_DEADLINE ? level : 0;
}

egret_status told_drain(nfa_engine *engine, uint32_t below)
{
    nfa_told *told = engine->told;
    for (uint32_t level = 0; told->n_waiting > 0 && level < told->n_levels && level < below; level++) {
        told_list *list = &told->level[level];
        while (list->first != NULL) {
            const told_item *item = list->first;
            list->first = item->next;
            if (list->first == NULL) {
                list->last = &list->first;
            }
            told->n_waiting--;
            tag_told(engine, level);
            egret_status status = nfa_evaluate(engine, &item->event, engine->plan->rules[item->rule].mode == PLAN_SHADOW);
            if (status != EGRET_OK) {
                return status;
            }
        }
    }
    return EGRET_OK;
}

bool told_waits(const nfa_engine *engine, int64_t *time_ms)
{
    const told_item *first = engine->told->later.first;
    *time_ms = first != NULL ? first->event.time_ms : NFA_NEVER;
    return first != NULL;
}

egret_status told_release(nfa_engine *engine)
{
    nfa_told *told = engine->told;
    told_item *item = told->later.first;
    empty(&told->later);
    engine->tag = (nfa_tag){.time_ms = item != NULL ? item->event.time_ms : engine->clock_ms, .kind = NFA_TAG_RELEASED};
    while (item != NULL) {
        told_item *next = item->next;
        engine->clock_ms = item->event.time_ms > engine->clock_ms ? item->event.time_ms : engine->clock_ms;
        if (!make_ready(engine, item)) {
            return EGRET_NO_MEMORY;
        }
        item = next;
    }
    return told_drain(engine, UINT32_MAX);
}

bool told_is_empty(const nfa_engine *engine)
{
    return engine->told->n_waiting == 0;
}

/* ---- evidence ---- */

static const told_alert *find_alert(const nfa_section *section, const egret_evidence *wanted)
{
    uint32_t first = nfa_deque_first(section, TOLD_PART_ALERTS);
    uint32_t count = nfa_deque_count(section, TOLD_PART_ALERTS);
    uint32_t low = 0;
    for (uint32_t high = count; low < high;) {
        uint32_t middle = low + (high - low) / 2;
        const told_alert *at = nfa_deque_at(section, TOLD_PART_ALERTS, first + middle);
        if (at->time_ms < wanted->time_ms) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    for (; low < count; low++) {
        const told_alert *at = nfa_deque_at(section, TOLD_PART_ALERTS, first + low);
        if (at->time_ms != wanted->time_ms) {
            break;
        }
        if (at->id[0] == wanted->ref && at->id[1] == wanted->identity) {
            return at;
        }
    }
    return NULL;
}

/* The alert's id, and the events behind it as far as they are still known. */
static bool expand(nfa_engine *engine, uint32_t stream, egret_evidence *event)
{
    uint64_t id[2] = {event->ref, event->identity};
    char *text = egret_arena_alloc(&engine->out, 33);
    if (text == NULL) {
        return false;
    }
    nfa_id_text(text, id);
    event->alert = text;
    nfa_section section;
    const told_alert *kept = open_section(engine, stream, false, &section) ? find_alert(&section, event) : NULL;
    if (kept == NULL) {
        return true;
    }
    egret_evidence *events = egret_arena_alloc(&engine->out, (kept->n + 1u) * sizeof *events);
    for (uint32_t i = 0; events != NULL && i < kept->n; i++) {
        const told_event *record = nfa_deque_at(&section, TOLD_PART_EVENTS, kept->first + i);
        events[i] = (egret_evidence){.step = "", .stream = engine->stream_name[record->stream], .time_ms = record->time_ms,
                                     .ref = record->ref, .identity = record->identity};
    }
    event->events = events;
    event->n_events = kept->n;
    event->n_events_total = kept->total;
    return events != NULL;
}

const egret_evidence *told_expand(nfa_engine *engine, const egret_evidence *events, size_t n)
{
    egret_evidence *copy = NULL;
    for (size_t i = 0; i < n && engine->told_def != NULL; i++) {
        uint32_t stream = engine->stream_at[stream_id(engine, events[i].stream)];
        if (stream == NFA_NONE || !engine->plan->streams[stream].of_rules) {
            continue;
        }
        if (copy == NULL) {
            copy = egret_arena_alloc(&engine->out, (n + 1) * sizeof *copy);
            if (copy == NULL) {
                return NULL;
            }
            memcpy(copy, events, n * sizeof *copy);
        }
        if (!expand(engine, stream, &copy[i])) {
            return NULL;
        }
    }
    return copy != NULL ? copy : events;
}
