/*
 * plan.h: what the rules mean, resolved and typed: the compiler's result and the engine's input.
 *
 * The plan is logical: it says which conditions, keys, patterns and windows there are and which rules share them, but nothing about bytes
 * in blocks (nfa/layout.c decides that) or search structures (nfa/dispatch.c builds them). It is immutable, lives in one arena, and may be
 * shared by threads. Everything is named by index into the arrays of struct plan; PLAN_NONE says "none". Names stay for printing.
 *
 * Sharing: expressions are hash-consed over all rules, so equal conditions are one expression, one guard, evaluated once per event.
 */
#ifndef EGRET_COMPILER_PLAN_H
#define EGRET_COMPILER_PLAN_H

#include "compiler/ast.h"
#include "compiler/value.h"

#define PLAN_NONE UINT32_MAX
#define PLAN_FOREVER INT64_MAX      /* a bound that is not there */
/* A bound of a pattern that is looked up by the key is spans[i] of the pattern, and stands where its milliseconds would as a negative number. */
#define PLAN_SPAN(i) (-1 - (int64_t)(i))

enum { PLAN_MAX_ATOMS = 64, PLAN_MAX_ITEMS = 32, PLAN_MAX_KEY_PARTS = 8, PLAN_MAX_CELLS = 48,
       PLAN_MAX_PARTS = 128 };

/* ---- expressions ---- */

typedef enum plan_op {
    PLAN_CONST,         /* a: consts[a] */
    PLAN_FIELD,         /* a: slot of the event at hand, b: its stream; PLAN_NONE: a raw record of a source */
    PLAN_CELL,          /* a: cell of the bound event being looked at (inside an aggregate over a step) */
    PLAN_LAST,          /* a: cell of the newest event of the rule's window (when, let, alert of a threshold rule) */
    PLAN_KEY,           /* a: part of the rule's key */
    PLAN_NOW,           /* the instant evaluated */
    PLAN_I,             /* the counter of a repeated test event */
    PLAN_STREAM,        /* name of the stream of the event at hand, string */
    PLAN_STEP_FIELD,    /* a: item of the rule's pattern, b: cell; the last event bound; null when unbound */
    PLAN_STEP_STREAM,   /* a: item: stream name of the last event bound */
    PLAN_STEP_AGG,      /* a: step_aggs[a] of the rule's pattern */
    PLAN_AGG,           /* a: windows[a], b: its aggregate b (the rule's own window, or inside a profile's member) */
    PLAN_PROFILE,       /* a: profiles[a], b: member; as it stood before the event at hand */
    PLAN_PREV,          /* a: features[a] (kind PREV): value of the field in the key's previous event of the stream */
    PLAN_NEW,           /* a: features[a] (kind NEW): not seen for this key in the time given */
    PLAN_TABLE,         /* a: tables[a], b: column; args: key values; null when there is no such row */
    PLAN_IN_LIST,       /* a: lists[a]; args[0] */
    PLAN_IN_SET,        /* a: sets[a] (constants); args[0] */
    PLAN_MATCHES,       /* a: regexes[a]; args[0] */
    PLAN_CALL,          /* a: function number (compiler/functions.h); args */
    PLAN_WHICH,         /* args: name constant, condition, name, condition…; the names that hold, joined by ", " */
    PLAN_CONCAT,        /* args as text, joined; null as "null" */
    PLAN_NOT, PLAN_NEG, PLAN_IS_NULL,                           /* args[0] */
    PLAN_ADD, PLAN_SUB, PLAN_MUL, PLAN_DIV, PLAN_MOD,           /* args[0], args[1] */
    PLAN_EQ, PLAN_NE, PLAN_LT, PLAN_LE, PLAN_GT, PLAN_GE,
    PLAN_LIKE,
    PLAN_AND, PLAN_OR,                                          /* args: two or more, left to right, short circuit */
    /* Numbers go into the ids of alerts: what is new stands at the end. */
    PLAN_OPEN,          /* a: rules[a]: is its alert open? b 0: for the key of the event at hand; 1: for the key whose parts the args are */
    PLAN_LOCAL,         /* args[0], a time, as a clock in UTC would have to show what clocks in zones[a] show; a NONE: args[1] is the zone's name */
    PLAN_DURING,        /* is the time of day of args[0] from a to b, in ms, both included? b below a: over midnight */
    PLAN_IN_CALENDAR,   /* a: calendars[a]; args[0] */
    PLAN_PROFILE_OF,    /* a: profiles[a], b: member; of the key whose parts the args are; null when one of them is */
    PLAN_CELL_STREAM    /* stream name of the bound event being looked at */
} plan_op;

