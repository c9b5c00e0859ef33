/*
 * looks.c: see looks.h. The walk goes over the same expressions as those that make up the hashes of definitions (compiler/plan_hash.c): a new place
 * for an expression must be added there anyway, and here.
 */
#include "nfa/looks.h"

static void walk(const nfa_looks *t, uint32_t number)
{
    const plan *p = t->plan;
    if (number == PLAN_NONE || (p->exprs[number].uses & PLAN_USES_KEY_STATE) == 0)
        return;
    const plan_expr *e = &p->exprs[number];
    switch ((int)e->op) {
    case PLAN_PROFILE: t->see(t->user, NFA_LOOK_PROFILE, e->a); break;
    case PLAN_PREV: case PLAN_NEW: t->see(t->user, NFA_LOOK_FEATURE, e->a); break;
    case PLAN_PROFILE_OF:
        t->see(t->user, NFA_LOOK_PROFILE, e->a);
        t->see(t->user, NFA_LOOK_OTHER_KEY, 0);
        break;
    case PLAN_OPEN:
        t->see(t->user, NFA_LOOK_OPEN, e->a);
        if (e->b != 0)
            t->see(t->user, NFA_LOOK_OTHER_KEY, 0);
        break;
    default: break;
    }
    for (uint32_t i = 0; i < e->n_args; i++)
        walk(t, p->args[e->args + i]);
}

static void walk_pairs(const nfa_looks *t, const plan_pair *pairs, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        walk(t, pairs[i].expr);
}

static void look_at_stream(const nfa_looks *t, uint32_t stream)
{
    if (t->plan->streams[stream].of_rules)
        t->see(t->user, NFA_LOOK_TOLD, stream);
}

static void walk_atoms(const nfa_looks *t, const plan_atom *atoms, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        walk(t, atoms[i].rest);
        look_at_stream(t, atoms[i].stream);
    }
}

static void walk_nots(const nfa_looks *t, const plan_not *nots, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        walk(t, nots[i].for_time);
}

static void walk_window(const nfa_looks *t, const plan_window *w)
{
    walk_atoms(t, w->atoms, w->n_atoms);
    for (uint32_t i = 0; i < w->n_args; i++)
        for (uint32_t k = 0; k < w->n_atoms; k++) {
            walk(t, w->args[i].atom_value[k]);
            walk(t, w->args[i].atom_where[k]);
        }
}

static void walk_pattern(const nfa_looks *t, const plan_pattern *p)
{
    walk_atoms(t, p->atoms, p->n_atoms);
    for (uint32_t i = 0; i < p->n_items; i++)
        walk_nots(t, p->items[i].timed, p->items[i].n_timed);
    walk_nots(t, p->more_absences, p->n_more_absences);
    for (uint32_t i = 0; i < p->n_cells; i++)
        walk(t, p->cells[i].expr);
    for (uint32_t i = 0; i < p->n_step_aggs; i++) {
        walk(t, p->step_aggs[i].value);
        walk(t, p->step_aggs[i].where);
    }
    for (uint32_t i = 0; i < p->n_silences; i++)
        t->see(t->user, NFA_LOOK_FEATURE, p->silences[i]);
    for (uint32_t i = 0; i < p->n_spans; i++)
        walk(t, p->spans[i]);
    walk(t, p->absence_for);
    walk(t, p->when);
}

void nfa_looks_of_rule(const nfa_looks *t, uint32_t number)
{
    const plan_rule *r = &t->plan->rules[number];
    if (r->kind == PLAN_SEQUENCE) {
        walk_pattern(t, r->pattern);
    } else {
        walk_window(t, &t->plan->windows[r->threshold.window]);
        walk(t, r->threshold.when);
    }
    walk_atoms(t, r->atoms, r->n_atoms);
    walk_pairs(t, r->lets, r->n_lets);
    walk_pairs(t, r->fields, r->n_fields);
    walk_pairs(t, r->timeout, r->n_timeout);
    const uint32_t single[] = {r->severity, r->throttle_per, r->except, r->active, r->resolve_when};
    for (size_t i = 0; i < sizeof single / sizeof single[0]; i++)
        walk(t, single[i]);
}

void nfa_looks_of_profile(const nfa_looks *t, uint32_t number)
{
    const plan_profile *profile = &t->plan->profiles[number];
    walk_window(t, &t->plan->windows[profile->window]);
    for (uint32_t i = 0; i < profile->n_members; i++)
        walk(t, profile->member[i]);
}

void nfa_looks_of_feature(const nfa_looks *t, uint32_t number)
{
    const plan_feature *feature = &t->plan->features[number];
    walk(t, feature->value);
    if (feature->kind == PLAN_FEATURE_SEEN)
        walk_atoms(t, &feature->atom, 1);
    look_at_stream(t, feature->stream);
}

void nfa_looks_of_group(const nfa_looks *t, uint32_t number)
{
    const plan_group *group = &t->plan->groups[number];
    for (uint32_t i = 0; i < t->plan->n_streams * group->n_parts; i++)
        walk(t, group->key_expr[i]);
}
