/*
 * plan_print.c: the plan as text, stable from build to build, for golden files and for people who debug rules (`egret explain --plan`).
 */
#include "compiler/expr_print.h"

typedef struct printer {
    const plan *plan;
    egret_text text;
} printer;

static void line(printer *p, const char *name, const expr_view *view, uint32_t expr)
{
    if (expr == PLAN_NONE)
        return;
    egret_text_printf(&p->text, "  %s ", name);
    expr_put(&p->text, view, expr);
    egret_text_puts(&p->text, "\n");
}

static void put_within(printer *p, const char *before, int64_t ms)
{
    if (ms == PLAN_FOREVER)
        return;
    egret_text_puts(&p->text, before);
    expr_put_duration(&p->text, ms);
}

/* ---- what comes in ---- */

static void print_stream(printer *p, const plan_stream *s)
{
    egret_text_printf(&p->text, "stream %.*s", (int)s->name.len, s->name.ptr);
    if (s->time_field != PLAN_NONE)
        egret_text_printf(&p->text, " time %.*s", (int)s->fields[s->time_field].name.len, s->fields[s->time_field].name.ptr);
    if (s->lateness_ms != 0)
        put_within(p, " lateness ", s->lateness_ms);
    if (s->identity_field != PLAN_NONE) {
        egret_text_printf(&p->text, " identity %.*s", (int)s->fields[s->identity_field].name.len, s->fields[s->identity_field].name.ptr);
        put_within(p, " within ", s->identity_within_ms);
    }
    egret_text_puts(&p->text, "\n");
    for (uint32_t i = 0; i < s->n_slots; i++) {
        const plan_field *f = &s->fields[s->slot_field[i]];
        egret_text_printf(&p->text, "  slot %u %.*s: %s%s\n", (unsigned)i, (int)f->name.len, f->name.ptr, egret_type_name((egret_type)f->type),
                          f->optional ? "?" : "");
    }
}

static void print_option(printer *p, const plan_option *o)
{
    egret_text_printf(&p->text, "  %.*s:", (int)o->name.len, o->name.ptr);
    for (uint32_t i = 0; i < o->n_values; i++) {
        const plan_option_value *v = &o->values[i];
        egret_text_printf(&p->text, " %.*s%s%s", (int)v->key.len, v->key.ptr, v->key.len != 0 ? "=" : "", v->is_env ? "env " : "");
        expr_put_value(&p->text, v->value);
    }
    egret_text_puts(&p->text, "\n");
}

static void print_edge(printer *p, const char *what, const plan_edge *edge)
{
    egret_text_printf(&p->text, "%s %.*s: %.*s\n", what, (int)edge->name.len, edge->name.ptr, (int)edge->kind.len, edge->kind.ptr);
    for (uint32_t i = 0; i < edge->n_options; i++)
        print_option(p, &edge->options[i]);
    expr_view view = { .plan = p->plan, .stream = PLAN_NONE, .edge = edge };
    for (uint32_t i = 0; i < edge->n_routes; i++) {
        const plan_stream *s = &p->plan->streams[edge->routes[i].stream];
        egret_text_printf(&p->text, "  to %.*s", (int)s->name.len, s->name.ptr);
        if (edge->routes[i].when != PLAN_NONE) {
            egret_text_puts(&p->text, " when ");
            expr_put(&p->text, &view, edge->routes[i].when);
        }
        egret_text_puts(&p->text, "\n");
    }
    for (uint32_t i = 0; i < edge->n_route_fields; i++)
        egret_text_printf(&p->text, "  reads %.*s: %s\n", (int)edge->route_fields[i].path.len, edge->route_fields[i].path.ptr,
                          egret_type_name((egret_type)edge->route_fields[i].type));
}

static void print_contents(printer *p)
{
    for (uint32_t i = 0; i < p->plan->n_lists; i++) {
        const plan_list *l = &p->plan->lists[i];
        egret_text_printf(&p->text, "list %.*s of %s: %u items%s\n", (int)l->name.len, l->name.ptr, egret_type_name((egret_type)l->type),
                          (unsigned)l->n_items, l->until_ms != NULL ? ", some of them until a time" : "");
    }
    for (uint32_t i = 0; i < p->plan->n_tables; i++) {
        const plan_table *t = &p->plan->tables[i];
        egret_text_printf(&p->text, "table %.*s: %u columns, %u rows\n", (int)t->name.len, t->name.ptr, (unsigned)t->n_columns,
                          (unsigned)t->n_rows);
    }
}

