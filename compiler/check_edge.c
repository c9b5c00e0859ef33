/*
 * check_edge.c: sources and sinks: known kinds, their options and types, and the routes of a source to streams.
 *
 * The table below is what the compiler knows of the outside: names and types, no meaning. Options are constants; env("X") is left to the
 * host, which reads the environment when it starts.
 */
#include "compiler/check.h"

#include <string.h>

typedef enum option_kind { OPT_STRING, OPT_WORD, OPT_INT, OPT_DURATION, OPT_BOOL, OPT_MAP, OPT_STREAMS } option_kind;
enum { OF_SOURCE = 1, OF_SINK = 2 };

static const struct { const char *name; uint8_t where; } KINDS[] = {
    { "file", OF_SOURCE | OF_SINK }, { "stdin", OF_SOURCE }, { "http", OF_SOURCE }, { "kafka", OF_SOURCE | OF_SINK },
    { "mqtt", OF_SOURCE | OF_SINK }, { "webhook", OF_SINK }, { "stdout", OF_SINK },
};

/* kind "": every kind of that side. */
static const struct { const char *kind, *name; uint8_t where; uint8_t type; bool required; } OPTIONS[] = {
    { "", "stream", OF_SOURCE, OPT_STREAMS, true },
    { "", "format", OF_SOURCE, OPT_WORD, false },
    { "file", "path", OF_SOURCE | OF_SINK, OPT_STRING, true },
    { "file", "follow", OF_SOURCE, OPT_BOOL, false },
    { "file", "rotate_bytes", OF_SINK, OPT_INT, false },
    { "file", "rotate_every", OF_SINK, OPT_DURATION, false },
    { "file", "keep", OF_SINK, OPT_INT, false },
    { "file", "gzip", OF_SINK, OPT_BOOL, false },
    { "http", "max_body", OF_SOURCE, OPT_INT, false },
    { "kafka", "brokers", OF_SOURCE | OF_SINK, OPT_STRING, true },
    { "kafka", "topic", OF_SOURCE | OF_SINK, OPT_STRING, true },
    { "kafka", "group", OF_SOURCE, OPT_STRING, false },
    { "kafka", "partitions", OF_SOURCE, OPT_STRING, false },
    { "kafka", "start", OF_SOURCE, OPT_WORD, false },
    { "kafka", "on_takeover", OF_SOURCE, OPT_WORD, false },
    { "kafka", "exactly_once", OF_SINK, OPT_BOOL, false },
    { "kafka", "settings", OF_SOURCE | OF_SINK, OPT_MAP, false },
    { "mqtt", "url", OF_SOURCE | OF_SINK, OPT_STRING, true },
    { "mqtt", "topic", OF_SOURCE | OF_SINK, OPT_STRING, true },
    { "mqtt", "client_id", OF_SOURCE | OF_SINK, OPT_STRING, false },
    { "mqtt", "user", OF_SOURCE | OF_SINK, OPT_STRING, false },
    { "mqtt", "password", OF_SOURCE | OF_SINK, OPT_STRING, false },
    { "mqtt", "qos", OF_SOURCE | OF_SINK, OPT_INT, false },
    { "mqtt", "retain", OF_SINK, OPT_BOOL, false },
    { "mqtt", "envelope", OF_SINK, OPT_STRING, false },
    { "mqtt", "cloudevents_source", OF_SINK, OPT_STRING, false },
    { "mqtt", "template", OF_SINK, OPT_STRING, false },
    { "mqtt", "properties", OF_SINK, OPT_MAP, false },
    { "mqtt", "timeout", OF_SINK, OPT_DURATION, false },
    { "mqtt", "fields", OF_SOURCE, OPT_MAP, false },
    { "mqtt", "value_field", OF_SOURCE, OPT_STRING, false },
    { "mqtt", "durable", OF_SOURCE, OPT_BOOL, false },
    { "mqtt", "version", OF_SOURCE | OF_SINK, OPT_STRING, false },
    { "mqtt", "ca", OF_SOURCE | OF_SINK, OPT_STRING, false },
    { "mqtt", "cert", OF_SOURCE | OF_SINK, OPT_STRING, false },
    { "mqtt", "key", OF_SOURCE | OF_SINK, OPT_STRING, false },
    { "mqtt", "keep_alive", OF_SOURCE | OF_SINK, OPT_DURATION, false },
    { "mqtt", "in_flight", OF_SOURCE | OF_SINK, OPT_INT, false },
    { "webhook", "url", OF_SINK, OPT_STRING, true },
    { "webhook", "secret", OF_SINK, OPT_STRING, false },
    { "webhook", "timeout", OF_SINK, OPT_DURATION, false },
    { "webhook", "allow_private", OF_SINK, OPT_BOOL, false },
    { "webhook", "headers", OF_SINK, OPT_MAP, false },
    { "webhook", "old_secret", OF_SINK, OPT_STRING, false },
    { "webhook", "concurrency", OF_SINK, OPT_INT, false },
    { "webhook", "envelope", OF_SINK, OPT_STRING, false },
    { "webhook", "cloudevents_source", OF_SINK, OPT_STRING, false },
    { "webhook", "template", OF_SINK, OPT_STRING, false },
    { "webhook", "ca", OF_SINK, OPT_STRING, false },
    { "", "attempts", OF_SINK, OPT_INT, false },
    { "", "backoff", OF_SINK, OPT_DURATION, false },
    { "", "queue", OF_SINK, OPT_INT, false },
    { "", "queue_bytes", OF_SINK, OPT_INT, false },
};