/* What an expression looks at; the union over its tree. */
enum {
    PLAN_USES_EVENT = 1,        /* fields of the event at hand */
    PLAN_USES_STEPS = 2,        /* bound events: must be asked once for each attempt */
    PLAN_USES_KEY_STATE = 4,    /* profiles, prev, new, open: asked once per event and key */
    PLAN_USES_WINDOW = 8,       /* aggregates of the rule's window */
    PLAN_USES_NOW = 16,
    PLAN_USES_KEY = 32,         /* parts of the key */
    PLAN_USES_CONTENT = 64      /* lists and tables: data that may be replaced */
};

typedef struct plan_expr {
    uint8_t op;                 /* plan_op */
    uint8_t type;               /* egret_type of the result; BOOL is two-valued */
    uint8_t uses;
    uint8_t scale;              /* reserved */
    uint32_t a, b;
    uint32_t args, n_args;      /* plan.args[args .. args + n_args): expression numbers */
} plan_expr;

/* ---- what comes in ---- */

typedef struct plan_field {
    egret_str name;
    egret_str path;             /* in the record: dotted; the name when `from` was not written */
    uint8_t type;               /* egret_type */
    uint8_t unit;               /* egret_time_unit, for TIME */
    bool optional;
    uint32_t slot;              /* PLAN_NONE: nobody reads it, it is not decoded */
} plan_field;

typedef struct plan_stream {
    egret_str name;
    plan_field *fields;
    uint32_t n_fields, n_slots;
    uint32_t *slot_field;       /* slot -> field, ascending */
    uint32_t time_field;        /* PLAN_NONE: arrival time. A time field always has a slot */
    uint32_t identity_field;    /* PLAN_NONE: none. It always has a slot */
    bool of_rules;              /* what a rule tells, or `alert`: nothing comes in from outside. These stand behind the others */
    int64_t lateness_ms, identity_within_ms, ahead_ms;
} plan_stream;

/* One stream a source may feed, with the condition that sends a record there. */
typedef struct plan_route {
    uint32_t stream;
    uint32_t when;              /* expression over the source's route fields as PLAN_FIELD slots; PLAN_NONE: always */
} plan_route;

/* An option of a source or sink as written: constants, evaluated; env("X") is left to the host (is_env). */
typedef struct plan_option_value { egret_str key; egret_value value; bool is_env; } plan_option_value;  /* key: in a map; else empty */
typedef struct plan_option { egret_str name; plan_option_value *values; uint32_t n_values; bool is_map; egret_span span; } plan_option;

typedef struct plan_edge {      /* a source or a sink */
    egret_str name, kind;       /* "kafka" "mqtt" "http" "file" "webhook" "stdout" "stdin" */
    plan_option *options;
    uint32_t n_options;
    plan_route *routes;         /* sources: in order of writing */
    uint32_t n_routes;
    plan_field *route_fields;   /* sources: record fields that `when` of routes reads; slot = index */
    uint32_t n_route_fields;
    egret_span span;
} plan_edge;

typedef struct plan_list {
    egret_str name, path;
    uint8_t type;
    egret_value *items;
    int64_t *until_ms;          /* per item: the last instant at which it is in the list; INT64_MAX: for ever. NULL: all of them */
    uint32_t n_items;
} plan_list;

typedef struct plan_table {
    egret_str name, path;
    plan_field *columns;        /* slot unused */
    uint32_t n_columns;
    uint32_t key[PLAN_MAX_KEY_PARTS];
    uint32_t n_key;
    egret_value *cells;         /* n_rows * n_columns, row by row */
    uint32_t n_rows;
} plan_table;

typedef struct plan_set { egret_value *items; uint32_t n_items; } plan_set;
typedef struct plan_regex { egret_str pattern; } plan_regex;

/* ---- time zones, calendars ---- */

typedef struct plan_zone_row { int64_t from_ms; int32_t offset_s; } plan_zone_row;      /* from that instant on */
typedef struct plan_zone { egret_str name; plan_zone_row *rows; uint32_t n_rows; } plan_zone;  /* ascending; the first from INT64_MIN */
typedef struct plan_zone_name { egret_str name; uint32_t zone; } plan_zone_name;

