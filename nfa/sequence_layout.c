/*
 * sequence_layout.c: decides, once per rule, how its attempts are laid out and where they can go (see sequence.h).
 */
#include "nfa/sequence.h"

static bool uses_steps(const plan *p, uint32_t expr)
{
    return expr != PLAN_NONE && (p->exprs[expr].uses & PLAN_USES_STEPS) != 0;
}

static bool any_atom_asks(const plan *p, const plan_pattern *pattern)
{
    for (uint32_t i = 0; i < pattern->n_atoms; i++) {
        if (uses_steps(p, pattern->atoms[i].rest)) {
            return true;
        }
    }
    return false;
}

static bool item_asks(const plan *p, const plan_pattern *pattern, const plan_item *item)
{
    for (uint32_t i = 0; i < item->n_atoms; i++) {
        if (uses_steps(p, pattern->atoms[item->atoms + i].rest)) {
            return true;
        }
    }
    return false;
}

static bool is_loop(const plan_item *item)
{
    return item->max > 1;
}

/* Items reachable from behind `from` (items[from] itself included), in order of preference: what may be left out gives way to what comes
 * after it, unless it is greedy. */
static uint8_t reachable(const plan_pattern *pattern, uint32_t from, uint8_t *out)
{
    uint32_t end = from;
    while (end < pattern->n_items && pattern->items[end].min == 0) {
        end++;
    }
    end = end < pattern->n_items ? end + 1 : end;
    uint8_t n = 0;
    for (uint32_t i = from; i < end; i++) {
        if (pattern->items[i].greedy && pattern->items[i].min == 0) {
            out[n++] = (uint8_t)i;
        }
    }
    for (uint32_t i = end; i-- > from;) {
        if (!pattern->items[i].greedy || pattern->items[i].min != 0) {
            out[n++] = (uint8_t)i;
        }
    }
    return n;
}

static void place_items(const plan *p, const plan_pattern *pattern, seq_layout *layout)
{
    uint32_t words = SEQ_FIRST_ITEM;
    uint32_t n = pattern->n_items;
    bool final = true;
    for (uint32_t i = n; i-- > 0;) {
        layout->item[i].final = final;
        final = final && pattern->items[i].min == 0;
    }
    for (uint32_t i = 0; i < n; i++) {
        const plan_item *item = &pattern->items[i];
        seq_item *place = &layout->item[i];
        place->word = (uint16_t)words;
        place->loop = is_loop(item);
        place->tracked = place->loop && item_asks(p, pattern, item);
        place->cum = place->loop && !place->tracked ? (uint8_t)layout->n_cums++ : 0;
        place->loop_first = place->loop && item->greedy;
        place->n_targets = reachable(pattern, i + 1, place->target);
        words += place->loop ? SEQ_LOOP_WORDS : 1;
    }
    layout->n_starts = reachable(pattern, 0, layout->start);
    layout->words = words;
    layout->end_loop = is_loop(&pattern->items[n - 1]);
}

static uint64_t atom_bits(uint32_t first, uint32_t n)
{
    return n == 0 ? 0 : (n >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1) << first;
}

static void place_masks(const plan_pattern *pattern, seq_layout *layout)
{
    layout->any_mask = atom_bits(0, pattern->n_atoms);
    for (uint32_t i = 0; i < layout->n_starts; i++) {
        const plan_item *item = &pattern->items[layout->start[i]];
        layout->start_mask |= atom_bits(item->atoms, item->n_atoms);
    }
}

/* Does some absence speak of a time, or of the very next event? Attempts of a queue are then at different points of it. */
static bool gaps_vary(const plan_pattern *pattern)
{
    for (uint32_t i = 0; i < pattern->n_items; i++) {
        if (pattern->items[i].n_timed > 0) {
            return true;
        }
    }
    return pattern->n_more_absences > 0;
}

static bool has_gaps(const plan_pattern *pattern)
{
    for (uint32_t i = 0; i < pattern->n_items; i++) {
        if (pattern->items[i].n_nots + pattern->items[i].n_timed > 0) {
            return true;
        }
    }
    return pattern->absence != PLAN_ABSENCE_NONE;
}

static bool absence_varies(const plan *p, const plan_pattern *pattern, const seq_layout *layout)
{
    if (pattern->absence == PLAN_ABSENCE_NONE) {
        return false;
    }
    bool constant = pattern->absence == PLAN_ABSENCE_TO_END || p->exprs[pattern->absence_for].op == PLAN_CONST;
    for (uint32_t i = 0; i < pattern->n_items; i++) {
        if (layout->item[i].final && layout->item[i].loop) {
            return true;
        }
    }
    return !constant;
}

