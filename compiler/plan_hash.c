/*
 * plan_hash.c: hashes of definitions: what a section of state is named by, so that replaced rules find the state whose definition is the
 * same.
 *
 * A hash is made of meanings, never of numbers: a slot becomes the name of a field, a list its name, a step its place. So it does not
 * change when other rules come and go. What only shapes the alert (text, severity, sinks, throttle) goes into the rule's own hash alone.
 * Two rules may have patterns with equal hashes; hashes are no keys within one plan.
 */
#include "compiler/check.h"

#include <string.h>

/* What the numbers inside an expression refer to. */
typedef struct hash_ctx {
    const plan *plan;
    uint32_t stream;                /* FIELD */
    const plan_pattern *pattern;    /* STEP_…, CELL */
    const plan_window *window;      /* AGG, LAST */
} hash_ctx;

static uint64_t hash_tree(const hash_ctx *h, uint32_t expr);

static uint64_t hash_const(egret_value v)
{
    uint64_t bits = 0;
    if (v.type == EGRET_STRING)
        return hash_str(v.type, (egret_str){ v.u.s, v.len });
    memcpy(&bits, &v.u, sizeof bits);
    return hash_mix((uint64_t)v.type << 8 | v.scale, bits);
}

static uint64_t hash_field(const hash_ctx *h, uint32_t slot)
{
    if (h->stream == PLAN_NONE || slot >= h->plan->streams[h->stream].n_slots)
        return slot;
    const plan_stream *s = &h->plan->streams[h->stream];
    return hash_str(hash_str(0, s->name), s->fields[s->slot_field[slot]].name);
}

static uint64_t hash_step_agg(const hash_ctx *h, uint32_t agg)
{
    if (h->pattern == NULL)
        return agg;
    const plan_step_agg *a = &h->pattern->step_aggs[agg];
    uint64_t hash = hash_mix(a->fn, a->item);
    hash = hash_mix(hash, a->value == PLAN_NONE ? 0 : hash_tree(h, a->value));
    hash = hash_mix(hash, a->where == PLAN_NONE ? 0 : hash_tree(h, a->where));
    return a->param == 0 ? hash : hash_mix(hash, (uint64_t)a->param);
}

static uint64_t hash_over(plan_over over)
{
    uint64_t hash = hash_mix((uint64_t)over.kind, (uint64_t)over.size_ms);
    hash = over.every_ms == 0 ? hash : hash_mix(hash, (uint64_t)over.every_ms);
    return over.last == 0 ? hash : hash_mix(hash, over.last);
}

static uint64_t hash_zone(const plan *p, uint64_t hash, uint32_t zone)
{
    return zone == PLAN_NONE ? hash : hash_str(hash, p->zones[zone].name);
}

static uint64_t hash_agg(const hash_ctx *h, uint32_t agg)
{
    if (h->window == NULL)
        return agg;
    const plan_agg *a = &h->window->aggs[agg];
    const plan_arg *arg = &h->window->args[a->arg];
    uint64_t hash = hash_mix(hash_mix(a->fn, arg->atoms), hash_over(a->over));
    hash = hash_zone(h->plan, a->param == 0 ? hash : hash_mix(hash, (uint64_t)a->param), a->over.zone);
    for (uint32_t i = 0; i < h->window->n_atoms; i++) {
        hash_ctx at = { .plan = h->plan, .stream = h->window->atoms[i].stream };
        hash = hash_mix(hash, arg->atom_value[i] == PLAN_NONE ? 0 : hash_tree(&at, arg->atom_value[i]));
        hash = hash_mix(hash, arg->atom_where[i] == PLAN_NONE ? 0 : hash_tree(&at, arg->atom_where[i]));
    }
    return hash;
}

static uint64_t hash_set(const plan_set *set)
{
    uint64_t hash = set->n_items;
    for (uint32_t i = 0; i < set->n_items; i++)
        hash = hash_mix(hash, hash_const(set->items[i]));
    return hash;
}

static uint64_t hash_cell(const hash_ctx *h, uint32_t cell)
{
    const plan_cell *cells = h->pattern != NULL ? h->pattern->cells : h->window != NULL ? h->window->cells : NULL;
    return cells == NULL ? cell : hash_str(cells[cell].type, cells[cell].name);
}

