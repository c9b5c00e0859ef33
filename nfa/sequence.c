/*
 * sequence.c: an event (or a deadline) meets the attempts of one rule and key. See sequence.h for the structure and the reasons.
 */
#include "nfa/sequence.h"

#include <string.h>

/* In place, and of the counters only those the pattern has: for most events that is all that happens. */
static void step_init(seq_step *step, nfa_engine *engine, uint32_t rule, const nfa_event *event, int64_t now_ms)
{
    memset(step, 0, offsetof(seq_step, before));
    step->engine = engine;
    step->rule_index = rule;
    step->event = event;
    step->now_ms = now_ms;
    step->rule = &engine->plan->rules[rule];
    step->pattern = step->rule->pattern;
    step->layout = engine->seq[rule];
    for (uint32_t i = 0; i < step->layout->n_cums; i++) {
        step->before[i] = (seq_cum){0};
    }
}

bool seq_look_up_spans(seq_step *step, const nfa_key *key)
{
    const plan_pattern *pattern = step->pattern;
    if (pattern->n_spans == 0) {
        return true;
    }
    nfa_env env = {.engine = step->engine, .event = step->event, .now_ms = step->now_ms, .rule = step->rule, .block = step->block, .key = key};
    int64_t *spans = nfa_scratch(step->engine, pattern->n_spans * sizeof *spans);
    for (uint32_t i = 0; spans != NULL && i < pattern->n_spans; i++) {
        egret_value v = nfa_eval(&env, pattern->spans[i]);
        spans[i] = v.type == EGRET_DURATION && v.u.i > 0 ? v.u.i : 0;
    }
    step->spans = spans;
    return spans != NULL;
}

/* The counters as they are now; for what looks at attempts without an event. */
void seq_load_counters(seq_step *step)
{
    const seq_root *root = nfa_section_root(&step->section);
    step->seen = root->seen;
    for (uint32_t i = 0; i < step->layout->n_cums; i++) {
        step->before[i] = root->cum[i];
    }
}

/* Asks what conditions say of the key's state (profiles, prev, new): gives the atoms that hold, *each: those that must still ask each attempt. */
static uint64_t ask_key_state(const nfa_env *env, uint64_t mask, uint64_t *each)
{
    const plan *p = env->engine->plan;
    const plan_atom *atoms = env->rule->pattern->atoms;
    *each = 0;
    for (uint64_t bits = mask; bits != 0; bits &= bits - 1) {
        uint32_t atom = (uint32_t)__builtin_ctzll(bits);
        uint32_t rest = atoms[atom].rest;
        if (rest == PLAN_NONE) {
            continue;
        }
        if ((p->exprs[rest].uses & PLAN_USES_STEPS) != 0) {
            *each |= UINT64_C(1) << atom;
        } else if (!nfa_holds(env, rest)) {
            mask &= ~(UINT64_C(1) << atom);
        }
    }
    return mask;
}

/* Lets the event meet the attempts of one queue. Where attempts do not differ, those it touches are a prefix. */
static void run_queue(seq_step *step, uint32_t item, bool open, uint8_t queue)
{
    uint32_t n = nfa_deque_count(&step->section, queue);
    uint32_t first = n ? nfa_deque_first(&step->section, queue) : 0;
    uint32_t kept = 0;
    uint32_t gone = 0;
    size_t size = step->layout->words * sizeof(uint32_t);
    uint32_t word[SEQ_MAX_WORDS];
    for (uint32_t k = 0; k < n; k++) {
        memcpy(word, nfa_deque_at(&step->section, queue, first + k), size);
        seq_action action = seq_decide(step, item, open, word);
        if (action == SEQ_GONE) {
            gone++;
            continue;
        }
        if (!step->layout->scan_all) {
            break;
        }
        if (action == SEQ_KEEP || kept != k) {
            memcpy(nfa_deque_at(&step->section, queue, first + kept), word, size);
        }
        kept++;
    }
    if (step->layout->scan_all && n > kept) {
        nfa_deque_pop_back(&step->section, queue, n - kept);
    } else if (!step->layout->scan_all && gone > 0) {
        nfa_deque_pop_front(&step->section, queue, gone);
    }
}

/* The furthest items first, so that no attempt meets the event twice. */
static void run_queues(seq_step *step)
{
    for (uint32_t i = step->pattern->n_items; i-- > 0;) {
        const seq_item *place = &step->layout->item[i];
        if (place->queue_closed != 0) {
            run_queue(step, i, false, place->queue_closed);
        }
        if (place->queue_open != 0) {
            run_queue(step, i, place->loop, place->queue_open);
        }
    }
}