static void print_hours(printer *p, const plan_hours *h)
{
    static const char *const DAYS[] = { "", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };
    egret_text_puts(&p->text, h->negated ? "  not" : "  ");
    if (h->first_day != INT64_MIN)
        egret_text_printf(&p->text, " days %lld..%lld", (long long)h->first_day, (long long)h->last_day);
    for (unsigned day = 1; day <= 7 && h->weekdays != 0xFE; day++)
        if ((h->weekdays >> day & 1) != 0)
            egret_text_printf(&p->text, " %s", DAYS[day]);
    egret_text_printf(&p->text, " %02u:%02u-%02u:%02u %.*s\n", h->from_ms / 3600000, h->from_ms / 60000 % 60, h->to_ms / 3600000,
                      h->to_ms / 60000 % 60, (int)p->plan->zones[h->zone].name.len, p->plan->zones[h->zone].name.ptr);
}

static void print_calendars(printer *p)
{
    for (uint32_t i = 0; i < p->plan->n_calendars; i++) {
        const plan_calendar *calendar = &p->plan->calendars[i];
        egret_text_printf(&p->text, "calendar \"%.*s\"\n", (int)calendar->name.len, calendar->name.ptr);
        for (uint32_t k = 0; k < calendar->n_hours; k++)
            print_hours(p, &calendar->hours[k]);
    }
}

/* ---- keys, guards, features ---- */

static void print_group(printer *p, uint32_t number)
{
    const plan_group *g = &p->plan->groups[number];
    egret_text_printf(&p->text, "group %u%s", (unsigned)number, g->n_parts == 0 ? ": the whole stream is one key" : " by");
    for (uint32_t k = 0; k < g->n_parts; k++)
        egret_text_printf(&p->text, "%s %.*s: %s", k == 0 ? "" : ",", (int)g->part_name[k].len, g->part_name[k].ptr,
                          egret_type_name((egret_type)g->part_type[k]));
    if (g->table != PLAN_NONE)
        egret_text_printf(&p->text, " in %.*s", (int)p->plan->tables[g->table].name.len, p->plan->tables[g->table].name.ptr);
    egret_text_puts(&p->text, "\n");
    for (uint32_t i = 0; i < p->plan->n_streams && g->n_parts != 0; i++) {
        const uint32_t *row = &g->key_expr[i * g->n_parts];
        bool whole = true;
        for (uint32_t k = 0; k < g->n_parts; k++)
            whole = whole && row[k] != PLAN_NONE;
        if (!whole)
            continue;
        expr_view view = { .plan = p->plan, .stream = i };
        egret_text_printf(&p->text, "  %.*s:", (int)p->plan->streams[i].name.len, p->plan->streams[i].name.ptr);
        for (uint32_t k = 0; k < g->n_parts; k++) {
            egret_text_puts(&p->text, k == 0 ? " " : ", ");
            expr_put(&p->text, &view, row[k]);
        }
        egret_text_puts(&p->text, "\n");
    }
}

static void print_guard(printer *p, uint32_t number)
{
    static const char *const ACCESS[] = { "", "==", "<", "<=", ">", ">=", "in" };
    const plan_guard *g = &p->plan->guards[number];
    const plan_stream *s = &p->plan->streams[g->stream];
    expr_view view = { .plan = p->plan, .stream = g->stream };
    egret_text_printf(&p->text, "guard %u %.*s", (unsigned)number, (int)s->name.len, s->name.ptr);
    if (g->access != PLAN_ACCESS_ALWAYS) {
        const plan_field *f = &s->fields[s->slot_field[g->slot]];
        egret_text_printf(&p->text, " index %.*s %s ", (int)f->name.len, f->name.ptr, ACCESS[g->access]);
        if (g->access == PLAN_ACCESS_SET)
            egret_text_printf(&p->text, "set of %u", (unsigned)p->plan->sets[g->constant].n_items);
        else
            expr_put_value(&p->text, p->plan->consts[g->constant]);
    }
    if (g->residual != PLAN_NONE) {
        egret_text_puts(&p->text, " test ");
        expr_put(&p->text, &view, g->residual);
    }
    egret_text_puts(&p->text, g->expr == PLAN_NONE ? " always\n" : "\n");
}

