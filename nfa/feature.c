/*
 * feature.c: what prev(), changed() and new() know of a key: the value of a field in its previous event of the stream, and the values it
 * has had lately. Read while rules look at an event, brought up to date after they all have.
 */
#include "nfa/shard.h"

typedef struct feature_root {
    int64_t due_ms;         /* never */
    uint64_t bits;          /* PREV */
    uint8_t meta;
    uint8_t known;
} feature_root;

enum { FEATURE_PART = 0 };  /* PREV of a string: its bytes; NEW: hash -> last seen */

/* The section of the feature for the key of the event; false: none. */
static bool find(const nfa_env *env, uint32_t feature, nfa_section *section)
{
    const plan_feature *def = &env->engine->plan->features[feature];
    if (env->event == NULL) {
        return false;
    }
    const nfa_key *key = nfa_key_of(env->engine, def->group, env->event);
    return !key->null && key->block != NFA_NO_BLOCK
        && nfa_section_find(env->engine->store, key->block, &env->engine->feature[feature], section);
}

egret_value feature_prev(const nfa_env *env, uint32_t feature)
{
    nfa_section section;
    if (!find(env, feature, &section)) {
        return egret_null();
    }
    const feature_root *root = nfa_section_root(&section);
    uint8_t type = env->engine->plan->features[feature].type;
    return root->known ? nfa_raw_unpack(&section, FEATURE_PART, type, root->bits, root->meta) : egret_null();
}

bool feature_new(const nfa_env *env, uint32_t feature)
{
    const plan_feature *def = &env->engine->plan->features[feature];
    egret_value v = env->event ? nfa_eval(env, def->value) : egret_null();
    nfa_section section;
    if (v.type == EGRET_NULL) {
        return false;
    }
    if (!find(env, feature, &section)) {
        return true;
    }
    const int64_t *seen = nfa_map_find(&section, FEATURE_PART, egret_value_hash(v));
    return seen == NULL || (def->over_ms != PLAN_FOREVER && *seen < env->now_ms - def->over_ms);
}

static egret_status remember(nfa_section *section, const plan_feature *def, egret_value v, int64_t now_ms)
{
    if (def->kind == PLAN_FEATURE_NEW) {
        if (v.type == EGRET_NULL) {
            return EGRET_OK;
        }
        int64_t *seen = nfa_map_get(section, FEATURE_PART, egret_value_hash(v));
        if (seen == NULL) {
            return EGRET_NO_MEMORY;
        }
        *seen = now_ms;
        return EGRET_OK;
    }
    uint32_t start = def->type == EGRET_STRING ? nfa_bytes_end(section, FEATURE_PART) : 0;
    nfa_section handle = *section;
    nfa_raw raw = nfa_raw_pack(&handle, FEATURE_PART, v);
    if (handle.store == NULL) {
        return EGRET_NO_MEMORY;
    }
    if (def->type == EGRET_STRING) {
        nfa_bytes_pop_front(section, FEATURE_PART, start);
    }
    feature_root *root = nfa_section_root(section);
    root->bits = raw.bits;
    root->meta = raw.meta;
    root->known = 1;
    return EGRET_OK;
}

bool feature_silent(const nfa_env *env, uint32_t feature, int64_t span_ms)
{
    nfa_section section;
    if (span_ms == 0 || env->now_ms - env->engine->start_ms <= span_ms) {
        return false;       /* nobody has listened for so long */
    }
    return !find(env, feature, &section)
        || env->now_ms - (int64_t)((const feature_root *)nfa_section_root(&section))->bits > span_ms;
}

egret_status feature_update(nfa_engine *engine, uint32_t feature, const nfa_event *event, nfa_key *key)
{
    const plan_feature *def = &engine->plan->features[feature];
    nfa_env env = {.engine = engine, .event = event, .now_ms = event->time_ms, .block = key->block};
    bool seen = def->kind == PLAN_FEATURE_SEEN;
    if (seen && def->atom.rest != PLAN_NONE && !nfa_holds(&env, def->atom.rest)) {
        return EGRET_OK;
    }
    egret_value v = seen ? egret_time(event->time_ms) : nfa_eval(&env, def->value);
    uint32_t block = nfa_key_block(engine, key, def->group);
    nfa_section section;
    if (block == NFA_NO_BLOCK || !nfa_section_get(engine->store, block, &engine->feature[feature], &section)) {
        return EGRET_NO_MEMORY;
    }
    ((feature_root *)nfa_section_root(&section))->due_ms = NFA_NEVER;
    return remember(&section, def, v, event->time_ms);
}

bool feature_sweep(nfa_engine *engine, uint32_t feature, nfa_section *section)
{
    const plan_feature *def = &engine->plan->features[feature];
    if (def->kind == PLAN_FEATURE_PREV || def->over_ms == PLAN_FOREVER) {
        return false;
    }
    if (def->kind == PLAN_FEATURE_SEEN) {
        if (engine->clock_ms - (int64_t)((const feature_root *)nfa_section_root(section))->bits <= def->over_ms) {
            return false;
        }
        nfa_section_drop(section);
        return true;
    }
    nfa_map_sweep(section, FEATURE_PART, engine->clock_ms - def->over_ms);
    if (nfa_map_count(section, FEATURE_PART) > 0) {
        return false;
    }
    nfa_section_drop(section);
    return true;
}

size_t feature_root_size(void)
{
    return sizeof(feature_root);
}