static egret_status finish(seq_step *step)
{
    if (step->no_memory) {
        return EGRET_NO_MEMORY;
    }
    bool dropped = false;
    if (step->n_done > 0) {
        egret_status status = seq_report(step, &dropped);
        if (status != EGRET_OK || dropped) {
            return status;
        }
    }
    if (step->pattern->on_timeout) {
        seq_load_counters(step);
        egret_status status = step->event == NULL ? seq_time_out(step) : EGRET_OK;
        if (status != EGRET_OK) {
            return status;
        }
    }
    if (seq_collect(step->engine, step->layout, &step->section)) {
        return EGRET_OK;
    }
    if (step->pattern->absence == PLAN_ABSENCE_NONE && !step->pattern->on_timeout) {
        return EGRET_OK;
    }
    seq_set_due(step);
    return nfa_hang(step->engine, &step->section);
}

/* When the key was heard last on the rule's streams: the end of the root, where the rule has `idle`. */
static void *last_heard(const seq_step *step)
{
    return (char *)nfa_section_root(&step->section) + step->layout->def.root_size - sizeof(int64_t);
}

int64_t seq_quiet_until(const seq_step *step)
{
    int64_t last_ms;
    if (step->pattern->idle_ms == PLAN_FOREVER) {
        return INT64_MAX;
    }
    memcpy(&last_ms, last_heard(step), sizeof last_ms);
    return seq_add(last_ms, seq_span(step, step->pattern->idle_ms));
}

/* Has the key been quiet for longer than attempts live? */
static bool is_idle(const seq_step *step)
{
    return step->now_ms > seq_quiet_until(step);
}

static void hear(seq_step *step)
{
    if (step->pattern->idle_ms != PLAN_FOREVER) {
        memcpy(last_heard(step), &step->now_ms, sizeof step->now_ms);
    }
}

/* May an attempt begin with the event? It must fit a first step, after the silence that the rule begins with. */
static bool may_begin(const seq_step *step)
{
    bool may = (step->mask & step->layout->start_mask) != 0;
    if (!may || step->pattern->n_silences == 0) {
        return may;
    }
    nfa_env env = {.engine = step->engine, .event = step->event, .now_ms = step->now_ms, .rule = step->rule, .block = step->block};
    for (uint32_t i = 0; may && i < step->pattern->n_silences; i++) {
        may = feature_silent(&env, step->pattern->silences[i], seq_span(step, step->pattern->silence_ms));
    }
    return may;
}

/* Finds the section, or makes it when an attempt may begin. false in *there: nothing to do. */
static egret_status open_section(seq_step *step, nfa_key *key, bool *there)
{
    *there = key->block != NFA_NO_BLOCK
        && nfa_section_find(step->engine->store, key->block, &step->layout->def, &step->section);
    if (*there && is_idle(step)) {
        nfa_section_drop(&step->section);
        *there = false;
    }
    if (*there || !step->may_begin) {
        return EGRET_OK;
    }
    step->block = nfa_key_block(step->engine, key, step->rule->group);
    if (step->block == NFA_NO_BLOCK
        || !nfa_section_get(step->engine->store, step->block, &step->layout->def, &step->section)) {
        return EGRET_NO_MEMORY;
    }
    seq_root *root = nfa_section_root(&step->section);
    root->due_ms = NFA_NEVER;
    for (uint32_t i = 0; i < step->layout->n_cums; i++) {
        root->cum[i].last = NFA_NONE;
    }
    *there = true;
    return EGRET_OK;
}

egret_status seq_on_event(nfa_engine *engine, uint32_t rule, const nfa_event *event, uint64_t mask, nfa_key *key)
{
    const seq_layout *layout = engine->seq[rule];
    if (key->block == NFA_NO_BLOCK && (mask & layout->start_mask) == 0) {
        return EGRET_OK;
    }
    nfa_env env = {.engine = engine, .event = event, .now_ms = event->time_ms, .rule = &engine->plan->rules[rule], .block = key->block};
    uint64_t each;
    mask = ask_key_state(&env, mask, &each);
    if (layout->at_once && mask == 0) {
        return EGRET_OK;
    }
    seq_step step;
    step_init(&step, engine, rule, event, event->time_ms);
    step.block = key->block;
    step.mask = mask;
    step.each = each;
    if (!seq_look_up_spans(&step, key)) {
        return EGRET_NO_MEMORY;
    }
    step.may_begin = may_begin(&step);
    bool there = false;
    egret_status status = open_section(&step, key, &there);
    if (status != EGRET_OK || !there) {
        return status;
    }
    hear(&step);
    if (step.pattern->contiguous) {
        step.seen = ++((seq_root *)nfa_section_root(&step.section))->seen;
    }
    if (!seq_log_push(&step)) {
        return EGRET_NO_MEMORY;
    }
    run_queues(&step);
    bool starts_nothing = step.n_done > 0 && step.pattern->skip == AST_SKIP_PAST_LAST;
    if (step.may_begin && !starts_nothing) {
        seq_begin(&step);
    }
    if (!step.used) {
        seq_log_unpush(&step);
    } else if (!step.no_memory && step.n_done == 0) {
        seq_enforce_limits(&step);
    }
    return finish(&step);
}

