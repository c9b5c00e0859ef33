/*
 * check_levels.c: who looks at whom among rules and profiles, before anything is checked.
 *
 * A rule may look at other rules: their alerts are a stream (match, watch, unless, …), open(rule) asks for their state, and a profile may be
 * fed by them. So there is an order in which rules are checked (a stream's fields must be known before it is read) and evaluated (what is asked
 * must have happened), and a circle is an error. Names alone say who looks at whom, so it is found out from the tree:
 *
 *   nodes    the symbols (rules and profiles count), and one more for `alert`, the stream of all alerts
 *   links    node -> node it looks at, with the place in the text
 *   level    of a rule: one above all rules and `alert` it looks at; a profile has the level at which it is fed
 *
 * `alert` looks at all rules that make alerts and do not look at it themselves, directly or by way of others. So `watch alert` never
 * makes a circle.
 */
#include "compiler/check.h"

#include <string.h>

typedef enum link_kind { LINK_STREAM, LINK_OPEN, LINK_PROFILE } link_kind;

typedef struct link { uint32_t to; link_kind kind; egret_span span; } link;

typedef struct node {
    link *links;
    uint32_t n_links;
    uint32_t next;              /* the link to follow next, while it is on the path */
    uint32_t level;
    symbol_state state;
    bool above_alert;
    const link *by;             /* the link that led here, while it is on the path */
} node;

typedef struct levels {
    check *c;
    node *nodes;                /* n_symbols, then `alert` */
    uint32_t at;                /* the node whose links are gathered */
    uint32_t *seen;             /* per symbol: 1 + the node for which this define was walked last */
    uint32_t n_streams;         /* streams of rules asked for so far */
    uint32_t depth;             /* of the walk: what is deeper is an error when it is checked */
} levels;

static bool is_alert(egret_str name)
{
    return egret_str_is(name, "alert");
}

static void add_link(levels *l, uint32_t to, link_kind kind, egret_span span)
{
    node *from = &l->nodes[l->at];
    from->links = check_grow(l->c, from->links, from->n_links, sizeof *from->links);
    from->links[from->n_links++] = (link){ to, kind, span };
}

static uint32_t number_of(const levels *l, const symbol *found)
{
    return (uint32_t)(found - l->c->symbols);
}

/* ---- gathering ---- */

static void link_stream(levels *l, const ast_name *name)
{
    check *c = l->c;
    symbol *found = check_find(c, SPACE_STREAM, name->str);
    uint32_t *stream = &c->alert_stream, to = c->n_symbols;
    if (found != NULL && found->decl->kind != AST_RULE)
        return;
    if (found != NULL) {
        stream = &found->stream;
        to = number_of(l, found);
    } else if (!is_alert(name->str)) {
        return;
    }
    if (*stream == PLAN_NONE)
        *stream = c->plan->n_streams + l->n_streams++;
    add_link(l, to, LINK_STREAM, name->span);
}

/* Is it the name of a step or label of the rule at hand? Then it is no profile. */
static bool names_atom(const ast_atom *atom, egret_str name)
{
    for (; atom != NULL; atom = atom->next)
        if (egret_str_eq(atom->label.str, name) || egret_str_eq(atom->stream.str, name))
            return true;
    return false;
}

static bool names_step(const ast_seq *seq, egret_str name)
{
    for (; seq != NULL; seq = seq->next_seq)
        for (const ast_choice *choice = seq->choices; choice != NULL; choice = choice->next)
            for (const ast_item *item = choice->items; item != NULL; item = item->next)
                if (names_atom(item->watch, name) || names_step(item->group, name))
                    return true;
    return false;
}

static bool is_local(const levels *l, egret_str name)
{
    const ast_decl *decl = l->c->symbols[l->at].decl;
    if (decl->kind != AST_RULE)
        return false;
    for (const ast_clause *clause = decl->u.rule.clauses; clause != NULL; clause = clause->next)
        if ((clause->kind == AST_LET && egret_str_eq(clause->name.str, name)) || names_atom(clause->watch, name)
            || names_step(clause->seq, name))
            return true;
    return false;
}

static void walk_expr(levels *l, const ast_expr *e);

static void walk_name(levels *l, const ast_name *name)
{
    symbol *found = check_find(l->c, SPACE_VALUE, name->str);
    if (found == NULL || is_local(l, name->str))
        return;
    if (found->decl->kind == AST_PROFILE)
        add_link(l, number_of(l, found), LINK_PROFILE, name->span);
    if (found->decl->kind != AST_DEFINE || l->seen[number_of(l, found)] == l->at + 1)
        return;
    l->seen[number_of(l, found)] = l->at + 1;
    walk_expr(l, found->decl->u.define);
}

