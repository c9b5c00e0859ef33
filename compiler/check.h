/*
 * check.h: the insides of the checker and of lowering, shared by check*.c, lower*.c, intern.c and content.c; nobody else includes it.
 *
 * One walk does both: an expression of the tree is resolved, typed and lowered to expressions of the plan in the same step, in a
 * `scope` that says what its names may mean. The result is a `typed`: the plan's expression and its type. A typed without an expression
 * (`typed_is_bad`) stands for an error that was reported already; everything that meets it stays silent, so one mistake gives one error.
 *
 * Memory: everything lives in the arena of the collector of diagnostics. When it has no more, check_alloc leaves for egret_plan_make
 * by longjmp; nothing but arena memory is held while these functions run, so nothing is lost.
 */
#ifndef EGRET_COMPILER_CHECK_H
#define EGRET_COMPILER_CHECK_H

#include <setjmp.h>

#include "compiler/functions.h"
#include "compiler/plan.h"

/* ---- identity by hash ---- */

/* Numbers by hash; what is equal is for the asker to say. `below` holds what was there before this one was begun, and stays as it is. */
typedef struct id_map {
    uint64_t *hashes;
    uint32_t *ids;              /* PLAN_NONE: free */
    uint32_t capacity, n;
    const struct id_map *below; /* NULL: nothing */
} id_map;

/* ---- names ---- */

typedef enum name_space { SPACE_STREAM, SPACE_VALUE, SPACE_SOURCE, SPACE_SINK, N_SPACES } name_space;
typedef enum symbol_state { SYMBOL_NEW, SYMBOL_BUSY, SYMBOL_DONE } symbol_state;

typedef struct symbol {
    const ast_decl *decl;
    name_space space;
    uint32_t index;             /* in the plan's array of its kind */
    symbol_state state;         /* of profiles, defines and rules: against cycles */
    uint8_t item_type;          /* list: type of its items as used; EGRET_NULL: not used yet */
    egret_span item_span;       /* where that was */
    uint32_t stream;            /* rule: the stream of what it tells; PLAN_NONE: nobody looks at it */
    uint32_t level;             /* rule: see check_levels.c */
    bool feeds_alert;           /* rule: its alerts are in the stream `alert` */
    bool sound;                 /* rule: it was checked, and no error found */
    bool opened;                /* rule: some other asks whether its alert is open */
    struct touched *touched;    /* what of the plan it needs that others need, too, or nobody */
    uint32_t n_touched;
} symbol;

/* What stays in the plan as long as some declaration needs it (revise.c). */
typedef enum touch_kind { TOUCH_FIELD /* a: stream, b: field; decoded */, TOUCH_FEATURE, TOUCH_LIST /* a: its number */ } touch_kind;
typedef struct touched { touch_kind kind; uint32_t a, b; } touched;

/* ---- the checker ---- */

enum { CHECK_MAX_DEPTH = 600, CHECK_MAX_VISITS = 200000, CHECK_MAX_WEIGHT = 20000 };
/* A hundred years: times plus durations stay far from the ends of int64. */
#define CHECK_MAX_DURATION_MS (INT64_C(36525) * 86400000)

typedef struct check {
    egret_diags *diags;
    egret_arena *arena;
    const ast_file *file;
    plan *plan;
    jmp_buf no_memory;          /* also: check_not_simple */
    id_map exprs, consts, sets, regexes, guards, groups, features, symbol_map;
    uint32_t *weight;           /* per expression: nodes of its tree, saturating; sharing does not make evaluation cheaper */
    uint32_t *height;           /* per expression: levels of its tree; whoever walks it recurses that deep */
    symbol *symbols;
    uint32_t n_symbols;
    uint32_t alert_stream;      /* `alert`; PLAN_NONE: nobody looks at it */
    uint32_t alert_level;
    uint32_t *order;            /* symbols of profiles and rules, each behind what it looks at */
    uint32_t n_order;
    symbol *at;                 /* the declaration that is checked now; NULL: none that comes and goes by itself */
    bool revising;              /* a plan is made of another one: what that is not made for leaves by check_not_simple */
    uint32_t *free_windows;     /* of rules that are replaced, for those that replace them */
    uint32_t n_free_windows;
    uint32_t n_replaced;        /* rules, since all was compiled: what they needed alone may still stand in the plan */
    uint32_t depth;             /* of the walk now */
    uint32_t visits;            /* nodes walked for this declaration: defines may multiply */
} check;

