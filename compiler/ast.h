/*
 * ast.h: the tree of a rule file, one struct per grammar symbol of docs/language.md.
 *
 * The parser makes it and knows no meaning: names are slices, nothing is resolved. The formatter and the tree
 * printer read it; the checker turns it into the plan and leaves it as it was. All nodes live in one arena.
 * Lists are singly linked through `next` in order of the text.
 */
#ifndef EGRET_COMPILER_AST_H
#define EGRET_COMPILER_AST_H

#include "compiler/diag.h"

typedef struct ast_name {
    egret_str str;      /* empty: not written */
    egret_span span;
} ast_name;

/* ---- expressions ---- */

/* Bounds of what the parser accepts: levels of brackets, and levels of an expression's tree. */
enum { AST_NESTING_MAX = 200, AST_HEIGHT_MAX = 500 };

typedef enum ast_expr_kind {
    AST_INT, AST_FLOAT, AST_DURATION, AST_STRING, AST_REGEX, AST_TRUE, AST_FALSE, AST_NULL,
    AST_NAME,       /* name */
    AST_CALL,       /* name ( args [where] [over] [before] ) */
    AST_MEMBER,     /* a . name */
    AST_INDEX,      /* a [ args ] */
    AST_NEG, AST_NOT,
    AST_ADD, AST_SUB, AST_MUL, AST_DIV, AST_MOD,
    AST_EQ, AST_NE, AST_LT, AST_LE, AST_GT, AST_GE,
    AST_AND, AST_OR,
    AST_IN,         /* a in args (parenthesised list) or a in b; negated */
    AST_LIKE, AST_MATCHES,  /* a like b; a matches regex (b); negated */
    AST_IS_NULL     /* a is [not] null; negated */
} ast_expr_kind;

typedef enum ast_window_kind {
    AST_WINDOW_NONE = 0, AST_SLIDING, AST_TUMBLING, AST_HOPPING, AST_SESSION, AST_LAST, AST_EVER
} ast_window_kind;

/* dur = DURATION | IDENT (a define) */
typedef struct ast_dur {
    int64_t ms;         /* when name is empty */
    ast_name name;
    egret_span span;    /* empty span (start == end): not written */
} ast_dur;

typedef struct ast_window {
    ast_window_kind kind;
    ast_dur size;       /* sliding, tumbling, hopping, session */
    ast_dur every;      /* hopping */
    int64_t last;       /* last INT */
    ast_name zone;      /* tumbling … in "Zone" (unescaped) */
    egret_span span;
} ast_window;

/* What a call may have behind its arguments; most have nothing, and share ast_no_tail. */
typedef struct ast_tail {
    ast_window over;            /* kind NONE: not written */
    ast_name before;
} ast_tail;
extern const ast_tail ast_no_tail;

typedef struct ast_expr {
    struct ast_expr *next;      /* in an argument list */
    ast_expr_kind kind;
    bool negated;               /* not in, not like, not matches, is not null */
    bool bracketed;             /* written in parentheses (the formatter keeps them); they are part of the span,
                                 * but not for STRING and REGEX, whose span is always the literal with its quotes */
    bool has_list;              /* AST_IN with a parenthesised list in args */
    uint16_t height;            /* of the tree below, 1 for a leaf; at most AST_HEIGHT_MAX, so walks may recurse */
    egret_span span;
    egret_str text;             /* literals: as written (strings unescaped, see raw); FLOAT keeps its digits */
    int64_t int_value;          /* INT; DURATION in ms */
    double float_value;         /* FLOAT */
    ast_name name;              /* NAME, CALL, MEMBER */
    struct ast_expr *a, *b;     /* operands */
    struct ast_expr *args;      /* CALL, INDEX, IN (…) */
    struct ast_expr *where;     /* CALL */
    const ast_tail *tail;       /* CALL: never NULL */
} ast_expr;

typedef struct ast_pair {       /* IDENT ":" expr */
    struct ast_pair *next;
    ast_name name;
    ast_expr *value;
} ast_pair;

/* ---- watch, pattern ---- */

typedef struct ast_atom {       /* [ IDENT ":" ] IDENT [ cond ] */
    struct ast_atom *next;      /* alternatives of a watch */
    ast_name label;
    ast_name stream;
    ast_expr *cond;
    egret_span span;
} ast_atom;

