/*
 * branch.c: an event (or a deadline) meets the attempts of one rule and key, where the pattern branches. See branch.h.
 */
#include "nfa/branch.h"

#include <string.h>

/* ---- bound events, for conditions and alerts ---- */

static const branch_binding *binding_at(const seq_run *run, uint32_t number)
{
    return nfa_deque_at(run->section, run->branch->part_bindings, number);
}

uint32_t branch_item_last(const seq_run *run, uint32_t item)
{
    uint32_t at = run->word[run->branch->item_word[item]];
    return at == NFA_NONE ? NFA_NONE : binding_at(run, at)->event;
}

uint32_t branch_item_count(const seq_run *run, uint32_t item)
{
    uint32_t at = run->word[run->branch->item_word[item]];
    return at == NFA_NONE ? 0 : binding_at(run, at)->count;
}

void branch_item_events(const seq_run *run, uint32_t item, uint32_t *list)
{
    for (uint32_t at = run->word[run->branch->item_word[item]]; at != NFA_NONE; at = binding_at(run, at)->previous) {
        list[binding_at(run, at)->count - 1] = binding_at(run, at)->event;
    }
}

/* ---- beginning ---- */

static void step_init(branch_step *step, nfa_engine *engine, uint32_t rule, const nfa_event *event, int64_t now_ms)
{
    memset(step, 0, offsetof(branch_step, bars));
    step->seq.engine = engine;
    step->seq.rule_index = rule;
    step->seq.event = event;
    step->seq.now_ms = now_ms;
    step->seq.rule = &engine->plan->rules[rule];
    step->seq.pattern = step->seq.rule->pattern;
    step->layout = engine->branch[rule];
    step->seq.layout = &step->layout->seq;
    step->parts = step->seq.pattern->parts;
}

/* Asks what conditions say of the key's state (profiles, prev, new); sets apart those that must ask each attempt. */
static void ask_key_state(branch_step *step, uint64_t mask)
{
    nfa_env env = {.engine = step->seq.engine, .event = step->seq.event, .now_ms = step->seq.now_ms, .rule = step->seq.rule,
                   .block = step->seq.block};
    step->seq.mask = mask;
    for (uint64_t bits = mask; bits != 0; bits &= bits - 1) {
        uint64_t bit = bits & (~bits + 1);
        uint32_t rest = step->seq.pattern->atoms[__builtin_ctzll(bits)].rest;
        if (rest == PLAN_NONE) {
            continue;
        }
        if ((step->seq.engine->plan->exprs[rest].uses & PLAN_USES_STEPS) != 0) {
            step->seq.each |= bit;
        } else if (!nfa_holds(&env, rest)) {
            step->seq.mask &= ~bit;
        }
    }
}

/* May an attempt begin with the event? It must fit a first step, after the silence that the rule begins with. */
static bool may_begin(const branch_step *step)
{
    const plan_pattern *pattern = step->seq.pattern;
    bool may = (step->seq.mask & step->layout->seq.start_mask) != 0;
    nfa_env env = {.engine = step->seq.engine, .event = step->seq.event, .now_ms = step->seq.now_ms, .rule = step->seq.rule,
                   .block = step->seq.block};
    for (uint32_t i = 0; may && i < pattern->n_silences; i++) {
        may = feature_silent(&env, pattern->silences[i], seq_span(&step->seq, pattern->silence_ms));
    }
    return may;
}

/* When the key was heard last on the rule's streams: the end of the root, where the rule has `idle`. */
static void *last_heard(const branch_step *step)
{
    return (char *)nfa_section_root(&step->seq.section) + step->layout->seq.def.root_size - sizeof(int64_t);
}

/* The last instant at which the key may be heard before its attempts die of `idle`; INT64_MAX: there is none. */
static int64_t quiet_until(const branch_step *step)
{
    int64_t last_ms;
    if (step->seq.pattern->idle_ms == PLAN_FOREVER) {
        return INT64_MAX;
    }
    memcpy(&last_ms, last_heard(step), sizeof last_ms);
    return seq_add(last_ms, seq_span(&step->seq, step->seq.pattern->idle_ms));
}

