/*
 * check_keep.c: rules that look back further than the journal does.
 *
 * State is a cache of the journal, and alerts show their events from it. So what a rule waits for longer than the journal keeps is whole only while
 * nothing changes: an alert names its first events and cannot show them, and a rule that is new, or changed, cannot be filled with what came
 * before. How long the journal keeps is known to whoever runs the rules, not to the rules.
 */
#include "compiler/plan.h"

typedef struct keep_ctx {
    egret_diags *diags;
    const ast_file *file;
    int64_t keep_ms;
    const char *keep;           /* as text */
    const ast_decl *rule;
    bool said;                  /* of this rule */
} keep_ctx;

/* A define that is a duration; anything else is not looked at. */
static int64_t time_of(const keep_ctx *k, const ast_dur *dur)
{
    if (dur->name.str.len == 0)
        return dur->ms;
    for (const ast_decl *decl = k->file->decls; decl != NULL; decl = decl->next)
        if (decl->kind == AST_DEFINE && egret_str_eq(decl->name.str, dur->name.str) && decl->u.define != NULL && decl->u.define->kind == AST_DURATION)
            return decl->u.define->int_value;
    return 0;
}

/* The first time of a rule that is too long is told. */
static void look_at(keep_ctx *k, const ast_dur *dur)
{
    if (k->said || dur->span.start == dur->span.end || time_of(k, dur) <= k->keep_ms)
        return;
    k->said = true;
    egret_diag *diag = egret_diag_add(k->diags, EGRET_DIAG_WARNING, 813, dur->span, "rule '%.*s' may wait longer than the journal keeps, which is %s",
                                      (int)k->rule->name.str.len, k->rule->name.str.ptr, k->keep);
    if (diag != NULL)
        egret_diag_help(k->diags, diag, "run with a longer --keep, or live with alerts whose first events are named but not shown");
}

static void look_at_seq(keep_ctx *k, const ast_seq *seq)
{
    for (; seq != NULL; seq = seq->next_seq) {
        look_at(k, &seq->within);
        for (const ast_choice *choice = seq->choices; choice != NULL; choice = choice->next) {
            look_at(k, &choice->link_within);
            for (const ast_item *item = choice->items; item != NULL; item = item->next)
                look_at_seq(k, item->group);
        }
    }
}

void egret_plan_warn_kept(egret_diags *diags, const ast_file *file, int64_t keep_ms)
{
    char text[64];
    egret_value_text(egret_duration(keep_ms), text, sizeof text);
    for (const ast_decl *decl = file->decls; decl != NULL; decl = decl->next) {
        keep_ctx k = { .diags = diags, .file = file, .keep_ms = keep_ms, .keep = text, .rule = decl };
        if (decl->kind != AST_RULE)
            continue;
        for (const ast_clause *clause = decl->u.rule.clauses; clause != NULL; clause = clause->next) {
            if (clause->kind == AST_MATCH)
                look_at_seq(&k, clause->seq);
            else if (clause->kind == AST_WITHIN || clause->kind == AST_WARM_UP)
                look_at(&k, &clause->dur);
        }
    }
}