typedef enum ast_quant_kind { AST_QUANT_NONE = 0, AST_QUANT_BRACES, AST_QUANT_OPTIONAL, AST_QUANT_PLUS, AST_QUANT_STAR } ast_quant_kind;

typedef struct ast_quant {
    ast_quant_kind kind;
    int64_t min, max;           /* max -1: no bound */
    bool has_comma;             /* braces: {n,} or {n,m} */
    bool strict, any, greedy;
    ast_expr *until_cond;       /* until [c], or the cond of until s [c] */
    ast_name until_stream;
    egret_span span;
} ast_quant;

typedef enum ast_item_kind { AST_ITEM_WATCH, AST_ITEM_GROUP, AST_ITEM_NOT, AST_ITEM_ANY_OF } ast_item_kind;
typedef enum ast_choice_kind { AST_CHOICE_ONE = 0, AST_CHOICE_OR, AST_CHOICE_AND } ast_choice_kind;
typedef enum ast_link_kind { AST_LINK_FIRST = 0, AST_LINK_THEN, AST_LINK_THEN_ANY, AST_LINK_NEXT } ast_link_kind;

struct ast_seq;
typedef struct ast_item {
    struct ast_item *next;      /* in a choice */
    ast_item_kind kind;
    ast_atom *watch;            /* WATCH, NOT: alternatives; the label of the first names the step */
    ast_expr *for_time;         /* NOT … for */
    struct ast_seq *group;      /* GROUP; ANY_OF: first of a list linked by next_seq */
    int64_t any_n;              /* ANY_OF */
    ast_quant quant;
    egret_span span;
} ast_item;

typedef struct ast_choice {     /* one place of a sequence, with the link that leads to it */
    struct ast_choice *next;
    ast_link_kind link;
    ast_dur link_within;
    egret_span link_span;
    ast_choice_kind kind;
    ast_item *items;
} ast_choice;

typedef struct ast_seq {
    struct ast_seq *next_seq;
    ast_choice *choices;
    ast_dur within;
    egret_span span;
} ast_seq;

/* ---- declarations ---- */

typedef struct ast_type { ast_name name; ast_name unit; bool optional; } ast_type;

typedef struct ast_field {
    struct ast_field *next;
    ast_name name;
    ast_type type;
    ast_name from;              /* from "geo.lat": unescaped; empty: not written */
} ast_field;

typedef struct ast_stream {
    ast_field *fields;
    ast_name time_field;
    ast_dur lateness;
    ast_name identity;
    ast_dur identity_within;
} ast_stream;

typedef struct ast_value {      /* a value of a source or sink pair: one of a comma list */
    struct ast_value *next;
    ast_expr *expr;             /* NULL: a map */
    ast_expr *when;
    ast_pair *map;              /* names of string keys are unescaped */
    egret_span span;
} ast_value;

typedef struct ast_option { struct ast_option *next; ast_name name; ast_value *values; egret_span span; } ast_option;

typedef struct ast_edge { ast_name kind; ast_option *options; } ast_edge;   /* source and sink */

typedef struct ast_table { ast_name path; ast_name *key; uint32_t n_key; ast_field *fields; } ast_table;

typedef struct ast_strings { struct ast_strings *next; ast_name value; } ast_strings;   /* unescaped */

typedef struct ast_key {        /* IDENT [ "=" sum { "|" sum } ] */
    struct ast_key *next;
    ast_name name;
    ast_expr *exprs;            /* linked by next; NULL: the field of that name */
} ast_key;

typedef struct ast_keys { ast_key *first; ast_name table; egret_span span; } ast_keys;

typedef struct ast_profile { ast_atom *from; ast_keys by; ast_pair *members; egret_span from_word; } ast_profile;

typedef enum ast_clause_kind {
    AST_MATCH, AST_WATCH, AST_BY, AST_OVER, AST_WITHIN, AST_IDLE, AST_LET, AST_WHEN, AST_EARLY, AST_UNLESS, AST_EXCEPT,
    AST_AFTER_MATCH, AST_SEVERITY, AST_TAGS, AST_ALERT, AST_SIGNAL, AST_ON_TIMEOUT, AST_THROTTLE, AST_RESOLVE_WHEN,
    AST_RESOLVE_ON, AST_ESCALATE, AST_REPEAT, AST_ACTIVE, AST_MODE, AST_WARM_UP, AST_LIMITS, AST_TO
} ast_clause_kind;