/* What an expression became. */
typedef struct typed {
    uint32_t expr;              /* PLAN_NONE: an error was reported */
    uint8_t type;               /* egret_type; EGRET_NULL: the literal null */
    bool flexible;              /* a literal like 5.00: decimal beside a decimal, else a number */
    bool optional;              /* made of a field that may be null */
} typed;

/* ---- where an expression stands ---- */

typedef enum scope_kind {
    SCOPE_CONST,    /* nothing but constants and defines */
    SCOPE_EVENT,    /* fields of one event; steps bound before, state of the key */
    SCOPE_CELLS,    /* inside an aggregate over a step: fields of each bound event */
    SCOPE_KEY,      /* a part of a key: fields of one stream */
    SCOPE_MATCH,    /* when, let, alert of a sequence */
    SCOPE_WINDOW,   /* when, let, alert of a threshold rule */
    SCOPE_MEMBER,   /* a member of a profile */
    SCOPE_ROUTE,    /* a raw record of a source */
    SCOPE_TEST      /* an event of a test: constants and i */
} scope_kind;

struct rule_ctx;
struct win_ctx;

typedef struct scope {
    scope_kind kind;
    uint32_t stream;            /* EVENT, KEY; PLAN_NONE: unknown, names stay silent */
    uint32_t group;             /* EVENT: whose state prev() and new() ask; PLAN_NONE: none */
    struct rule_ctx *rule;      /* NULL: outside rules */
    struct win_ctx *win;        /* WINDOW, MEMBER: where aggregates go; EVENT: its labels */
    uint32_t item;              /* EVENT in a pattern: items before this one are bound; CELLS: the item looked at */
    const struct scope *outer;  /* CELLS: where the aggregate stands, which says what other steps are */
    bool own_item;              /* EVENT: that item itself may be asked, for what its loop has taken so far */
    egret_str own_label;        /* EVENT: the label of the event itself */
    plan_edge *edge;            /* ROUTE */
    bool levels;                /* info low medium high critical are names */
    bool texts;                 /* strings are texts with {expressions} */
    bool alert;                 /* fields of the alert block are names */
} scope;

/* ---- a window under construction: of a threshold rule or of a profile ---- */

typedef struct win_ctx {
    plan_window window;
    uint32_t index;             /* plan->windows[index], reserved */
    const ast_atom **atoms;     /* the tree of each atom */
    plan_over over;             /* of aggregates that say none */
    bool closes;                /* it is TUMBLING, HOPPING or SESSION */
    bool of_profile;
    bool slides;                /* something leaves the window of some aggregate as time goes by */
    bool mixed;                 /* some aggregate has another window than that of the rule */
} win_ctx;

/* ---- a rule under construction ---- */

typedef struct let_ctx { const ast_clause *clause; typed value; symbol_state state; } let_ctx;
typedef struct field_ctx { const ast_pair *pair; typed value; symbol_state state; } field_ctx;

typedef struct not_ctx { const ast_item *item; bool next; } not_ctx;       /* an absence, and whether `next` stands before it */

typedef struct item_ctx {       /* beside a plan_item */
    const ast_item *item;       /* NULL: an absence stands here */
    egret_str name;             /* label, else the name of its only stream */
    egret_span span;
    const ast_choice *choice;
    const not_ctx *nots;        /* absences before it */
    uint32_t n_nots;
} item_ctx;