enum { N_KINDS = sizeof KINDS / sizeof KINDS[0], N_OPTIONS = sizeof OPTIONS / sizeof OPTIONS[0] };

static egret_str text_of(const char *literal)
{
    return (egret_str){ literal, (uint32_t)strlen(literal) };
}

static bool option_is_of(size_t i, egret_str kind, uint8_t side)
{
    return (OPTIONS[i].where & side) != 0 && (OPTIONS[i].kind[0] == '\0' || egret_str_is(kind, OPTIONS[i].kind));
}

/* ---- routes ---- */

static void route_streams(check *c, plan_edge *edge, const ast_option *option)
{
    bool http = egret_str_is(edge->kind, "http");
    for (const ast_value *v = option->values; v != NULL; v = v->next) {
        plan_route route = { .stream = PLAN_NONE, .when = PLAN_NONE };
        if (v->expr == NULL || v->expr->kind != AST_NAME) {
            check_error(c, 604, option->span, "'stream' takes names of streams: stream: login, payment");
            continue;
        }
        const symbol *found = check_find_kind(c, AST_STREAM, v->expr->name.str);
        if (found == NULL) {
            egret_diag *diag = check_error(c, 301, v->expr->span, "unknown stream '%.*s'", (int)v->expr->name.str.len, v->expr->name.str.ptr);
            names n = { 0 };
            names_add_symbols(c, &n, AST_STREAM);
            check_suggest(c, diag, v->expr->name.str, &n, "streams");
            continue;
        }
        route.stream = found->index;
        if (v->when != NULL) {
            scope s = { .kind = SCOPE_ROUTE, .stream = PLAN_NONE, .group = PLAN_NONE, .edge = edge };
            route.when = check_condition(c, &s, v->when, "the condition of a route");
        } else if (!http && v->next != NULL) {
            egret_diag *diag = check_error(c, 605, v->expr->span, "every record would go to '%.*s'; the streams after it get nothing",
                                           (int)v->expr->name.str.len, v->expr->name.str.ptr);
            check_help(c, diag, "say when: stream: login when type == \"login\", payment when type == \"pay\"");
        }
        edge->routes = check_grow(c, edge->routes, edge->n_routes, sizeof route);
        edge->routes[edge->n_routes++] = route;
    }
    for (uint32_t i = 0; i < edge->n_route_fields; i++)
        if (edge->route_fields[i].type == EGRET_NULL)
            edge->route_fields[i].type = EGRET_STRING;
}

/* ---- values of options ---- */

static bool is_env(const ast_expr *e)
{
    return e->kind == AST_CALL && egret_str_is(e->name.str, "env") && e->args != NULL && e->args->next == NULL && e->args->kind == AST_STRING;
}

static bool fits(option_kind kind, egret_type type)
{
    switch (kind) {
    case OPT_STRING:
    case OPT_WORD:
    case OPT_MAP: return type == EGRET_STRING;
    case OPT_INT: return type == EGRET_INT;
    case OPT_DURATION: return type == EGRET_DURATION;
    case OPT_BOOL: return type == EGRET_BOOL;
    case OPT_STREAMS: break;
    }
    return false;
}

