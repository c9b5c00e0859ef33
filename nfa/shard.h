/*
 * shard.h: the engine's insides, shared by the files of nfa/ and by nobody else.
 *
 * One shard evaluates one event at a time:
 *   dispatch (which conditions hold, who cares) -> key -> block -> the rule's matcher -> alert -> updates of profiles and features.
 * Everything that outlives the event stands in blocks; everything else is scratch.
 */
#ifndef EGRET_NFA_SHARD_H
#define EGRET_NFA_SHARD_H

#include "nfa/block.h"
#include "nfa/engine.h"
#include "nfa/functions.h"
#include "nfa/sum.h"
#include "nfa/timers.h"

#include <string.h>

enum { NFA_KEY_BYTES = 1024 };      /* a longer key counts as null */
#define NFA_NONE UINT32_MAX
#define NFA_SPLIT UINT32_MAX        /* the home of a group whose keys are spread over all shards */
#define NFA_NO_GROUP (UINT32_MAX - 1)     /* of blocks that stand for no key */

/* ---- values in records ---- */

/* A value takes 8 bytes and a byte beside it: what the type (known from the plan) does not say. */
enum { NFA_META_NULL = 0xFF };
typedef struct nfa_raw { uint64_t bits; uint8_t meta; } nfa_raw;    /* string: offset | len << 32 into the section's bytes */

/* ---- keys ---- */

typedef struct nfa_key {
    uint64_t stamp;             /* number of the event it was computed for */
    uint64_t hash;
    uint32_t block;             /* NFA_NO_BLOCK: none (yet) */
    uint32_t len;
    bool null;                  /* some part was null, or the key is another shard's: nobody of this group sees the event */
    bool foreign;               /* it is another shard's */
    const uint8_t *bytes;       /* its own, or those it was announced with (expect.c) */
    uint8_t own[NFA_KEY_BYTES];
} nfa_key;

/* ---- layout of sections ---- */

typedef enum nfa_kind { NFA_PATTERN, NFA_BRANCH, NFA_SILENCE, NFA_WINDOW, NFA_FEATURE, NFA_LIFE, NFA_TOLD,
                        NFA_GONE    /* of rules that are no more */ } nfa_kind;

/* Every root starts with the section's next deadline that must be acted on. */
typedef struct nfa_root { int64_t due_ms; } nfa_root;

typedef struct nfa_slot {       /* what a section id stands for */
    nfa_kind kind;
    uint32_t owner;             /* PATTERN, BRANCH, SILENCE, LIFE: rule; WINDOW: window; FEATURE: feature; TOLD: stream */
    uint32_t rule;              /* WINDOW of a rule: that rule; of a profile: NFA_NONE */
    uint32_t group;
    uint32_t rank;              /* place in the order of the plan, in which deadlines of one key and instant act */
    bool stays;                 /* sweeping finds nothing in it, however old it is */
} nfa_slot;

/* Where an attempt of a pattern can be, and where it can go: see sequence.h. */
typedef struct seq_item {
    uint16_t word;              /* of the attempt record: single: event; loop: first, last, count, node */
    bool loop, tracked;         /* tracked: its events are listed per attempt, not derived from the log */
    uint8_t cum;                /* derived loop: number of its counter */
    uint8_t queue_open, queue_closed;   /* parts; 0: attempts never wait there */
    bool final;                 /* all items behind it may be left out */
    uint8_t n_targets;
    uint8_t target[PLAN_MAX_ITEMS];     /* items an event may go on to from here, in order of preference */
    bool loop_first;            /* greedy: taking more comes before going on */
} seq_item;

typedef struct seq_layout {
    nfa_section_def def;
    uint32_t words;             /* of an attempt record */
    uint16_t barred_word;       /* of it: gaps that something forbidden came into; 0: it has none */
    uint32_t n_cums;
    uint16_t event_size;        /* bytes of a log record */
    uint8_t part_log, part_bytes, part_nodes;   /* bytes, nodes: 0 when not needed */
    bool scan_all;              /* attempts of one queue may differ in what an event does to them */
    bool at_once;               /* one step and nothing else: an event is a match or nothing, no attempt ever waits */
    bool end_loop;              /* the last item is a loop: a false `when` waits for more */
    uint64_t start_mask, any_mask;      /* atoms that may start an attempt; atoms that matter at all */
    uint8_t n_starts;
    uint8_t start[PLAN_MAX_ITEMS];
    seq_item item[PLAN_MAX_ITEMS];
} seq_layout;

