/*
 * api.c: the public face (include/egret.h) over the compiler and one shard (for tests: several, one after the other).
 */
#include "nfa/checkpoint.h"
#include "nfa/engine.h"
#include "nfa/shards.h"

#include <stdio.h>
#include <string.h>

struct egret_rules {
    egret_mem mem;
    egret_arena arena;
    egret_diags diags;
    ast_file file;
    const plan *plan;
    const char *text;       /* rendered diagnostics */
};

struct egret_engine {
    egret_mem mem;
    const plan *plan;
    nfa_shards *inner;      /* one, but for tests */
    egret_value *slots;     /* of the event being pushed */
    uint32_t cap_slots;
    egret_log_fn log;
    void *log_user;
};

const char *egret_status_text(egret_status status)
{
    switch (status) {
    case EGRET_OK: return "good";
    case EGRET_NO_MEMORY: return "out of memory";
    case EGRET_BAD_RULES: return "the rules have errors";
    case EGRET_BAD_EVENT: return "unknown stream or field, or a value of the wrong type";
    case EGRET_LATE: return "the event is older than the engine's clock";
    case EGRET_BAD_USE: return "called out of order or with bad arguments";
    case EGRET_IO: return "a file could not be read";
    }
    return "unknown status";
}

/* ---- rules ---- */

static egret_rules *rules_new(const egret_options *options)
{
    egret_mem mem = egret_mem_of(options);
    egret_rules *rules = egret_mem_alloc(mem, sizeof *rules);
    if (rules == NULL) {
        return NULL;
    }
    memset(rules, 0, sizeof *rules);
    rules->mem = mem;
    egret_arena_init(&rules->arena, mem);
    egret_diags_init(&rules->diags, &rules->arena);
    ast_file_init(&rules->file);
    return rules;
}

static egret_status rules_finish(egret_rules *rules, egret_rules **out)
{
    rules->plan = rules->diags.n_errors == 0 ? egret_plan_make(&rules->diags, &rules->file, true) : NULL;
    rules->text = egret_diags_text(&rules->diags);
    if (rules->arena.failed) {
        egret_rules_free(rules);
        return EGRET_NO_MEMORY;
    }
    *out = rules;
    return rules->plan != NULL && rules->diags.n_errors == 0 ? EGRET_OK : EGRET_BAD_RULES;
}

egret_status egret_rules_load_text(const egret_options *options, const char *name, const char *text, size_t len,
                                   egret_rules **out)
{
    egret_rules *rules = rules_new(options);
    if (rules == NULL) {
        return EGRET_NO_MEMORY;
    }
    egret_parse(&rules->diags, egret_diags_add_source(&rules->diags, name, text, len), &rules->file);
    return rules_finish(rules, out);
}

static egret_status read_file(egret_rules *rules, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        return EGRET_IO;
    }
    egret_status status = EGRET_OK;
    char *text = NULL;
    size_t len = 0;
    size_t cap = 0;
    for (size_t got = 1; status == EGRET_OK && got > 0; len += got) {
        if (len == cap) {
            size_t bigger = cap ? cap * 2 : 65536;
            char *grown = egret_mem_grow(rules->mem, text, cap, bigger);
            if (grown == NULL) {
                status = EGRET_NO_MEMORY;
                break;
            }
            text = grown;
            cap = bigger;
        }
        got = fread(text + len, 1, cap - len, file);
    }
    if (status == EGRET_OK && ferror(file)) {
        status = EGRET_IO;
    }
    (void)fclose(file);
    if (status == EGRET_OK) {
        egret_parse(&rules->diags, egret_diags_add_source(&rules->diags, path, text, len), &rules->file);
    }
    egret_mem_free(rules->mem, text, cap);
    return status;
}