/* An item that may be left out gives attempts several ways: with different bounds an older one may have to wait while a younger one goes, and
 * one that waited may arrive behind a younger one that began further on. Queues are then not in order, so all attempts are looked at. */
static bool ways_differ(const plan_pattern *pattern)
{
    for (uint32_t i = 0; i < pattern->n_items; i++) {
        if (pattern->items[i].min == 0) {
            return true;
        }
    }
    return false;
}

/* A loop that has taken enough outlives its own `within`, one that has not does not: older attempts need not run out first. */
static bool timeouts_vary(const plan_pattern *pattern)
{
    for (uint32_t i = 0; pattern->on_timeout && i < pattern->n_items; i++) {
        if (pattern->items[i].min > 1 && pattern->items[i].own_within_ms != PLAN_FOREVER) {
            return true;
        }
    }
    return false;
}

static bool has_strings(const plan_pattern *pattern)
{
    for (uint32_t i = 0; i < pattern->n_cells; i++) {
        if (pattern->cells[i].type == EGRET_STRING) {
            return true;
        }
    }
    return false;
}

static uint8_t add_part(nfa_section_def *def, nfa_part_kind kind, size_t rec_size)
{
    def->part[def->n_parts] = (nfa_part_def){.kind = (uint8_t)kind, .rec_size = (uint16_t)rec_size};
    return def->n_parts++;
}

static void place_parts(const plan_pattern *pattern, seq_layout *layout)
{
    nfa_section_def *def = &layout->def;
    size_t record = sizeof(seq_event) + pattern->n_cells * 9u + layout->n_cums * 4u + 7;
    layout->event_size = (uint16_t)(record / 8 * 8);
    layout->part_log = add_part(def, NFA_DEQUE, layout->event_size);
    bool tracked = false;
    bool judged = layout->end_loop && pattern->when != PLAN_NONE;
    bool absence = pattern->absence != PLAN_ABSENCE_NONE;
    for (uint32_t i = 0; i < pattern->n_items; i++) {
        seq_item *place = &layout->item[i];
        const plan_item *item = &pattern->items[i];
        bool done_at_once = place->final && !absence && !judged && (!place->loop || item->min <= 1);
        if (!done_at_once) {
            place->queue_open = add_part(def, NFA_DEQUE, layout->words * sizeof(uint32_t));
        }
        if (place->loop && (place->n_targets > 0 || absence)) {
            place->queue_closed = add_part(def, NFA_DEQUE, layout->words * sizeof(uint32_t));
        }
        tracked = tracked || place->tracked;
    }
    layout->at_once = def->n_parts == 1 && !pattern->contiguous && pattern->idle_ms == PLAN_FOREVER;
    /* A new section is made for an attempt that begins: its event and its place in the first queue are needed at once. */
    def->ready = 1u << layout->part_log | (layout->item[0].queue_open != 0 ? 1u << layout->item[0].queue_open : 0);
    layout->part_bytes = has_strings(pattern) ? add_part(def, NFA_BYTES, 1) : 0;
    layout->part_nodes = tracked ? add_part(def, NFA_DEQUE, sizeof(seq_node)) : 0;
    size_t root = sizeof(seq_root) + layout->n_cums * sizeof(seq_cum) + (pattern->idle_ms != PLAN_FOREVER ? sizeof(int64_t) : 0);
    def->root_size = (uint16_t)((root + 7) / 8 * 8);
}

bool seq_layout_make(nfa_engine *engine, uint32_t rule, seq_layout *layout, uint32_t id)
{
    const plan *p = engine->plan;
    const plan_pattern *pattern = p->rules[rule].pattern;
    layout->def.id = id;
    place_items(p, pattern, layout);
    place_masks(pattern, layout);
    layout->scan_all = any_atom_asks(p, pattern) || (layout->end_loop && pattern->when != PLAN_NONE)
        || absence_varies(p, pattern, layout) || ways_differ(pattern) || timeouts_vary(pattern)
        || gaps_vary(pattern);
    if (layout->scan_all && has_gaps(pattern)) {
        layout->barred_word = (uint16_t)layout->words++;
    }
    place_parts(pattern, layout);
    return true;
}
