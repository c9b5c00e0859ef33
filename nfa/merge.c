/*
 * merge.c: the engines of several shards, and the one order of their alerts; see shards.h.
 */
#include "nfa/shards_internal.h"

#include "nfa/succession.h"

#include <string.h>

static nfa_shards *make(egret_mem mem, const plan *rules, uint32_t n, const nfa_shards *before, bool fills)
{
    nfa_shards *shards = n > 0 && n <= NFA_MAX_SHARDS ? egret_mem_alloc(mem, sizeof *shards + n * sizeof(nfa_engine *)) : NULL;
    if (shards == NULL)
        return NULL;
    *shards = (nfa_shards){.mem = mem, .n = n};
    memset(shards->engine, 0, n * sizeof(nfa_engine *));
    for (uint32_t i = 0; i < n; i++) {
        const nfa_engine *was = before != NULL ? before->engine[i] : NULL;
        shards->engine[i] = fills ? nfa_warm_prepare(mem, rules, was) : was != NULL ? nfa_succession_prepare(mem, rules, was) : nfa_engine_new(mem, rules);
        if (shards->engine[i] == NULL || (n > 1 && !nfa_engine_share(shards->engine[i], i, n, was))) {
            nfa_shards_free(shards);
            return NULL;
        }
    }
    return shards;
}

nfa_shards *nfa_shards_new(egret_mem mem, const plan *rules, uint32_t n)
{
    return make(mem, rules, n, NULL, false);
}

nfa_shards *nfa_shards_succeed(egret_mem mem, const plan *rules, const nfa_shards *before)
{
    return make(mem, rules, before->n, before, false);
}

nfa_shards *nfa_shards_fill(egret_mem mem, const plan *rules, const nfa_shards *before)
{
    return make(mem, rules, before->n, before, true);
}

void nfa_shards_free(nfa_shards *shards)
{
    if (shards == NULL)
        return;
    for (uint32_t i = 0; i < shards->n; i++)
        nfa_engine_free(shards->engine[i]);
    egret_mem_free(shards->mem, shards->homes, shards->homes_bytes);
    egret_mem_free(shards->mem, shards, sizeof *shards + shards->n * sizeof(nfa_engine *));
}

uint32_t nfa_shards_count(const nfa_shards *shards)
{
    return shards->n;
}

nfa_engine *nfa_shards_engine(nfa_shards *shards, uint32_t i)
{
    return shards->engine[i];
}

const nfa_engine *nfa_shards_first(const nfa_shards *shards)
{
    return shards->engine[0];
}

/* ---- the order ---- */

static int by_key(const nfa_tag *a, const nfa_tag *b)
{
    size_t len = a->key_len < b->key_len ? a->key_len : b->key_len;
    int order = len > 0 ? memcmp(a->key, b->key, len) : 0;
    return order != 0 ? order : (a->key_len > b->key_len) - (a->key_len < b->key_len);
}

static int by_tag(const nfa_tag *a, const nfa_tag *b)
{
    if (a->time_ms != b->time_ms)
        return a->time_ms < b->time_ms ? -1 : 1;
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->event != b->event)
        return a->event < b->event ? -1 : 1;
    if (a->closes != b->closes)
        return a->closes ? 1 : -1;
    if (a->level != b->level)
        return a->level < b->level ? -1 : 1;
    if (a->told != b->told)
        return a->told ? 1 : -1;
    if (a->order != b->order)
        return a->order < b->order ? -1 : 1;
    return by_key(a, b);
}

const nfa_alert *nfa_shards_take(nfa_shards *shards)
{
    nfa_engine *least = shards->engine[0];
    for (uint32_t i = 1; i < shards->n; i++) {
        nfa_engine *other = shards->engine[i];
        if (other->first != NULL && (least->first == NULL || by_tag(&other->first->tag, &least->first->tag) < 0))
            least = other;
    }
    if (least->first != NULL)
        return nfa_engine_take(least);
    for (uint32_t i = 0; i < shards->n; i++)
        (void)nfa_engine_take(shards->engine[i]);       /* lets go of what was taken */
    return NULL;
}

bool nfa_shards_hand_over(nfa_shards *shards, nfa_reports *reports)
{
    return shards->n == 1 && nfa_engine_hand_over(shards->engine[0], reports);
}

