/*
 * branch_state.c: what the record of an attempt says of its parts, and how it is changed (see branch.h). Every change is noted, so that it
 * can be undone.
 */
#include "nfa/branch.h"

#include <string.h>

/* ---- words ---- */

void branch_put(branch_step *step, uint32_t word, uint32_t value)
{
    if (step->rec[word] == value || step->seq.no_memory) {
        return;     /* without memory the record is lost, but stays what it is: a walk over half of a change could go anywhere */
    }
    if (step->n_undo == step->cap_undo) {
        uint32_t cap = step->cap_undo ? step->cap_undo * 2 : 256;
        branch_undo *grown = nfa_scratch(step->seq.engine, cap * sizeof *grown);
        if (grown == NULL) {
            step->seq.no_memory = true;
            return;
        }
        if (step->n_undo > 0) {
            memcpy(grown, step->undo, step->n_undo * sizeof *grown);
        }
        step->undo = grown;
        step->cap_undo = cap;
    }
    step->undo[step->n_undo++] = (branch_undo){.word = word, .was = step->rec[word]};
    step->rec[word] = value;
}

void branch_undo_to(branch_step *step, uint32_t mark)
{
    while (step->n_undo > mark) {
        step->n_undo--;
        step->rec[step->undo[step->n_undo].word] = step->undo[step->n_undo].was;
    }
}

static uint32_t get(const branch_step *step, uint32_t part, uint32_t word)
{
    return step->rec[step->layout->part[part].word + word];
}

static void put(branch_step *step, uint32_t part, uint32_t word, uint32_t value)
{
    branch_put(step, step->layout->part[part].word + word, value);
}

uint32_t branch_first(const branch_step *step, uint32_t part)
{
    return get(step, part, BRANCH_FIRST);
}

bool branch_begun(const branch_step *step, uint32_t part)
{
    return branch_first(step, part) != NFA_NONE;
}

bool branch_older(const branch_step *step, uint32_t a, uint32_t b)
{
    return a - step->base < b - step->base;
}

/* NFA_NONE is no event. */
static uint32_t older(const branch_step *step, uint32_t a, uint32_t b)
{
    if (a == NFA_NONE || b == NFA_NONE) {
        return a == NFA_NONE ? b : a;
    }
    return branch_older(step, b, a) ? b : a;
}

static uint32_t newer(const branch_step *step, uint32_t a, uint32_t b)
{
    if (a == NFA_NONE || b == NFA_NONE) {
        return a == NFA_NONE ? b : a;
    }
    return branch_older(step, a, b) ? b : a;
}

/* ---- asking ---- */

bool branch_round_complete(const branch_step *step, uint32_t loop)
{
    uint32_t first = branch_first(step, loop + 1);
    return first != NFA_NONE && get(step, loop, BRANCH_STATE) > 0 && !branch_older(step, get(step, loop, BRANCH_KEPT), first);
}

/* The newest event of the parts of a SEQ that stand before `end`. all: running rounds count. */
static uint32_t newest_up_to(const branch_step *step, uint32_t seq, uint32_t end, bool all);

static uint32_t newest_in(const branch_step *step, uint32_t part, bool all)
{
    const plan_part *p = &step->parts[part];
    uint32_t newest = NFA_NONE;
    if (!branch_begun(step, part)) {
        return NFA_NONE;
    }
    switch ((plan_part_kind)p->kind) {
    case PLAN_PART_STEP: case PLAN_PART_SILENCE: return branch_first(step, part);
    case PLAN_PART_SEQ: return newest_up_to(step, part, p->end, all);
    case PLAN_PART_LOOP:
        newest = get(step, part, BRANCH_STATE) > 0 ? get(step, part, BRANCH_KEPT) : NFA_NONE;
        return all ? newer(step, newest, newest_in(step, part + 1, true)) : newest;
    case PLAN_PART_OR: case PLAN_PART_SOME: break;
    }
    uint32_t won = p->kind == PLAN_PART_OR ? get(step, part, BRANCH_STATE) : NFA_NONE;
    for (uint32_t i = part + 1; i < p->end; i = step->parts[i].end) {
        bool counts = p->kind == PLAN_PART_OR ? i == won || all : all || branch_accepts(step, i);
        newest = counts ? newer(step, newest, newest_in(step, i, all)) : newest;
    }
    return newest;
}

static uint32_t newest_up_to(const branch_step *step, uint32_t seq, uint32_t end, bool all)
{
    uint32_t newest = NFA_NONE;
    for (uint32_t i = seq + 1; i < end; i = step->parts[i].end) {
        newest = newer(step, newest, newest_in(step, i, all));
    }
    return newest;
}

uint32_t branch_last(const branch_step *step, uint32_t part)
{
    return newest_in(step, part, false);
}