egret_status egret_rules_load_files(const egret_options *options, const char *const *paths, size_t n, egret_rules **out)
{
    egret_rules *rules = rules_new(options);
    if (rules == NULL) {
        return EGRET_NO_MEMORY;
    }
    for (size_t i = 0; i < n; i++) {
        egret_status status = read_file(rules, paths[i]);
        if (status != EGRET_OK) {
            egret_rules_free(rules);
            return status;
        }
    }
    return rules_finish(rules, out);
}

const char *egret_rules_diagnostics(const egret_rules *rules)
{
    return rules->text ? rules->text : "";
}

void egret_rules_free(egret_rules *rules)
{
    if (rules != NULL) {
        egret_arena_deinit(&rules->arena);
        egret_mem_free(rules->mem, rules, sizeof *rules);
    }
}

/* ---- engine ---- */

egret_status egret_open(const egret_options *options, const egret_rules *rules, egret_engine **out)
{
    return egret_open_shards(options, rules, 1, out);
}

static void count_slots(egret_engine *engine)
{
    for (uint32_t i = 0; i < engine->plan->n_streams; i++) {
        uint32_t n = engine->plan->streams[i].n_slots + 1;
        engine->cap_slots = n > engine->cap_slots ? n : engine->cap_slots;
    }
}

egret_status egret_open_shards(const egret_options *options, const egret_rules *rules, uint32_t n_shards, egret_engine **out)
{
    if (rules == NULL || rules->plan == NULL) {
        return EGRET_BAD_RULES;
    }
    egret_mem mem = egret_mem_of(options);
    egret_engine *engine = egret_mem_alloc(mem, sizeof *engine);
    if (engine == NULL) {
        return EGRET_NO_MEMORY;
    }
    *engine = (egret_engine){.mem = mem, .plan = rules->plan};
    engine->log = options ? options->log : NULL;
    engine->log_user = options ? options->log_user : NULL;
    count_slots(engine);
    engine->slots = egret_mem_alloc(mem, engine->cap_slots * sizeof *engine->slots);
    engine->inner = nfa_shards_new(mem, rules->plan, n_shards);
    if (engine->slots == NULL || engine->inner == NULL) {
        egret_close(engine);
        return EGRET_NO_MEMORY;
    }
    *out = engine;
    return EGRET_OK;
}

egret_status egret_change(egret_engine *engine, const egret_rules *rules)
{
    uint32_t cap_before = engine->cap_slots;
    if (!nfa_shards_may_change(engine->inner)) {
        return EGRET_BAD_USE;
    }
    nfa_shards *next = nfa_shards_succeed(engine->mem, rules->plan, engine->inner);
    egret_status status = next != NULL ? nfa_shards_take_over(next, engine->inner) : EGRET_NO_MEMORY;
    if (next == NULL) {
        return status;
    }
    nfa_shards_free(engine->inner);
    engine->inner = next;
    engine->plan = rules->plan;
    egret_mem_free(engine->mem, engine->slots, cap_before * sizeof *engine->slots);
    count_slots(engine);
    engine->slots = egret_mem_alloc(engine->mem, engine->cap_slots * sizeof *engine->slots);
    return engine->slots != NULL ? status : EGRET_NO_MEMORY;
}

void egret_close(egret_engine *engine)
{
    if (engine != NULL) {
        nfa_shards_free(engine->inner);
        egret_mem_free(engine->mem, engine->slots, engine->cap_slots * sizeof *engine->slots);
        egret_mem_free(engine->mem, engine, sizeof *engine);
    }
}

egret_status egret_checkpoint(egret_engine *engine, egret_write_fn write, void *user)
{
    return nfa_shards_count(engine->inner) == 1 ? nfa_checkpoint_write(nfa_shards_engine(engine->inner, 0), write, user) : EGRET_BAD_USE;
}

egret_status egret_restore(egret_engine *engine, const void *bytes, size_t len)
{
    return nfa_shards_count(engine->inner) == 1 ? nfa_checkpoint_read(nfa_shards_engine(engine->inner, 0), bytes, len) : EGRET_BAD_USE;
}

