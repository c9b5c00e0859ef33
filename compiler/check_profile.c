/*
 * check_profile.c: profiles: what is remembered of each key, of all time or in windows.
 *
 * A profile is checked when something reads it first, or in its turn; a condition of a profile may read another profile.
 */
#include "compiler/check.h"

static void lower_members(check *c, win_ctx *win, plan_profile *profile, const ast_pair *members)
{
    for (const ast_pair *pair = members; pair != NULL; pair = pair->next) {
        for (uint32_t i = 0; i < profile->n_members; i++)
            if (egret_str_eq(profile->member_name[i], pair->name.str))
                check_error(c, 305, pair->name.span, "member '%.*s' stands twice", (int)pair->name.str.len, pair->name.str.ptr);
        scope s = { .kind = SCOPE_MEMBER, .stream = PLAN_NONE, .group = profile->group, .win = win };
        typed t = check_settle(c, check_expr(c, &s, pair->value));
        uint32_t n = profile->n_members;
        profile->member_name = check_grow(c, profile->member_name, n, sizeof *profile->member_name);
        profile->member = check_grow(c, profile->member, n, sizeof *profile->member);
        profile->member_name[n] = pair->name.str;
        profile->member[n] = t.expr;
        profile->n_members++;
    }
}

static void lower_profile(check *c, const ast_decl *decl, plan_profile *profile)
{
    rule_ctx *rule = check_alloc(c, sizeof *rule);
    rule->decl = decl;
    rule->streams = check_alloc(c, c->plan->n_streams * sizeof *rule->streams);
    rule->stream_span = check_alloc(c, c->plan->n_streams * sizeof *rule->stream_span);
    rule_mark_streams(c, rule, decl->u.profile.from);
    profile->group = lower_key(c, rule, &decl->u.profile.by);
    win_ctx *win = check_alloc(c, sizeof *win);
    win->of_profile = true;
    win->over = (plan_over){ .kind = AST_EVER, .size_ms = PLAN_FOREVER, .zone = PLAN_NONE };
    win->window.limit_values = 100000;
    lower_window_atoms(c, rule, win, decl->u.profile.from, profile->group);
    win->index = profile->window = c->plan->n_windows;
    c->plan->windows = check_grow(c, c->plan->windows, win->index, sizeof *c->plan->windows);
    c->plan->n_windows++;
    lower_members(c, win, profile, decl->u.profile.members);
    lower_window_finish(c, win);
}

bool check_profile(check *c, symbol *found)
{
    if (found->state == SYMBOL_DONE)
        return true;
    const ast_decl *decl = found->decl;
    if (found->state == SYMBOL_BUSY) {
        check_error(c, 310, decl->name.span, "profile '%.*s' reads itself", (int)decl->name.str.len, decl->name.str.ptr);
        return false;
    }
    symbol *asker = c->at;      /* a profile may be checked when it is first read */
    found->state = SYMBOL_BUSY;
    c->at = found;
    plan_profile *profile = &c->plan->profiles[found->index];
    profile->name = decl->name.str;
    profile->group = PLAN_NONE;
    lower_profile(c, decl, profile);
    found->state = SYMBOL_DONE;
    c->at = asker;
    return true;
}