typedef struct win_agg {
    uint16_t reg, size;         /* its register in the root, with the sums of a line */
    uint8_t part;               /* map (distinct), monotone deque (min, max over sliding), values in order (percentiles); 0: none */
    uint8_t fn;                 /* plan_fn */
    uint16_t lane;              /* of those whose entries leave together; WIN_NO_LANE: it looks at no entries */
    uint16_t fit;               /* slope, forecast: offset of the sums in the root */
    uint32_t arg;
    uint16_t frame;             /* offset in the root of the window it has of its own (window_frame.c); 0: none */
    uint32_t owner;             /* the aggregate that keeps part or fit up to date: itself, or one before it that reads the same */
} win_agg;

/* How a value of an argument stands in an entry: not at all (it only counts), as its hash, as it is, as the place of its text. */
typedef enum win_keep { WIN_KEEP_NOTHING, WIN_KEEP_HASH, WIN_KEEP_PLAIN, WIN_KEEP_TEXT } win_keep;

typedef struct win_arg {
    uint8_t keep;               /* win_keep */
    uint8_t type;
    uint32_t word;              /* its place among the values of an entry */
    uint32_t aggs, n_aggs;      /* the aggregates that read it: in by_arg */
} win_arg;

/* Aggregates over one window, whose entries leave together. */
typedef struct win_lane_def {
    const plan_over *over;
    int64_t size_ms;            /* INT64_MAX: they do not leave by themselves */
    bool asked;                 /* a condition looks at some of them */
    uint32_t aggs, n_aggs;      /* in by_lane */
} win_lane_def;

/* What one argument is of an event that fits one atom. */
typedef struct win_ask {
    uint8_t kind;               /* see window_log.c */
    uint32_t where;             /* condition, PLAN_NONE */
    uint32_t from;              /* expression or slot */
} win_ask;

enum { WIN_NO_LANE = 0xFFFF };

typedef struct win_layout {
    nfa_section_def def;
    bool log;                   /* entries are kept: sliding aggregates or evidence */
    bool evidence;              /* entries carry the event's reference */
    uint16_t entry_size, entry_meta, entry_value;   /* offsets in an entry */
    uint16_t lanes, registers;  /* their offsets in the root */
    uint16_t n_words;           /* values in an entry */
    uint16_t n_lanes;
    uint8_t part_log, part_bytes, part_newest;
    win_lane_def *lane;
    win_arg *args;
    win_ask *ask;               /* by argument and atom */
    win_agg *aggs;
    uint32_t *by_arg, *by_lane; /* numbers of aggregates */
    bool timed, all_slide;      /* some aggregate looks at entries of the log; all do, and slide */
    plan_over own;              /* of a rule whose window closes: which one it is */
    bool closes, mixed;         /* it does; aggregates have other windows, too */
    bool passes;                /* all that is remembered is forgotten as time goes by */
    bool counted;               /* some aggregate looks at the last n events */
    bool framed;                /* some aggregate has a frame */
    bool strings;               /* ever/session registers hold strings */
    int64_t longest_ms;         /* of the sliding aggregates */
    bool dated;                 /* its root says when it began and had its newest event */
    bool asks;                  /* some atom has a condition on the key's state */
    const struct win_plain *plain;      /* events enter by window_plain.c; NULL: by window_log.c */
} win_layout;

/* ---- dispatch ---- */

typedef enum nfa_sub_kind { NFA_SUB_LIFE, NFA_SUB_MATCH, NFA_SUB_PROFILE, NFA_SUB_FEATURE } nfa_sub_kind;

/* Who wants to know that a guard holds. `order` sorts: rules by (level, name) first (life before match), then profiles, then features. */
typedef struct nfa_sub {
    uint32_t order;
    uint8_t kind;
    uint8_t atom;               /* bit; 0xFF: every event of the stream, whatever holds */
    uint32_t target;            /* rule, profile or feature */
    uint32_t group;             /* of its keys */
} nfa_sub;

static inline uint64_t nfa_atom_bit(const nfa_sub *sub)
{
    return sub->atom < 64 ? UINT64_C(1) << sub->atom : 0;
}

/* A subscriber that the event is shown to, and those of its atoms that hold. */
typedef struct nfa_visit { const nfa_sub *sub; uint64_t mask; } nfa_visit;

typedef struct nfa_dispatch nfa_dispatch;
typedef struct nfa_content nfa_content;

/* ---- the engine ---- */

/* Names as C strings, for alerts. */
typedef struct nfa_names {
    const char *rule;
    const char **items, **fields, **lets, **timeout, **keys;
} nfa_names;