static const char *option_type_name(option_kind kind)
{
    static const char *const NAMES[] = { "a string", "a word or a string", "an int", "a duration", "true or false", "a map { … }", "streams" };
    return NAMES[kind];
}

/* One constant. false: reported. */
static bool option_value(check *c, option_kind kind, const ast_expr *e, plan_option_value *out)
{
    if (is_env(e)) {
        out->is_env = true;
        out->value = egret_string(e->args->text.ptr, e->args->text.len);
        return true;
    }
    if (kind == OPT_WORD && e->kind == AST_NAME && check_find_kind(c, AST_DEFINE, e->name.str) == NULL) {
        out->value = egret_string(e->name.str.ptr, e->name.str.len);
        return true;
    }
    scope s = { .kind = SCOPE_CONST, .stream = PLAN_NONE, .group = PLAN_NONE };
    typed t = check_settle(c, check_expr(c, &s, e));
    if (typed_is_bad(t))
        return false;
    if (intern_is_const(c, t.expr, &out->value) && fits(kind, (egret_type)t.type))
        return true;
    egret_diag *diag = check_error(c, 604, e->span, "this option takes %s, not %s", option_type_name(kind), egret_type_name((egret_type)t.type));
    static const char *const HELP[] = { "write it in quotes: \"…\"", "write a word or a text in quotes", "write a whole number without quotes: 8080",
                                        "write it with its unit: 500ms, 5s, 2m", "write true or false, without quotes",
                                        "write { name: \"value\" }", "write the names of streams: login, payment" };
    check_help(c, diag, "%s", HELP[kind]);
    return false;
}

static void add_value(check *c, plan_option *option, plan_option_value value)
{
    option->values = check_grow(c, option->values, option->n_values, sizeof value);
    option->values[option->n_values++] = value;
}

static void option_values(check *c, option_kind kind, const ast_option *tree, plan_option *out)
{
    for (const ast_value *v = tree->values; v != NULL; v = v->next) {
        bool map = v->expr == NULL;
        if (map != (kind == OPT_MAP) || v->when != NULL) {
            check_error(c, 604, tree->span, "option '%.*s' takes %s", (int)tree->name.str.len, tree->name.str.ptr, option_type_name(kind));
            continue;
        }
        out->is_map = map;
        if (!map) {
            plan_option_value value = { 0 };
            if (option_value(c, kind, v->expr, &value))
                add_value(c, out, value);
            continue;
        }
        for (const ast_pair *pair = v->map; pair != NULL; pair = pair->next) {
            plan_option_value value = { .key = pair->name.str };
            if (option_value(c, kind, pair->value, &value))
                add_value(c, out, value);
        }
    }
    if (tree->values != NULL && tree->values->next != NULL && kind != OPT_MAP)
        check_error(c, 604, tree->span, "option '%.*s' takes one value", (int)tree->name.str.len, tree->name.str.ptr);
}

/* ---- options ---- */

static size_t find_option(egret_str kind, uint8_t side, egret_str name)
{
    size_t i = 0;
    while (i < N_OPTIONS && !(option_is_of(i, kind, side) && egret_str_is(name, OPTIONS[i].name)))
        i++;
    return i;
}

static void unknown_option(check *c, const plan_edge *edge, uint8_t side, const ast_option *option)
{
    egret_diag *diag = check_error(c, 602, option->name.span, "'%.*s' has no option '%.*s'", (int)edge->kind.len, edge->kind.ptr,
                                   (int)option->name.str.len, option->name.str.ptr);
    names n = { 0 };
    for (size_t i = 0; i < N_OPTIONS; i++)
        if (option_is_of(i, edge->kind, side))
            names_add(c, &n, text_of(OPTIONS[i].name));
    check_suggest(c, diag, option->name.str, &n, "options");
}

static void check_format(check *c, const plan_option *option)
{
    if (option->n_values != 1 || option->values[0].is_env)
        return;
    egret_str word = { option->values[0].value.u.s, option->values[0].value.len };
    if (egret_str_is(word, "json") || egret_str_is(word, "csv") || egret_str_is(word, "debezium"))
        return;
    egret_diag *diag = check_error(c, 604, option->span, "unknown format '%.*s'", (int)word.len, word.ptr);
    check_help(c, diag, "formats: json, csv, debezium");
}