static uint64_t hash_calendar(const plan *p, const plan_calendar *calendar)
{
    uint64_t hash = calendar->n_hours;
    for (uint32_t i = 0; i < calendar->n_hours; i++) {
        const plan_hours *h = &calendar->hours[i];
        hash = hash_mix(hash_mix(hash, (uint64_t)h->first_day), (uint64_t)h->last_day);
        hash = hash_mix(hash, (uint64_t)h->from_ms << 32 | h->to_ms);
        hash = hash_str(hash_mix(hash, (uint64_t)h->weekdays << 1 | h->negated), p->zones[h->zone].name);
    }
    return hash;
}

/* What a and b of an expression mean. */
static uint64_t hash_own(const hash_ctx *h, const plan_expr *e)
{
    const plan *p = h->plan;
    switch ((int)e->op) {
    case PLAN_CONST: return hash_const(p->consts[e->a]);
    case PLAN_FIELD: return hash_field(h, e->a);
    case PLAN_CELL:
    case PLAN_LAST: return hash_cell(h, e->a);
    case PLAN_STEP_FIELD: return hash_mix(e->a, hash_cell(h, e->b));
    case PLAN_STEP_AGG: return hash_step_agg(h, e->a);
    case PLAN_AGG: return hash_agg(h, e->b);
    case PLAN_PROFILE_OF:
    case PLAN_PROFILE: return hash_str(hash_str(p->windows[p->profiles[e->a].window].hash, p->profiles[e->a].name),
                                       p->profiles[e->a].member_name[e->b]);
    case PLAN_PREV:
    case PLAN_NEW: return p->features[e->a].hash;
    case PLAN_OPEN: return hash_str(hash_mix(p->rules[e->a].instance, e->b), p->rules[e->a].name);
    case PLAN_TABLE: return hash_str(hash_str(0, p->tables[e->a].name), p->tables[e->a].columns[e->b].name);
    case PLAN_LOCAL: return e->a == PLAN_NONE ? 1 : hash_str(0, p->zones[e->a].name);
    case PLAN_IN_CALENDAR: return hash_calendar(p, &p->calendars[e->a]);
    case PLAN_IN_LIST: return hash_str(0, p->lists[e->a].name);
    case PLAN_IN_SET: return hash_set(&p->sets[e->a]);
    case PLAN_MATCHES: return hash_str(0, p->regexes[e->a].pattern);
    case PLAN_CALL: return hash_str(0, (egret_str){ egret_functions[e->a].name, (uint32_t)strlen(egret_functions[e->a].name) });
    default: return hash_mix(e->a, e->b);
    }
}

static uint64_t hash_tree(const hash_ctx *h, uint32_t expr)
{
    if (expr == PLAN_NONE)
        return 0;
    const plan_expr *e = &h->plan->exprs[expr];
    uint64_t hash = hash_mix((uint64_t)e->op << 8 | e->type, hash_own(h, e));
    /* The order of conjuncts in a guard depends on which rule named them first: it does not count. */
    bool any_order = e->op == PLAN_AND || e->op == PLAN_OR;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < e->n_args; i++) {
        uint64_t arg = hash_tree(h, h->plan->args[e->args + i]);
        if (any_order)
            sum += hash_mix(1, arg);
        else
            hash = hash_mix(hash, arg);
    }
    return any_order ? hash_mix(hash, sum) : hash;
}

/* ---- groups, features ---- */

static uint64_t hash_group(const plan *p, const plan_group *group)
{
    uint64_t hash = group->table == PLAN_NONE ? 0 : hash_str(1, p->tables[group->table].name);
    for (uint32_t k = 0; k < group->n_parts; k++)
        hash = hash_str(hash_mix(hash, group->part_type[k]), group->part_name[k]);
    for (uint32_t i = 0; i < p->n_streams; i++) {
        hash_ctx h = { .plan = p, .stream = i };
        for (uint32_t k = 0; k < group->n_parts; k++) {
            uint32_t expr = group->key_expr[i * group->n_parts + k];
            /* The plain field of the part's name says nothing that the name did not. */
            if (expr == PLAN_NONE || (p->exprs[expr].op == PLAN_FIELD
                                      && egret_str_eq(p->streams[i].fields[p->streams[i].slot_field[p->exprs[expr].a]].name, group->part_name[k])))
                continue;
            hash = hash_mix(hash_str(hash, p->streams[i].name), hash_tree(&h, expr));
        }
    }
    return hash;
}