/* Where an alert stands in the one order of all shards (shards.h); compared from the top down. */
typedef enum nfa_tag_kind { NFA_TAG_RELEASED, NFA_TAG_EVENT, NFA_TAG_DEADLINE } nfa_tag_kind;
typedef struct nfa_tag {
    int64_t time_ms;
    uint64_t event;             /* EVENT: how many there were before */
    uint32_t level;             /* DEADLINE: of the rule */
    uint32_t order;             /* EVENT: nfa_sub.order; DEADLINE: the rule */
    uint32_t key_len;           /* DEADLINE */
    uint8_t kind;
    bool closes, told;
    const void *key;
} nfa_tag;

typedef struct nfa_queued { struct nfa_queued *next; nfa_tag tag; nfa_alert alert; } nfa_queued;

/* Events that will come soon and their keys, see expect.c. */
enum { NFA_EXPECT_EVENTS = 32, NFA_EXPECT_KEYS = 128 };
typedef struct nfa_note {
    uint64_t hash;
    uint32_t block;             /* which it most likely is; NFA_NO_BLOCK */
    const nfa_ahead *key;       /* the host's, or at the same place of key[] */
} nfa_note;

typedef struct nfa_coming {
    uint32_t first, n_notes;    /* of note[]: how many there were before */
    nfa_event event;
} nfa_coming;

typedef struct nfa_expected {
    nfa_note note[NFA_EXPECT_KEYS];     /* of keys that are of use here */
    nfa_ahead key[NFA_EXPECT_KEYS];     /* computed here */
    uint32_t n_notes;                   /* ever: the next one's place in the ring */
    nfa_coming event[NFA_EXPECT_EVENTS];
    uint32_t next, end;                 /* events that have not come yet */
} nfa_expected;

/* The walk over all blocks that drops what has run out, see sweep.c. */
enum { NFA_SWEEP_NOTED = 16 };
typedef struct nfa_sweep {
    uint32_t at;                /* the last block passed */
    uint32_t n_noted;
    uint32_t noted[NFA_SWEEP_NOTED];    /* to be looked at next time */
    uint64_t tick, born;        /* events; blocks born when it last walked */
    uint64_t owed;              /* blocks to be passed */
} nfa_sweep;

struct nfa_engine {
    egret_mem mem;
    const plan *plan;
    egret_arena keep;           /* lives as long as the engine: layouts, dispatch */
    egret_arena scratch;        /* one event */
    egret_arena instant;        /* the deadlines of one instant */
    egret_arena out;            /* alerts until they are taken */
    nfa_store *store;
    nfa_timers *timers;
    nfa_dispatch *dispatch;
    nfa_content *content;
    const struct nfa_ids *ids;  /* what blocks name streams, groups and sections by: ids.h */
    uint32_t *stream_id;        /* by stream of the plan */
    uint32_t *group_id;         /* by group of the plan */
    const char **stream_name;   /* by id */
    uint32_t *stream_at;        /* id -> stream of the plan; NFA_NONE: it is gone */
    nfa_names *names;           /* by rule */
    nfa_slot *slots;            /* by section id */
    uint32_t n_slots;           /* ids there have ever been */
    struct nfa_heir *heirs;     /* sections that come after others: heir.h */
    uint32_t n_heirs, cap_heirs;
    uint32_t heirs_left, heirs_below;   /* blocks to be swept until they are forgotten; of those numbered below, the rest is younger */
    seq_layout **seq;           /* by rule; NULL: not a sequence (or a lone absence: silence) */
    struct branch_layout **branch;      /* by rule; NULL: its pattern does not branch. seq is then a part of it */
    nfa_section_def *silence;   /* by rule; id NFA_NONE: none */
    nfa_section_def *life;      /* by rule; id NFA_NONE: none */
    win_layout **win;           /* by window */
    nfa_section_def *feature;   /* by feature */
    nfa_section_def *told_def;  /* by stream; NULL: no rule looks at rules */
    struct nfa_told *told;      /* what rules tell each other, see told.h */
    uint32_t *window_rule;      /* window -> rule; NFA_NONE: a profile's */
    nfa_key *keys;              /* by group: of the event at hand */
    uint64_t stamp;
    int64_t clock_ms, start_ms;
    bool started, failed;
    const struct nfa_warm *warm;        /* it fills new rules, and is awake for few: warm.h; NULL: it is not such a one */
    struct nfa_annex *annex;    /* what new rules knew when they came, as far as it has not moved; NULL: there is nothing left */
    bool finishing;             /* no more events: deadlines run out, repetitions end */
    nfa_sweep sweep;
    nfa_queued *first, **last;
    nfa_tag tag;                /* of what is being evaluated */
    uint32_t shard, n_shards;   /* which it is, of how many */
    uint32_t *home;             /* by group, then of what rules tell: the shard it lives in, or NFA_SPLIT; with one shard NULL */
    uint32_t *tied;             /* alike: the least group of its set */
    bool told_tied;             /* some group is tied to what rules tell */
    nfa_stats stats;
    nfa_rule_stats *rule_stats;
    nfa_expected expected;
    const nfa_sub **hits;
    uint32_t n_hits, cap_hits;
    const nfa_visit *visits;            /* instead of hits, where n_visits is not 0 */
    uint32_t n_visits;
    struct nfa_foreseen *foreseen;      /* by stream: foresee.c */
    struct nfa_predicate *predicates;   /* the first stands for "evaluate it" */
    uint32_t *predicate_of;             /* by expression */
};