static void check_option(check *c, plan_edge *edge, uint8_t side, const ast_option *list, const ast_option *option)
{
    for (const ast_option *twin = list; twin != option; twin = twin->next) {
        if (!egret_str_eq(twin->name.str, option->name.str))
            continue;
        egret_diag *diag = check_error(c, 305, option->name.span, "option '%.*s' stands twice", (int)option->name.str.len, option->name.str.ptr);
        check_note(c, diag, twin->name.span, "the first one");
        return;
    }
    size_t known = find_option(edge->kind, side, option->name.str);
    if (known == N_OPTIONS) {
        unknown_option(c, edge, side, option);
        return;
    }
    if (OPTIONS[known].type == OPT_STREAMS) {
        route_streams(c, edge, option);
        return;
    }
    plan_option out = { .name = option->name.str, .span = option->span };
    option_values(c, (option_kind)OPTIONS[known].type, option, &out);
    if (egret_str_is(out.name, "format"))
        check_format(c, &out);
    edge->options = check_grow(c, edge->options, edge->n_options, sizeof out);
    edge->options[edge->n_options++] = out;
}

static bool known_kind(check *c, const ast_edge *tree, uint8_t side)
{
    names n = { 0 };
    for (size_t i = 0; i < N_KINDS; i++) {
        if ((KINDS[i].where & side) == 0)
            continue;
        if (egret_str_is(tree->kind.str, KINDS[i].name))
            return true;
        names_add(c, &n, text_of(KINDS[i].name));
    }
    egret_diag *diag = check_error(c, 601, tree->kind.span, "unknown kind of %s '%.*s'", side == OF_SOURCE ? "source" : "sink",
                                   (int)tree->kind.str.len, tree->kind.str.ptr);
    check_suggest(c, diag, tree->kind.str, &n, "kinds");
    return false;
}

/* Silent when an option that is not known was probably meant. */
static void missing_option(check *c, const ast_decl *decl, const plan_edge *edge, uint8_t side, size_t i)
{
    for (const ast_option *option = decl->u.edge.options; option != NULL; option = option->next)
        if (find_option(edge->kind, side, option->name.str) == N_OPTIONS && egret_diag_nearest(option->name.str, &OPTIONS[i].name, 1) != NULL)
            return;
    static const char *const EXAMPLES[] = { "\"…\"", "…", "8080", "5s", "true", "{ … }", "the name of a stream" };
    egret_diag *diag = check_error(c, 603, decl->name.span, "%s '%.*s' needs the option '%s'", side == OF_SOURCE ? "source" : "sink",
                                   (int)edge->name.len, edge->name.ptr, OPTIONS[i].name);
    check_help(c, diag, "add %s: %s", OPTIONS[i].name, EXAMPLES[OPTIONS[i].type]);
}

static void check_edge(check *c, const ast_decl *decl, plan_edge *edge)
{
    const ast_edge *tree = &decl->u.edge;
    uint8_t side = decl->kind == AST_SOURCE ? OF_SOURCE : OF_SINK;
    *edge = (plan_edge){ .name = decl->name.str, .kind = tree->kind.str, .span = decl->span };
    if (!known_kind(c, tree, side))
        return;
    for (const ast_option *option = tree->options; option != NULL; option = option->next)
        check_option(c, edge, side, tree->options, option);
    for (size_t i = 0; i < N_OPTIONS; i++) {
        bool there = !OPTIONS[i].required || !option_is_of(i, edge->kind, side);
        for (const ast_option *option = tree->options; option != NULL && !there; option = option->next)
            there = egret_str_is(option->name.str, OPTIONS[i].name);
        if (!there)
            missing_option(c, decl, edge, side, i);
    }
}

void check_edges(check *c)
{
    for (uint32_t i = 0; i < c->n_symbols; i++) {
        const symbol *s = &c->symbols[i];
        c->visits = 0;
        if (s->decl->kind == AST_SOURCE)
            check_edge(c, s->decl, &c->plan->sources[s->index]);
        else if (s->decl->kind == AST_SINK)
            check_edge(c, s->decl, &c->plan->sinks[s->index]);
    }
}