/* Attempts of a queue whose silence is over. */
static void ripe(seq_step *step, uint32_t item, bool open, uint8_t queue, int64_t due_ms)
{
    const seq_item *place = &step->layout->item[item];
    uint32_t n = nfa_deque_count(&step->section, queue);
    uint32_t first = n ? nfa_deque_first(&step->section, queue) : 0;
    uint32_t kept = 0;
    uint32_t k = 0;
    size_t size = step->layout->words * sizeof(uint32_t);
    uint32_t word[SEQ_MAX_WORDS];
    for (; k < n; k++) {
        memcpy(word, nfa_deque_at(&step->section, queue, first + k), size);
        if (seq_deadline(word) > due_ms) {
            if (!step->layout->scan_all) {
                break;
            }
            if (kept != k) {
                memcpy(nfa_deque_at(&step->section, queue, first + kept), word, size);
            }
            kept++;
            continue;
        }
        if (open && place->loop) {
            seq_place at = seq_place_of(step, item, true, word);
            seq_close_loop(step, &at);
        }
        bool waits = false;
        if (!seq_complete(step, word, (uint64_t)due_ms, &waits)) {
            step->no_memory = true;
        }
    }
    if (step->layout->scan_all) {
        nfa_deque_pop_back(&step->section, queue, n - kept);
    } else {
        nfa_deque_pop_front(&step->section, queue, k);
    }
}

egret_status seq_on_deadline(nfa_engine *engine, uint32_t rule, nfa_section *section, int64_t due_ms)
{
    seq_step step;
    step_init(&step, engine, rule, NULL, due_ms);
    step.section = *section;
    step.block = section->block;
    if (!seq_look_up_spans(&step, NULL)) {
        return EGRET_NO_MEMORY;
    }
    if (is_idle(&step)) {
        nfa_section_drop(&step.section);
        return EGRET_OK;
    }
    seq_load_counters(&step);
    for (uint32_t i = 0; i < step.pattern->n_items; i++) {
        const seq_item *place = &step.layout->item[i];
        if (step.pattern->absence == PLAN_ABSENCE_NONE) {
            break;
        }
        if (place->final && place->queue_closed != 0) {
            ripe(&step, i, false, place->queue_closed, due_ms);
        }
        if (place->final && place->queue_open != 0) {
            ripe(&step, i, true, place->queue_open, due_ms);
        }
    }
    return finish(&step);
}

bool seq_sweep(nfa_engine *engine, uint32_t rule, nfa_section *section)
{
    /* An event that nothing fits: only what has run out goes. */
    seq_step step;
    step_init(&step, engine, rule, NULL, engine->clock_ms);
    step.section = *section;
    step.block = section->block;
    if (!seq_look_up_spans(&step, NULL)) {
        return false;
    }
    if (is_idle(&step)) {
        nfa_section_drop(&step.section);
        return true;
    }
    seq_load_counters(&step);
    run_queues(&step);
    return seq_collect(engine, step.layout, &step.section);
}

egret_status seq_inherit(nfa_engine *engine, uint32_t rule, nfa_section *section, uint32_t keep)
{
    seq_step step;
    step_init(&step, engine, rule, NULL, engine->clock_ms);
    step.section = *section;
    step.block = section->block;
    for (uint32_t i = keep; i < step.pattern->n_items; i++) {
        const uint8_t queue[] = {step.layout->item[i].queue_open, step.layout->item[i].queue_closed};
        for (unsigned k = 0; k < 2; k++) {
            if (queue[k] != 0) {
                nfa_deque_pop_front(&step.section, queue[k], nfa_deque_count(&step.section, queue[k]));
            }
        }
    }
    ((seq_root *)nfa_section_root(&step.section))->due_ms = NFA_NEVER;
    if (!seq_look_up_spans(&step, NULL)) {
        return EGRET_NO_MEMORY;
    }
    seq_load_counters(&step);
    return finish(&step);
}