static void walk_expr(levels *l, const ast_expr *e)
{
    if (l->depth >= CHECK_MAX_DEPTH)
        return;
    l->depth++;
    for (; e != NULL; e = e->next) {
        if (e->kind == AST_NAME)
            walk_name(l, &e->name);
        bool asks = e->kind == AST_CALL && egret_str_is(e->name.str, "open") && e->args != NULL && e->args->kind == AST_NAME;
        symbol *asked = asks ? check_find_kind(l->c, AST_RULE, e->args->name.str) : NULL;
        if (asked != NULL) {
            asked->opened = true;
            add_link(l, number_of(l, asked), LINK_OPEN, e->span);
        }
        walk_expr(l, e->a);
        walk_expr(l, e->b);
        walk_expr(l, e->args);
        walk_expr(l, e->where);
    }
    l->depth--;
}

static void walk_watch(levels *l, const ast_atom *atom)
{
    for (; atom != NULL; atom = atom->next) {
        link_stream(l, &atom->stream);
        walk_expr(l, atom->cond);
    }
}

static void walk_seq(levels *l, const ast_seq *seq)
{
    for (; seq != NULL; seq = seq->next_seq) {
        for (const ast_choice *choice = seq->choices; choice != NULL; choice = choice->next) {
            for (const ast_item *item = choice->items; item != NULL; item = item->next) {
                walk_watch(l, item->watch);
                walk_expr(l, item->for_time);
                walk_seq(l, item->group);
                if (item->quant.until_stream.str.len != 0)
                    link_stream(l, &item->quant.until_stream);
                walk_expr(l, item->quant.until_cond);
            }
        }
    }
}

static void walk_pairs(levels *l, const ast_pair *pair)
{
    for (; pair != NULL; pair = pair->next)
        walk_expr(l, pair->value);
}

static void walk_keys(levels *l, const ast_keys *keys)
{
    for (const ast_key *key = keys->first; key != NULL; key = key->next)
        walk_expr(l, key->exprs);
}

static void walk_decl(levels *l, const ast_decl *decl)
{
    if (decl->kind == AST_PROFILE) {
        walk_watch(l, decl->u.profile.from);
        walk_keys(l, &decl->u.profile.by);
        walk_pairs(l, decl->u.profile.members);
    }
    if (decl->kind != AST_RULE)
        return;
    for (const ast_clause *clause = decl->u.rule.clauses; clause != NULL; clause = clause->next) {
        walk_seq(l, clause->seq);
        walk_watch(l, clause->watch);
        walk_keys(l, &clause->keys);
        walk_expr(l, clause->expr);
        walk_expr(l, clause->for_time);
        walk_pairs(l, clause->pairs);
    }
}

/* ---- `alert` ---- */

static bool makes_alerts(const symbol *s)
{
    if (s->decl->kind != AST_RULE)
        return false;
    for (const ast_clause *clause = s->decl->u.rule.clauses; clause != NULL; clause = clause->next)
        if (clause->kind == AST_SIGNAL)
            return false;
    return true;
}

/* Who looks at `alert`, or at somebody who does: spread until nothing changes. */
static void mark_above_alert(levels *l)
{
    l->nodes[l->c->n_symbols].above_alert = true;
    for (bool changed = true; changed;) {
        changed = false;
        for (uint32_t i = 0; i < l->c->n_symbols; i++) {
            node *n = &l->nodes[i];
            if (n->above_alert)
                continue;
            for (uint32_t k = 0; k < n->n_links && !n->above_alert; k++)
                n->above_alert = l->nodes[n->links[k].to].above_alert;
            changed = changed || n->above_alert;
        }
    }
}

static void link_alert(levels *l)
{
    check *c = l->c;
    if (c->alert_stream == PLAN_NONE)
        return;
    mark_above_alert(l);
    l->at = c->n_symbols;
    for (uint32_t i = 0; i < c->n_symbols; i++) {
        if (!makes_alerts(&c->symbols[i]) || l->nodes[i].above_alert)
            continue;
        c->symbols[i].feeds_alert = true;
        add_link(l, i, LINK_STREAM, c->symbols[i].decl->name.span);
    }
}

/* ---- the order ---- */

/* The path from node `from` back to itself is a circle: says so, at its first link, with the others beside. Circles of profiles alone are
 * told by check_profile, where one is read. */