static bool is_idle(const branch_step *step)
{
    return step->seq.now_ms > quiet_until(step);
}

static seq_root *root_of(const branch_step *step)
{
    return nfa_section_root(&step->seq.section);
}

/* Finds the section, or makes it when an attempt may begin. false in *there: nothing to do. */
static egret_status open_section(branch_step *step, nfa_key *key, bool *there)
{
    nfa_store *store = step->seq.engine->store;
    const nfa_section_def *def = &step->layout->seq.def;
    *there = key->block != NFA_NO_BLOCK && nfa_section_find(store, key->block, def, &step->seq.section);
    if (*there && is_idle(step)) {
        nfa_section_drop(&step->seq.section);
        *there = false;
    }
    if (*there || !step->seq.may_begin) {
        return EGRET_OK;
    }
    step->seq.block = nfa_key_block(step->seq.engine, key, step->seq.rule->group);
    if (step->seq.block == NFA_NO_BLOCK || !nfa_section_get(store, step->seq.block, def, &step->seq.section)) {
        return EGRET_NO_MEMORY;
    }
    root_of(step)->due_ms = NFA_NEVER;
    *there = true;
    return EGRET_OK;
}

/* ---- attempts ---- */

static bool is_cancelled(branch_step *step)
{
    const plan_pattern *pattern = step->seq.pattern;
    for (uint32_t i = 0; i < pattern->n_unless; i++) {
        const plan_unless *unless = &pattern->unless[i];
        bool past = unless->after_item == PLAN_NONE || step->rec[step->layout->item_word[unless->after_item]] != NFA_NONE;
        if (past && branch_holds(step, unless->atoms, unless->n_atoms)) {
            return true;
        }
    }
    return false;
}

/* The last of the records of one attempt, which left the event out, goes before those that took it. */
static void put_first(branch_step *step, uint32_t first)
{
    size_t size = step->layout->words * sizeof *step->out;
    uint32_t *records = step->out + (size_t)first * step->layout->words;
    uint32_t n = step->n_out - first;
    if (n > 1) {
        memmove(records + step->layout->words, records, (n - 1) * size);
        memcpy(records, step->rec, size);
    }
}

/* The event meets the attempt at hand; what becomes of it is put out. No event: what has run out goes. */
static void decide(branch_step *step)
{
    uint32_t first = step->n_out;
    const seq_event *begin = seq_log(&step->seq.section, &step->layout->seq, step->rec[BRANCH_START]);
    bool late = step->seq.now_ms > seq_add(begin->time_ms, seq_span(&step->seq, step->seq.pattern->within_ms));
    if (step->seq.event != NULL && !late && branch_walk(step, false)) {
        branch_settle(step);
        return;
    }
    if (step->seq.event != NULL && is_cancelled(step)) {
        return;
    }
    step->n_undo = 0;
    if (branch_pass(step)) {
        branch_keep(step);
        put_first(step, first);
    }
}

/* Writes what was put out behind the first `kept` records of the queue. */
static void write_back(branch_step *step, uint32_t kept)
{
    nfa_section *section = &step->seq.section;
    uint8_t queue = step->layout->part_attempts;
    size_t size = step->layout->words * sizeof *step->out;
    nfa_deque_pop_back(section, queue, nfa_deque_count(section, queue) - kept);
    for (uint32_t i = 0; i < step->n_out && !step->seq.no_memory; i++) {
        uint32_t *record = nfa_deque_push(section, queue);
        step->seq.no_memory = record == NULL;
        if (record != NULL) {
            memcpy(record, step->out + (size_t)i * step->layout->words, size);
        }
    }
    step->n_out = 0;
}

/* All attempts in turn. They are written where they stood as long as no more have come of them than there is room. */
static void meet_attempts(branch_step *step)
{
    nfa_section *section = &step->seq.section;
    uint8_t queue = step->layout->part_attempts;
    uint32_t n = nfa_deque_count(section, queue);
    uint32_t first = n ? nfa_deque_first(section, queue) : 0;
    uint32_t kept = 0;
    size_t size = step->layout->words * sizeof *step->rec;
    for (uint32_t k = 0; k < n && !step->seq.no_memory; k++) {
        memcpy(step->rec, nfa_deque_at(section, queue, first + k), size);
        decide(step);
        if (step->n_out == 1 && kept <= k) {
            memcpy(nfa_deque_at(section, queue, first + kept++), step->out, size);
            step->n_out = 0;
        }
    }
    if (!step->seq.no_memory) {
        write_back(step, kept);
    }
}