/* Hours of days: of local days since 1970, of weekdays (bit 1 Monday … bit 7 Sunday); hours in ms of the day, both ends included. */
typedef struct plan_hours {
    int64_t first_day, last_day;
    uint32_t from_ms, to_ms;    /* to below from: over midnight */
    uint32_t zone;
    uint8_t weekdays;
    bool negated;               /* takes these hours away */
} plan_hours;

/* A time is in it when it is in some hours and in none that are negated; all of them negated: when in none. */
typedef struct plan_calendar { egret_str name; plan_hours *hours; uint32_t n_hours; } plan_calendar;     /* of `active`: named by its text */

/* ---- keys ---- */

/* A key group: what rules and profiles with the same `by` share. Its blocks hold the sections of all of them. */
typedef struct plan_group {
    uint32_t n_parts;           /* 0: the whole stream is one key */
    egret_str part_name[PLAN_MAX_KEY_PARTS];
    uint8_t part_type[PLAN_MAX_KEY_PARTS];
    uint32_t table;             /* `in registry`: keys come from this table too; PLAN_NONE */
    uint32_t *key_expr;         /* n_streams * n_parts: over fields of that stream; PLAN_NONE: the stream has no such key */
    uint64_t hash;              /* of the definition */
} plan_group;

/* ---- conditions ---- */

/* A condition on one stream that looks at its own event (and lists, tables) alone: evaluated at most once per event. */
typedef enum plan_access { PLAN_ACCESS_ALWAYS, PLAN_ACCESS_EQ, PLAN_ACCESS_LT, PLAN_ACCESS_LE, PLAN_ACCESS_GT, PLAN_ACCESS_GE,
                           PLAN_ACCESS_SET } plan_access;

typedef struct plan_guard {
    uint32_t stream;
    uint32_t expr;              /* PLAN_NONE: true for every event of the stream */
    /* The conjunct by which an index finds this guard: field `slot` compared with a constant; a bare bool field is EQ true. */
    uint8_t access;             /* plan_access */
    uint32_t slot;
    uint32_t constant;          /* consts[], or sets[] for SET */
    uint32_t residual;          /* what is left to test when the index said yes; PLAN_NONE: nothing */
} plan_guard;

/* "stream [cond]" somewhere in a rule, split: the guard looks at the event alone, `rest` at more. */
typedef struct plan_atom {
    egret_str label;            /* step name or label; may be empty */
    uint32_t stream;
    uint32_t guard;
    uint32_t rest;              /* PLAN_NONE: nothing more to ask */
} plan_atom;

/* ---- sequences ---- */

typedef enum plan_link { PLAN_THEN, PLAN_NEXT } plan_link;

/* An absence that says more than "nowhere between": until when, counted from the last event bound, it forbids its atoms. */
typedef enum plan_not_kind { PLAN_NOT_NEXT,     /* next not x: of the very next event */
                             PLAN_NOT_FOR,      /* not x for D: as long; nothing can follow before */
                             PLAN_NOT_TO_END,   /* at the end: until `within` is over */
                             PLAN_NOT_ALONG     /* at the end: as long as the others beside it */
} plan_not_kind;

typedef struct plan_not {
    plan_not_kind kind;
    uint32_t atoms, n_atoms;
    uint32_t for_time;                  /* FOR: duration expression; else PLAN_NONE */
} plan_not;

/* One place of a linear pattern: a step, or a loop of one. */
typedef struct plan_item {
    egret_str name;
    uint32_t atoms, n_atoms;            /* of the pattern's atoms */
    uint32_t min, max;                  /* max UINT32_MAX: no bound */
    bool strict, greedy;
    int64_t own_within_ms;              /* (x {3,} within 15m): first to last of the loop; PLAN_FOREVER */
    plan_link link;                     /* from the item before */
    int64_t link_within_ms;
    uint32_t nots, n_nots;              /* atoms that must not occur between the item before and this one */
    plan_not *timed;                    /* NEXT and FOR, in the same place */
    uint32_t n_timed;
    uint32_t until, n_until;            /* atoms that end the loop, once it has taken an event */
    bool each;                          /* some condition of it looks at bound events: asked for each attempt */
} plan_item;

