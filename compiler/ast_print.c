/*
 * ast_print.c: tokens and trees as text, for `egret explain` and for tests.
 *
 * Tokens come one a line: place, kind, text. The tree comes as S-expressions, one clause a line. It holds what the
 * tree means and nothing of how it was written (no places, no brackets, durations in ms), so two texts have equal
 * prints exactly when they have equal trees: the tests of the formatter rest on that. Walks recurse, because the
 * parser bounds the depth.
 */
#include "compiler/ast.h"

#include <inttypes.h>

#include "compiler/lex.h"
#include "compiler/text.h"

const char *egret_tokens_print(egret_diags *diags, uint32_t source)
{
    if (source >= diags->n_sources)
        return "";
    egret_lexer lexer;
    egret_lex_init(&lexer, diags, (egret_span){ source, 0, diags->sources[source].len });
    egret_text out;
    egret_text_init(&out, diags->arena->mem);
    uint32_t line = 1, column = 1, at = 0;
    egret_token tok;
    do {
        tok = egret_lex_next(&lexer);
        for (; at < tok.span.start; at++) {
            bool newline = lexer.text[at] == '\n';
            line += newline ? 1 : 0;
            column = newline ? 1 : column + ((lexer.text[at] & 0xC0) != 0x80 ? 1 : 0);
        }
        egret_text_printf(&out, "%u:%u %s", line, column, egret_tok_symbol(tok.kind));
        if (tok.kind != TOK_EOF) {
            egret_str text = egret_lex_text(&lexer, tok.span);
            egret_text_puts(&out, " ");
            egret_text_put_shown(&out, text.ptr, text.len);
        }
        egret_text_puts(&out, "\n");
    } while (tok.kind != TOK_EOF);
    return egret_text_finish(&out, diags->arena);
}

/* ---- small pieces ---- */

static void put_name(egret_text *out, ast_name name)
{
    egret_text_puts(out, " ");
    egret_text_put_str(out, name.str);
}

static void put_string(egret_text *out, egret_str str)
{
    egret_text_puts(out, " ");
    egret_text_put_json(out, str.ptr, str.len);
}

static void put_dur(egret_text *out, const char *what, const ast_dur *dur)
{
    if (dur->span.end == 0)
        return;
    egret_text_printf(out, " (%s", what);
    if (dur->name.str.len > 0)
        put_name(out, dur->name);
    else
        egret_text_printf(out, " %" PRId64, dur->ms);
    egret_text_puts(out, ")");
}

static void put_strings(egret_text *out, const ast_strings *strings)
{
    for (; strings != NULL; strings = strings->next)
        put_string(out, strings->value.str);
}

static void put_window(egret_text *out, const ast_window *w)
{
    static const char *const NAMES[] = { "none", "sliding", "tumbling", "hopping", "session", "last", "ever" };
    egret_text_printf(out, " (over %s", NAMES[w->kind]);
    put_dur(out, "size", &w->size);
    put_dur(out, "every", &w->every);
    if (w->kind == AST_LAST)
        egret_text_printf(out, " %" PRId64, w->last);
    if (w->zone.span.end != 0)
        put_string(out, w->zone.str);
    egret_text_puts(out, ")");
}

/* ---- expressions ---- */

static const char *const EXPR_NAMES[] = {
    [AST_INT] = "int", [AST_FLOAT] = "float", [AST_DURATION] = "duration", [AST_STRING] = "string", [AST_REGEX] = "regex",
    [AST_TRUE] = "true", [AST_FALSE] = "false", [AST_NULL] = "null", [AST_NAME] = "name", [AST_CALL] = "call",
    [AST_MEMBER] = ".", [AST_INDEX] = "index", [AST_NEG] = "neg", [AST_NOT] = "not", [AST_ADD] = "+", [AST_SUB] = "-",
    [AST_MUL] = "*", [AST_DIV] = "/", [AST_MOD] = "%", [AST_EQ] = "==", [AST_NE] = "!=", [AST_LT] = "<", [AST_LE] = "<=",
    [AST_GT] = ">", [AST_GE] = ">=", [AST_AND] = "and", [AST_OR] = "or", [AST_IN] = "in", [AST_LIKE] = "like",
    [AST_MATCHES] = "matches", [AST_IS_NULL] = "is-null",
};

static void put_expr(egret_text *out, const ast_expr *e);

static void put_operand(egret_text *out, const ast_expr *e)
{
    if (e == NULL)
        return;
    egret_text_puts(out, " ");
    put_expr(out, e);
}

