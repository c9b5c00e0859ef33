/*
 * sequence_log.c: the log of a section: writing the event at hand into it, and freeing what no attempt needs any more.
 */
#include "nfa/sequence.h"

#include <string.h>

static uint32_t fits_of(const seq_step *step)
{
    uint32_t fits = 0;
    for (uint32_t i = 0; i < step->pattern->n_items; i++) {
        const plan_item *item = &step->pattern->items[i];
        uint64_t bits = (step->mask & ~step->each) >> item->atoms;
        if (item->n_atoms < 64) {
            bits &= (UINT64_C(1) << item->n_atoms) - 1;
        }
        fits |= (uint32_t)(bits != 0) << i;
    }
    return fits;
}

static egret_value cell_value(const seq_step *step, const plan_cell *cell, uint32_t slot)
{
    if (cell->expr == PLAN_NONE) {
        return step->event->slots[slot];
    }
    nfa_env env = {.engine = step->engine, .event = step->event, .now_ms = step->now_ms, .rule = step->rule, .block = step->block};
    return nfa_eval(&env, cell->expr);
}

/* Fills the cells of the new record. Strings go into the section's bytes, which may move the record: it is found again for each. */
static bool fill_cells(seq_step *step)
{
    const plan_pattern *pattern = step->pattern;
    for (uint32_t c = 0; c < pattern->n_cells; c++) {
        uint32_t slot = pattern->cells[c].slot[step->event->stream];
        egret_value v = slot == PLAN_NONE ? egret_null() : cell_value(step, &pattern->cells[c], slot);
        nfa_section section = step->section;
        nfa_raw raw = nfa_raw_pack(&section, step->layout->part_bytes, v);
        if (section.store == NULL) {
            return false;
        }
        uint8_t *at = (uint8_t *)nfa_deque_at(&step->section, step->layout->part_log, step->ord) + sizeof(seq_event);
        memcpy(at + c * sizeof raw.bits, &raw.bits, sizeof raw.bits);
        at[pattern->n_cells * sizeof raw.bits + c] = raw.meta;
    }
    return true;
}

static void fill_counters(seq_step *step, uint32_t fits)
{
    seq_root *root = nfa_section_root(&step->section);
    uint8_t *at = (uint8_t *)nfa_deque_at(&step->section, step->layout->part_log, step->ord) + sizeof(seq_event)
        + step->pattern->n_cells * 9u;
    for (uint32_t i = 0; i < step->pattern->n_items; i++) {
        const seq_item *place = &step->layout->item[i];
        if (!place->loop || place->tracked) {
            continue;
        }
        seq_cum *cum = &root->cum[place->cum];
        step->before[place->cum] = *cum;
        if ((fits >> i & 1u) != 0) {
            cum->count++;
            cum->last = step->ord;
            cum->poisoned = 0;
        }
        memcpy(at + place->cum * sizeof cum->count, &cum->count, sizeof cum->count);
    }
}

bool seq_log_push(seq_step *step)
{
    const seq_layout *layout = step->layout;
    uint32_t bytes = layout->part_bytes ? nfa_bytes_end(&step->section, layout->part_bytes) : 0;
    step->ord = nfa_deque_first(&step->section, layout->part_log) + nfa_deque_count(&step->section, layout->part_log);
    seq_event *record = nfa_deque_push(&step->section, layout->part_log);
    if (record == NULL) {
        return false;
    }
    record->time_ms = step->event->time_ms;
    record->ref = step->event->ref;
    record->identity = step->event->identity;
    record->stream = step->engine->stream_id[step->event->stream];
    record->fits = fits_of(step);
    record->seen = step->seen;
    record->bytes = bytes;
    uint32_t fits = record->fits;
    if (!fill_cells(step)) {
        return false;
    }
    fill_counters(step, fits);
    return true;
}

/* The newest record goes, with its strings. */
static void log_pop_back(seq_step *step, uint32_t ord)
{
    const seq_layout *layout = step->layout;
    if (layout->part_bytes != 0) {
        nfa_bytes_pop_back(&step->section, layout->part_bytes, seq_log(&step->section, layout, ord)->bytes);
    }
    nfa_deque_pop_back(&step->section, layout->part_log, 1);
}

void seq_log_unpush(seq_step *step)
{
    seq_root *root = nfa_section_root(&step->section);
    for (uint32_t i = 0; i < step->layout->n_cums; i++) {
        uint32_t poisoned = root->cum[i].poisoned;
        root->cum[i] = step->before[i];
        root->cum[i].poisoned |= poisoned;
    }
    log_pop_back(step, step->ord);
}