/* An attempt as conditions see it. */
typedef struct seq_run {
    nfa_section *section;
    const seq_layout *layout;
    const plan_pattern *pattern;
    const uint32_t *word;       /* the record */
    uint32_t open_item;         /* the derived loop it is in, PLAN_NONE: none */
    uint32_t open_last, open_count;     /* of that loop, as of now */
    const struct branch_layout *branch; /* of a pattern that branches; NULL: word is a record of sequence.h */
} seq_run;

/* What an expression may look at. */
typedef struct nfa_env {
    nfa_engine *engine;
    const nfa_event *event;     /* NULL in timers */
    int64_t now_ms;
    int64_t i;
    const plan_rule *rule;
    uint32_t block;             /* of the rule's key; NFA_NO_BLOCK: none */
    const nfa_key *key;         /* encoded key of the rule; NULL: read it from the block */
    const seq_run *run;
    const uint8_t *bound;       /* PLAN_CELL: the log record looked at */
    nfa_section *window;        /* the rule's window */
} nfa_env;

/* eval.c */
egret_value nfa_eval(const nfa_env *env, uint32_t expr);
bool nfa_is_true(const nfa_env *env, uint32_t expr);    /* true only for true */
bool nfa_compare(const nfa_env *env, const plan_expr *expr);    /* of a comparison: does it hold? */

/* predicate.c: conditions made ready when the engine is */
typedef struct nfa_predicate nfa_predicate;
typedef bool (*nfa_kernel)(const nfa_env *env, const nfa_predicate *predicate);
/* How an aggregate stands to the predicate's constant; section NULL: of no events. false: it must be evaluated. */
typedef bool (*nfa_glance)(const nfa_section *section, const nfa_predicate *predicate, int *order);
/* What an estimated side is a product of. */
typedef struct nfa_factor {
    uint8_t op;                 /* plan_op: CONST, FIELD, AGG of the rule's window, PROFILE */
    uint8_t fn, type;           /* of an aggregate: plan_fn, egret_type of what it sums */
    uint16_t reg;               /* … its register in the root */
    uint32_t a;                 /* slot; profile */
    double constant;
} nfa_factor;
struct nfa_predicate {
    nfa_kernel holds;
    const plan_expr *expr;
    uint8_t fits;               /* of a comparison: orders that fulfil it */
    uint32_t a, b;              /* a field's slot; or of an aggregate: its register in the root, its part */
    egret_value constant;       /* compared with */
    nfa_sum sum;                /* the constant in the unit of sums */
    nfa_glance glance;          /* of aggregates */
    uint32_t profile;           /* … of a profile */
    const nfa_factor *factors;  /* of what is estimated: of the left side, then of the right */
    uint32_t n_left, n_right;
};
bool nfa_predicates_make(nfa_engine *engine);           /* false: no memory */
bool nfa_order_fits(uint8_t op, int order);             /* -1, 0, 1: does the comparison hold? */

/* estimate.c */
/* Makes the predicate's factors, those of the left side and then those of the right. false: it cannot be estimated. */
bool nfa_estimate_make(nfa_engine *engine, uint32_t left, uint32_t right, nfa_predicate *out);
bool nfa_estimate_order(const nfa_env *env, const nfa_predicate *predicate, int *order);    /* false: too close to say, or null */

/* Does the condition hold? The same as nfa_is_true, only quicker. */
static inline bool nfa_holds(const nfa_env *env, uint32_t number)
{
    uint32_t ready = env->engine->predicate_of[number];
    const nfa_predicate *predicate = &env->engine->predicates[ready];
    return ready != 0 ? predicate->holds(env, predicate) : nfa_is_true(env, number);
}