bool nfa_shards_waits(const nfa_shards *shards)
{
    uint32_t i = 0;
    while (i < shards->n && shards->engine[i]->first == NULL)
        i++;
    return i < shards->n;
}

/* ---- the past ---- */

static egret_status drop_alerts(nfa_shards *filled, egret_status status)
{
    while (nfa_shards_take(filled) != NULL) {}
    return status;
}

egret_status nfa_shards_past(nfa_shards *filled, const nfa_event *event)
{
    egret_status status = EGRET_OK;
    for (uint32_t i = 0; i < filled->n && status == EGRET_OK; i++)
        status = nfa_engine_event(filled->engine[i], event);
    return drop_alerts(filled, status);
}

egret_status nfa_shards_past_until(nfa_shards *filled, int64_t time_ms)
{
    egret_status status = EGRET_OK;
    for (uint32_t i = 0; i < filled->n && status == EGRET_OK; i++)
        status = nfa_engine_advance(filled->engine[i], time_ms);
    return drop_alerts(filled, status);
}

/* ---- numbers ---- */

int64_t nfa_shards_next_due(const nfa_shards *shards)
{
    int64_t due = NFA_NEVER;
    for (uint32_t i = 0; i < shards->n; i++) {
        int64_t own = nfa_engine_next_due(shards->engine[i]);
        due = own < due ? own : due;
    }
    return due;
}

int64_t nfa_shards_clock(const nfa_shards *shards)
{
    int64_t clock = nfa_engine_clock(shards->engine[0]);
    for (uint32_t i = 1; i < shards->n; i++) {
        int64_t own = nfa_engine_clock(shards->engine[i]);
        clock = own > clock ? own : clock;
    }
    return clock;
}

nfa_stats nfa_shards_stats(nfa_shards *shards)
{
    nfa_stats sum = *nfa_engine_stats(shards->engine[0]);
    for (uint32_t i = 1; i < shards->n; i++) {
        const nfa_stats *more = nfa_engine_stats(shards->engine[i]);
        sum.matches += more->matches;
        sum.alerts += more->alerts;
        sum.keys += more->keys;
        sum.bytes += more->bytes;
        sum.cold += more->cold;
        sum.cold_puts += more->cold_puts;
        sum.cold_gets += more->cold_gets;
        sum.cold_failed += more->cold_failed;
        sum.overflows += more->overflows;
        sum.regex_limits += more->regex_limits;
        sum.guards_tried += more->guards_tried;
    }
    return sum;
}

nfa_rule_stats nfa_shards_rule_stats(const nfa_shards *shards, uint32_t rule)
{
    nfa_rule_stats sum = *nfa_engine_rule_stats(shards->engine[0], rule);
    for (uint32_t i = 1; i < shards->n; i++) {
        const nfa_rule_stats *more = nfa_engine_rule_stats(shards->engine[i], rule);
        sum.events += more->events;
        sum.matches += more->matches;
        sum.alerts += more->alerts;
        sum.signals += more->signals;
        sum.held_back += more->held_back;
        sum.attempts_started += more->attempts_started;
        sum.attempts_dropped += more->attempts_dropped;
        sum.events_dropped += more->events_dropped;
        sum.null_keys += more->null_keys;
    }
    return sum;
}

nfa_engine *nfa_shards_of_key(nfa_shards *shards, uint32_t rule, const egret_value *parts)
{
    nfa_engine *first = shards->engine[0];
    uint32_t group = first->plan->rules[rule].group;
    nfa_key *key = shards->n > 1 ? egret_mem_alloc(shards->mem, sizeof *key) : NULL;
    if (shards->n == 1 || key == NULL)
        return shards->n == 1 ? first : NULL;
    bool is_key = nfa_key_encode(first, key, group, parts, first->plan->groups[group].n_parts);
    uint32_t owner = is_key ? nfa_owner_of(first, group, key->bytes, key->len) : 0;
    egret_mem_free(shards->mem, key, sizeof *key);
    return shards->engine[owner];
}

uint32_t nfa_shards_split_groups(const nfa_shards *shards)
{
    const nfa_engine *engine = shards->engine[0];
    uint32_t n = 0;
    for (uint32_t i = 0; i < engine->plan->n_groups && shards->n > 1; i++)
        n += engine->home[i] == NFA_SPLIT;
    return n;
}