/* Calls for each queue of the layout, those at later items first. */
static uint8_t queue_at(const seq_layout *layout, uint32_t i)
{
    const seq_item *place = &layout->item[i / 2];
    return i % 2 == 0 ? place->queue_closed : place->queue_open;
}

uint32_t seq_attempts(const seq_layout *layout, const plan_pattern *pattern, const nfa_section *section)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < pattern->n_items * 2; i++) {
        uint8_t queue = queue_at(layout, i);
        n += queue ? nfa_deque_count(section, queue) : 0;
    }
    return n;
}

/* The oldest first event of any attempt; false: there is no attempt. base: ordinals are compared as distances from it. */
static bool oldest_start(const seq_layout *layout, uint32_t n_items, const nfa_section *section, uint32_t base, uint32_t *oldest,
                         uint8_t *in_queue)
{
    bool any = false;
    for (uint32_t i = 0; i < n_items * 2; i++) {
        uint8_t queue = queue_at(layout, i);
        uint32_t n = queue ? nfa_deque_count(section, queue) : 0;
        uint32_t first = n ? nfa_deque_first(section, queue) : 0;
        uint32_t look = layout->scan_all ? n : (n ? 1 : 0);
        for (uint32_t k = 0; k < look; k++) {
            uint32_t start = *(const uint32_t *)nfa_deque_at(section, queue, first + k);
            if (!any || start - base < *oldest - base) {
                *oldest = start;
                *in_queue = queue;
                any = true;
            }
        }
    }
    return any;
}

bool seq_collect(nfa_engine *engine, const seq_layout *layout, nfa_section *section)
{
    const plan_pattern *pattern = engine->plan->rules[engine->slots[layout->def.id].owner].pattern;
    uint32_t base = nfa_deque_first(section, layout->part_log);
    uint32_t oldest = 0;
    uint8_t queue = 0;
    if (!oldest_start(layout, pattern->n_items, section, base, &oldest, &queue)) {
        nfa_section_drop(section);
        return true;
    }
    if (oldest == base) {
        return false;
    }
    if (layout->part_bytes != 0) {
        nfa_bytes_pop_front(section, layout->part_bytes, seq_log(section, layout, oldest)->bytes);
    }
    while (layout->part_nodes != 0 && nfa_deque_count(section, layout->part_nodes) > 0) {
        const seq_node *node = nfa_deque_at(section, layout->part_nodes, nfa_deque_first(section, layout->part_nodes));
        if (node->event - base >= oldest - base) {
            break;
        }
        nfa_deque_pop_front(section, layout->part_nodes, 1);
    }
    nfa_deque_pop_front(section, layout->part_log, oldest - base);
    return false;
}

int64_t seq_deadline(const uint32_t *word)
{
    int64_t deadline;
    memcpy(&deadline, word + SEQ_DEADLINE, sizeof deadline);
    return deadline;
}

/* The earliest end of a silence; INT64_MAX: nobody waits for one. */
static int64_t next_silence(const seq_step *step)
{
    int64_t due = NFA_NEVER;
    for (uint32_t i = 0; step->pattern->absence != PLAN_ABSENCE_NONE && i < step->pattern->n_items * 2; i++) {
        uint8_t queue = step->layout->item[i / 2].final ? queue_at(step->layout, i) : 0;
        uint32_t n = queue ? nfa_deque_count(&step->section, queue) : 0;
        uint32_t first = n ? nfa_deque_first(&step->section, queue) : 0;
        uint32_t look = step->layout->scan_all ? n : (n ? 1 : 0);
        for (uint32_t k = 0; k < look; k++) {
            int64_t deadline = seq_deadline(nfa_deque_at(&step->section, queue, first + k));
            due = deadline < due ? deadline : due;
        }
    }
    return due;
}

void seq_set_due(seq_step *step)
{
    int64_t silence = next_silence(step);
    int64_t timeout = step->pattern->on_timeout ? seq_next_timeout(step) : NFA_NEVER;
    ((seq_root *)nfa_section_root(&step->section))->due_ms = silence < timeout ? silence : timeout;
}