static void print_atom(printer *p, const char *what, const plan_atom *atom, const expr_view *view)
{
    expr_view at = *view;
    at.stream = atom->stream;
    egret_text_printf(&p->text, "    %s%.*s%s%.*s guard %u", what, (int)atom->label.len, atom->label.ptr, atom->label.len != 0 ? ": " : "",
                      (int)p->plan->streams[atom->stream].name.len, p->plan->streams[atom->stream].name.ptr, (unsigned)atom->guard);
    if (atom->rest != PLAN_NONE) {
        egret_text_puts(&p->text, " rest ");
        expr_put(&p->text, &at, atom->rest);
    }
    egret_text_puts(&p->text, "\n");
}

static void print_feature(printer *p, uint32_t number)
{
    const plan_feature *f = &p->plan->features[number];
    expr_view view = { .plan = p->plan, .stream = f->stream };
    if (f->kind == PLAN_FEATURE_SEEN) {
        egret_text_printf(&p->text, "feature %u group %u not seen", (unsigned)number, (unsigned)f->group);
        put_within(p, " for ", f->over_ms);
        egret_text_puts(&p->text, "\n");
        print_atom(p, "", &f->atom, &view);
        return;
    }
    egret_text_printf(&p->text, "feature %u group %u %.*s %s(", (unsigned)number, (unsigned)f->group, (int)p->plan->streams[f->stream].name.len,
                      p->plan->streams[f->stream].name.ptr, f->kind == PLAN_FEATURE_NEW ? "new" : "prev");
    expr_put(&p->text, &view, f->value);
    put_within(p, " over ", f->over_ms);
    egret_text_puts(&p->text, ")\n");
}

/* ---- windows ---- */

static void print_window(printer *p, const plan_window *w)
{
    expr_view view = { .plan = p->plan, .stream = PLAN_NONE, .window = w, .group = &p->plan->groups[w->group] };
    for (uint32_t i = 0; i < w->n_atoms; i++)
        print_atom(p, "watch ", &w->atoms[i], &view);
    for (uint32_t i = 0; i < w->n_aggs; i++) {
        egret_text_puts(&p->text, "    aggregate ");
        expr_put_agg(&p->text, &view, i);
        egret_text_printf(&p->text, ": %s\n", egret_type_name((egret_type)w->aggs[i].type));
    }
    for (uint32_t i = 0; i < w->n_cells; i++)
        egret_text_printf(&p->text, "    newest %.*s\n", (int)w->cells[i].name.len, w->cells[i].name.ptr);
}

static void print_profile(printer *p, const plan_profile *profile)
{
    const plan_window *w = &p->plan->windows[profile->window];
    expr_view view = { .plan = p->plan, .stream = PLAN_NONE, .window = w, .group = &p->plan->groups[w->group] };
    egret_text_printf(&p->text, "profile %.*s group %u\n", (int)profile->name.len, profile->name.ptr, (unsigned)profile->group);
    print_window(p, w);
    for (uint32_t i = 0; i < profile->n_members; i++) {
        egret_text_printf(&p->text, "  %.*s = ", (int)profile->member_name[i].len, profile->member_name[i].ptr);
        expr_put(&p->text, &view, profile->member[i]);
        egret_text_puts(&p->text, "\n");
    }
}

/* ---- patterns ---- */

static void put_span(printer *p, const char *before, const expr_view *view, int64_t ms)
{
    if (ms == PLAN_FOREVER)
        return;
    egret_text_puts(&p->text, before);
    expr_put_span(&p->text, view, ms);
}

static void print_nots(printer *p, const plan_pattern *pattern, const plan_not *nots, uint32_t n, const expr_view *view)
{
    static const char *const KINDS[] = { "next not ", "not for a time ", "not to the end ", "not along " };
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = 0; k < nots[i].n_atoms; k++)
            print_atom(p, KINDS[nots[i].kind], &pattern->atoms[nots[i].atoms + k], view);
        line(p, "  for", view, nots[i].for_time);
    }
}

