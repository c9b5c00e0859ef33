/*
 * parse_decl.c: the declarations but for rules and tests: streams, sources, sinks, lists, tables, calendars, profiles,
 * defines.
 */
#include "compiler/parse.h"

const char *const parse_decl_words[] = {
    "stream", "source", "sink", "list", "table", "calendar", "profile", "define", "rule", "test",
};
const size_t parse_n_decl_words = sizeof parse_decl_words / sizeof parse_decl_words[0];

void parse_assign(egret_parser *p, const char *where)
{
    if (parse_at(p, TOK_EQ)) {
        egret_diag *diag = parse_report(p, 211, p->tok[0].span, "'==' compares; a name gets its value with '='");
        parse_help(p, diag, "write '='");
        p->tok[0].kind = TOK_ASSIGN;
    }
    if (parse_accept(p, TOK_ASSIGN))
        return;
    egret_str name = parse_text(p, &p->prev);
    bool instead = parse_at(p, TOK_COLON) || parse_at_word(p, "as") || parse_at_word(p, "is");
    egret_diag *diag = parse_fail_expected(p, "'='", where);
    parse_help(p, diag, instead ? "write '=' instead: %.*s = …" : "write '=' before this: %.*s = …", (int)name.len, name.ptr);
}

/* ---- streams and tables ---- */

/* type = IDENT [ "in" IDENT ] [ "?" ] */
static ast_type parse_type(egret_parser *p)
{
    ast_type type = { .name = parse_name(p, "the type of the field") };
    if (parse_accept(p, TOK_IN))
        type.unit = parse_name(p, "a unit");
    type.optional = parse_accept(p, TOK_QUESTION);
    return type;
}

/* A list of fields ends here: with its brace, or where the brace is missing. */
static bool at_fields_end(const egret_parser *p)
{
    bool options = parse_at_word(p, "with") && parse_next_is(p, TOK_IDENT);    /* those of a stream stand behind the brace */
    return parse_at(p, TOK_RBRACE) || parse_at_eof(p) || parse_at_decl(p) || options;
}

/* "{" { IDENT ":" type [ "from" STRING ] [","] } "}"; tables know no from */
static ast_field *parse_fields(egret_parser *p, const char *what, bool may_rename)
{
    egret_span open = p->tok[0].span;
    if (!parse_expect(p, TOK_LBRACE, "before the fields"))
        return NULL;
    ast_field *first = NULL, **tail = &first;
    while (!at_fields_end(p)) {
        ast_field *field = parse_node(p, sizeof *field);
        field->name = parse_name(p, "the name of a field");
        parse_colon(p);
        field->type = parse_type(p);
        if (may_rename && parse_at_tail(p, "from")) {
            parse_advance(p);
            field->from = parse_quoted(p, "where the field is found, in quotes");
        }
        parse_accept(p, TOK_COMMA);
        *tail = field;
        tail = &field->next;
    }
    parse_close(p, TOK_RBRACE, open, what);
    return first;
}

static void report_twice(egret_parser *p, egret_span first, const char *word)
{
    egret_diag *diag = parse_report(p, 207, p->tok[0].span, "a second '%s'", word);
    parse_help(p, diag, "leave one of the two out");
    parse_note(p, diag, first, "the first one is here");
}

/* option = "time" IDENT | "lateness" DURATION | "identity" IDENT [ "within" DURATION ] */
static void parse_option(egret_parser *p, ast_stream *stream)
{
    static const char *const WORDS[] = { "time", "lateness", "identity" };
    egret_token got = p->tok[0];
    if (parse_at_word(p, "time")) {
        if (stream->time_field.str.len > 0)
            report_twice(p, stream->time_field.span, "time");
        parse_advance(p);
        stream->time_field = parse_name(p, "the field that holds the time");
    } else if (parse_at_word(p, "lateness")) {
        if (stream->lateness.span.end > 0)
            report_twice(p, stream->lateness.span, "lateness");
        parse_advance(p);
        stream->lateness = parse_duration(p, "the time after 'lateness'");
    } else if (parse_at_word(p, "identity")) {
        if (stream->identity.str.len > 0)
            report_twice(p, stream->identity.span, "identity");
        parse_advance(p);
        stream->identity = parse_name(p, "the field that identifies an event");
        if (parse_accept_word(p, "within"))
            stream->identity_within = parse_duration(p, "the time after 'within'");
    } else {
        egret_diag *diag = parse_fail_expected(p, "'time', 'lateness' or 'identity'", "after 'with'");
        parse_help_nearest(p, diag, got, WORDS, 3);
        if (diag != NULL && diag->help == NULL)
            parse_help(p, diag, "the options are: time at, lateness 5s, identity id within 1h");
    }
}