/* Removes record `at` from a queue, keeping the order of the rest. */
static void remove_at(nfa_section *section, uint8_t queue, uint32_t at, size_t size)
{
    for (uint32_t first = nfa_deque_first(section, queue); at != first; at--) {
        memcpy(nfa_deque_at(section, queue, at), nfa_deque_at(section, queue, at - 1), size);
    }
    nfa_deque_pop_front(section, queue, 1);
}

static bool drop_oldest(seq_step *step)
{
    uint32_t base = nfa_deque_first(&step->section, step->layout->part_log);
    uint32_t oldest = 0;
    uint8_t queue = 0;
    if (!oldest_start(step->layout, step->pattern->n_items, &step->section, base, &oldest, &queue)) {
        return false;
    }
    uint32_t at = nfa_deque_first(&step->section, queue);
    while (*(const uint32_t *)nfa_deque_at(&step->section, queue, at) != oldest) {
        at++;
    }
    remove_at(&step->section, queue, at, step->layout->words * sizeof(uint32_t));
    ((seq_root *)nfa_section_root(&step->section))->limited = 1;
    step->engine->rule_stats[step->rule_index].attempts_dropped++;
    return true;
}

static uint32_t *only_record(const seq_step *step, const seq_item *at)
{
    return nfa_deque_at(&step->section, at->queue_open, nfa_deque_first(&step->section, at->queue_open));
}

/* The record of the only attempt, when it stands in a loop that has just taken the event at hand as one more, and has taken others in between
 * its first and this one; else NULL. */
static uint32_t *only_loop(seq_step *step, const seq_item **place)
{
    const seq_layout *layout = step->layout;
    const seq_root *root = nfa_section_root(&step->section);
    for (uint32_t i = 0; i < step->pattern->n_items; i++) {
        const seq_item *at = &layout->item[i];
        if (!at->loop || at->queue_open == 0 || nfa_deque_count(&step->section, at->queue_open) == 0) {
            continue;
        }
        uint32_t *word = only_record(step, at);
        uint32_t last = at->tracked ? word[at->word + SEQ_LOOP_LAST] : root->cum[at->cum].last;
        *place = at;
        return last == step->ord && step->ord - word[at->word] > 1 ? word : NULL;
    }
    return NULL;
}

/* A loop keeps as many events as it may: the event at hand takes the place of the one before it. The loop's first events and its newest stay,
 * and its count stays right; what lies between is forgotten. false: the event is more than one of a loop, so it must be kept. */
static bool forget_one(seq_step *step)
{
    const seq_item *at = NULL;
    uint32_t *word = only_loop(step, &at);
    if (word == NULL) {
        return false;
    }
    uint32_t place = step->ord - 1;
    seq_log_unpush(step);
    log_pop_back(step, place);
    if (!seq_log_push(step)) {
        step->no_memory = true;
        return true;
    }
    word = only_record(step, at);
    if (at->tracked) {
        uint32_t number = word[at->word + SEQ_LOOP_NODE];
        const seq_node *node = nfa_deque_at(&step->section, step->layout->part_nodes, number);
        uint32_t before = node->previous;
        seq_node *other = nfa_deque_at(&step->section, step->layout->part_nodes, before);
        if (other->event == place) {
            nfa_deque_pop_back(&step->section, step->layout->part_nodes, 1);
            word[at->word + SEQ_LOOP_NODE] = before;
        } else {
            ((seq_node *)nfa_deque_at(&step->section, step->layout->part_nodes, number))->event = place;
        }
        word[at->word + SEQ_LOOP_LAST] = place;
    }
    ((seq_root *)nfa_section_root(&step->section))->limited = 1;
    step->engine->rule_stats[step->rule_index].events_dropped++;
    return true;
}

/* Limits count live attempts, and for loops the events they keep. The oldest attempt pays; the last one stays, and its loop forgets events. */
void seq_enforce_limits(seq_step *step)
{
    const seq_layout *layout = step->layout;
    uint32_t attempts = seq_attempts(layout, step->pattern, &step->section);
    for (; attempts > step->pattern->limit_attempts && drop_oldest(step); attempts--) {
    }
    bool loops = layout->n_cums > 0 || layout->part_nodes != 0;
    for (; loops && attempts > 1 && nfa_deque_count(&step->section, layout->part_log) > step->pattern->limit_events; attempts--) {
        (void)drop_oldest(step);
        (void)seq_collect(step->engine, layout, &step->section);
    }
    if (loops && attempts == 1 && nfa_deque_count(&step->section, layout->part_log) > step->pattern->limit_events) {
        (void)forget_one(step);
    }
}