static void print_item(printer *p, const plan_pattern *pattern, uint32_t number, const expr_view *view)
{
    const plan_item *item = &pattern->items[number];
    egret_text_printf(&p->text, "  step %u ", (unsigned)number);
    egret_text_put_str(&p->text, item->name);
    if (number != 0 && pattern->n_parts == 0) {
        egret_text_puts(&p->text, item->link == PLAN_NEXT ? " next" : " then");
        put_span(p, " within ", view, item->link_within_ms);
    }
    if (item->min != 1 || item->max != 1) {
        egret_text_printf(&p->text, " {%u,", (unsigned)item->min);
        if (item->max != UINT32_MAX)
            egret_text_printf(&p->text, "%u", (unsigned)item->max);
        egret_text_puts(&p->text, "}");
    }
    put_span(p, " own within ", view, item->own_within_ms);
    egret_text_printf(&p->text, "%s%s%s\n", item->strict ? " strict" : "", item->greedy ? " greedy" : "", item->each ? " each" : "");
    for (uint32_t i = 0; i < item->n_nots; i++)
        print_atom(p, "not ", &pattern->atoms[item->nots + i], view);
    print_nots(p, pattern, item->timed, item->n_timed, view);
    for (uint32_t i = 0; i < item->n_atoms; i++)
        print_atom(p, "", &pattern->atoms[item->atoms + i], view);
    for (uint32_t i = 0; i < item->n_until; i++)
        print_atom(p, "until ", &pattern->atoms[item->until + i], view);
}

static void print_part(printer *p, const plan_pattern *pattern, uint32_t number, const expr_view *view)
{
    static const char *const KINDS[] = { "step", "loop", "seq", "or", "some", "silence" };
    const plan_part *part = &pattern->parts[number];
    const plan_part *parent = part->parent == PLAN_NONE ? NULL : &pattern->parts[part->parent];
    egret_text_puts(&p->text, "  ");
    for (uint32_t i = part->parent; i != PLAN_NONE; i = pattern->parts[i].parent)
        egret_text_puts(&p->text, "  ");
    if (parent != NULL && parent->kind == PLAN_PART_SEQ && number != part->parent + 1) {
        egret_text_puts(&p->text, part->link == PLAN_NEXT ? "next " : part->every ? "then any " : "then ");
        put_span(p, "within ", view, part->link_within_ms);
        egret_text_puts(&p->text, part->link_within_ms != PLAN_FOREVER ? " " : "");
    }
    egret_text_puts(&p->text, KINDS[part->kind]);
    if (part->kind == PLAN_PART_STEP) {
        egret_text_printf(&p->text, " %u", (unsigned)part->item);
    } else if (part->kind == PLAN_PART_SOME) {
        egret_text_printf(&p->text, " %u", (unsigned)part->min);
    } else if (part->kind == PLAN_PART_LOOP) {
        egret_text_printf(&p->text, " {%u,", (unsigned)part->min);
        if (part->max != UINT32_MAX)
            egret_text_printf(&p->text, "%u", (unsigned)part->max);
        egret_text_printf(&p->text, "}%s%s%s", part->strict ? " strict" : "", part->any ? " any" : "", part->greedy ? " greedy" : "");
    }
    put_span(p, " within ", view, part->within_ms);
    egret_text_puts(&p->text, "\n");
    for (uint32_t i = 0; i < part->n_nots; i++)
        print_atom(p, "not ", &pattern->atoms[part->nots + i], view);
    print_nots(p, pattern, part->timed, part->n_timed, view);
    for (uint32_t i = 0; i < part->n_during; i++)
        print_atom(p, part->kind == PLAN_PART_SILENCE ? "not " : "and not ", &pattern->atoms[part->during + i], view);
    line(p, "  for", view, part->silence_for);
    for (uint32_t i = 0; i < part->n_until; i++)
        print_atom(p, "until ", &pattern->atoms[part->until + i], view);
}