typedef struct part_ctx {       /* beside a plan_part */
    egret_span span;            /* of the choice; of a SEQ's part: of the link that leads to it */
    const not_ctx *nots;        /* absences before it */
    const ast_atom **during;    /* heads of watches */
    const ast_item *written;    /* LOOP, SILENCE: as what */
    uint32_t n_nots, n_during;
} part_ctx;

/* A profile that the rule has made for itself, for what it asks with `before` of that stream (check_before.c). */
typedef struct before_ctx { egret_str stream; struct win_ctx *win; uint32_t profile; } before_ctx;

typedef struct rule_ctx {
    const ast_decl *decl;
    const symbol *symbol;                   /* of the rule; NULL: a profile */
    const ast_clause *first[AST_TO + 1];    /* first clause of each kind */
    plan_rule rule;
    bool *streams;              /* n_streams: all streams the rule looks at */
    egret_span *stream_span;    /* where each is named first */
    bool no_key;                /* the key was refused, or is not made yet: its parts are silent */
    bool lone_absence;          /* match not x for D: the only pattern for which `by k in table` means something */
    bool refused;               /* something was refused as not evaluated: unknown names may come from there and stay silent */
    let_ctx *lets;
    uint32_t n_lets;
    field_ctx *fields;          /* of the alert block; they may name each other */
    uint32_t n_fields;
    plan_pattern *pattern;      /* SEQUENCE */
    item_ctx *items;
    part_ctx *parts;            /* of a pattern that branches */
    uint32_t at_part;           /* whose absences or `until` are looked at now; 0: those of a step */
    egret_str *ghosts;          /* labels inside refused parts of a pattern */
    uint32_t n_ghosts;
    win_ctx *win;               /* THRESHOLD */
    before_ctx **befores;
    uint32_t n_befores;
} rule_ctx;

/* ---- check.c ---- */

symbol *check_find(check *c, name_space space, egret_str name);     /* NULL: no such name */
symbol *check_find_kind(check *c, ast_decl_kind kind, egret_str name);
void *check_alloc(check *c, size_t size);                            /* zeroed; never NULL */
void *check_grow(check *c, void *items, uint32_t n, size_t size);    /* items with room for number n; never NULL */
void check_touch(check *c, touch_kind kind, uint32_t a, uint32_t b);
_Noreturn void check_not_simple(check *c);      /* while revising: all is to be compiled */
enum { CHECK_NO_MEMORY = 1, CHECK_NOT_SIMPLE = 2 };                  /* what no_memory is left with */

/* ---- check_levels.c, check_told.c: rules as streams of other rules ---- */

bool check_looks_at_none(check *c, uint32_t number);    /* at no rule, nor at a profile that rules feed */
void check_levels(check *c);            /* the order of profiles and rules; room for the streams of rules; circles are reported */
void told_instance(check *c, const rule_ctx *rule);     /* the fields of its stream, from what was just lowered */
void told_finish(check *c, const symbol *told);       /* the fields are known: groups made before learn of them */
void told_alert(check *c);              /* the same for `alert` */
uint32_t told_or_stream(check *c, egret_str name);      /* a stream, what a sound rule tells, or `alert`; PLAN_NONE: none of these */
bool told_to_shadow(const rule_ctx *rule);      /* is the rule itself in shadow mode? */
void told_warn(check *c, const rule_ctx *rule, const ast_name *looked_at);      /* when nothing of it will ever reach the rule or profile */

/* ---- check_report.c: nothing is said twice at one place ---- */

egret_diag *check_error(check *c, uint16_t code, egret_span span, const char *format, ...) __attribute__((format(printf, 4, 5)));
egret_diag *check_warn(check *c, uint16_t code, egret_span span, const char *format, ...) __attribute__((format(printf, 4, 5)));
void check_help(check *c, egret_diag *diag, const char *format, ...) __attribute__((format(printf, 3, 4)));
void check_note(check *c, egret_diag *diag, egret_span span, const char *format, ...) __attribute__((format(printf, 4, 5)));