static void begin(branch_step *step)
{
    memcpy(step->rec, step->layout->blank, step->layout->words * sizeof *step->rec);
    step->rec[BRANCH_START] = step->seq.ord;
    if (branch_walk(step, true)) {
        branch_settle(step);
    }
    if (step->seq.used) {
        step->seq.engine->rule_stats[step->seq.rule_index].attempts_started++;
    }
    if (!step->seq.no_memory) {
        write_back(step, nfa_deque_count(&step->seq.section, step->layout->part_attempts));
    }
}

/* ---- garbage, limits, deadlines ---- */

static void drop_oldest(branch_step *step, uint32_t n)
{
    nfa_deque_pop_front(&step->seq.section, step->layout->part_attempts, n);
    root_of(step)->limited = 1;
    step->seq.engine->rule_stats[step->seq.rule_index].attempts_dropped += n;
}

/* Drops what no attempt needs; the whole section when there is no attempt. true: dropped. */
static bool collect(branch_step *step)
{
    nfa_section *section = &step->seq.section;
    const branch_layout *layout = step->layout;
    if (nfa_deque_count(section, layout->part_attempts) == 0) {
        nfa_section_drop(section);
        return true;
    }
    uint32_t oldest = *(const uint32_t *)nfa_deque_at(section, layout->part_attempts, nfa_deque_first(section, layout->part_attempts));
    if (oldest == step->base) {
        return false;
    }
    if (layout->seq.part_bytes != 0) {
        nfa_bytes_pop_front(section, layout->seq.part_bytes, seq_log(section, &layout->seq, oldest)->bytes);
    }
    while (nfa_deque_count(section, layout->part_bindings) > 0) {
        const branch_binding *binding = nfa_deque_at(section, layout->part_bindings, nfa_deque_first(section, layout->part_bindings));
        if (!branch_older(step, binding->event, oldest)) {
            break;
        }
        nfa_deque_pop_front(section, layout->part_bindings, 1);
    }
    nfa_deque_pop_front(section, layout->seq.part_log, oldest - step->base);
    step->base = oldest;
    return false;
}

/* Limits count attempts, events and bindings. The oldest attempt pays. */
static void enforce_limits(branch_step *step)
{
    nfa_section *section = &step->seq.section;
    const branch_layout *layout = step->layout;
    const plan_pattern *pattern = step->seq.pattern;
    uint32_t n = nfa_deque_count(section, layout->part_attempts);
    if (n > pattern->limit_attempts) {
        drop_oldest(step, n - (uint32_t)pattern->limit_attempts);
    }
    while (nfa_deque_count(section, layout->part_attempts) > 0
           && (nfa_deque_count(section, layout->seq.part_log) > pattern->limit_events
               || nfa_deque_count(section, layout->part_bindings) > pattern->limit_events)) {
        drop_oldest(step, 1);
        if (nfa_deque_count(section, layout->part_attempts) > 0) {
            (void)collect(step);
        }
    }
}

static void set_due(branch_step *step)
{
    nfa_section *section = &step->seq.section;
    uint8_t queue = step->layout->part_attempts;
    uint32_t n = nfa_deque_count(section, queue);
    uint32_t first = n ? nfa_deque_first(section, queue) : 0;
    int64_t due = step->seq.pattern->on_timeout ? quiet_until(step) : NFA_NEVER;
    for (uint32_t k = 0; k < n; k++) {
        int64_t deadline = branch_deadline(nfa_deque_at(section, queue, first + k));
        due = deadline < due ? deadline : due;
    }
    root_of(step)->due_ms = due;
}