/* foresee.c: what can be said of an event before it comes */
enum { NFA_NO_FACT = UINT8_MAX };
bool nfa_foresee_make(nfa_engine *engine);              /* before all that asks for facts; false: no memory */
/* The number of the fact whether the condition holds for an event of the stream; NFA_NO_FACT: it is not foreseen. */
uint8_t nfa_foresee_fact(nfa_engine *engine, uint32_t stream, uint32_t expr);
/* Where the hash of a slot's value will stand; NFA_NO_FACT: nowhere. */
uint8_t nfa_foresee_hash(nfa_engine *engine, uint32_t stream, uint32_t slot);
/* Can the condition be answered by the event alone, with nothing to be counted on the way? */
bool nfa_foresee_may(const plan *p, uint32_t expr);
enum { NFA_FACT_ALONE = 63 };       /* it concerns nobody but those who always come */

/* What was foreseen of the event by an engine of this plan, or NULL. */
static inline const nfa_foresight *nfa_foresight_of(const nfa_engine *engine, const nfa_event *event)
{
    return event != NULL && event->ahead != NULL && event->ahead->of == engine->plan ? event->ahead : NULL;
}

/* The same as nfa_eval; a field of the event, as most things are, is read without a call. */
static inline egret_value nfa_value_of(const nfa_env *env, uint32_t number)
{
    const plan_expr *expr = &env->engine->plan->exprs[number];
    return expr->op == PLAN_FIELD && env->event != NULL ? env->event->slots[expr->a] : nfa_eval(env, number);
}

/* local.c: PLAN_LOCAL, PLAN_DURING, PLAN_IN_CALENDAR */
egret_value nfa_local(const nfa_env *env, const plan_expr *expr);
bool nfa_during(const nfa_env *env, const plan_expr *expr);
uint32_t nfa_zone_row(const plan_zone *zone, int64_t time_ms);     /* the row that holds at the instant */
bool nfa_in_calendar(const nfa_env *env, const plan_expr *expr);

/* open.c: PLAN_OPEN, PLAN_PROFILE_OF */
bool nfa_open(const nfa_env *env, const plan_expr *expr);
egret_value nfa_profile_of(const nfa_env *env, const plan_expr *expr);

/* layout.c */
bool nfa_layout_make(nfa_engine *engine);               /* false: no memory */
const char *nfa_layout_name(nfa_engine *engine, egret_str name);    /* as a C string that lives as long as the engine; "" without memory */

/* dispatch.c */
bool nfa_dispatch_make(nfa_engine *engine);
/* Groups that every event of the stream concerns. */
uint32_t nfa_dispatch_groups(const nfa_engine *engine, uint32_t stream, const uint32_t **groups);
/* Is it said by events of the stream alone, whom they concern? */
bool nfa_dispatch_foresees(const nfa_engine *engine, uint32_t stream);
/* Fills engine->hits, sorted by order, or points engine->visits to what is to be done; false: no memory. */
bool nfa_dispatch_event(nfa_engine *engine, const nfa_event *event);

/* sweep.c: drops what has run out of a block that was looked up. Gives the block, or NFA_NO_BLOCK: nothing is left of it. */
uint32_t nfa_swept(nfa_engine *engine, uint32_t block);
void nfa_sweep_on(nfa_engine *engine);                  /* after each event: walks on over the blocks */

/* heir.c */
void heirs_settle(nfa_engine *engine, uint32_t block);
/* A block that was looked up: what it holds under an older definition is brought to the one of now. */
static inline uint32_t nfa_settled(nfa_engine *engine, uint32_t block)
{
    if (engine->n_heirs > 0 && block != NFA_NO_BLOCK)
        heirs_settle(engine, block);
    return block;
}

/* annex.c: what the annex knows of the key moves into its block (NFA_NO_BLOCK: it has none yet). Gives the block; sets engine->failed without memory. */
uint32_t annex_bring(nfa_engine *engine, uint32_t block, uint32_t group, const void *key, size_t len, uint64_t hash);
/* The block of the key (group: its id), with all that is known of it under the definitions of now. */
static inline uint32_t nfa_found(nfa_engine *engine, uint32_t group, const void *key, size_t len, uint64_t hash)
{
    uint32_t block = nfa_block_find(engine->store, group, key, len, hash);
    if (engine->annex != NULL)
        block = annex_bring(engine, block, group, key, len, hash);
    return nfa_settled(engine, block);
}

/* expect.c */
/* Takes the keys of the event from what was announced, if it was. */
void nfa_expect_recall(nfa_engine *engine, const nfa_event *event);
void nfa_expect_pass(nfa_engine *engine, const nfa_event *event);     /* it will not be evaluated */
/* What keys depend on has changed: none is known in advance. */
void nfa_expect_forget(nfa_engine *engine);
/* Computes those that are always asked for, and has_hits: those of engine->hits; 0: not all can be. */
uint32_t nfa_expect_keys(nfa_engine *engine, const nfa_event *event, bool has_hits, nfa_ahead *keys, uint32_t max);

