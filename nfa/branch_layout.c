/*
 * branch_layout.c: decides, once per rule, what the records of its attempts look like (see branch.h).
 */
#include "nfa/branch.h"

#include <string.h>

static uint64_t atom_bits(uint32_t first, uint32_t n)
{
    return n == 0 ? 0 : (n >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1) << first;
}

/* Words of what bars a part stand behind all others: a round that begins anew clears its parts, but not what came before it. */
static uint32_t place_bars(const plan_pattern *pattern, branch_layout *layout, uint32_t word)
{
    for (uint32_t i = 0; i < pattern->n_parts; i++) {
        const plan_part *part = &pattern->parts[i];
        bool silence = part->kind == PLAN_PART_SILENCE;
        bool own = part->n_during > 0 || part->n_until > 0;
        layout->part[i].gap_word = part->n_nots > 0 || part->n_timed > 0 ? (uint16_t)word++ : 0;
        layout->part[i].own_word = own ? (uint16_t)word++ : 0;
        layout->has_bars = layout->has_bars || own || layout->part[i].gap_word != 0;
        layout->has_due = layout->has_due || silence;
    }
    layout->has_bars = layout->has_bars || pattern->absence != PLAN_ABSENCE_NONE;
    layout->has_due = layout->has_due || pattern->absence != PLAN_ABSENCE_NONE || pattern->on_timeout;
    return word;
}

/* Words in order of the parts, so that those below a part stand behind its own. */
static void place_parts(const plan_pattern *pattern, branch_layout *layout)
{
    uint32_t word = BRANCH_FIRST_WORD;
    for (uint32_t i = 0; i < pattern->n_parts; i++) {
        const plan_part *part = &pattern->parts[i];
        bool leaf = part->kind == PLAN_PART_STEP || part->kind == PLAN_PART_SILENCE;
        layout->part[i].word = (uint16_t)word;
        word += leaf ? 1 : BRANCH_PART_WORDS;
        if (part->kind == PLAN_PART_STEP) {
            const plan_item *item = &pattern->items[part->item];
            layout->part[i].mask = atom_bits(item->atoms, item->n_atoms);
        }
    }
    for (uint32_t i = pattern->n_parts; i-- > 0;) {
        const plan_part *part = &pattern->parts[i];
        layout->part[i].end_word = part->end < pattern->n_parts ? layout->part[part->end].word : (uint16_t)word;
        bool in_seq = part->parent != PLAN_NONE && pattern->parts[part->parent].kind == PLAN_PART_SEQ;
        uint32_t next = part->end;
        layout->part[i].rest_nullable = !in_seq || next == pattern->parts[part->parent].end
            || (pattern->parts[next].nullable && layout->part[next].rest_nullable);
    }
    for (uint32_t i = 0; i < pattern->n_items; i++) {
        layout->item_word[i] = (uint16_t)word++;
    }
    layout->n_parts = pattern->n_parts;
    layout->words = place_bars(pattern, layout, word);
}

static bool make_blank(nfa_engine *engine, const plan_pattern *pattern, branch_layout *layout)
{
    layout->blank = egret_arena_alloc(&engine->keep, layout->words * sizeof *layout->blank);
    if (layout->blank == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < layout->words; i++) {
        layout->blank[i] = NFA_NONE;
    }
    int64_t never = NFA_NEVER;
    memcpy(layout->blank + BRANCH_DEADLINE, &never, sizeof never);
    for (uint32_t i = 0; i < pattern->n_parts; i++) {
        if (pattern->parts[i].kind == PLAN_PART_LOOP || pattern->parts[i].kind == PLAN_PART_SOME) {
            layout->blank[layout->part[i].word + BRANCH_STATE] = 0;
        }
    }
    return true;
}

/* Steps that may take the first event of a part. */
static uint64_t first_mask(const plan_pattern *pattern, const branch_layout *layout, uint32_t part)
{
    const plan_part *p = &pattern->parts[part];
    uint64_t mask = layout->part[part].mask;
    for (uint32_t i = part + 1; i < p->end; i = pattern->parts[i].end) {
        mask |= first_mask(pattern, layout, i);
        if (p->kind == PLAN_PART_SEQ && !pattern->parts[i].nullable) {
            break;
        }
    }
    return mask;
}

/* May a loop stand at the end of the part? */
static bool ends_in_loop(const plan_pattern *pattern, uint32_t part)
{
    const plan_part *p = &pattern->parts[part];
    bool ends = p->kind == PLAN_PART_LOOP && p->max > 1;
    for (uint32_t i = part + 1; !ends && i < p->end; i = pattern->parts[i].end) {
        bool last = p->kind != PLAN_PART_SEQ || pattern->parts[i].end == p->end;
        ends = last && ends_in_loop(pattern, i);
    }
    return ends;
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

bool branch_layout_make(nfa_engine *engine, uint32_t rule, branch_layout *layout, uint32_t id)
{
    const plan_pattern *pattern = engine->plan->rules[rule].pattern;
    nfa_section_def *def = &layout->seq.def;
    place_parts(pattern, layout);
    layout->seq.start_mask = first_mask(pattern, layout, 0);
    layout->seq.any_mask = atom_bits(0, pattern->n_atoms);
    layout->ends_in_loop = ends_in_loop(pattern, 0);
    def->id = id;
    size_t record = sizeof(seq_event) + pattern->n_cells * 9u + 7;
    layout->seq.event_size = (uint16_t)(record / 8 * 8);
    layout->seq.part_log = add_part(def, NFA_DEQUE, layout->seq.event_size);
    layout->part_attempts = add_part(def, NFA_DEQUE, layout->words * sizeof(uint32_t));
    layout->part_bindings = add_part(def, NFA_DEQUE, sizeof(branch_binding));
    def->ready = 7;     /* a section is made for an attempt that begins: it needs one of each at once */
    layout->seq.part_bytes = has_strings(pattern) ? add_part(def, NFA_BYTES, 1) : 0;
    size_t root = sizeof(seq_root) + (pattern->idle_ms != PLAN_FOREVER ? sizeof(int64_t) : 0);
    def->root_size = (uint16_t)((root + 7) / 8 * 8);
    return make_blank(engine, pattern, layout);
}