/* A part of a pattern that branches. Parts form a tree and are numbered in order of writing: a part stands before what it is made of. The
 * steps are items of the pattern, each taken once; loops are parts of their own. */
typedef enum plan_part_kind {
    PLAN_PART_STEP,
    PLAN_PART_LOOP,             /* min to max rounds of its one part */
    PLAN_PART_SEQ,              /* its parts one after the other */
    PLAN_PART_OR,               /* the first of its parts that is complete */
    PLAN_PART_SOME,             /* min of its parts, in any order: `and`, `any n of` */
    PLAN_PART_SILENCE           /* `not x for D` as an alternative, an operand, or at the end of a group: complete when it has lasted */
} plan_part_kind;

typedef struct plan_part {
    uint8_t kind;               /* plan_part_kind */
    bool nullable;              /* complete without any event */
    bool strict, greedy, any;   /* LOOP */
    bool every;                 /* `then any` leads here */
    plan_link link;             /* from the part before it in a SEQ */
    int64_t link_within_ms;
    uint32_t parent;            /* PLAN_NONE: the whole */
    uint32_t end;               /* below it stand the parts number + 1 … end - 1; its first part is number + 1, the one beside it is `end` */
    uint32_t item, end_item;    /* the steps in it; STEP: the one. SILENCE: none */
    uint32_t min, max;          /* LOOP; SOME: min is how many are needed */
    int64_t within_ms;          /* SEQ: first to last event; PLAN_FOREVER */
    uint32_t nots, n_nots;      /* atoms that must not occur between the part before and this one */
    plan_not *timed;            /* NEXT and FOR, in the same place */
    uint32_t n_timed;
    uint32_t during, n_during;  /* SOME, SILENCE: atoms that must not occur until it is complete */
    uint32_t until, n_until;    /* LOOP: atoms that end it, once it has taken an event */
    uint32_t silence_for;       /* SILENCE: duration expression; PLAN_NONE: until the `within` of the group around it is over */
} plan_part;

typedef struct plan_unless { uint32_t atoms, n_atoms; uint32_t after_item; } plan_unless;   /* after_item PLAN_NONE: from the first */

typedef enum plan_fn { PLAN_COUNT, PLAN_SUM, PLAN_AVG, PLAN_MIN, PLAN_MAX, PLAN_STDDEV, PLAN_DISTINCT, PLAN_FIRST, PLAN_LAST_VALUE,
                       PLAN_DURATION_OF, PLAN_MEDIAN, PLAN_QUANTILE, PLAN_SLOPE, PLAN_FORECAST,
                       PLAN_AT_FIRST /* of the first event, null or not */ } plan_fn;

/* count(fail), sum(out.amount where …): over the bound events of one item. */
typedef struct plan_step_agg {
    uint8_t fn;
    uint8_t type;
    uint32_t item;
    uint32_t value;             /* expression over PLAN_CELL; PLAN_NONE for count */
    uint32_t where;             /* over PLAN_CELL; PLAN_NONE */
    int64_t param;              /* as in plan_agg */
} plan_step_agg;

/* Fields of bound events that conditions, lets and alerts read later: kept inline with the attempt. */
typedef struct plan_cell {
    egret_str name;
    uint8_t type;
    uint32_t *slot;             /* per stream (n_streams): the slot it is filled from, or PLAN_NONE */
    uint32_t expr;              /* else, for streams with a slot: what it is filled from, asked with the event (`before`); PLAN_NONE */
} plan_cell;

typedef enum plan_absence { PLAN_ABSENCE_NONE, PLAN_ABSENCE_FOR, PLAN_ABSENCE_TO_END } plan_absence;