static void put_operands(egret_text *out, const ast_expr *e)
{
    for (; e != NULL; e = e->next)
        put_operand(out, e);
}

static void put_call(egret_text *out, const ast_expr *e)
{
    egret_text_puts(out, "(call");
    put_name(out, e->name);
    put_operands(out, e->args);
    if (e->where != NULL) {
        egret_text_puts(out, " (where");
        put_operand(out, e->where);
        egret_text_puts(out, ")");
    }
    if (e->tail->over.kind != AST_WINDOW_NONE)
        put_window(out, &e->tail->over);
    if (e->tail->before.str.len > 0) {
        egret_text_puts(out, " (before");
        put_name(out, e->tail->before);
        egret_text_puts(out, ")");
    }
    egret_text_puts(out, ")");
}

static void put_operator(egret_text *out, const ast_expr *e)
{
    egret_text_printf(out, "(%s%s", e->negated ? "not-" : "", EXPR_NAMES[e->kind]);
    put_operand(out, e->a);
    put_operand(out, e->b);
    if (e->has_list)
        egret_text_puts(out, " list");
    put_operands(out, e->args);
    if (e->kind == AST_MEMBER)
        put_name(out, e->name);
    egret_text_puts(out, ")");
}

static void put_expr(egret_text *out, const ast_expr *e)
{
    switch ((int)e->kind) {
    case AST_INT:
        egret_text_printf(out, "%" PRId64, e->int_value);
        return;
    case AST_DURATION:
        egret_text_printf(out, "%" PRId64 "ms", e->int_value);
        return;
    case AST_FLOAT:
        egret_text_put_str(out, e->text);
        return;
    case AST_STRING:
        egret_text_put_json(out, e->text.ptr, e->text.len);
        return;
    case AST_REGEX:
        egret_text_puts(out, "r");
        egret_text_put_json(out, e->text.ptr, e->text.len);
        return;
    case AST_TRUE:
    case AST_FALSE:
    case AST_NULL:
        egret_text_puts(out, EXPR_NAMES[e->kind]);
        return;
    case AST_NAME:
        egret_text_put_str(out, e->name.str);
        return;
    case AST_CALL:
        put_call(out, e);
        return;
    default:
        put_operator(out, e);
    }
}

static void put_part(egret_text *out, const char *what, const ast_expr *e)
{
    if (e == NULL)
        return;
    egret_text_printf(out, " (%s", what);
    put_operand(out, e);
    egret_text_puts(out, ")");
}

static void put_pairs(egret_text *out, const ast_pair *pair)
{
    for (; pair != NULL; pair = pair->next) {
        egret_text_puts(out, " (");
        egret_text_put_json(out, pair->name.str.ptr, pair->name.str.len);
        put_operand(out, pair->value);
        egret_text_puts(out, ")");
    }
}

/* ---- patterns ---- */

static void put_watch(egret_text *out, const ast_atom *atom)
{
    for (; atom != NULL; atom = atom->next) {
        egret_text_puts(out, " (event");
        if (atom->label.str.len > 0) {
            put_name(out, atom->label);
            egret_text_puts(out, ":");
        }
        put_name(out, atom->stream);
        put_part(out, "if", atom->cond);
        egret_text_puts(out, ")");
    }
}

static void put_quant(egret_text *out, const ast_quant *q)
{
    if (q->kind == AST_QUANT_NONE)
        return;
    egret_text_printf(out, " (times %" PRId64 " %" PRId64 "%s%s%s", q->min, q->max, q->strict ? " strict" : "",
                      q->any ? " any" : "", q->greedy ? " greedy" : "");
    if (q->until_cond != NULL || q->until_stream.str.len > 0) {
        egret_text_puts(out, " (until");
        if (q->until_stream.str.len > 0)
            put_name(out, q->until_stream);
        put_operand(out, q->until_cond);
        egret_text_puts(out, ")");
    }
    egret_text_puts(out, ")");
}

static void put_seq(egret_text *out, const ast_seq *seq);

