/*
 * check_told.c: rules as streams: the fields of what a rule tells, and of `alert`, the stream of all alerts.
 *
 * A rule's stream has the fields of its alert block (or of `signal`), its lets, the parts of its key, and `severity`, `time`, `started`; of two
 * with one name the first wins. They are known when the rule has been checked, which check_levels has put before all that look at it. A rule
 * with two `by` has one stream: a part of one key alone is null in alerts of the other.
 *
 * Key groups hold for each stream how an event says its key, also for streams that no rule of the group looks at (lower_key.c). Groups that were
 * made before the stream's fields were known are told of them afterwards, so nothing depends on the order of checking.
 */
#include "compiler/check.h"

#include <string.h>

uint32_t told_or_stream(check *c, egret_str name)
{
    const symbol *found = check_find(c, SPACE_STREAM, name);
    if (found == NULL)
        return egret_str_is(name, "alert") ? c->alert_stream : PLAN_NONE;
    return found->decl->kind == AST_STREAM ? found->index : found->sound ? found->stream : PLAN_NONE;
}

static egret_str text_of(const char *text)
{
    return (egret_str){ text, (uint32_t)strlen(text) };
}

static plan_field *add_field(check *c, plan_stream *stream, egret_str name, uint8_t type, bool optional)
{
    stream->fields = check_grow(c, stream->fields, stream->n_fields, sizeof *stream->fields);
    plan_field *field = &stream->fields[stream->n_fields++];
    *field = (plan_field){ .name = name, .path = name, .type = type, .optional = optional, .slot = PLAN_NONE };
    return field;
}

static plan_stream *open_stream(check *c, uint32_t number, egret_str name)
{
    plan_stream *stream = &c->plan->streams[number];
    if (!stream->of_rules)
        *stream = (plan_stream){ .name = name, .of_rules = true, .time_field = PLAN_NONE, .identity_field = PLAN_NONE };
    return stream;
}

/* ---- one rule ---- */

/* The first of a name wins. What is nothing but null is a text that is missing: any type says as much. */
static void tell(check *c, plan_stream *mine, egret_str name, egret_type type, bool optional)
{
    if (stream_field(mine, name) == PLAN_NONE)
        add_field(c, mine, name, type == EGRET_NULL ? EGRET_STRING : (uint8_t)type, optional || type == EGRET_NULL);
}

/* What this instance of the rule tells. */
static plan_stream tell_all(check *c, const rule_ctx *rule)
{
    plan_stream mine = { .name = rule->decl->name.str };
    const plan_group *group = &c->plan->groups[rule->rule.group];
    for (uint32_t i = 0; i < rule->n_fields; i++)
        tell(c, &mine, rule->fields[i].pair->name.str, (egret_type)rule->fields[i].value.type, rule->fields[i].value.optional);
    for (uint32_t i = 0; i < rule->n_lets; i++)
        tell(c, &mine, rule->lets[i].clause->name.str, (egret_type)rule->lets[i].value.type, rule->lets[i].value.optional);
    for (uint32_t i = 0; i < group->n_parts; i++)
        tell(c, &mine, group->part_name[i], (egret_type)group->part_type[i], false);
    tell(c, &mine, text_of("severity"), EGRET_STRING, false);
    tell(c, &mine, text_of("time"), EGRET_TIME, false);
    tell(c, &mine, text_of("started"), EGRET_TIME, false);
    return mine;
}

/* What one of two instances lacks may be missing. */
static void join(check *c, const rule_ctx *rule, plan_stream *stream, const plan_stream *mine)
{
    for (uint32_t i = 0; i < stream->n_fields; i++)
        stream->fields[i].optional = stream->fields[i].optional || stream_field(mine, stream->fields[i].name) == PLAN_NONE;
    for (uint32_t i = 0; i < mine->n_fields; i++) {
        const plan_field *field = &mine->fields[i];
        uint32_t at = stream_field(stream, field->name);
        if (at == PLAN_NONE) {
            add_field(c, stream, field->name, field->type, field->optional || rule->rule.instance > 0);
            continue;
        }
        stream->fields[at].optional = stream->fields[at].optional || field->optional;
        if (stream->fields[at].type != field->type)
            check_error(c, 511, rule->decl->name.span, "'%.*s' is %s with one key of this rule and %s with the other, and a rule looks at both",
                        (int)field->name.len, field->name.ptr, egret_type_name((egret_type)stream->fields[at].type),
                        egret_type_name((egret_type)field->type));
    }
}