typedef struct plan_pattern {
    plan_atom *atoms;           /* items', nots', unless', absence's; at most PLAN_MAX_ATOMS */
    uint32_t n_atoms;
    plan_item *items;           /* n_items 0: a lone absence */
    uint32_t n_items;
    plan_part *parts;           /* of a pattern that branches; n_parts 0: the items are a line */
    uint32_t n_parts;
    bool branches_any;          /* `then any` or an `any` loop makes attempts of attempts */
    int64_t within_ms;          /* first to last event; PLAN_FOREVER */
    int64_t idle_ms;            /* attempts die when the key is quiet for longer; PLAN_FOREVER */
    uint32_t *silences;         /* features[] (kind SEEN): `not x for D` at the start; all must hold for an attempt to begin */
    uint32_t n_silences;
    int64_t silence_ms;         /* that D */
    uint32_t *spans;            /* duration expressions over the key and tables */
    uint32_t n_spans;
    plan_absence absence;       /* trailing (or lone) absence */
    uint32_t absence_atoms, n_absence_atoms;
    uint32_t absence_for;       /* FOR: duration expression, asked when the silence starts */
    plan_not *more_absences;    /* beside it; the silence is over when the last of them is */
    uint32_t n_more_absences;
    plan_unless *unless;
    uint32_t n_unless;
    uint32_t when;              /* PLAN_NONE */
    ast_skip skip;
    uint32_t skip_item;
    plan_step_agg *step_aggs;
    uint32_t n_step_aggs;
    plan_cell *cells;
    uint32_t n_cells;
    bool *streams;              /* n_streams: the rule's streams (match and unless), for `next` and strict */
    bool contiguous;            /* some link is `next` or some loop strict: every event of the rule's streams matters */
    bool on_timeout;            /* attempts that run out of time are told */
    uint64_t limit_attempts;    /* per key */
    uint64_t limit_events;      /* bound per step and attempt */
    uint64_t hash;              /* of the definition, with the key's */
    uint64_t *item_hash;        /* of each item by itself, with all that leads to it */
    uint64_t frame_hash;        /* of what holds for attempts wherever they are: key, bounds of the whole, `unless`, what is kept of events */
} plan_pattern;

/* ---- windows ---- */

typedef struct plan_over {      /* which events count */
    ast_window_kind kind;
    int64_t size_ms;            /* SESSION: the gap; LAST, EVER: PLAN_FOREVER */
    int64_t every_ms;           /* HOPPING: from one window's start to the next; else 0 */
    uint64_t last;              /* LAST: how many events; else 0 */
    uint32_t zone;              /* TUMBLING: whose days and hours; PLAN_NONE: UTC */
} plan_over;

static inline bool plan_over_equal(const plan_over *a, const plan_over *b)
{
    return a->kind == b->kind && a->size_ms == b->size_ms && a->every_ms == b->every_ms && a->last == b->last && a->zone == b->zone;
}

/* One thing remembered of each event of a window: a value, or only whether it counts. Shared by aggregates. */
typedef struct plan_arg {
    uint64_t atoms;             /* mask of the window's atoms it counts */
    uint32_t value;             /* expression over the event; PLAN_NONE: only counted */
    uint32_t where;             /* PLAN_NONE */
    uint8_t type;               /* of value */
    /* The same field has another slot in another stream, so an argument over several streams has one expression for each. `value` and
     * `where` are those of the first atom of the mask; whoever evaluates an event of atom k takes these. n_atoms of the window each. */
    uint32_t *atom_value, *atom_where;
} plan_arg;

typedef struct plan_agg {
    uint8_t fn;                 /* plan_fn */
    uint8_t type;               /* of the result */
    uint32_t arg;
    plan_over over;
    bool stays;                 /* nothing leaves it as time goes by, but at the close of the rule's own window */
    bool asked;                 /* `when` or `resolve when` looks at it */
    int64_t param;              /* QUANTILE: per cent, 1 to 99; FORECAST: how far ahead, in ms; else 0 */
} plan_agg;

typedef struct plan_window {
    uint32_t group;
    uint32_t n_atoms;
    plan_atom *atoms;           /* which events enter */
    plan_arg *args;
    uint32_t n_args;
    plan_agg *aggs;
    uint32_t n_aggs;
    plan_cell *cells;           /* of the newest event (PLAN_LAST) */
    uint32_t n_cells;
    uint64_t limit_values;      /* entries per key */
    uint64_t hash;
} plan_window;

/* ---- profiles and features ---- */

typedef struct plan_profile {
    egret_str name;
    uint32_t group;
    uint32_t window;
    egret_str *member_name;
    uint32_t *member;           /* expressions over PLAN_AGG of the window */
    uint32_t n_members;
} plan_profile;

typedef enum plan_feature_kind { PLAN_FEATURE_PREV, PLAN_FEATURE_NEW, PLAN_FEATURE_SEEN } plan_feature_kind;