static void put_item(egret_text *out, const ast_item *item)
{
    switch (item->kind) {
    case AST_ITEM_WATCH:
        egret_text_puts(out, " (step");
        put_watch(out, item->watch);
        break;
    case AST_ITEM_GROUP:
        egret_text_puts(out, " (group");
        put_seq(out, item->group);
        break;
    case AST_ITEM_NOT:
        egret_text_puts(out, " (absent");
        put_watch(out, item->watch);
        put_part(out, "for", item->for_time);
        break;
    case AST_ITEM_ANY_OF:
        egret_text_printf(out, " (any-of %" PRId64, item->any_n);
        for (const ast_seq *seq = item->group; seq != NULL; seq = seq->next_seq)
            put_seq(out, seq);
        break;
    }
    put_quant(out, &item->quant);
    egret_text_puts(out, ")");
}

static void put_seq(egret_text *out, const ast_seq *seq)
{
    static const char *const LINKS[] = { "first", "then", "then-any", "next" };
    static const char *const KINDS[] = { "", " or", " and" };
    egret_text_puts(out, " (seq");
    for (const ast_choice *choice = seq->choices; choice != NULL; choice = choice->next) {
        egret_text_printf(out, " (%s%s", LINKS[choice->link], KINDS[choice->kind]);
        put_dur(out, "within", &choice->link_within);
        for (const ast_item *item = choice->items; item != NULL; item = item->next)
            put_item(out, item);
        egret_text_puts(out, ")");
    }
    put_dur(out, "within", &seq->within);
    egret_text_puts(out, ")");
}

static void put_keys(egret_text *out, const ast_keys *keys)
{
    for (const ast_key *key = keys->first; key != NULL; key = key->next) {
        egret_text_puts(out, " (key");
        put_name(out, key->name);
        put_operands(out, key->exprs);
        egret_text_puts(out, ")");
    }
    if (keys->table.str.len > 0) {
        egret_text_puts(out, " (in");
        put_name(out, keys->table);
        egret_text_puts(out, ")");
    }
}

/* ---- rules and tests ---- */

static const char *const CLAUSE_NAMES[] = {
    [AST_MATCH] = "match", [AST_WATCH] = "watch", [AST_BY] = "by", [AST_OVER] = "over", [AST_WITHIN] = "within",
    [AST_IDLE] = "idle", [AST_LET] = "let", [AST_WHEN] = "when", [AST_EARLY] = "early", [AST_UNLESS] = "unless",
    [AST_EXCEPT] = "except", [AST_AFTER_MATCH] = "after-match", [AST_SEVERITY] = "severity", [AST_TAGS] = "tags",
    [AST_ALERT] = "alert", [AST_SIGNAL] = "signal", [AST_ON_TIMEOUT] = "on-timeout", [AST_THROTTLE] = "throttle",
    [AST_RESOLVE_WHEN] = "resolve-when", [AST_RESOLVE_ON] = "resolve-on", [AST_ESCALATE] = "escalate",
    [AST_REPEAT] = "repeat", [AST_ACTIVE] = "active", [AST_MODE] = "mode", [AST_WARM_UP] = "warm-up",
    [AST_LIMITS] = "limits", [AST_TO] = "to",
};

/* A clause uses few of its members and leaves the rest empty, so all of them are offered to the print. */
static void put_clause(egret_text *out, const ast_clause *c)
{
    static const char *const SKIPS[] = { "no-skip", "past-last", "to-next", "to-first", "to-last" };
    egret_text_printf(out, "\n  (%s", CLAUSE_NAMES[c->kind]);
    if (c->kind == AST_AFTER_MATCH)
        egret_text_printf(out, " %s", SKIPS[c->skip]);
    if (c->seq != NULL)
        put_seq(out, c->seq);
    put_watch(out, c->watch);
    put_keys(out, &c->keys);
    if (c->window != NULL)
        put_window(out, c->window);
    put_dur(out, "time", &c->dur);
    if (c->name.str.len > 0)
        put_name(out, c->name);
    put_operand(out, c->expr);
    put_part(out, "for", c->for_time);
    put_pairs(out, c->pairs);
    put_strings(out, c->strings);
    egret_text_puts(out, ")");
}

static void put_step(egret_text *out, const ast_step *step)
{
    static const char *const NAMES[] = { "start", "given-items", "given-row", "at", "at-nothing", "expect-no-more",
                                         "expect-alert", "expect-resolved", "expect-escalated" };
    egret_text_printf(out, "\n  (%s", NAMES[step->kind]);
    bool timed = step->kind == AST_AT || step->kind == AST_AT_NOTHING || step->kind >= AST_EXPECT_ALERT;
    if (timed)
        egret_text_printf(out, " %" PRId64, step->at_ms);
    if (step->repeated)
        egret_text_printf(out, " (every %" PRId64 " %" PRId64 ")", step->every_ms, step->times);
    if (step->name.str.len > 0)
        put_name(out, step->name);
    put_strings(out, step->strings);
    put_pairs(out, step->pairs);
    egret_text_puts(out, ")");
}