/* stream = "stream" IDENT "{" fields "}" [ "with" option { "," option } ] */
static void parse_stream(egret_parser *p, ast_decl *decl)
{
    decl->name = parse_name(p, "the name of the stream");
    if (parse_at_word(p, "with")) {
        egret_diag *diag = parse_fail_expected(p, "'{'", "before the fields");
        parse_help(p, diag, "the fields come first, then the options: stream %.*s { … } with …", (int)decl->name.str.len, decl->name.str.ptr);
        return;
    }
    decl->u.stream.fields = parse_fields(p, "the stream", true);
    static const char *const OPTIONS[] = { "time", "lateness", "identity" };
    bool forgotten = parse_at(p, TOK_IDENT) && parse_next_is(p, TOK_IDENT) && parse_is_one_of(parse_text(p, &p->tok[0]), OPTIONS, 3);
    if (forgotten) {
        egret_diag *diag = parse_report(p, 202, p->tok[0].span, "expected 'with' before the options of the stream");
        parse_help(p, diag, "write 'with' before this");
    } else if (!parse_accept_word(p, "with")) {
        return;
    }
    do
        parse_option(p, &decl->u.stream);
    while (parse_accept(p, TOK_COMMA));
}

/* table = "table" IDENT ":" STRING "key" IDENT { "," IDENT } "{" { IDENT ":" type [","] } "}" */
static void parse_table(egret_parser *p, ast_decl *decl)
{
    enum { KEYS_MAX = 16 };
    ast_table *table = &decl->u.table;
    decl->name = parse_name(p, "the name of the table");
    parse_colon(p);
    table->path = parse_quoted(p, "the path of the table's file in quotes");
    if (parse_at(p, TOK_LBRACE)) {
        egret_diag *diag = parse_fail_expected(p, "'key'", "before the columns of the table");
        parse_help(p, diag, "say which columns find a row: table %.*s: \"…\" key id { … }", (int)decl->name.str.len, decl->name.str.ptr);
        return;
    }
    parse_expect_word(p, "key", "after the path of the table");
    ast_name keys[KEYS_MAX];
    do {
        ast_name key = parse_name(p, "the name of a key field");
        if (table->n_key < KEYS_MAX)
            keys[table->n_key++] = key;
        else
            parse_fail(p, 203, key.span, "a table has at most %d key fields", KEYS_MAX);
    } while (parse_accept(p, TOK_COMMA));
    table->key = egret_arena_alloc(p->arena, table->n_key * sizeof keys[0]);
    for (uint32_t i = 0; table->key != NULL && i < table->n_key; i++)
        table->key[i] = keys[i];
    table->fields = parse_fields(p, "the table", false);
}

/* ---- sources and sinks ---- */

/* "{" { ( STRING | IDENT ) ":" expr [","] } "}" */
static ast_pair *parse_map(egret_parser *p)
{
    egret_span open = p->tok[0].span;
    ast_pair *first = NULL, **tail = &first;
    parse_expect(p, TOK_LBRACE, NULL);
    while (!at_fields_end(p)) {
        ast_pair *pair = parse_node(p, sizeof *pair);
        pair->name = parse_at(p, TOK_STRING) ? parse_quoted(p, "a name") : parse_name(p, "a name, quoted or not");
        parse_colon(p);
        pair->value = parse_expr(p);
        parse_accept(p, TOK_COMMA);
        *tail = pair;
        tail = &pair->next;
    }
    parse_close(p, TOK_RBRACE, open, "the map");
    return first;
}