/* ---- atoms, windows, patterns ---- */

static uint64_t hash_atoms(const plan *p, const plan_pattern *pattern, const plan_atom *atoms, uint32_t n)
{
    uint64_t hash = n;
    for (uint32_t i = 0; i < n; i++) {
        hash_ctx h = { .plan = p, .stream = atoms[i].stream, .pattern = pattern };
        hash = hash_str(hash_str(hash, atoms[i].label), p->streams[atoms[i].stream].name);
        hash = hash_mix(hash, hash_tree(&h, p->guards[atoms[i].guard].expr));
        hash = hash_mix(hash, hash_tree(&h, atoms[i].rest));
    }
    return hash;
}

static uint64_t hash_feature(const plan *p, const plan_feature *f)
{
    hash_ctx h = { .plan = p, .stream = f->stream };
    uint64_t hash = hash_mix((uint64_t)f->kind, p->groups[f->group].hash);
    if (f->kind == PLAN_FEATURE_SEEN)
        return hash_mix(hash_mix(hash, hash_atoms(p, NULL, &f->atom, 1)), (uint64_t)f->over_ms);
    return hash_mix(hash_mix(hash, hash_tree(&h, f->value)), (uint64_t)f->over_ms);
}

static uint64_t hash_window(const plan *p, const plan_window *w)
{
    hash_ctx h = { .plan = p, .stream = PLAN_NONE, .window = w };
    uint64_t hash = hash_mix(p->groups[w->group].hash, hash_atoms(p, NULL, w->atoms, w->n_atoms));
    for (uint32_t i = 0; i < w->n_aggs; i++)
        hash = hash_mix(hash, hash_agg(&h, i));
    for (uint32_t i = 0; i < w->n_cells; i++)
        hash = hash_str(hash_mix(hash, w->cells[i].type), w->cells[i].name);
    return hash_mix(hash, w->limit_values);
}

static uint64_t hash_nots(const hash_ctx *h, uint64_t hash, const plan_not *nots, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const uint64_t parts[] = { nots[i].kind, nots[i].atoms, nots[i].n_atoms, hash_tree(h, nots[i].for_time) };
        for (size_t k = 0; k < sizeof parts / sizeof parts[0]; k++)
            hash = hash_mix(hash, parts[k]);
    }
    return hash;
}

static uint64_t hash_item(const hash_ctx *h, uint64_t hash, const plan_item *item)
{
    const uint64_t parts[] = { item->atoms, item->n_atoms, item->min, item->max, item->strict, item->greedy, (uint64_t)item->own_within_ms,
                               item->link, (uint64_t)item->link_within_ms, item->nots, item->n_nots };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        hash = hash_mix(hash, parts[i]);
    hash = item->n_until == 0 ? hash : hash_mix(hash_mix(hash, item->until), item->n_until);
    return hash_str(hash_nots(h, hash, item->timed, item->n_timed), item->name);
}

static uint64_t hash_part(const hash_ctx *h, uint64_t hash, const plan_part *part)
{
    const uint64_t parts[] = { part->kind, part->end, part->strict, part->greedy, part->any, part->every, part->link, (uint64_t)part->link_within_ms,
                               part->min, part->max, (uint64_t)part->within_ms, part->n_nots, part->n_during, 0 };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        hash = hash_mix(hash, parts[i]);
    hash = part->n_until == 0 ? hash : hash_mix(hash_mix(hash, part->until), part->n_until);
    hash = part->silence_for == PLAN_NONE ? hash : hash_mix(hash, hash_tree(h, part->silence_for));
    return hash_nots(h, hash, part->timed, part->n_timed);
}