static void print_pattern(printer *p, const plan_pattern *pattern, const expr_view *view)
{
    static const char *const SKIPS[] = { "no skip", "skip past last", "skip to next", "skip to first", "skip to last" };
    for (uint32_t i = 0; i < pattern->n_parts; i++)
        print_part(p, pattern, i, view);
    for (uint32_t i = 0; i < pattern->n_items; i++)
        print_item(p, pattern, i, view);
    if (pattern->absence != PLAN_ABSENCE_NONE) {
        egret_text_puts(&p->text, pattern->absence == PLAN_ABSENCE_FOR ? "  then none for " : "  then none to the end");
        if (pattern->absence == PLAN_ABSENCE_FOR)
            expr_put(&p->text, view, pattern->absence_for);
        egret_text_puts(&p->text, "\n");
        for (uint32_t i = 0; i < pattern->n_absence_atoms; i++)
            print_atom(p, "not ", &pattern->atoms[pattern->absence_atoms + i], view);
        print_nots(p, pattern, pattern->more_absences, pattern->n_more_absences, view);
    }
    for (uint32_t i = 0; i < pattern->n_unless; i++) {
        egret_text_puts(&p->text, "  unless");
        if (pattern->unless[i].after_item != PLAN_NONE) {
            egret_text_puts(&p->text, " after ");
            expr_put_step(&p->text, pattern, pattern->unless[i].after_item);
        }
        egret_text_puts(&p->text, "\n");
        for (uint32_t k = 0; k < pattern->unless[i].n_atoms; k++)
            print_atom(p, "", &pattern->atoms[pattern->unless[i].atoms + k], view);
    }
    put_span(p, "  within ", view, pattern->within_ms);
    egret_text_puts(&p->text, pattern->within_ms != PLAN_FOREVER ? "\n" : "");
    put_span(p, "  idle ", view, pattern->idle_ms);
    egret_text_puts(&p->text, pattern->idle_ms != PLAN_FOREVER ? "\n" : "");
    for (uint32_t i = 0; i < pattern->n_silences; i++)
        egret_text_printf(&p->text, "  begins only when feature %u holds\n", (unsigned)pattern->silences[i]);
    if (pattern->silence_ms < 0) {
        put_span(p, "  for ", view, pattern->silence_ms);
        egret_text_puts(&p->text, "\n");
    }
    line(p, "when", view, pattern->when);
    egret_text_printf(&p->text, "  after match %s", SKIPS[pattern->skip]);
    if (pattern->skip_item != PLAN_NONE) {
        egret_text_puts(&p->text, " ");
        expr_put_step(&p->text, pattern, pattern->skip_item);
    }
    egret_text_puts(&p->text, "\n");
    for (uint32_t i = 0; i < pattern->n_cells; i++)
    {
        egret_text_printf(&p->text, "  remembers %.*s: %s", (int)pattern->cells[i].name.len, pattern->cells[i].name.ptr,
                          egret_type_name((egret_type)pattern->cells[i].type));
        if (pattern->cells[i].expr != PLAN_NONE) {
            egret_text_puts(&p->text, " = ");
            expr_put(&p->text, view, pattern->cells[i].expr);
        }
        egret_text_puts(&p->text, "\n");
    }
}

static void print_threshold(printer *p, const plan_rule *rule, const expr_view *view)
{
    static const char *const KINDS[] = { "none", "sliding", "tumbling", "hopping", "session", "last", "ever" };
    const plan_threshold *t = &rule->threshold;
    egret_text_printf(&p->text, "  window %s ", KINDS[t->kind]);
    if (t->kind == AST_LAST)
        egret_text_printf(&p->text, "%llu", (unsigned long long)t->last);
    else
        expr_put_duration(&p->text, t->size_ms);
    put_within(p, " every ", t->every_ms == 0 ? PLAN_FOREVER : t->every_ms);
    if (t->zone != PLAN_NONE)
        egret_text_printf(&p->text, " in %.*s", (int)p->plan->zones[t->zone].name.len, p->plan->zones[t->zone].name.ptr);
    egret_text_puts(&p->text, t->early ? " early" : "");
    egret_text_puts(&p->text, t->asks_at_close ? " asked at the close" : "");
    egret_text_puts(&p->text, t->leaving_matters    ? " leaving matters\n"
                                  : t->negatives_matter ? " negatives leaving matter\n"
                                                        : "\n");
    print_window(p, &p->plan->windows[t->window]);
    line(p, "when", view, t->when);
    if (t->for_ms != 0) {
        put_within(p, "  for ", t->for_ms);
        egret_text_puts(&p->text, "\n");
    }
    line(p, "for", view, t->for_time);
}

/* ---- rules ---- */

static void print_pairs(printer *p, const char *what, const plan_pair *pairs, uint32_t n, const expr_view *view)
{
    for (uint32_t i = 0; i < n; i++) {
        egret_text_printf(&p->text, "  %s %.*s = ", what, (int)pairs[i].name.len, pairs[i].name.ptr);
        expr_put(&p->text, view, pairs[i].expr);
        egret_text_puts(&p->text, "\n");
    }
}