/* ---- declarations ---- */

static void put_fields(egret_text *out, const ast_field *field)
{
    for (; field != NULL; field = field->next) {
        egret_text_puts(out, "\n  (field");
        put_name(out, field->name);
        put_name(out, field->type.name);
        if (field->type.unit.str.len > 0) {
            egret_text_puts(out, " in");
            put_name(out, field->type.unit);
        }
        if (field->type.optional)
            egret_text_puts(out, " optional");
        if (field->from.span.end != 0)
            put_string(out, field->from.str);
        egret_text_puts(out, ")");
    }
}

static void put_stream(egret_text *out, const ast_stream *stream)
{
    put_fields(out, stream->fields);
    if (stream->time_field.str.len > 0) {
        egret_text_puts(out, "\n  (time");
        put_name(out, stream->time_field);
        egret_text_puts(out, ")");
    }
    put_dur(out, "lateness", &stream->lateness);
    if (stream->identity.str.len > 0) {
        egret_text_puts(out, "\n  (identity");
        put_name(out, stream->identity);
        put_dur(out, "within", &stream->identity_within);
        egret_text_puts(out, ")");
    }
}

static void put_edge(egret_text *out, const ast_edge *edge)
{
    put_name(out, edge->kind);
    for (const ast_option *option = edge->options; option != NULL; option = option->next) {
        egret_text_puts(out, "\n  (option");
        put_name(out, option->name);
        for (const ast_value *value = option->values; value != NULL; value = value->next) {
            egret_text_puts(out, " (value");
            put_operand(out, value->expr);
            put_part(out, "when", value->when);
            put_pairs(out, value->map);
            egret_text_puts(out, ")");
        }
        egret_text_puts(out, ")");
    }
}

static void put_table(egret_text *out, const ast_table *table)
{
    put_string(out, table->path.str);
    egret_text_puts(out, " (key");
    for (uint32_t i = 0; i < table->n_key; i++)
        put_name(out, table->key[i]);
    egret_text_puts(out, ")");
    put_fields(out, table->fields);
}

static void put_profile(egret_text *out, const ast_profile *profile)
{
    egret_text_puts(out, "\n  (from");
    put_watch(out, profile->from);
    egret_text_puts(out, ")\n  (by");
    put_keys(out, &profile->by);
    egret_text_puts(out, ")");
    put_pairs(out, profile->members);
}

static void put_body(egret_text *out, const ast_decl *decl)
{
    switch (decl->kind) {
    case AST_STREAM:
        put_stream(out, &decl->u.stream);
        return;
    case AST_SOURCE:
    case AST_SINK:
        put_edge(out, &decl->u.edge);
        return;
    case AST_LIST:
        put_string(out, decl->u.list_path.str);
        return;
    case AST_TABLE:
        put_table(out, &decl->u.table);
        return;
    case AST_CALENDAR:
        put_strings(out, decl->u.calendar);
        return;
    case AST_PROFILE:
        put_profile(out, &decl->u.profile);
        return;
    case AST_DEFINE:
        put_operand(out, decl->u.define);
        return;
    case AST_RULE:
        if (decl->u.rule.text.span.end != 0)
            put_string(out, decl->u.rule.text.str);
        for (const ast_clause *c = decl->u.rule.clauses; c != NULL; c = c->next)
            put_clause(out, c);
        return;
    case AST_TEST:
        if (decl->u.test.text.span.end != 0)
            put_string(out, decl->u.test.text.str);
        for (const ast_step *step = decl->u.test.steps; step != NULL; step = step->next)
            put_step(out, step);
        return;
    }
}

const char *egret_ast_print(egret_arena *arena, const ast_file *file)
{
    static const char *const WORDS[] = { "stream", "source", "sink", "list", "table", "calendar", "profile", "define", "rule",
                                         "test" };
    egret_text out;
    egret_text_init(&out, arena->mem);
    for (const ast_decl *decl = file->decls; decl != NULL; decl = decl->next) {
        egret_text_printf(&out, "(%s", WORDS[decl->kind]);
        put_name(&out, decl->name);
        put_body(&out, decl);
        egret_text_puts(&out, ")\n");
    }
    return egret_text_finish(&out, arena);
}