uint32_t branch_before(const branch_step *step, uint32_t part)
{
    for (uint32_t p = step->parts[part].parent; p != PLAN_NONE; part = p, p = step->parts[p].parent) {
        uint32_t last = NFA_NONE;
        if (step->parts[p].kind == PLAN_PART_SEQ) {
            last = newest_up_to(step, p, part, false);
        } else if (step->parts[p].kind == PLAN_PART_LOOP && get(step, p, BRANCH_STATE) > 0) {
            last = get(step, p, BRANCH_KEPT);
        }
        if (last != NFA_NONE) {
            return last;
        }
    }
    return NFA_NONE;
}

uint32_t branch_newest(const branch_step *step, uint32_t part, uint32_t around)
{
    uint32_t newest = newest_in(step, part, true);
    while (part != around) {
        uint32_t p = step->parts[part].parent;
        if (step->parts[p].kind == PLAN_PART_SEQ) {
            newest = newer(step, newest, newest_up_to(step, p, part, true));
        } else if (step->parts[p].kind == PLAN_PART_LOOP && get(step, p, BRANCH_STATE) > 0) {
            newest = newer(step, newest, get(step, p, BRANCH_KEPT));
        } else if (step->parts[p].kind == PLAN_PART_SOME) {
            for (uint32_t i = p + 1; i < step->parts[p].end; i = step->parts[i].end) {
                newest = i == part ? newest : newer(step, newest, newest_in(step, i, true));
            }
        }
        part = p;
    }
    return newest;
}

/* The first event of what is begun of a part up to `end`, its alternatives and operands together, but for one of them (PLAN_NONE: of all). */
static uint32_t first_left(const branch_step *step, uint32_t part, uint32_t end, uint32_t but)
{
    uint32_t first = NFA_NONE;
    for (uint32_t i = part + 1; i < end; i = step->parts[i].end) {
        first = i == but ? first : older(step, first, branch_first(step, i));
    }
    return first;
}

uint32_t branch_oldest(const branch_step *step, uint32_t part, uint32_t around)
{
    uint32_t oldest = branch_first(step, part);
    while (part != around) {
        uint32_t p = step->parts[part].parent;
        if (step->parts[p].kind == PLAN_PART_LOOP && get(step, p, BRANCH_STATE) > 0) {
            oldest = older(step, oldest, branch_first(step, p));
        } else if (step->parts[p].kind == PLAN_PART_SEQ) {
            oldest = older(step, oldest, first_left(step, p, part, PLAN_NONE));
        } else if (step->parts[p].kind == PLAN_PART_SOME) {
            oldest = older(step, oldest, first_left(step, p, step->parts[p].end, part));
        }
        part = p;
    }
    return oldest;
}

/* A complete operand may become incomplete again: an `any` loop that goes on counts when its round is complete. */
static bool enough_accept(const branch_step *step, uint32_t some)
{
    uint32_t n = 0;
    for (uint32_t i = some + 1; i < step->parts[some].end; i = step->parts[i].end) {
        n += branch_begun(step, i) && branch_accepts(step, i);
    }
    return n >= step->parts[some].min;
}

bool branch_accepts(const branch_step *step, uint32_t part)
{
    const plan_part *p = &step->parts[part];
    if (!branch_begun(step, part)) {
        return p->nullable;
    }
    uint32_t state = p->kind == PLAN_PART_STEP || p->kind == PLAN_PART_SILENCE ? 0 : get(step, part, BRANCH_STATE);
    switch ((plan_part_kind)p->kind) {
    case PLAN_PART_STEP: case PLAN_PART_SILENCE: return true;
    case PLAN_PART_LOOP: return state >= p->min && (!p->any || branch_round_complete(step, part));
    case PLAN_PART_SEQ: return step->layout->part[state].rest_nullable && branch_accepts(step, state);
    case PLAN_PART_OR: return state != NFA_NONE;
    case PLAN_PART_SOME: break;
    }
    return enough_accept(step, part);
}

/* ---- giving up ---- */

void branch_clear(branch_step *step, uint32_t part)
{
    const branch_part *at = &step->layout->part[part];
    for (uint32_t i = at->word; i < at->end_word; i++) {
        branch_put(step, i, step->layout->blank[i]);
    }
}

/* Pops bindings of the steps of a part that are not older than `first`. */
static void pop_bindings(branch_step *step, uint32_t part, uint32_t first)
{
    for (uint32_t i = step->parts[part].item; i < step->parts[part].end_item; i++) {
        uint32_t word = step->layout->item_word[i];
        uint32_t at = step->rec[word];
        while (at != NFA_NONE) {
            const branch_binding *binding = nfa_deque_at(&step->seq.section, step->layout->part_bindings, at);
            if (branch_older(step, binding->event, first)) {
                break;
            }
            at = binding->previous;
        }
        branch_put(step, word, at);
    }
}