static uint64_t hash_pattern(const plan *p, const plan_pattern *pattern, uint64_t group_hash)
{
    hash_ctx h = { .plan = p, .stream = PLAN_NONE, .pattern = pattern };
    uint64_t hash = hash_mix(group_hash, hash_atoms(p, pattern, pattern->atoms, pattern->n_atoms));
    for (uint32_t i = 0; i < pattern->n_items; i++)
        hash = hash_item(&h, hash, &pattern->items[i]);
    for (uint32_t i = 0; i < pattern->n_unless; i++)
        hash = hash_mix(hash_mix(hash, pattern->unless[i].n_atoms), pattern->unless[i].after_item);
    for (uint32_t i = 0; i < pattern->n_cells; i++)
        hash = hash_str(hash_mix(hash, pattern->cells[i].type), pattern->cells[i].name);
    for (uint32_t i = 0; i < pattern->n_cells; i++)
        hash = pattern->cells[i].expr == PLAN_NONE ? hash : hash_mix(hash, hash_tree(&h, pattern->cells[i].expr));
    for (uint32_t i = 0; i < pattern->n_step_aggs; i++)
        hash = hash_mix(hash, hash_step_agg(&h, i));
    for (uint32_t i = 0; i < pattern->n_silences; i++)
        hash = hash_mix(hash, hash_feature(p, &p->features[pattern->silences[i]]));
    const uint64_t parts[] = { (uint64_t)pattern->within_ms, pattern->absence, pattern->n_absence_atoms, hash_tree(&h, pattern->absence_for),
                               hash_tree(&h, pattern->when), pattern->skip, pattern->skip_item, pattern->limit_attempts, pattern->limit_events };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        hash = hash_mix(hash, parts[i]);
    hash = hash_nots(&h, hash, pattern->more_absences, pattern->n_more_absences);
    /* What a rule does not use leaves its hash, and so the ids of its alerts, as they were before there was such a thing. */
    for (uint32_t i = 0; i < pattern->n_spans; i++)
        hash = hash_mix(hash, hash_tree(&h, pattern->spans[i]));
    if (pattern->silence_ms < 0)
        hash = hash_mix(hash, (uint64_t)pattern->silence_ms);
    if (pattern->idle_ms != PLAN_FOREVER)
        hash = hash_mix(hash, (uint64_t)pattern->idle_ms);
    for (uint32_t i = 0; i < pattern->n_parts; i++)
        hash = hash_part(&h, hash, &pattern->parts[i]);
    return hash;
}

/* ---- what of a pattern is the same ---- */

/* An item with what it asks of events, and of those on the way to it. */
static uint64_t hash_step(const plan *p, const plan_pattern *pattern, const plan_item *item)
{
    hash_ctx h = { .plan = p, .stream = PLAN_NONE, .pattern = pattern };
    uint64_t hash = hash_mix(hash_item(&h, 0, item), hash_atoms(p, pattern, pattern->atoms + item->atoms, item->n_atoms));
    hash = hash_mix(hash, hash_atoms(p, pattern, pattern->atoms + item->nots, item->n_nots));
    hash = hash_mix(hash, hash_atoms(p, pattern, pattern->atoms + item->until, item->n_until));
    for (uint32_t i = 0; i < item->n_timed; i++)
        hash = hash_mix(hash, hash_atoms(p, pattern, pattern->atoms + item->timed[i].atoms, item->timed[i].n_atoms));
    return hash;
}

static uint64_t hash_frame(const plan *p, const plan_pattern *pattern, uint64_t group_hash)
{
    hash_ctx h = { .plan = p, .stream = PLAN_NONE, .pattern = pattern };
    uint64_t hash = group_hash;
    for (uint32_t i = 0; i < pattern->n_unless; i++)
        hash = hash_mix(hash_mix(hash, hash_atoms(p, pattern, pattern->atoms + pattern->unless[i].atoms, pattern->unless[i].n_atoms)),
                        pattern->unless[i].after_item);
    for (uint32_t i = 0; i < pattern->n_cells; i++)
        hash = hash_mix(hash_str(hash_mix(hash, pattern->cells[i].type), pattern->cells[i].name),
                        pattern->cells[i].expr == PLAN_NONE ? 0 : hash_tree(&h, pattern->cells[i].expr));
    for (uint32_t i = 0; i < pattern->n_step_aggs; i++)
        hash = hash_mix(hash, hash_step_agg(&h, i));
    for (uint32_t i = 0; i < pattern->n_silences; i++)
        hash = hash_mix(hash, hash_feature(p, &p->features[pattern->silences[i]]));
    for (uint32_t i = 0; i < pattern->n_spans; i++)
        hash = hash_mix(hash, hash_tree(&h, pattern->spans[i]));
    const uint64_t parts[] = { (uint64_t)pattern->within_ms, (uint64_t)pattern->idle_ms, (uint64_t)pattern->silence_ms, pattern->on_timeout,
                               pattern->contiguous, pattern->n_parts, pattern->n_items };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        hash = hash_mix(hash, parts[i]);
    return hash;
}