/* A silence that is over at this instant, behind one that has just ended, is another thing: its turn comes next. */
static bool has_run_out(branch_step *step)
{
    if (branch_deadline(step->rec) > step->seq.now_ms) {
        return false;
    }
    step->n_undo = 0;
    branch_look(step);
    return !step->look.waits;
}

/* Attempts that have run out of time, and at the end of `idle` all: they are told and dropped. */
static egret_status time_out(branch_step *step)
{
    nfa_section *section = &step->seq.section;
    uint8_t queue = step->layout->part_attempts;
    uint32_t n = nfa_deque_count(section, queue);
    uint32_t first = n ? nfa_deque_first(section, queue) : 0;
    uint32_t kept = 0;
    size_t size = step->layout->words * sizeof *step->rec;
    bool quiet = quiet_until(step) <= step->seq.now_ms;
    step->n_matches = 0;
    for (uint32_t k = 0; k < n && !step->seq.no_memory; k++) {
        memcpy(step->rec, nfa_deque_at(section, queue, first + k), size);
        if (!quiet && !has_run_out(step)) {
            memcpy(nfa_deque_at(section, queue, first + kept++), step->rec, size);
            continue;
        }
        step->n_undo = 0;
        branch_note_timeout(step);
    }
    if (step->seq.no_memory) {
        return EGRET_NO_MEMORY;
    }
    nfa_deque_pop_back(section, queue, n - kept);
    return branch_report_timeouts(step);
}

static egret_status finish(branch_step *step)
{
    bool dropped = false;
    if (step->seq.no_memory) {
        return EGRET_NO_MEMORY;
    }
    if (step->n_matches > 0) {
        egret_status status = branch_report(step, &dropped);
        if (status != EGRET_OK || dropped) {
            return status;
        }
    }
    if (step->seq.pattern->on_timeout && step->seq.event == NULL) {
        egret_status status = time_out(step);
        if (status != EGRET_OK) {
            return status;
        }
    }
    enforce_limits(step);
    if (collect(step) || !step->layout->has_due) {
        return EGRET_OK;
    }
    set_due(step);
    return nfa_hang(step->seq.engine, &step->seq.section);
}

/* ---- events ---- */

static bool make_record(branch_step *step)
{
    step->rec = nfa_scratch(step->seq.engine, step->layout->words * sizeof *step->rec);
    step->base = nfa_deque_first(&step->seq.section, step->layout->seq.part_log);
    return step->rec != NULL;
}

egret_status branch_on_event(nfa_engine *engine, uint32_t rule, const nfa_event *event, uint64_t mask, nfa_key *key)
{
    branch_step step;
    step_init(&step, engine, rule, event, event->time_ms);
    step.seq.block = key->block;
    if (key->block == NFA_NO_BLOCK && (mask & step.layout->seq.start_mask) == 0) {
        return EGRET_OK;
    }
    if (!seq_look_up_spans(&step.seq, key)) {
        return EGRET_NO_MEMORY;
    }
    ask_key_state(&step, mask);
    step.seq.may_begin = may_begin(&step);
    bool there = false;
    egret_status status = open_section(&step, key, &there);
    if (status != EGRET_OK || !there) {
        return status;
    }
    if (step.seq.pattern->idle_ms != PLAN_FOREVER) {
        memcpy(last_heard(&step), &event->time_ms, sizeof event->time_ms);
    }
    step.seq.seen = ++root_of(&step)->seen;
    if (!seq_log_push(&step.seq) || !make_record(&step)) {
        return EGRET_NO_MEMORY;
    }
    meet_attempts(&step);
    bool starts_nothing = step.n_matches > 0 && step.seq.pattern->skip == AST_SKIP_PAST_LAST;
    if (step.seq.may_begin && !starts_nothing && !step.seq.no_memory) {
        begin(&step);
    }
    if (!step.seq.used) {
        seq_log_unpush(&step.seq);
    }
    return finish(&step);
}

/* ---- deadlines ---- */