typedef struct names { const char **list; uint32_t n; } names;
void names_add(check *c, names *n, egret_str name);
void names_add_symbols(check *c, names *n, ast_decl_kind kind);
void names_add_fields(check *c, names *n, const plan_field *fields, uint32_t n_fields);
void names_add_steps(check *c, names *n, const rule_ctx *rule);
/* "did you mean 'x'?" when something is near; else "known are: a, b" when that is short. false: nothing was said. */
bool check_suggest(check *c, egret_diag *diag, egret_str word, const names *n, const char *what);

/* ---- intern.c ---- */

uint32_t intern_const(check *c, egret_value v);
uint32_t intern_set(check *c, egret_value *items, uint32_t n);      /* sorts and dedupes items */
uint32_t intern_regex(check *c, egret_str pattern);
/* uses: of the node itself; those of the arguments are added. */
uint32_t intern_expr(check *c, plan_expr expr, const uint32_t *args, uint32_t n_args);
uint32_t intern_leaf(check *c, plan_op op, egret_type type, uint32_t a, uint32_t b, uint8_t uses);
uint32_t intern_value(check *c, egret_value v);                      /* PLAN_CONST */
uint32_t intern_unary(check *c, plan_op op, egret_type type, uint32_t arg);
uint32_t intern_binary(check *c, plan_op op, egret_type type, uint32_t a, uint32_t b);
/* AND or OR of n conditions: flattened, equal ones once; n 0: true for AND. */
uint32_t intern_junction(check *c, plan_op op, const uint32_t *args, uint32_t n);
bool intern_is_const(const check *c, uint32_t expr, egret_value *out);
uint64_t intern_group_hash(const plan_group *group);
uint64_t intern_feature_hash(const plan_feature *f);
void intern_expr_again(check *c, uint32_t expr);        /* it is another one now, and is to be found as such */
uint32_t id_map_find(const id_map *map, uint64_t hash, uint32_t *cursor);    /* cursor starts at PLAN_NONE */
void id_map_put(check *c, id_map *map, uint64_t hash, uint32_t id);
uint64_t hash_mix(uint64_t hash, uint64_t v);
uint64_t hash_str(uint64_t hash, egret_str str);

/* ---- check_expr.c ---- */

typed check_expr(check *c, const scope *s, const ast_expr *e);
/* A condition: bool, else an error. PLAN_NONE: an error was reported. */
uint32_t check_condition(check *c, const scope *s, const ast_expr *e, const char *what);
bool typed_is_bad(typed t);
typed typed_bad(void);
typed typed_of(check *c, uint32_t expr);
typed typed_value(check *c, egret_value v);
/* A flexible literal that met nothing becomes a number. */
typed check_settle(check *c, typed t);
/* Makes literals fit: t as it stands beside `type` (int and flexible literals widen, strings become times). */
typed check_fit(check *c, typed t, egret_type type, egret_span span);
/* The same value in a wider numeric type: what is stored has the type the plan says. Other types stay as they are. */
typed check_widen(check *c, typed t, egret_type type);
bool type_is_numeric(egret_type type);
/* A constant duration, also through defines and arithmetic. false: error reported. */
bool check_reads_data(check *c, const ast_expr *e);     /* not constants and defines of constants alone */
bool check_const_duration(check *c, const ast_expr *e, const char *what, int64_t *ms);
bool check_dur(check *c, const ast_dur *dur, const char *what, int64_t *ms);     /* written must be true */
bool dur_is_written(const ast_dur *dur);

/* check_compare.c: comparisons, in, like, matches, is null */
typed check_compare(check *c, const scope *s, const ast_expr *e);
typed check_in(check *c, const scope *s, const ast_expr *e);
typed check_like(check *c, const scope *s, const ast_expr *e);
typed check_matches(check *c, const scope *s, const ast_expr *e);

/* ---- check_warn.c: what compiles and cannot be meant ---- */