static void tell_circle(levels *l, const uint32_t *path, uint32_t n, uint32_t from, const link *closing)
{
    check *c = l->c;
    uint32_t start = n;
    while (start > 0 && path[start - 1] != from)
        start--;
    start--;
    if (start + 1 == n && c->symbols[from].decl->kind == AST_RULE) {
        egret_diag *diag = check_error(c, 310, closing->span, "a rule cannot look at itself");
        check_help(c, diag, closing->kind == LINK_OPEN ? "leave it out: while its own alert is open a rule tells no other"
                                                      : "let a second rule watch what this one tells");
        return;
    }
    bool rules = false;
    for (uint32_t i = start; i < n; i++)
        rules = rules || c->symbols[path[i]].decl->kind == AST_RULE;
    if (!rules)
        return;
    egret_str text = c->symbols[from].decl->name.str;
    const char *chain = egret_arena_printf(c->arena, "%.*s", (int)text.len, text.ptr);
    for (uint32_t i = start + 1; i <= n && chain != NULL; i++) {
        text = c->symbols[i < n ? path[i] : from].decl->name.str;
        chain = egret_arena_printf(c->arena, "%s → %.*s", chain, (int)text.len, text.ptr);
    }
    egret_span span = n > start + 1 ? l->nodes[path[start + 1]].by->span : closing->span;
    egret_diag *diag = check_error(c, 310, span, "rules cannot look at each other in a circle: %s", chain != NULL ? chain : "");
    for (uint32_t i = start + 2; i <= n; i++) {
        const link *by = i < n ? l->nodes[path[i]].by : closing;
        egret_str who = c->symbols[path[i - 1]].decl->name.str, whom = c->symbols[by->to].decl->name.str;
        check_note(c, diag, by->span, "'%.*s' looks at '%.*s' here", (int)who.len, who.ptr, (int)whom.len, whom.ptr);
    }
    check_help(c, diag, "leave out one of these looks; what two rules need to know of each other belongs in a third that both watch");
}

static void finish_node(levels *l, uint32_t number)
{
    check *c = l->c;
    node *n = &l->nodes[number];
    for (uint32_t i = 0; i < n->n_links; i++) {
        uint32_t level = l->nodes[n->links[i].to].level + (n->links[i].kind == LINK_PROFILE ? 0 : 1);
        n->level = level > n->level ? level : n->level;
    }
    n->state = SYMBOL_DONE;
    if (number == c->n_symbols)
        return;
    c->symbols[number].level = n->level;
    c->order = check_grow(c, c->order, c->n_order, sizeof *c->order);
    c->order[c->n_order++] = number;
}

/* Depth first, with a path of its own instead of recursion: chains may be as long as there are rules. */
static void visit(levels *l, uint32_t *path, uint32_t number)
{
    uint32_t n = 0;
    if (l->nodes[number].state != SYMBOL_NEW)
        return;
    path[n++] = number;
    l->nodes[number].state = SYMBOL_BUSY;
    while (n > 0) {
        node *at = &l->nodes[path[n - 1]];
        if (at->next == at->n_links) {
            finish_node(l, path[--n]);
            continue;
        }
        const link *to = &at->links[at->next++];
        node *target = &l->nodes[to->to];
        if (target->state == SYMBOL_BUSY)
            tell_circle(l, path, n, to->to, to);
        if (target->state != SYMBOL_NEW)
            continue;
        target->state = SYMBOL_BUSY;
        target->by = to;
        path[n++] = to->to;
    }
}

bool check_looks_at_none(check *c, uint32_t number)
{
    levels l = { .c = c, .at = number };
    l.nodes = check_alloc(c, (c->n_symbols + 1) * sizeof *l.nodes);
    l.seen = check_alloc(c, (c->n_symbols + 1) * sizeof *l.seen);
    walk_decl(&l, c->symbols[number].decl);
    const node *n = &l.nodes[number];
    for (uint32_t i = 0; i < n->n_links; i++)
        if (n->links[i].kind != LINK_PROFILE || c->symbols[n->links[i].to].level > 0)
            return false;
    return true;
}

void check_levels(check *c)
{
    levels l = { .c = c };
    uint32_t n = c->n_symbols + 1;
    l.nodes = check_alloc(c, n * sizeof *l.nodes);
    l.seen = check_alloc(c, n * sizeof *l.seen);
    uint32_t *path = check_alloc(c, n * sizeof *path);
    for (l.at = 0; l.at < c->n_symbols; l.at++)
        walk_decl(&l, c->symbols[l.at].decl);
    link_alert(&l);
    c->plan->n_streams += l.n_streams;
    for (uint32_t i = 0; i < c->n_symbols; i++)
        if (c->symbols[i].decl->kind == AST_PROFILE)
            visit(&l, path, i);
    for (uint32_t i = 0; i < c->n_symbols; i++)
        if (c->symbols[i].decl->kind == AST_RULE)
            visit(&l, path, i);
    c->alert_level = l.nodes[c->n_symbols].level;
}