/* The end of a silence inside the pattern stands in the log like an event, but without a stream. */
static bool push_silence(branch_step *step)
{
    nfa_section *section = &step->seq.section;
    const branch_layout *layout = step->layout;
    uint32_t bytes = layout->seq.part_bytes ? nfa_bytes_end(section, layout->seq.part_bytes) : 0;
    step->seq.ord = nfa_deque_first(section, layout->seq.part_log) + nfa_deque_count(section, layout->seq.part_log);
    seq_event *record = nfa_deque_push(section, layout->seq.part_log);
    if (record == NULL) {
        return false;
    }
    memset(record, 0, layout->seq.event_size);
    record->time_ms = step->seq.now_ms;
    record->stream = NFA_NONE;
    record->seen = step->seq.seen;
    record->bytes = bytes;
    return true;
}

/* All silences of the attempt at hand that are over, one after the other. */
static void end_silences(branch_step *step)
{
    bool waits = true;
    while (waits && branch_walk_silence(step) && !step->seq.no_memory) {
        if (branch_first(step, 0) != step->rec[BRANCH_START]) {
            return;     /* what it began with was not needed in the end */
        }
        if (step->complete && step->seq.pattern->absence == PLAN_ABSENCE_NONE) {
            branch_judge(step, (uint64_t)step->seq.now_ms, &waits);
        }
    }
    step->n_undo = 0;
    if (waits && branch_pass(step)) {
        branch_keep(step);
    }
}

/* The deadline of the attempt at hand has come: silences are over. Those whose time is over are told later. */
static void ripen(branch_step *step)
{
    bool waits = false;
    step->n_undo = 0;
    branch_look(step);
    if (step->look.end_ms <= step->seq.now_ms) {
        branch_judge(step, (uint64_t)step->seq.now_ms, &waits);
    } else if (step->look.silence_ms <= step->seq.now_ms) {
        end_silences(step);
    } else {
        branch_keep(step);
    }
}

static void meet_deadline(branch_step *step)
{
    nfa_section *section = &step->seq.section;
    uint8_t queue = step->layout->part_attempts;
    uint32_t n = nfa_deque_count(section, queue);
    uint32_t first = n ? nfa_deque_first(section, queue) : 0;
    uint32_t kept = 0;
    size_t size = step->layout->words * sizeof *step->rec;
    for (uint32_t k = 0; k < n && !step->seq.no_memory; k++) {
        memcpy(step->rec, nfa_deque_at(section, queue, first + k), size);
        if (branch_deadline(step->rec) <= step->seq.now_ms) {
            ripen(step);
        } else {
            branch_keep(step);
        }
        if (step->n_out == 1) {
            memcpy(nfa_deque_at(section, queue, first + kept++), step->out, size);
            step->n_out = 0;
        }
    }
    if (!step->seq.no_memory) {
        nfa_deque_pop_back(section, queue, n - kept);
    }
}

/* What looks at attempts without an event. false: they have died of `idle`, and the section is gone. */
static bool step_resume(branch_step *step, nfa_section *section)
{
    step->seq.section = *section;
    step->seq.block = section->block;
    step->seq.seen = root_of(step)->seen;
    if (!seq_look_up_spans(&step->seq, NULL) || !make_record(step)) {
        step->seq.no_memory = true;
        return true;
    }
    if (is_idle(step)) {
        nfa_section_drop(&step->seq.section);
        return false;
    }
    return true;
}

egret_status branch_on_deadline(nfa_engine *engine, uint32_t rule, nfa_section *section, int64_t due_ms)
{
    branch_step step;
    step_init(&step, engine, rule, NULL, due_ms);
    if (!step_resume(&step, section)) {
        return EGRET_OK;
    }
    if (step.seq.no_memory || !push_silence(&step)) {
        return EGRET_NO_MEMORY;
    }
    meet_deadline(&step);
    if (!step.seq.used) {
        nfa_deque_pop_back(&step.seq.section, step.layout->seq.part_log, 1);
    }
    return finish(&step);
}

bool branch_sweep(nfa_engine *engine, uint32_t rule, nfa_section *section)
{
    branch_step step;
    step_init(&step, engine, rule, NULL, engine->clock_ms);
    if (!step_resume(&step, section)) {
        return true;
    }
    if (step.seq.no_memory) {
        return false;
    }
    meet_attempts(&step);
    return !step.seq.no_memory && collect(&step);
}