/* The sides of an 'and', and what they became. */
void warn_conjunction(check *c, const ast_expr *const *sides, const uint32_t *exprs, uint32_t n);
void warn_comparison(check *c, const scope *s, const ast_expr *e, uint32_t expr);
void warn_pattern(check *c, const rule_ctx *rule);

/* ---- check_name.c ---- */

typed check_name(check *c, const scope *s, const ast_expr *e);
typed check_member(check *c, const scope *s, const ast_expr *e);
typed check_index(check *c, const scope *s, const ast_expr *e);
typed check_step_field(check *c, const scope *s, uint32_t item, const ast_expr *e);
uint32_t stream_field(const plan_stream *stream, egret_str name);   /* PLAN_NONE: no such field */
uint32_t stream_slot(check *c, uint32_t stream, uint32_t field);    /* gives it a slot */
typed check_field_of(check *c, uint32_t stream, uint32_t field);    /* PLAN_FIELD */
uint32_t find_step(const rule_ctx *rule, egret_str name);           /* item; PLAN_NONE */
bool step_is_visible(const scope *s, uint32_t item);
/* lower_branch.c: does the step stand in another alternative or operand than what asks, so that neither comes before the other? */
bool step_is_beside(const scope *s, uint32_t item);
/* Can the step have taken an event before in the same attempt? Loops around it, however far. */
bool step_is_repeated(const plan_pattern *pattern, uint32_t item);
/* The cell of a field common to all streams of the item; reports what is missing. */
uint32_t check_cell(check *c, rule_ctx *rule, uint32_t item, const ast_name *field);
uint32_t cell_of_value(check *c, plan_pattern *pattern, uint32_t expr, egret_span span);    /* PLAN_NONE: too many, reported */
bool name_is_silent(const scope *s, egret_str name);                /* it stands in a refused part */

/* check_time.c: zones, hours, calendars */
typed check_local_call(check *c, const scope *s, const ast_expr *e, uint32_t number);   /* hour(t, zone) and the like; number: the function */
typed check_during(check *c, const scope *s, const ast_expr *e);
uint32_t check_calendar(check *c, egret_str name, const ast_strings *entries);      /* its number; PLAN_NONE: reported */
typed check_in_calendar(check *c, const ast_expr *e, uint32_t calendar, typed x);

/* check_before.c: aggregates over a window that ends at a step */
void before_mark_streams(check *c, rule_ctx *rule);     /* as streams of the rule */
typed check_before(check *c, const scope *s, const ast_expr *e, plan_fn fn);

/* check_open.c: open(rule) */
typed check_open(check *c, const scope *s, const ast_expr *e);

/* ---- check_call.c, check_agg.c ---- */

typed check_call(check *c, const scope *s, const ast_expr *e);
int check_agg_fn(egret_str name);                                    /* plan_fn, -1 */
typed check_aggregate(check *c, const scope *s, const ast_expr *e, plan_fn fn);
egret_type agg_result(plan_fn fn, egret_type arg);
uint32_t intern_step_agg(check *c, plan_pattern *pattern, plan_step_agg agg);
bool agg_takes(plan_fn fn, egret_type arg);
bool agg_param(check *c, const ast_expr *e, plan_fn fn, int64_t *param);     /* plan_agg.param; false: reported */
void agg_explain_type(check *c, const ast_expr *e, plan_fn fn, egret_type type);    /* that it does not take it */
typed check_window_agg(check *c, const scope *s, const ast_expr *e, plan_fn fn);

/* check_span.c: a time that may be looked up by the key: *expr, or PLAN_NONE and *ms. false: reported. */
bool check_key_time(check *c, rule_ctx *rule, const ast_expr *e, const char *what, int64_t *ms, uint32_t *expr);
/* A bound in a pattern, constant or looked up by the key. true: *ms is its time, or PLAN_SPAN(its number). */
bool check_span(check *c, rule_ctx *rule, const ast_expr *e, const char *what, int64_t *ms);
/* Of two bounds around the same steps the tighter one. */
int64_t check_tighter_span(check *c, rule_ctx *rule, int64_t a_ms, int64_t b_ms);
bool check_dur_span(check *c, rule_ctx *rule, const ast_dur *dur, const char *what, int64_t *ms);

