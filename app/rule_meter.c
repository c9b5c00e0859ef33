/*
 * rule_meter.c: see rule_meter.h.
 */
#include "app/rule_meter.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_MET = 64 };

bool rule_meter_init(rule_meter *meter, const plan *rules, uint32_t n_shards)
{
    *meter = (rule_meter){.n = rules->n_rules, .n_clocks = n_shards};
    meter->rules = calloc((size_t)rules->n_rules + 1, sizeof *meter->rules);
    meter->round = calloc((size_t)rules->n_rules + 1, sizeof *meter->round);
    bool fine = meter->rules && meter->round;
    for (uint32_t i = 0; i < n_shards; i++) {
        meter->clocks[i].ns = calloc((size_t)rules->n_rules + 1, sizeof *meter->clocks[i].ns);
        fine = fine && meter->clocks[i].ns;
    }
    return fine;
}

void rule_meter_deinit(rule_meter *meter)
{
    free(meter->rules);
    free(meter->round);
    for (uint32_t i = 0; i < meter->n_clocks; i++) free(meter->clocks[i].ns);
    *meter = (rule_meter){0};
}

static void add_clocks(rule_meter *meter)
{
    for (uint32_t i = 0; i < meter->n_clocks; i++) {
        for (uint32_t k = 0; k < meter->n; k++) meter->rules[k].ns += meter->clocks[i].ns[k];
        memset(meter->clocks[i].ns, 0, meter->n * sizeof *meter->clocks[i].ns);
    }
}

bool rule_meter_change(rule_meter *meter, const plan *rules, const uint32_t *was)
{
    rule_meter next;
    if (!rule_meter_init(&next, rules, meter->n_clocks)) {
        rule_meter_deinit(&next);
        return false;
    }
    add_clocks(meter);
    for (uint32_t i = 0; i < rules->n_rules; i++)
        if (was[i] < meter->n) next.rules[i] = meter->rules[was[i]];
    for (uint32_t i = 0; i < meter->n_clocks; i++) next.clocks[i].event = meter->clocks[i].event;
    rule_meter_deinit(meter);
    *meter = next;
    return true;
}

void rule_meter_look(rule_meter *meter, nfa_shards *shards)
{
    add_clocks(meter);
    if (!nfa_census_look(nfa_shards_engine(shards, meter->shard), &meter->at, RULE_METER_BLOCKS, meter->round)) return;
    meter->shard = (meter->shard + 1) % nfa_shards_count(shards);
    if (meter->shard > 0) return;
    for (uint32_t i = 0; i < meter->n; i++) {
        meter->rules[i].keys = meter->round[i].keys;
        meter->rules[i].bytes = meter->round[i].bytes;
    }
    memset(meter->round, 0, meter->n * sizeof *meter->round);
}

static uint64_t processor_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

egret_status rule_clock_timed(rule_clock *clock, nfa_engine *engine, const nfa_event *event)
{
    uint32_t met[MOST_MET];
    uint64_t began = processor_ns();
    egret_status status = nfa_engine_event(engine, event);
    uint64_t took = processor_ns() - began;
    uint32_t n = status == EGRET_OK ? nfa_engine_met(engine, met, MOST_MET) : 0;
    for (uint32_t i = 0; i < n; i++) clock->ns[met[i]] += took * RULE_METER_EVERY / n;
    return status;
}
