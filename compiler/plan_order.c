/*
 * plan_order.c: numbers of a plan that do not depend on the order in which declarations were checked.
 *
 * Slots, key groups and rules are numbered where the first declaration needs them. What is kept of a plan's state names some of them by number:
 * values of held events, the shard a key group lives in. So the same rules must give the same numbers, whether they were compiled together or one
 * after the other (revise.c): slots in the order of the stream's fields, groups by their hash, rules by level and name.
 */
#include "compiler/check.h"

#include <stdlib.h>
#include <string.h>

int order_rules(const void *left, const void *right)
{
    const plan_rule *a = left, *b = right;
    if (a->level != b->level)
        return a->level < b->level ? -1 : 1;
    int order = egret_str_cmp(a->name, b->name);
    return order != 0 ? order : a->instance < b->instance ? -1 : a->instance > b->instance;
}

/* ---- slots ---- */

/* moved[old slot] is the new one; NULL: they stand in order already. */
static uint32_t *order_stream(check *c, plan_stream *stream)
{
    bool ordered = true;
    for (uint32_t i = 1; i < stream->n_slots; i++)
        ordered = ordered && stream->slot_field[i - 1] < stream->slot_field[i];
    if (ordered)
        return NULL;
    uint32_t *moved = check_alloc(c, stream->n_slots * sizeof *moved), n = 0;
    for (uint32_t i = 0; i < stream->n_fields; i++) {
        plan_field *field = &stream->fields[i];
        if (field->slot == PLAN_NONE)
            continue;
        moved[field->slot] = n;
        field->slot = n;
        stream->slot_field[n++] = i;
    }
    return moved;
}

static void move_cells(uint32_t *const *moved, uint32_t n_streams, plan_cell *cells, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < n_streams && cells[i].expr == PLAN_NONE; k++)
            if (moved[k] != NULL && cells[i].slot[k] != PLAN_NONE)
                cells[i].slot[k] = moved[k][cells[i].slot[k]];
}

void order_slots(check *c)
{
    plan *p = c->plan;
    uint32_t **moved = check_alloc(c, p->n_streams * sizeof *moved);
    bool any = false;
    for (uint32_t i = 0; i < p->n_streams; i++) {
        moved[i] = order_stream(c, &p->streams[i]);
        any = any || moved[i] != NULL;
    }
    for (uint32_t i = 0; any && i < p->n_exprs; i++) {
        plan_expr *e = &p->exprs[i];
        if (e->op != PLAN_FIELD || e->b == PLAN_NONE || moved[e->b] == NULL || moved[e->b][e->a] == e->a)
            continue;
        e->a = moved[e->b][e->a];
        intern_expr_again(c, i);
    }
    for (uint32_t i = 0; any && i < p->n_guards; i++) {
        plan_guard *guard = &p->guards[i];
        if (guard->slot != PLAN_NONE && moved[guard->stream] != NULL)
            guard->slot = moved[guard->stream][guard->slot];
    }
    for (uint32_t i = 0; any && i < p->n_windows; i++)
        move_cells(moved, p->n_streams, p->windows[i].cells, p->windows[i].n_cells);
    for (uint32_t i = 0; any && i < p->n_rules; i++)
        if (p->rules[i].pattern != NULL)
            move_cells(moved, p->n_streams, p->rules[i].pattern->cells, p->rules[i].pattern->n_cells);
}

/* ---- key groups ---- */

typedef struct numbered { uint64_t hash; uint32_t was; } numbered;

static int by_hash(const void *left, const void *right)
{
    const numbered *a = left, *b = right;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return a->was < b->was ? -1 : a->was > b->was;
}

/* What is found by the number of a group is found by the new one. */
static void name_again(check *c)
{
    c->groups = (id_map){ 0 };
    c->features = (id_map){ 0 };
    for (uint32_t i = 0; i < c->plan->n_groups; i++)
        id_map_put(c, &c->groups, intern_group_hash(&c->plan->groups[i]), i);
    for (uint32_t i = 0; i < c->plan->n_features; i++)
        id_map_put(c, &c->features, intern_feature_hash(&c->plan->features[i]), i);
}

void order_groups(check *c)
{
    plan *p = c->plan;
    numbered *order = check_alloc(c, p->n_groups * sizeof *order);
    uint32_t *moved = check_alloc(c, p->n_groups * sizeof *moved);
    plan_group *were = check_alloc(c, p->n_groups * sizeof *were);
    for (uint32_t i = 0; i < p->n_groups; i++)
        order[i] = (numbered){ p->groups[i].hash, i };
    if (p->n_groups > 1)
        qsort(order, p->n_groups, sizeof *order, by_hash);
    for (uint32_t i = 0; i < p->n_groups; i++)
        were[i] = p->groups[i];
    for (uint32_t i = 0; i < p->n_groups; i++) {
        moved[order[i].was] = i;
        p->groups[i] = were[order[i].was];
    }
    for (uint32_t i = 0; i < p->n_rules; i++)
        p->rules[i].group = moved[p->rules[i].group];
    for (uint32_t i = 0; i < p->n_windows; i++)
        p->windows[i].group = moved[p->windows[i].group];
    for (uint32_t i = 0; i < p->n_profiles; i++)
        p->profiles[i].group = moved[p->profiles[i].group];
    for (uint32_t i = 0; i < p->n_features; i++)
        p->features[i].group = moved[p->features[i].group];
    name_again(c);
}