/* ---- declarations ---- */

void check_streams(check *c);
void check_contents(check *c);          /* lists and tables, before what reads them */
bool check_type(check *c, const ast_type *type, plan_field *out);
void check_edges(check *c);
bool check_profile(check *c, symbol *profile);  /* on demand; false: a cycle, reported */
void check_defines(check *c);
void check_rules(check *c);             /* and profiles */
void check_rule(check *c, symbol *rule);
void check_tests(check *c);
/* Text of a list's line, a table's cell or a test to a value; strings are borrowed. */
bool content_value(egret_str text, egret_type type, uint8_t unit, egret_value *out);
void content_types(check *c);           /* the types of lists, after all that asks them */
void content_load(check *c);
void plan_hash(check *c);               /* fills all hashes */
void plan_hash_group(check *c, uint32_t group);
void plan_hash_feature(check *c, uint32_t feature);
void plan_hash_rule(check *c, plan_rule *rule);         /* with its pattern or window */

/* ---- plan_order.c: numbers that do not depend on the order of declarations ---- */

int order_rules(const void *left, const void *right);   /* plan_rule: by level, name, instance */
void order_slots(check *c);             /* slots of a stream in the order of its fields */
void order_groups(check *c);            /* key groups by hash */

/* ---- lowering ---- */

/* The key group of a `by` (NULL: none) over the streams marked; PLAN_NONE: refused, reported. */
uint32_t lower_key(check *c, rule_ctx *rule, const ast_keys *by);
plan_atom lower_atom(check *c, const scope *s, const ast_atom *atom);
uint32_t lower_guard(check *c, uint32_t stream, uint32_t expr);
void lower_pattern(check *c, rule_ctx *rule);
bool pattern_is_lone_absence(const ast_seq *seq);
void lower_threshold(check *c, rule_ctx *rule);
void lower_window_atoms(check *c, rule_ctx *rule, win_ctx *win, const ast_atom *watch, uint32_t group);
void lower_window_finish(check *c, win_ctx *win);
bool lower_over(check *c, const ast_window *w, plan_over *over);     /* false: reported */
bool window_over(check *c, const win_ctx *win, const ast_window *written, plan_over *over);  /* the same, within the limits of the window */
/* The number of the feature; equal ones are one. */
uint32_t intern_feature(check *c, plan_feature f);
/* May events leaving turn `when` true? positive: as long as no summed value in the window is negative. */
bool lower_leaving(check *c, const plan_window *window, uint32_t when, bool positive);
/* An aggregate that counts the events of the window, whether somebody asks or not. */
void window_count_all(check *c, win_ctx *win);
/* Marks the aggregates that the condition looks at. */
void lower_asked(check *c, plan_window *window, uint32_t expr);
/* Does `when` look at what changes while nothing enters or leaves the window: the time, what is known of the key? */
bool lower_looks_outside(check *c, uint32_t when);
typed lower_text(check *c, const scope *s, const ast_expr *e);
void lower_alert(check *c, rule_ctx *rule);
void lower_life(check *c, rule_ctx *rule);
scope rule_scope(const rule_ctx *rule);         /* of when, let, alert */
typed rule_let(check *c, rule_ctx *rule, uint32_t let);
typed rule_field(check *c, rule_ctx *rule, uint32_t field);     /* of the alert block */
uint32_t rule_stream(check *c, rule_ctx *rule, const ast_name *name);   /* stream of an atom; PLAN_NONE: reported or refused */
uint64_t rule_limit(check *c, const rule_ctx *rule, const char *name, uint64_t otherwise);
void rule_mark_streams(check *c, rule_ctx *rule, const ast_atom *watch);

#endif