/* content.c */
bool nfa_content_make(nfa_engine *engine);
void nfa_content_free(nfa_engine *engine);
bool nfa_content_in_list(const nfa_engine *engine, uint32_t list, egret_value v, int64_t now_ms);
bool nfa_content_in_set(const nfa_engine *engine, uint32_t set, egret_value v);
egret_value nfa_content_lookup(const nfa_engine *engine, uint32_t table, const egret_value *key, uint32_t column);
bool nfa_content_has_row(const nfa_engine *engine, uint32_t table, const egret_value *key);
bool nfa_content_matches(nfa_engine *engine, uint32_t regex, egret_value v);
typedef struct nfa_rows nfa_rows;   /* the rows of a table */
const nfa_rows *nfa_content_table(const nfa_engine *engine, uint32_t table);
uint32_t nfa_rows_count(const nfa_rows *rows);
bool nfa_rows_have(const nfa_rows *rows, const egret_value *key);
bool nfa_rows_same(const nfa_rows *a, const nfa_rows *b);
void nfa_rows_key(const nfa_rows *rows, uint32_t row, egret_value *key);   /* key: room for as many as the table has key columns */

/* known_keys.c: rules over `by k in table` */
egret_status known_keys_start(nfa_engine *engine);      /* keys known from tables start to be watched */
/* Rules that `before` did not have, or not so, start to watch the keys known from tables. */
egret_status known_keys_join(nfa_engine *engine, const nfa_engine *before);
/* The table has been replaced: what is new is watched from now on, what is gone is closed. */
egret_status known_keys_change(nfa_engine *engine, uint32_t table, const nfa_rows *old);

/* sweep.c: looks at all blocks at once, between events; for whoever compares states, which differ by how far the sweep has come */
void nfa_engine_sweep(nfa_engine *engine);

/* succession.c: the two halves of taking over; several shards move blocks between them */
void succession_hand_over(nfa_engine *next, nfa_engine *before);
egret_status succession_settle(nfa_engine *next, const nfa_engine *before);

/* checkpoint.c: what a head says but for the numbers of blocks, into a new engine; and what the heads of other shards of that state say beside it */
egret_status nfa_restore_known(nfa_engine *engine, const char *head, size_t len);
egret_status nfa_restore_more(nfa_engine *engine, const char *head, size_t len);

/* owner.c */
/* Makes the engine one of n shards, before its first event. before: the one whose state it is to take over, as homes stay where they can; NULL: none.
 * false: no memory. */
bool nfa_engine_share(nfa_engine *engine, uint32_t shard, uint32_t n, const nfa_engine *before);
/* Takes these homes (by group, then of what rules tell) instead of its own. false: they do not go with its rules; unchanged. */
bool nfa_engine_homes(nfa_engine *engine, const uint32_t *home);
/* The number a group has in the plan of the engine before, n_groups being what rules tell; NFA_NONE: it was not there. */
uint32_t nfa_group_before(const nfa_engine *engine, uint32_t group, const nfa_engine *before);
uint32_t nfa_owner_of(const nfa_engine *engine, uint32_t group, const void *key, size_t len);  /* the shard; only with several */
uint32_t nfa_owner_among(uint32_t home, uint32_t n, const void *key, size_t len);
static inline bool nfa_owns(const nfa_engine *engine, uint32_t group, const void *key, size_t len)
{
    return engine->n_shards < 2 || nfa_owner_of(engine, group, key, len) == engine->shard;
}
bool nfa_concerns_any(nfa_engine *engine, const nfa_event *event);      /* is some key of the event this shard's? Only with several */
/* Do no keys of the group live here? */
static inline bool nfa_is_elsewhere(const nfa_engine *engine, uint32_t group)
{
    return engine->n_shards > 1 && engine->home[group] != NFA_SPLIT && engine->home[group] != engine->shard;
}