void told_instance(check *c, const rule_ctx *rule)
{
    if (rule->rule.told == PLAN_NONE || rule->rule.group == PLAN_NONE)
        return;
    plan_stream mine = tell_all(c, rule);
    join(c, rule, open_stream(c, rule->rule.told, rule->decl->name.str), &mine);
}

/* ---- modes ---- */

static egret_str mode_of(const ast_decl *decl)
{
    if (decl->kind != AST_RULE)
        return text_of("live");
    for (const ast_clause *clause = decl->u.rule.clauses; clause != NULL; clause = clause->next)
        if (clause->kind == AST_MODE)
            return clause->name.str;
    return text_of("live");
}

bool told_to_shadow(const rule_ctx *rule)
{
    return egret_str_is(mode_of(rule->decl), "shadow");
}

/* Does the rule tell nothing but what ran out of time? */
static bool tells_timeouts_alone(const ast_decl *decl)
{
    bool timeouts = false, matches = false;
    for (const ast_clause *clause = decl->u.rule.clauses; clause != NULL; clause = clause->next) {
        timeouts = timeouts || clause->kind == AST_ON_TIMEOUT;
        matches = matches || clause->kind == AST_ALERT || clause->kind == AST_SIGNAL;
    }
    return timeouts && !matches;
}

void told_warn(check *c, const rule_ctx *rule, const ast_name *looked_at)
{
    const symbol *told = check_find_kind(c, AST_RULE, looked_at->str);
    if (told == NULL)
        return;
    if (tells_timeouts_alone(told->decl)) {
        egret_diag *diag = check_warn(c, 820, looked_at->span, "rule '%.*s' tells only what ran out of time, and that is no event of its stream",
                                      (int)looked_at->str.len, looked_at->str.ptr);
        check_help(c, diag, "give that rule an 'alert' or 'signal' of its matches; its timeouts are in the stream 'alert'");
        return;
    }
    egret_str mode = mode_of(told->decl);
    bool off = egret_str_is(mode, "off"), shadow = egret_str_is(mode, "shadow") && !egret_str_is(mode_of(rule->decl), "shadow");
    if (!off && !shadow)
        return;
    egret_diag *diag = check_warn(c, 820, looked_at->span, "rule '%.*s' is in mode %.*s: nothing it tells comes here", (int)looked_at->str.len,
                                  looked_at->str.ptr, (int)mode.len, mode.ptr);
    check_note(c, diag, told->decl->name.span, "the rule");
    if (shadow)
        check_help(c, diag, rule->decl->kind == AST_RULE ? "give this rule 'mode shadow', too, until the other goes live"
                                                         : "a profile takes nothing from rules in shadow mode, as all rules may read it");
}

/* ---- groups ---- */

/* How an event of the stream says the key of a group that nobody had it in mind for: by fields of the parts' names. */
static void complete_group(check *c, plan_group *group, uint32_t number)
{
    const plan_stream *stream = &c->plan->streams[number];
    for (uint32_t k = 0; k < group->n_parts; k++) {
        uint32_t *expr = &group->key_expr[(size_t)number * group->n_parts + k];
        uint32_t field = stream_field(stream, group->part_name[k]);
        if (*expr == PLAN_NONE && field != PLAN_NONE && stream->fields[field].type == group->part_type[k])
            *expr = check_field_of(c, number, field).expr;
    }
}

void told_finish(check *c, const symbol *told)
{
    for (uint32_t i = 0; told->stream != PLAN_NONE && i < c->plan->n_groups; i++)
        complete_group(c, &c->plan->groups[i], told->stream);
}

void told_alert(check *c)
{
    if (c->alert_stream == PLAN_NONE)
        return;
    plan_stream *stream = open_stream(c, c->alert_stream, text_of("alert"));
    add_field(c, stream, text_of("rule"), EGRET_STRING, false);
    add_field(c, stream, text_of("severity"), EGRET_STRING, false);
    add_field(c, stream, text_of("key"), EGRET_STRING, false);
    add_field(c, stream, text_of("time"), EGRET_TIME, false);
}