/* State of a key that prev(), changed(), new() and an absence at the start need; updated after the rules have seen the event. */
typedef struct plan_feature {
    plan_feature_kind kind;
    uint32_t group, stream;
    uint32_t value;             /* expression over the event of that stream; SEEN: PLAN_NONE */
    uint8_t type;
    int64_t over_ms;            /* NEW: PLAN_FOREVER is ever. SEEN: how long it must not have been seen */
    plan_atom atom;             /* SEEN: what must not have been seen */
    uint64_t hash;
} plan_feature;

/* ---- rules ---- */

typedef struct plan_pair { egret_str name; uint32_t expr; } plan_pair;

typedef enum plan_rule_kind { PLAN_SEQUENCE, PLAN_THRESHOLD } plan_rule_kind;
typedef enum plan_mode { PLAN_LIVE, PLAN_SHADOW, PLAN_OFF } plan_mode;
typedef enum plan_level { PLAN_INFO, PLAN_LOW, PLAN_MEDIUM, PLAN_HIGH, PLAN_CRITICAL } plan_level;

typedef struct plan_threshold {
    uint32_t window;
    uint32_t when;              /* PLAN_NONE: every fitting event is a match */
    int64_t for_ms;             /* when … for; 0: at once */
    uint32_t for_time;          /* else looked up: a duration of the key and tables; PLAN_NONE */
    ast_window_kind kind;       /* SLIDING, LAST, EVER: at each change; TUMBLING, HOPPING, SESSION: at the close */
    int64_t size_ms;            /* of the rule's own over; PLAN_FOREVER */
    int64_t every_ms;           /* HOPPING */
    uint64_t last;              /* LAST */
    uint32_t zone;              /* TUMBLING; PLAN_NONE: UTC */
    bool early;                 /* a window that closes is judged at each event, too, and fires once */
    bool leaving_matters;       /* `when` may turn true by events leaving: their leaving must be watched */
    bool asks_at_close;         /* closing windows: `when` may hold at the close though it did not after the last event, or the other way round */
    bool negatives_matter;      /* that is so only while a summed value in the window is negative */
    uint64_t hash;              /* of what judges the window: `when`, `for`, `over`, `early` */
} plan_threshold;

/* escalate critical within 60m on x: from the alert's time on; only upwards. */
typedef struct plan_rung {
    uint32_t on, n_on;          /* atoms of the rule */
    plan_level to;
    int64_t within_ms;          /* PLAN_FOREVER */
} plan_rung;

typedef struct plan_rule {
    egret_str name, text;
    uint32_t instance;          /* 0; repeated `by` makes one entry of rules[] per key, numbered */
    uint32_t level;             /* 0; above the levels of all rules it looks at */
    uint32_t made;              /* its number among the rules before they were sorted */
    egret_span span;
    plan_rule_kind kind;
    uint32_t group;
    plan_pattern *pattern;      /* SEQUENCE */
    plan_threshold threshold;   /* THRESHOLD */
    plan_pair *lets, *fields;   /* lets, but those an alert field of the same name hides; the alert block */
    uint32_t n_lets, n_fields;
    plan_pair *timeout;         /* on timeout alert: its block, then the lets no field of it hides */
    uint32_t n_timeout;
    bool only_timeouts;         /* there is no alert block beside it: matches are not told */
    uint32_t severity;          /* expression giving a string constant or computed; PLAN_NONE: medium */
    egret_str *tags;
    uint32_t n_tags;
    int64_t throttle_ms;        /* 0: none */
    uint32_t throttle_per;      /* PLAN_NONE */
    uint32_t except;            /* PLAN_NONE */
    uint32_t active;            /* outside of it alerts are held back; PLAN_NONE */
    int64_t warm_up_ms;         /* so long after the start it is silent; 0: not */
    plan_mode mode;
    plan_mode written_mode;     /* as the text says; a host may have set another */
    bool signals;               /* tells other rules, and nobody else */
    uint32_t told;              /* streams[]: what it tells; PLAN_NONE: nobody looks at it */
    uint32_t told_alert;        /* streams[]: `alert`; PLAN_NONE: nobody looks at that, or it does not go there */
    /* Life of an open alert. rule_atoms are atoms of resolve on and escalate. */
    plan_atom *atoms;
    uint32_t n_atoms;
    bool resolves;
    uint32_t resolve_on, n_resolve_on;      /* atoms */
    uint32_t resolve_when;                  /* PLAN_NONE */
    int64_t resolve_for_ms;
    uint32_t resolve_for;       /* else looked up, as above; PLAN_NONE */
    int64_t repeat_ms;          /* while it is open it is told again so often; 0: not */
    plan_rung *rungs;           /* escalate, as written */
    uint32_t n_rungs;
    uint32_t *sinks;
    uint32_t n_sinks;
    uint32_t evidence_cap;      /* events shown with an alert */
    uint64_t name_hash;         /* of name and instance */
    uint64_t life_hash;         /* of what the life of its open alert depends on: resolve, escalate, repeat, `throttle … per` */
    uint64_t hash;              /* of the definition */
} plan_rule;