/* key.c */
/* Writes the key of the event; gives its length, NFA_NONE: null, or it does not fit. */
uint32_t nfa_key_write(nfa_engine *engine, uint32_t group, const nfa_event *event, uint8_t *out, size_t room);
const nfa_key *nfa_key_look(nfa_engine *engine, uint32_t group, const nfa_event *event);
bool nfa_key_encode(const nfa_engine *engine, nfa_key *key, uint32_t group, const egret_value *parts, uint32_t n);    /* false: null */
/* The key of the event at hand, computed once; finds the block. */
static inline const nfa_key *nfa_key_of(nfa_engine *engine, uint32_t group, const nfa_event *event)
{
    const nfa_key *key = &engine->keys[group];
    return key->stamp == engine->stamp ? key : nfa_key_look(engine, group, event);
}
egret_value nfa_key_part(const void *bytes, size_t len, uint32_t part);     /* strings borrow from bytes */
uint32_t nfa_key_block(nfa_engine *engine, nfa_key *key, uint32_t group);   /* makes the block if it is not there */
/* The section of a key that nfa_key_of has looked for; both it and the block are made where they are not there. false: no memory. */
bool nfa_key_section(nfa_engine *engine, nfa_key *key, uint32_t group, const nfa_section_def *def, nfa_section *section);

/* record.c: values in and out of records */
nfa_raw nfa_raw_pack(nfa_section *section, unsigned part_bytes, egret_value v);     /* may push into the section's bytes */
egret_value nfa_raw_unpack(const nfa_section *section, unsigned part_bytes, uint8_t type, uint64_t bits, uint8_t meta);

/* sequence.c */
typedef struct seq_event {      /* a record of the log; cells follow: n_cells * 8 bytes, then n_cells metas, then counters */
    int64_t time_ms;
    uint64_t ref, identity;
    uint32_t stream;
    uint32_t fits;              /* items whose condition held, those asked per attempt left out */
    uint32_t seen;              /* number of the event among those of the key on the rule's streams */
    uint32_t bytes;             /* where its strings start in the section's bytes */
} seq_event;

bool seq_layout_make(nfa_engine *engine, uint32_t rule, seq_layout *layout, uint32_t id);
egret_status seq_on_event(nfa_engine *engine, uint32_t rule, const nfa_event *event, uint64_t mask, nfa_key *key);
egret_status seq_on_deadline(nfa_engine *engine, uint32_t rule, nfa_section *section, int64_t due_ms);
bool seq_sweep(nfa_engine *engine, uint32_t rule, nfa_section *section);    /* true: nothing left, dropped */
/* The section was that of a pattern whose first `keep` items are the same: attempts that wait there stay, the others go. */
egret_status seq_inherit(nfa_engine *engine, uint32_t rule, nfa_section *section, uint32_t keep);
egret_value seq_step_field(const nfa_env *env, uint32_t item, uint32_t cell);
egret_value seq_step_stream(const nfa_env *env, uint32_t item);
egret_value seq_cell_stream(const nfa_env *env);   /* of env->bound */
egret_value seq_step_agg(const nfa_env *env, uint32_t agg);
egret_value seq_cell(const seq_run *run, const uint8_t *record, uint32_t cell);

/* branch.c: patterns that are no line */
bool branch_layout_make(nfa_engine *engine, uint32_t rule, struct branch_layout *layout, uint32_t id);
egret_status branch_on_event(nfa_engine *engine, uint32_t rule, const nfa_event *event, uint64_t mask, nfa_key *key);
egret_status branch_on_deadline(nfa_engine *engine, uint32_t rule, nfa_section *section, int64_t due_ms);
bool branch_sweep(nfa_engine *engine, uint32_t rule, nfa_section *section);

/* silence.c: a lone absence */
size_t silence_root_size(void);
int64_t silence_since(const nfa_section *section);      /* when the key was last heard, or since when it is watched */
egret_status silence_on_event(nfa_engine *engine, uint32_t rule, const nfa_event *event, uint64_t mask, nfa_key *key);
egret_status silence_on_deadline(nfa_engine *engine, uint32_t rule, nfa_section *section, int64_t due_ms);
egret_status silence_watch(nfa_engine *engine, uint32_t rule, const egret_value *parts, int64_t now_ms);    /* a key nobody has heard of yet */