static void hash_pieces(check *c, plan_pattern *pattern, uint64_t group_hash)
{
    pattern->item_hash = check_alloc(c, (pattern->n_items + 1) * sizeof *pattern->item_hash);
    for (uint32_t i = 0; i < pattern->n_items; i++)
        pattern->item_hash[i] = hash_step(c->plan, pattern, &pattern->items[i]);
    pattern->frame_hash = hash_frame(c->plan, pattern, group_hash);
}

/* ---- rules ---- */

static uint64_t hash_pairs(const hash_ctx *h, uint64_t hash, const plan_pair *pairs, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        hash = hash_mix(hash_str(hash, pairs[i].name), hash_tree(h, pairs[i].expr));
    return hash;
}

static uint64_t hash_rule(const plan *p, const plan_rule *r)
{
    bool sequence = r->kind == PLAN_SEQUENCE;
    const plan_window *window = sequence ? NULL : &p->windows[r->threshold.window];
    hash_ctx h = { .plan = p, .stream = PLAN_NONE, .pattern = sequence ? r->pattern : NULL, .window = window };
    uint64_t hash = hash_mix(r->name_hash, sequence ? r->pattern->hash : window->hash);
    hash = hash_pairs(&h, hash_pairs(&h, hash_str(hash, r->text), r->lets, r->n_lets), r->fields, r->n_fields);
    for (uint32_t i = 0; i < r->n_tags; i++)
        hash = hash_str(hash, r->tags[i]);
    for (uint32_t i = 0; i < r->n_sinks; i++)
        hash = hash_str(hash, p->sinks[r->sinks[i]].name);
    hash = hash_mix(hash, hash_atoms(p, NULL, r->atoms, r->n_atoms));
    uint32_t when = sequence ? PLAN_NONE : r->threshold.when;
    plan_rung first = r->n_rungs != 0 ? r->rungs[0] : (plan_rung){ .within_ms = PLAN_FOREVER };
    const uint64_t parts[] = { hash_tree(&h, r->severity), (uint64_t)r->throttle_ms, hash_tree(&h, r->except), r->mode, r->resolves,
                               r->n_resolve_on, hash_tree(&h, r->resolve_when), (uint64_t)r->resolve_for_ms, r->n_rungs != 0, first.n_on,
                               first.to, (uint64_t)first.within_ms, r->evidence_cap, hash_tree(&h, when),
                               (uint64_t)r->threshold.for_ms, r->threshold.kind, (uint64_t)r->threshold.size_ms };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        hash = hash_mix(hash, parts[i]);
    if (sequence && r->pattern->on_timeout)
        hash = hash_pairs(&h, hash_mix(hash, r->only_timeouts), r->timeout, r->n_timeout);
    if (!sequence) {
        hash = hash_zone(p, r->threshold.every_ms == 0 ? hash : hash_mix(hash, (uint64_t)r->threshold.every_ms), r->threshold.zone);
        hash = r->threshold.early ? hash_mix(hash, 1) : hash;
    }
    hash = sequence || r->threshold.for_time == PLAN_NONE ? hash : hash_mix(hash, hash_tree(&h, r->threshold.for_time));
    hash = r->resolve_for == PLAN_NONE ? hash : hash_mix(hash, hash_tree(&h, r->resolve_for));
    hash = r->active == PLAN_NONE ? hash : hash_mix(hash, hash_tree(&h, r->active));
    hash = r->signals ? hash_mix(hash, 1) : hash;
    for (uint32_t i = 1; i < r->n_rungs; i++)
        hash = hash_mix(hash_mix(hash_mix(hash, r->rungs[i].n_on), r->rungs[i].to), (uint64_t)r->rungs[i].within_ms);
    hash = r->throttle_per == PLAN_NONE ? hash : hash_mix(hash, hash_tree(&h, r->throttle_per));
    hash = r->warm_up_ms == 0 ? hash : hash_mix(hash, (uint64_t)r->warm_up_ms);
    return r->repeat_ms == 0 ? hash : hash_mix(hash, (uint64_t)r->repeat_ms);
}

