/*
 * warm.c: who is awake while new rules are filled with the past; see warm.h.
 */
#include "nfa/warm.h"

#include "nfa/looks.h"
#include "nfa/succession.h"

typedef struct choice {
    const plan *plan;
    nfa_warm *warm;
    bool more;          /* somebody has woken who has not been asked yet */
} choice;

static void wake(choice *c, bool *awake)
{
    c->more = c->more || !*awake;
    *awake = true;
}

static void see(void *user, nfa_look look, uint32_t number)
{
    choice *c = user;
    switch (look) {
    case NFA_LOOK_PROFILE: wake(c, &c->warm->profile[number]); break;
    case NFA_LOOK_FEATURE: wake(c, &c->warm->feature[number]); break;
    case NFA_LOOK_OPEN: wake(c, &c->warm->rule[number]); break;
    case NFA_LOOK_TOLD:
        for (uint32_t i = 0; i < c->plan->n_rules; i++) {
            if (c->plan->rules[i].told == number || c->plan->rules[i].told_alert == number) {
                wake(c, &c->warm->rule[i]);
            }
        }
        break;
    case NFA_LOOK_OTHER_KEY: break;
    }
}

/* Whoever is awake wakes those it looks at, until nobody wakes any more. */
static void wake_all(choice *c)
{
    const plan *p = c->plan;
    const nfa_looks looks = {.plan = p, .see = see, .user = c};
    while (c->more) {
        c->more = false;
        for (uint32_t i = 0; i < p->n_rules; i++) {
            if (c->warm->rule[i]) {
                nfa_looks_of_rule(&looks, i);
                nfa_looks_of_group(&looks, p->rules[i].group);
            }
        }
        for (uint32_t i = 0; i < p->n_profiles; i++) {
            if (c->warm->profile[i]) {
                nfa_looks_of_profile(&looks, i);
                nfa_looks_of_group(&looks, p->profiles[i].group);
            }
        }
        for (uint32_t i = 0; i < p->n_features; i++) {
            if (c->warm->feature[i]) {
                nfa_looks_of_feature(&looks, i);
                nfa_looks_of_group(&looks, p->features[i].group);
            }
        }
    }
}

/* Of a rule's life nothing moves: it has told nobody. */
static bool moves(const nfa_warm *warm, const nfa_slot *slot)
{
    switch (slot->kind) {
    case NFA_PATTERN: case NFA_BRANCH: case NFA_SILENCE: return warm->fills[slot->owner];
    case NFA_WINDOW: return slot->rule == NFA_NONE || warm->fills[slot->rule];
    case NFA_FEATURE: case NFA_TOLD: return true;
    case NFA_LIFE: case NFA_GONE: break;
    }
    return false;
}

nfa_warm *nfa_warm_choose(nfa_engine *engine, const nfa_engine *before)
{
    const plan *p = engine->plan;
    egret_arena *keep = &engine->keep;
    nfa_warm *warm = egret_arena_alloc(keep, sizeof *warm);
    if (warm == NULL) {
        return NULL;
    }
    *warm = (nfa_warm){.rule = egret_arena_alloc(keep, p->n_rules + 1), .profile = egret_arena_alloc(keep, p->n_profiles + 1),
                       .feature = egret_arena_alloc(keep, p->n_features + 1), .fills = egret_arena_alloc(keep, p->n_rules + 1),
                       .moves = egret_arena_alloc(keep, engine->n_slots + 1)};
    if (keep->failed) {
        return NULL;
    }
    choice c = {.plan = p, .warm = warm};
    for (uint32_t i = 0; i < p->n_rules; i++) {
        if (nfa_succession_warms(engine, before, i)) {
            warm->fills[i] = true;
            warm->longest_ms = p->rules[i].warm_up_ms > warm->longest_ms ? p->rules[i].warm_up_ms : warm->longest_ms;
            wake(&c, &warm->rule[i]);
        }
    }
    wake_all(&c);
    for (uint32_t id = 0; id < engine->n_slots; id++) {
        bool known = id < before->n_slots && before->slots[id].kind != NFA_GONE;
        warm->moves[id] = !known && moves(warm, &engine->slots[id]);
    }
    return warm;
}