static uint32_t stream_of(const plan *p, const char *name)
{
    for (uint32_t i = 0; i < plan_inputs(p); i++) {
        if (egret_str_is(p->streams[i].name, name)) {
            return i;
        }
    }
    return PLAN_NONE;
}

static const plan_field *field_of(const plan_stream *stream, const char *name)
{
    for (uint32_t i = 0; i < stream->n_fields; i++) {
        if (egret_str_is(stream->fields[i].name, name)) {
            return &stream->fields[i];
        }
    }
    return NULL;
}

/* A value given for a field: an int may stand for a number or a decimal. */
static bool fit(const plan_field *field, egret_value *v)
{
    if (v->type == EGRET_NULL || v->type == field->type) {
        return true;
    }
    if (v->type == EGRET_INT && field->type == EGRET_NUMBER) {
        *v = egret_number((double)v->u.i);
        return true;
    }
    if (v->type == EGRET_INT && field->type == EGRET_DECIMAL) {
        *v = egret_decimal(v->u.i, 0);
        return true;
    }
    return false;
}

static egret_status refuse(egret_engine *engine, const char *what, const char *name)
{
    if (engine->log != NULL) {
        char line[200];
        (void)snprintf(line, sizeof line, "event refused: %s '%.120s'", what, name);
        engine->log(engine->log_user, 1, line);
    }
    return EGRET_BAD_EVENT;
}

static uint64_t identity_of(const plan_stream *stream, uint32_t number, const egret_event *event, const egret_value *slots)
{
    if (stream->identity_field != PLAN_NONE) {
        egret_value id = slots[stream->fields[stream->identity_field].slot];
        if (id.type != EGRET_NULL) {
            return egret_value_hash(id) ^ (number + 1) * UINT64_C(0x9E3779B97F4A7C15);
        }
    }
    return event->ref;
}

egret_status egret_push(egret_engine *engine, const egret_event *event)
{
    uint32_t number = event->stream ? stream_of(engine->plan, event->stream) : PLAN_NONE;
    if (number == PLAN_NONE) {
        return refuse(engine, "unknown stream", event->stream ? event->stream : "");
    }
    const plan_stream *stream = &engine->plan->streams[number];
    for (uint32_t i = 0; i < stream->n_slots; i++) {
        engine->slots[i] = egret_null();
    }
    for (size_t i = 0; i < event->n_fields; i++) {
        const plan_field *field = field_of(stream, event->fields[i].name);
        egret_value v = event->fields[i].value;
        if (field == NULL) {
            return refuse(engine, "unknown field", event->fields[i].name);
        }
        if (!fit(field, &v)) {
            return refuse(engine, "wrong type for field", event->fields[i].name);
        }
        if (field->slot != PLAN_NONE) {
            engine->slots[field->slot] = v;
        }
    }
    if (stream->time_field != PLAN_NONE) {
        engine->slots[stream->fields[stream->time_field].slot] = egret_time(event->time_ms);
    }
    nfa_event inner = {.time_ms = event->time_ms, .ref = event->ref, .stream = number, .slots = engine->slots};
    inner.identity = identity_of(stream, number, event, engine->slots);
    egret_status status = EGRET_OK;
    for (uint32_t i = 0; status == EGRET_OK && i < nfa_shards_count(engine->inner); i++) {
        status = nfa_engine_event(nfa_shards_engine(engine->inner, i), &inner);
    }
    return status;
}

egret_status egret_advance(egret_engine *engine, int64_t time_ms)
{
    egret_status status = EGRET_OK;
    for (uint32_t i = 0; status == EGRET_OK && i < nfa_shards_count(engine->inner); i++) {
        status = nfa_engine_advance(nfa_shards_engine(engine->inner, i), time_ms);
    }
    return status;
}

const egret_alert *egret_take(egret_engine *engine)
{
    const nfa_alert *alert = nfa_shards_take(engine->inner);
    return alert ? &alert->body : NULL;
}