void branch_discard(branch_step *step, uint32_t part)
{
    uint32_t gone = branch_first(step, part);
    if (gone == NFA_NONE) {
        return;
    }
    pop_bindings(step, part, gone);
    branch_clear(step, part);
    for (uint32_t p = step->parts[part].parent; p != PLAN_NONE && branch_first(step, p) == gone; p = step->parts[p].parent) {
        put(step, p, BRANCH_FIRST, first_left(step, p, step->parts[p].end, PLAN_NONE));
    }
}

void branch_trim(branch_step *step, uint32_t part)
{
    const plan_part *p = &step->parts[part];
    if (!branch_begun(step, part) || p->kind == PLAN_PART_STEP) {
        return;
    }
    if (p->kind == PLAN_PART_LOOP && !branch_round_complete(step, part)) {
        branch_discard(step, part + 1);
        return;
    }
    for (uint32_t i = part + 1; i < p->end; i = step->parts[i].end) {
        branch_trim(step, i);
    }
}

/* ---- taking ---- */

bool branch_bind(branch_step *step, uint32_t part)
{
    uint8_t deque = step->layout->part_bindings;
    uint32_t word = step->layout->item_word[step->parts[part].item];
    uint32_t previous = step->rec[word];
    uint32_t number = nfa_deque_first(&step->seq.section, deque) + nfa_deque_count(&step->seq.section, deque);
    branch_binding *binding = nfa_deque_push(&step->seq.section, deque);
    if (binding == NULL) {
        step->seq.no_memory = true;
        return false;
    }
    binding->previous = previous;
    binding->event = step->seq.ord;
    binding->count = 1;
    if (previous != NFA_NONE) {
        binding->count += ((const branch_binding *)nfa_deque_at(&step->seq.section, deque, previous))->count;
    }
    branch_put(step, word, number);
    put(step, part, BRANCH_FIRST, step->seq.ord);
    step->seq.used = true;
    return true;
}

/* An operand has just been completed, or has taken more. What has begun of those that are not needed goes. */
static bool some_took(branch_step *step, uint32_t some)
{
    if (!branch_accepts(step, some)) {
        return false;
    }
    for (uint32_t i = some + 1; i < step->parts[some].end; i = step->parts[i].end) {
        if (!branch_accepts(step, i)) {
            branch_discard(step, i);
        }
    }
    return true;
}

static bool loop_took(branch_step *step, uint32_t loop)
{
    if (!branch_round_complete(step, loop)) {
        put(step, loop, BRANCH_STATE, get(step, loop, BRANCH_STATE) + 1);
    }
    put(step, loop, BRANCH_KEPT, step->seq.ord);
    return get(step, loop, BRANCH_STATE) >= step->parts[loop].min;
}

/* What an `and` or a loop met when it began before says nothing of it now. */
static void forget_bar(branch_step *step, uint32_t part)
{
    uint16_t word = step->layout->part[part].own_word;
    if (word != 0) {
        branch_put(step, word, NFA_NONE);
    }
}

void branch_took(branch_step *step, uint32_t part, bool fresh)
{
    for (uint32_t p = step->parts[part].parent; p != PLAN_NONE; part = p, p = step->parts[p].parent) {
        if (step->parts[p].kind == PLAN_PART_OR && get(step, p, BRANCH_STATE) == NFA_NONE) {
            return;     /* it is decided when all alternatives have met the event */
        }
        if (!branch_begun(step, p)) {
            put(step, p, BRANCH_FIRST, step->seq.ord);
            forget_bar(step, p);
        }
        switch ((plan_part_kind)step->parts[p].kind) {
        case PLAN_PART_SEQ:
            put(step, p, BRANCH_STATE, part);
            fresh = fresh && step->layout->part[part].rest_nullable;
            break;
        case PLAN_PART_LOOP: fresh = fresh && loop_took(step, p); break;
        case PLAN_PART_SOME: fresh = fresh && some_took(step, p); break;
        case PLAN_PART_OR: case PLAN_PART_STEP: case PLAN_PART_SILENCE: break;
        }
    }
    step->complete = fresh;
}

/* ---- conditions ---- */

seq_run branch_view(branch_step *step)
{
    return (seq_run){.section = &step->seq.section, .layout = &step->layout->seq, .pattern = step->seq.pattern, .word = step->rec,
                     .open_item = PLAN_NONE, .branch = step->layout};
}

bool branch_holds(branch_step *step, uint32_t first, uint32_t n)
{
    uint64_t wanted = n == 0 ? 0 : (n >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1) << first;
    uint64_t bits = step->seq.mask & wanted;
    if ((bits & ~step->seq.each) != 0) {
        return true;
    }
    seq_run view = branch_view(step);
    nfa_env env = {.engine = step->seq.engine, .event = step->seq.event, .now_ms = step->seq.now_ms, .rule = step->seq.rule,
                   .block = step->seq.block, .run = &view};
    for (; bits != 0; bits &= bits - 1) {
        if (nfa_holds(&env, step->seq.pattern->atoms[__builtin_ctzll(bits)].rest)) {
            return true;
        }
    }
    return false;
}