static void print_life(printer *p, const plan_rule *r, const expr_view *view)
{
    static const char *const LEVELS[] = { "info", "low", "medium", "high", "critical" };
    if (r->throttle_ms != 0) {
        put_within(p, "  throttle ", r->throttle_ms);
        egret_text_puts(&p->text, "\n");
    }
    line(p, "throttle per", view, r->throttle_per);
    if (r->warm_up_ms != 0) {
        put_within(p, "  warm up ", r->warm_up_ms);
        egret_text_puts(&p->text, "\n");
    }
    line(p, "except", view, r->except);
    line(p, "active", view, r->active);
    if (r->n_resolve_on != 0)
        egret_text_puts(&p->text, "  resolve on\n");
    for (uint32_t i = 0; i < r->n_resolve_on; i++)
        print_atom(p, "", &r->atoms[r->resolve_on + i], view);
    line(p, "resolve when", view, r->resolve_when);
    line(p, "resolve for", view, r->resolve_for);
    if (r->resolve_for_ms != 0) {
        put_within(p, "  resolve for ", r->resolve_for_ms);
        egret_text_puts(&p->text, "\n");
    }
    if (r->repeat_ms != 0) {
        put_within(p, "  repeat ", r->repeat_ms);
        egret_text_puts(&p->text, "\n");
    }
    for (uint32_t step = 0; step < r->n_rungs; step++) {
        const plan_rung *rung = &r->rungs[step];
        egret_text_printf(&p->text, "  escalate to %s", LEVELS[rung->to]);
        put_within(p, " within ", rung->within_ms);
        egret_text_puts(&p->text, "\n");
        for (uint32_t i = 0; i < rung->n_on; i++)
            print_atom(p, "", &r->atoms[rung->on + i], view);
    }
}

static void print_rule(printer *p, const plan_rule *r)
{
    bool sequence = r->kind == PLAN_SEQUENCE;
    expr_view view = { .plan = p->plan, .stream = PLAN_NONE, .pattern = sequence ? r->pattern : NULL,
                       .window = sequence ? NULL : &p->plan->windows[r->threshold.window], .group = &p->plan->groups[r->group] };
    egret_text_printf(&p->text, "rule %.*s/%u group %u%s", (int)r->name.len, r->name.ptr, (unsigned)r->instance, (unsigned)r->group,
                      r->mode == PLAN_SHADOW ? " shadow" : r->mode == PLAN_OFF ? " off" : "");
    egret_text_puts(&p->text, r->signals ? " signals" : "");
    if (r->level != 0)
        egret_text_printf(&p->text, " level %u", (unsigned)r->level);
    egret_text_puts(&p->text, "\n");
    if (sequence)
        print_pattern(p, r->pattern, &view);
    else
        print_threshold(p, r, &view);
    print_pairs(p, "let", r->lets, r->n_lets, &view);
    print_pairs(p, "alert", r->fields, r->n_fields, &view);
    print_pairs(p, "on timeout", r->timeout, r->n_timeout, &view);
    egret_text_puts(&p->text, r->only_timeouts ? "  matches are not told\n" : "");
    line(p, "severity", &view, r->severity);
    print_life(p, r, &view);
}

static void print_test(printer *p, const plan_test *t)
{
    egret_text_printf(&p->text, "test %.*s: %u events, %u givens, %u expects\n", (int)t->rule.len, t->rule.ptr, (unsigned)t->n_events,
                      (unsigned)t->n_givens, (unsigned)t->n_expects);
}

const char *egret_plan_print(egret_arena *arena, const plan *made)
{
    printer p = { .plan = made };
    egret_text_init(&p.text, arena->mem);
    for (uint32_t i = 0; i < made->n_streams; i++)
        print_stream(&p, &made->streams[i]);
    for (uint32_t i = 0; i < made->n_sources; i++)
        print_edge(&p, "source", &made->sources[i]);
    for (uint32_t i = 0; i < made->n_sinks; i++)
        print_edge(&p, "sink", &made->sinks[i]);
    print_contents(&p);
    print_calendars(&p);
    for (uint32_t i = 0; i < made->n_groups; i++)
        print_group(&p, i);
    for (uint32_t i = 0; i < made->n_guards; i++)
        print_guard(&p, i);
    for (uint32_t i = 0; i < made->n_features; i++)
        print_feature(&p, i);
    for (uint32_t i = 0; i < made->n_profiles; i++)
        print_profile(&p, &made->profiles[i]);
    for (uint32_t i = 0; i < made->n_rules; i++)
        print_rule(&p, &made->rules[i]);
    for (uint32_t i = 0; i < made->n_tests; i++)
        print_test(&p, &made->tests[i]);
    return egret_text_finish(&p.text, arena);
}
