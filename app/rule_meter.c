/*
 * rule_meter.c: see rule_meter.h.
 */
#include "app/rule_meter.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_MET = 64 };

bool rule_meter_init(rule_meter *meter, const plan *rules)
{
    *meter = (rule_meter){.n = rules->n_rules};
    meter->rules = calloc((size_t)rules->n_rules + 1, sizeof *meter->rules);
    meter->round = calloc((size_t)rules->n_rules + 1, sizeof *meter->round);
    return meter->rules && meter->round;
}

void rule_meter_deinit(rule_meter *meter)
{
    free(meter->rules);
    free(meter->round);
    *meter = (rule_meter){0};
}

bool rule_meter_change(rule_meter *meter, const plan *rules, const uint32_t *was)
{
    rule_meter next;
    if (!rule_meter_init(&next, rules)) {
        rule_meter_deinit(&next);
        return false;
    }
    for (uint32_t i = 0; i < rules->n_rules; i++)
        if (was[i] < meter->n) next.rules[i] = meter->rules[was[i]];
    next.event = meter->event;
    rule_meter_deinit(meter);
    *meter = next;
    return true;
}

void rule_meter_look(rule_meter *meter, nfa_shards *shards)
{
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

egret_status rule_meter_timed(rule_meter *meter, nfa_engine *engine, const nfa_event *event)
{
    uint32_t met[MOST_MET];
    meter->event = 0;
    uint64_t began = processor_ns();
    egret_status status = nfa_engine_event(engine, event);
    uint64_t took = processor_ns() - began;
    uint32_t n = status == EGRET_OK ? nfa_engine_met(engine, met, MOST_MET) : 0;
    for (uint32_t i = 0; i < n; i++) meter->rules[met[i]].ns += took * RULE_METER_EVERY / n;
    return status;
}