typedef enum ast_skip { AST_NO_SKIP, AST_SKIP_PAST_LAST, AST_SKIP_TO_NEXT, AST_SKIP_TO_FIRST, AST_SKIP_TO_LAST } ast_skip;

typedef struct ast_clause {
    struct ast_clause *next;
    ast_clause_kind kind;
    egret_span span;
    ast_seq *seq;               /* MATCH */
    ast_atom *watch;            /* WATCH, UNLESS, RESOLVE_ON, ESCALATE */
    ast_keys keys;              /* BY */
    const ast_window *window;   /* OVER; else NULL */
    ast_dur dur;                /* WITHIN, IDLE, THROTTLE, ESCALATE within, REPEAT, WARM_UP */
    ast_name name;              /* LET; UNLESS after; SKIP_TO x; ESCALATE severity; MODE */
    ast_expr *expr;             /* LET, WHEN, EXCEPT, SEVERITY, THROTTLE per, RESOLVE_WHEN */
    ast_expr *for_time;         /* WHEN, RESOLVE_WHEN */
    ast_skip skip;              /* AFTER_MATCH */
    ast_pair *pairs;            /* ALERT, SIGNAL, ON_TIMEOUT, LIMITS */
    ast_strings *strings;       /* TAGS, TO; ACTIVE (one) */
} ast_clause;

typedef struct ast_rule { ast_name text; ast_clause *clauses; bool asks_before; } ast_rule;      /* some call of it has `before` */

typedef enum ast_step_kind { AST_START, AST_GIVEN_ITEMS, AST_GIVEN_ROW, AST_AT, AST_AT_NOTHING, AST_EXPECT_NO_MORE,
                             AST_EXPECT_ALERT, AST_EXPECT_RESOLVED, AST_EXPECT_ESCALATED } ast_step_kind;

typedef struct ast_step {
    struct ast_step *next;
    ast_step_kind kind;
    egret_span span;
    ast_name name;              /* GIVEN: list or table; AT: stream; EXPECT alert of rule */
    ast_strings *strings;       /* START (one), GIVEN_ITEMS */
    ast_pair *pairs;            /* GIVEN_ROW, AT, EXPECT */
    int64_t at_ms;              /* AT, EXPECT */
    egret_span at_span;         /* of the duration at_ms as written */
    int64_t every_ms, times;    /* AT … every D n times; times 1 when not written */
    egret_span every_span;
    bool repeated;
} ast_step;

typedef struct ast_test { ast_name text; ast_step *steps; } ast_test;

typedef enum ast_decl_kind {
    AST_STREAM, AST_SOURCE, AST_SINK, AST_LIST, AST_TABLE, AST_CALENDAR, AST_PROFILE, AST_DEFINE, AST_RULE, AST_TEST
} ast_decl_kind;

typedef struct ast_decl {
    struct ast_decl *next;
    ast_decl_kind kind;
    ast_name name;              /* TEST: the rule it tests */
    egret_span span;            /* from the keyword to the closing brace */
    union {
        ast_stream stream;
        ast_edge edge;
        ast_name list_path;
        ast_table table;
        ast_strings *calendar;
        ast_profile profile;
        ast_expr *define;
        ast_rule rule;
        ast_test test;
    } u;
} ast_decl;

typedef struct ast_file {       /* all files of one compile, in order of the command line */
    ast_decl *decls;
    ast_decl **tail;
} ast_file;

/* ---- stage functions (lex.c, parse*.c, ast_print.c, format.c) ---- */

void ast_file_init(ast_file *file);
/* Parses source number `source` of diags and appends its declarations. Errors go to diags; recovery at declarations. */
void egret_parse(egret_diags *diags, uint32_t source, ast_file *file);
/* Parses one expression standing alone (interpolation in alert texts): span gives its place in the source. NULL: error reported.
 * The span lies inside a STRING, so strings in it are written \"…\". In an alert text `{` begins an expression and `}` ends
 * it; a brace that is meant as a brace is doubled, `{{` and `}}`. */
ast_expr *egret_parse_expr(egret_diags *diags, egret_span span);
const char *egret_tokens_print(egret_diags *diags, uint32_t source);    /* one token a line */
const char *egret_ast_print(egret_arena *arena, const ast_file *file);  /* S-expressions, stable */
/* The canonical layout of a source that parses, comments kept; NULL when it does not parse (errors in diags). */
const char *egret_format(egret_diags *diags, uint32_t source);

#endif