/* value = expr [ "when" expr ] | map */
static ast_value *parse_value(egret_parser *p)
{
    ast_value *value = parse_node(p, sizeof *value);
    value->span = p->tok[0].span;
    if (parse_at(p, TOK_LBRACE)) {
        value->map = parse_map(p);
    } else {
        value->expr = parse_expr(p);
        if (parse_at_tail(p, "when")) {
            parse_advance(p);
            value->when = parse_expr(p);
        }
    }
    value->span.end = p->prev.span.end;
    return value;
}

/* IDENT ":" value { "," value } [","]; a "," before IDENT ":" or "}" ends the values */
static ast_option *parse_edge_option(egret_parser *p)
{
    ast_option *option = parse_node(p, sizeof *option);
    option->span = p->tok[0].span;
    option->name = parse_name(p, "the name of an option");
    parse_colon(p);
    ast_value **tail = &option->values;
    do {
        *tail = parse_value(p);
        tail = &(*tail)->next;
        option->span.end = p->prev.span.end;
        if (!parse_accept(p, TOK_COMMA))
            break;
    } while (!(parse_at(p, TOK_IDENT) && parse_next_is(p, TOK_COLON)) && !parse_at(p, TOK_RBRACE));
    return option;
}

static const char *const KINDS[] = { "file", "stdin", "stdout", "http", "kafka", "mqtt", "webhook" };

/* source = "source" IDENT ":" IDENT "{" { IDENT ":" value { "," value } [","] } "}"; a sink has the same form */
static void parse_edge(egret_parser *p, ast_decl *decl)
{
    bool source = decl->kind == AST_SOURCE;
    decl->name = parse_name(p, source ? "the name of the source" : "the name of the sink");
    if (parse_at(p, TOK_IDENT)) {
        egret_str first = decl->name.str, second = parse_text(p, &p->tok[0]);
        bool swapped = parse_is_one_of(first, KINDS, sizeof KINDS / sizeof KINDS[0]);
        egret_diag *diag = parse_fail_expected(p, "':'", "after the name");
        parse_help(p, diag, "the name stands first, then its kind: %s %.*s: %.*s { … }", source ? "source" : "sink",
                   swapped ? (int)second.len : (int)first.len, swapped ? second.ptr : first.ptr,
                   swapped ? (int)first.len : (int)second.len, swapped ? first.ptr : second.ptr);
        return;
    }
    parse_colon(p);
    decl->u.edge.kind = parse_name(p, source ? "the kind of the source" : "the kind of the sink");
    egret_span open = p->tok[0].span;
    if (!parse_expect(p, TOK_LBRACE, "before the options"))
        return;
    ast_option **tail = &decl->u.edge.options;
    while (!at_fields_end(p)) {
        *tail = parse_edge_option(p);
        tail = &(*tail)->next;
    }
    parse_close(p, TOK_RBRACE, open, source ? "the source" : "the sink");
}

/* ---- what rules know ---- */

/* list = "list" IDENT ":" STRING */
static void parse_list(egret_parser *p, ast_decl *decl)
{
    decl->name = parse_name(p, "the name of the list");
    if (!parse_at(p, TOK_COLON)) {
        bool values = parse_at(p, TOK_LBRACE) || parse_at(p, TOK_LBRACKET) || parse_at(p, TOK_ASSIGN);
        egret_diag *diag = parse_fail_expected(p, "':'", "after the name of the list");
        parse_help(p, diag, values ? "a list names a file of values: list %.*s: \"%.*s.txt\"; a few values may stand in a condition: x in (\"a\", \"b\")"
                                   : "write ':' before the file: list %.*s: \"%.*s.txt\"",
                   (int)decl->name.str.len, decl->name.str.ptr, (int)decl->name.str.len, decl->name.str.ptr);
        return;
    }
    parse_colon(p);
    decl->u.list_path = parse_quoted(p, "the path of the list's file in quotes");
}

/* calendar = "calendar" IDENT ":" STRING { "," STRING } */
static void parse_calendar(egret_parser *p, ast_decl *decl)
{
    decl->name = parse_name(p, "the name of the calendar");
    parse_colon(p);
    decl->u.calendar = parse_quoted_list(p, "hours or a day in quotes");
}