/* ---- tests ---- */

typedef struct plan_test_event { int64_t at_ms, every_ms, times; uint32_t stream; plan_pair *fields; uint32_t n_fields; egret_span span; } plan_test_event;  /* stream PLAN_NONE: nothing */
typedef struct plan_test_given { bool is_table; uint32_t target; egret_value *values; uint32_t n_values; } plan_test_given;  /* list items, or one row */
typedef struct plan_test_expect { egret_alert_kind kind; bool no_more; int64_t at_ms; egret_str rule; plan_pair *fields; uint32_t n_fields; egret_span span; } plan_test_expect;

typedef struct plan_test {
    egret_str rule, text;
    egret_span span;
    int64_t start_ms;           /* 2026-01-01T00:00:00Z when not written */
    plan_test_event *events; uint32_t n_events;
    plan_test_given *givens; uint32_t n_givens;
    plan_test_expect *expects; uint32_t n_expects;
} plan_test;

/* ---- the whole ---- */

typedef struct plan {
    plan_expr *exprs; uint32_t n_exprs;
    uint32_t *args; uint32_t n_args;
    egret_value *consts; uint32_t n_consts;
    plan_set *sets; uint32_t n_sets;
    plan_regex *regexes; uint32_t n_regexes;
    plan_stream *streams; uint32_t n_streams;
    plan_edge *sources; uint32_t n_sources;
    plan_edge *sinks; uint32_t n_sinks;
    plan_list *lists; uint32_t n_lists;
    plan_table *tables; uint32_t n_tables;
    plan_zone *zones; uint32_t n_zones;
    plan_zone_name *zone_names;             /* n_zones, by name */
    plan_calendar *calendars; uint32_t n_calendars;
    plan_group *groups; uint32_t n_groups;
    plan_guard *guards; uint32_t n_guards;
    plan_window *windows; uint32_t n_windows;
    plan_profile *profiles; uint32_t n_profiles;
    plan_feature *features; uint32_t n_features;
    plan_rule *rules; uint32_t n_rules;     /* sorted by (level, name, instance): the order of evaluation */
    plan_test *tests; uint32_t n_tests;
    const struct check *made_by;            /* what the compiler knows besides (revise.h); lives as long as the plan */
} plan;

/* Streams that come in from outside: the first so many. Behind them stand those that rules tell. */
static inline uint32_t plan_inputs(const plan *p)
{
    uint32_t n = p->n_streams;
    while (n > 0 && p->streams[n - 1].of_rules)
        n--;
    return n;
}

/* ---- stage functions ---- */

/* Checks the tree and makes the plan in the arena of diags. NULL when there are errors (all in diags). Reads the files of lists and tables,
 * relative to the rule file that names them; load_content false skips that (contents stay empty). */
const plan *egret_plan_make(egret_diags *diags, const ast_file *file, bool load_content);

/* Warns of rules that wait longer than a journal keeps (check_keep.c). */
void egret_plan_warn_kept(egret_diags *diags, const ast_file *file, int64_t keep_ms);

const char *egret_expr_print(egret_arena *arena, const plan *plan, uint32_t expr);      /* as source-like text */
const char *egret_plan_print(egret_arena *arena, const plan *plan);                     /* the plan, stable, for golden files */
const char *egret_automaton_print(egret_arena *arena, const plan *plan, uint32_t rule); /* states and transitions */
const char *egret_automaton_dot(egret_arena *arena, const plan *plan, uint32_t rule);   /* for Graphviz */
const char *egret_cost_print(egret_arena *arena, const plan *plan, uint32_t rule);      /* worst-case state per key, in words and bytes */

#endif