/* What says when the rule's window makes a match. */
static uint64_t hash_judgement(const plan *p, const plan_rule *r)
{
    const plan_threshold *t = &r->threshold;
    hash_ctx h = { .plan = p, .stream = PLAN_NONE, .window = &p->windows[t->window] };
    const uint64_t parts[] = { hash_tree(&h, t->when), (uint64_t)t->for_ms, t->kind, (uint64_t)t->size_ms, (uint64_t)t->every_ms, t->last, t->early,
                               hash_tree(&h, r->resolve_when), hash_tree(&h, t->for_time) };
    uint64_t hash = p->windows[t->window].hash;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        hash = hash_mix(hash, parts[i]);
    return hash_zone(p, hash, t->zone);
}

/* What an open alert waits for, and what is kept of it. What it says counts where it is said again. */
static uint64_t hash_life(const plan *p, const plan_rule *r)
{
    bool sequence = r->kind == PLAN_SEQUENCE;
    hash_ctx h = { .plan = p, .stream = PLAN_NONE, .pattern = sequence ? r->pattern : NULL,
                   .window = sequence ? NULL : &p->windows[r->threshold.window] };
    uint64_t hash = hash_mix(hash_mix(r->name_hash, p->groups[r->group].hash), hash_atoms(p, NULL, r->atoms, r->n_atoms));
    const uint64_t parts[] = { r->resolves, r->n_resolve_on, hash_tree(&h, r->resolve_when), (uint64_t)r->resolve_for_ms, hash_tree(&h, r->resolve_for), r->n_rungs,
                               hash_tree(&h, r->throttle_per), (uint64_t)r->repeat_ms };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        hash = hash_mix(hash, parts[i]);
    for (uint32_t i = 0; i < r->n_rungs; i++)
        hash = hash_mix(hash_mix(hash_mix(hash, r->rungs[i].n_on), r->rungs[i].to), (uint64_t)r->rungs[i].within_ms);
    if (r->repeat_ms == 0)
        return hash;
    hash = hash_pairs(&h, hash_pairs(&h, hash, r->lets, r->n_lets), r->fields, r->n_fields);
    hash = hash_pairs(&h, hash, r->timeout, r->n_timeout);
    return sequence ? hash_mix(hash, r->pattern->hash) : hash;
}

void plan_hash_group(check *c, uint32_t group)
{
    c->plan->groups[group].hash = hash_group(c->plan, &c->plan->groups[group]);
}

void plan_hash_feature(check *c, uint32_t feature)
{
    c->plan->features[feature].hash = hash_feature(c->plan, &c->plan->features[feature]);
}

static void hash_one(check *c, plan_rule *r)
{
    plan *p = c->plan;
    r->name_hash = hash_mix(hash_str(0, r->name), r->instance);
    if (r->kind == PLAN_SEQUENCE) {
        r->pattern->hash = hash_pattern(p, r->pattern, p->groups[r->group].hash);
        hash_pieces(c, r->pattern, p->groups[r->group].hash);
    }
    r->hash = hash_rule(p, r);
    r->life_hash = hash_life(p, r);
    if (r->kind == PLAN_THRESHOLD)
        r->threshold.hash = hash_judgement(p, r);
}

void plan_hash_rule(check *c, plan_rule *rule)
{
    plan_window *window = rule->kind == PLAN_THRESHOLD ? &c->plan->windows[rule->threshold.window] : NULL;
    if (window != NULL)
        window->hash = hash_window(c->plan, window);
    hash_one(c, rule);
}

void plan_hash(check *c)
{
    plan *p = c->plan;
    for (uint32_t i = 0; i < p->n_groups; i++)
        plan_hash_group(c, i);
    for (uint32_t i = 0; i < p->n_features; i++)
        plan_hash_feature(c, i);
    /* A profile may read another one, which was finished before it and has the smaller window number. */
    for (uint32_t i = 0; i < p->n_windows; i++)
        p->windows[i].hash = hash_window(p, &p->windows[i]);
    for (uint32_t i = 0; i < p->n_rules; i++)
        hash_one(c, &p->rules[i]);
}
