/*
 * key.c: the key of an event, as bytes.
 *
 * The parts are written one after the other, each with its type in front, so that different keys never give equal bytes and a part can
 * be read back: tag, then 8 bytes (numbers, times) or a 16-bit length and the text. Numbers are big-endian with the sign flipped, so
 * that keys sort as their values do; equal decimals are written alike. Timers at one instant act in the order of these bytes.
 */
#include "nfa/shard.h"

#include <string.h>

static void put64(uint8_t *out, uint64_t v)
{
    for (int i = 0; i < 8; i++) {
        out[i] = (uint8_t)(v >> (56 - 8 * i));
    }
}

static uint64_t get64(const uint8_t *in)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++) {
        v = v << 8 | in[i];
    }
    return v;
}

static egret_value trim_decimal(egret_value v)
{
    while (v.scale > 0 && v.u.i % 10 == 0) {
        v.u.i /= 10;
        v.scale--;
    }
    return v;
}

/* Bytes written, 0: does not fit, or null. */
static size_t put_part(uint8_t *out, size_t room, const egret_value *v)
{
    if (v->type == EGRET_STRING) {
        if (v->len > 0xFFFF || room < 3u + v->len) {
            return 0;
        }
        out[0] = EGRET_STRING;
        out[1] = (uint8_t)(v->len >> 8);
        out[2] = (uint8_t)v->len;
        memcpy(out + 3, v->u.s, v->len);
        return 3u + v->len;
    }
    if (v->type == EGRET_NULL || room < 10) {
        return 0;
    }
    egret_value number = v->type == EGRET_DECIMAL ? trim_decimal(*v) : *v;
    out[0] = number.type;
    out[1] = number.scale;
    put64(out + 2, (uint64_t)number.u.i ^ (UINT64_C(1) << 63));
    return 10;
}

bool nfa_key_encode(const nfa_engine *engine, nfa_key *key, uint32_t group, const egret_value *parts, uint32_t n)
{
    key->len = 0;
    key->null = false;
    key->bytes = key->own;
    for (uint32_t i = 0; i < n; i++) {
        size_t size = put_part(key->own + key->len, NFA_KEY_BYTES - key->len, &parts[i]);
        if (size == 0) {
            key->null = true;
            return false;
        }
        key->len += (uint32_t)size;
    }
    key->hash = nfa_key_hash(engine->group_id[group], key->bytes, key->len);
    return true;
}

egret_value nfa_key_part(const void *bytes, size_t len, uint32_t part)
{
    const uint8_t *at = bytes;
    const uint8_t *end = at + len;
    while (at < end) {
        bool text = at[0] == EGRET_STRING;
        uint32_t text_len = text ? (uint32_t)at[1] << 8 | at[2] : 0;
        if (part-- == 0) {
            if (text) {
                return egret_string((const char *)at + 3, text_len);
            }
            egret_value v = {.u.i = (int64_t)(get64(at + 2) ^ (UINT64_C(1) << 63)), .type = at[0], .scale = at[1]};
            return v;
        }
        at += text ? 3 + text_len : 10;
    }
    return egret_null();
}

/* A table's keys are asked for as values. */
static bool is_of_table(nfa_engine *engine, const plan_group *def, const uint32_t *expr, const nfa_env *env)
{
    egret_value part[PLAN_MAX_KEY_PARTS];
    for (uint32_t i = 0; i < def->n_parts; i++) {
        part[i] = nfa_value_of(env, expr[i]);
    }
    return nfa_content_has_row(engine, def->table, part);
}

uint32_t nfa_key_write(nfa_engine *engine, uint32_t group, const nfa_event *event, uint8_t *out, size_t room)
{
    const plan_group *def = &engine->plan->groups[group];
    const uint32_t *expr = def->key_expr + (size_t)event->stream * def->n_parts;
    nfa_env env = {.engine = engine, .event = event, .now_ms = event->time_ms, .block = NFA_NO_BLOCK};
    size_t len = 0;
    for (uint32_t i = 0; i < def->n_parts; i++) {
        if (expr[i] == PLAN_NONE) {
            return NFA_NONE;
        }
        const plan_expr *of = &engine->plan->exprs[expr[i]];
        egret_value other;
        const egret_value *part = of->op == PLAN_FIELD ? &event->slots[of->a] : (other = nfa_eval(&env, expr[i]), &other);
        size_t size = put_part(out + len, room - len, part);
        if (size == 0) {
            return NFA_NONE;
        }
        len += size;
    }
    return def->table == PLAN_NONE || is_of_table(engine, def, expr, &env) ? (uint32_t)len : NFA_NONE;
}

const nfa_key *nfa_key_look(nfa_engine *engine, uint32_t group, const nfa_event *event)
{
    nfa_key *key = &engine->keys[group];
    key->stamp = engine->stamp;
    key->block = NFA_NO_BLOCK;
    key->bytes = key->own;
    key->len = nfa_is_elsewhere(engine, group) ? NFA_NONE : nfa_key_write(engine, group, event, key->own, NFA_KEY_BYTES);
    key->null = key->len == NFA_NONE;
    /* A null key is the first shard's, for counting it. */
    key->foreign = engine->n_shards > 1 && (nfa_is_elsewhere(engine, group) || (key->null ? engine->home[group] == NFA_SPLIT && engine->shard != 0
                                                                                        : !nfa_owns(engine, group, key->own, key->len)));
    key->null = key->null || key->foreign;
    if (!key->null) {
        key->hash = nfa_key_hash(engine->group_id[group], key->bytes, key->len);
        key->block = nfa_found(engine, engine->group_id[group], key->bytes, key->len, key->hash);
    }
    return key;
}

uint32_t nfa_key_block(nfa_engine *engine, nfa_key *key, uint32_t group)
{
    if (key->block == NFA_NO_BLOCK) {
        key->block = nfa_block_get(engine->store, engine->group_id[group], key->bytes, key->len, key->hash);
    }
    return key->block;
}

bool nfa_key_section(nfa_engine *engine, nfa_key *key, uint32_t group, const nfa_section_def *def, nfa_section *section)
{
    if (key->block != NFA_NO_BLOCK) {
        return nfa_section_get(engine->store, key->block, def, section);
    }
    key->block = nfa_block_add(engine->store, engine->group_id[group], key->bytes, key->len, key->hash, def, section);
    return key->block != NFA_NO_BLOCK;
}