/* profile = "profile" IDENT "{" "from" watch "by" keys { IDENT ":" expr [","] } "}" */
static void parse_profile(egret_parser *p, ast_decl *decl)
{
    ast_profile *profile = &decl->u.profile;
    decl->name = parse_name(p, "the name of the profile");
    egret_span open = p->tok[0].span;
    parse_expect(p, TOK_LBRACE, "after the name of the profile");
    profile->from_word = p->tok[0].span;
    bool begun = parse_at_word(p, "from");
    egret_diag *diag = begun ? NULL : parse_fail_expected(p, "'from'", "at the beginning of the profile");
    parse_help(p, diag, "a profile begins with its streams, then its key: profile %.*s { from stream by key  … }", (int)decl->name.str.len,
               decl->name.str.ptr);
    parse_accept_word(p, "from");
    profile->from = parse_watch(p);
    if (!parse_at_word(p, "by")) {
        diag = parse_fail_expected(p, "'by'", "after the streams of the profile");
        parse_help(p, diag, "say for whom the values are kept: from stream by key");
    }
    parse_accept_word(p, "by");
    profile->by = parse_keys(p);
    ast_pair **tail = &profile->members;
    while (!at_fields_end(p)) {
        *tail = parse_pair(p, "the name of a value of the profile");
        tail = &(*tail)->next;
    }
    parse_close(p, TOK_RBRACE, open, "the profile");
}

/* define = "define" IDENT "=" expr */
static void parse_define(egret_parser *p, ast_decl *decl)
{
    decl->name = parse_name(p, "a name after 'define'");
    parse_assign(p, "after the name");
    decl->u.define = parse_expr(p);
}

/* ---- the table ---- */

typedef struct decl_row {
    const char *word;
    ast_decl_kind kind;
    void (*parse)(egret_parser *p, ast_decl *decl);
} decl_row;

static const decl_row DECLS[] = {
    { "stream", AST_STREAM, parse_stream },       { "source", AST_SOURCE, parse_edge },
    { "sink", AST_SINK, parse_edge },             { "list", AST_LIST, parse_list },
    { "table", AST_TABLE, parse_table },          { "calendar", AST_CALENDAR, parse_calendar },
    { "profile", AST_PROFILE, parse_profile },    { "define", AST_DEFINE, parse_define },
    { "rule", AST_RULE, parse_rule },             { "test", AST_TEST, parse_test },
};

static void fail_decl(egret_parser *p)
{
    egret_token got = p->tok[0];
    egret_str word = parse_text(p, &got);
    if (got.kind == TOK_RBRACE) {
        egret_diag *diag = parse_report(p, 217, got.span, "this '}' closes nothing");
        parse_help(p, diag, "leave it out; is another '}' written too early above?");
        parse_advance(p);
        return;
    }
    if (got.kind != TOK_IDENT) {
        egret_diag *diag = parse_fail_expected(p, "a declaration such as 'rule' or 'stream'", NULL);
        parse_help(p, diag, "declarations are: stream source sink list table calendar profile define rule test");
        return;
    }
    if (parse_is_one_of(word, parse_clause_words, parse_n_clause_words)) {
        egret_diag *diag = parse_fail(p, 220, got.span, "the clause '%.*s' stands outside of a rule", (int)word.len, word.ptr);
        parse_help(p, diag, "is a '}' written too early above?");
        return;
    }
    egret_diag *diag = parse_fail(p, 201, got.span, "'%.*s' begins no declaration", (int)word.len, word.ptr);
    if (egret_str_is(word, "let"))
        parse_help(p, diag, "outside of rules write 'define'");
    else if (egret_diag_nearest(word, parse_decl_words, parse_n_decl_words) != NULL)
        parse_help_nearest(p, diag, got, parse_decl_words, parse_n_decl_words);
    else
        parse_help(p, diag, "declarations are: stream source sink list table calendar profile define rule test");
}

ast_decl *parse_decl(egret_parser *p)
{
    p->braces = 0;
    p->nesting = 0;
    for (size_t i = 0; i < sizeof DECLS / sizeof DECLS[0]; i++) {
        if (!parse_at_word(p, DECLS[i].word))
            continue;
        ast_decl *decl = parse_node(p, sizeof *decl);
        decl->kind = DECLS[i].kind;
        decl->span = p->tok[0].span;
        parse_keyword(p);
        DECLS[i].parse(p, decl);
        decl->span.end = p->prev.span.end;
        return decl;
    }
    fail_decl(p);
    return NULL;
}