/* window.c */
bool win_layout_make(nfa_engine *engine, uint32_t window, win_layout *layout, uint32_t id);
egret_status win_on_event(nfa_engine *engine, uint32_t rule, const nfa_event *event, uint64_t mask, nfa_key *key);
/* A profile takes the event in. */
egret_status win_profile_event(nfa_engine *engine, uint32_t profile, const nfa_event *event, uint64_t mask, nfa_key *key);
/* Several profiles do it in two steps: all first ask (conditions and values may read other profiles, as they stood before), then all take. */
typedef struct nfa_taken { uint32_t profile; nfa_key *key; struct win_values *values; } nfa_taken;     /* values NULL: nothing to take */
bool win_profile_ask(nfa_engine *engine, uint32_t profile, const nfa_event *event, uint64_t mask, nfa_key *key, nfa_taken *out);
egret_status win_profile_take(nfa_engine *engine, const nfa_event *event, const nfa_taken *taken);
/* The section was judged by another `when`. What holds now counts as told: it has turned true before. */
egret_status win_inherit(nfa_engine *engine, uint32_t rule, nfa_section *section, int64_t at_ms);     /* judged as of then */
egret_status win_on_deadline(nfa_engine *engine, uint32_t rule, nfa_section *section, int64_t due_ms);
/* Is the deadline the end of a tumbling or hopping window, which it does not hold? Then it acts after all others of its instant. */
bool win_closes_at(nfa_engine *engine, uint32_t rule, const nfa_section *section, int64_t due_ms);
bool win_sweep(nfa_engine *engine, uint32_t window, nfa_section *section);
int64_t win_quiet_until(const win_layout *layout, const nfa_section *section);      /* sweeping finds nothing until then; INT64_MIN: not known */
egret_value win_agg_value(const nfa_env *env, uint32_t window, uint32_t agg);      /* of env->window */
egret_value win_newest(const nfa_env *env, uint32_t cell);
/* A member of the profile for whoever asks; for the key of a block (NFA_NO_BLOCK: of a key never seen). */
egret_value win_profile_value(const nfa_env *env, uint32_t profile, uint32_t member);
egret_value win_profile_value_at(const nfa_env *env, uint32_t profile, uint32_t member, uint32_t block);
/* The profile's section for whoever asks; false: there is none. */
bool win_profile_section(const nfa_env *env, uint32_t profile, nfa_section *section);

/* feature.c */
size_t feature_root_size(void);
void life_layout(const plan_rule *rule, nfa_section_def *def);      /* alert.c */
egret_status feature_update(nfa_engine *engine, uint32_t feature, const nfa_event *event, nfa_key *key);
egret_value feature_prev(const nfa_env *env, uint32_t feature);
bool feature_new(const nfa_env *env, uint32_t feature);
bool feature_silent(const nfa_env *env, uint32_t feature, int64_t span_ms);     /* SEEN: not seen for longer than that; 0: never */
bool feature_sweep(nfa_engine *engine, uint32_t feature, nfa_section *section);

/* alert.c: from match to alert, and the life of an open one */
typedef struct nfa_match {
    const plan_rule *rule;
    uint32_t rule_index;
    uint32_t block;
    int64_t time_ms, started_ms;
    uint64_t first_identity, last_identity;     /* last: of the completing event, or the deadline */
    uint32_t ordinal;
    const egret_evidence *events;       /* in scratch or out */
    size_t n_events;
    uint64_t n_events_total;
    bool limited;
    bool timeout;                       /* the attempt ran out of time */
} nfa_match;

egret_status nfa_report(nfa_env *env, const nfa_match *match);
egret_status life_on_event(nfa_engine *engine, uint32_t rule, const nfa_event *event, uint64_t mask, nfa_key *key);
egret_status life_on_deadline(nfa_engine *engine, uint32_t rule, nfa_section *section, int64_t due_ms);
/* After each change of the rule's window: `resolve when`. */
egret_status life_after_change(nfa_env *env, uint32_t rule);
bool life_is_open(nfa_engine *engine, uint32_t rule, uint32_t block);
egret_status life_close(nfa_engine *engine, uint32_t rule, uint32_t block, const char *reason);    /* if it is open: it ends now */
bool life_sweep(nfa_engine *engine, uint32_t rule, nfa_section *section);

/* engine.c */
/* Tells the timers that this section's root now has deadline root->due_ms. */
egret_status nfa_hang(nfa_engine *engine, const nfa_section *section);
/* What the section with that id looks like; NULL: it is of a rule that is no more. */
const nfa_section_def *nfa_def_of(const nfa_engine *engine, uint32_t id);
egret_value nfa_copy_out(nfa_engine *engine, egret_value v);    /* strings copied into engine->out */
/* Shows the event to all that care. shadow: it comes from a rule in shadow mode, and reaches rules in that mode alone. */
egret_status nfa_evaluate(nfa_engine *engine, const nfa_event *event, bool shadow);
void nfa_id_text(char out[33], const uint64_t id[2]);           /* alert.c */

/* The name of a stream, by the id records have of it. */
static inline egret_value nfa_stream_text(const nfa_engine *engine, uint32_t id)
{
    const char *name = engine->stream_name[id];
    return egret_string(name, (uint32_t)strlen(name));
}

static inline void *nfa_scratch(nfa_engine *engine, size_t size)
{
    return egret_arena_alloc(&engine->scratch, size);
}

#endif
