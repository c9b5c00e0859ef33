/*
 * cost.c: what one key of a rule may cost in memory at worst, in words and bytes (`egret explain --cost`).
 *
 * The bytes are those of the records the engine keeps (attempts, bound events, window entries); the block around them and texts of string
 * fields come on top. The limits of the rule are what bounds them; usually time does so long before.
 */
#include "compiler/expr_print.h"

/* Records of the engine: an attempt has a head and a word for each single step, four for a loop; a bound event and an entry of a window
 * have a head and nine bytes a value. */
enum { ATTEMPT_HEAD = 16, SINGLE_BYTES = 4, LOOP_BYTES = 16, EVENT_HEAD = 40, ENTRY_HEAD = 32, VALUE_BYTES = 9, COUNTER_BYTES = 4,
       SEEN_BYTES = 16, DISTINCT_BYTES = 16, ORDER_BYTES = 32, TOLD_KEPT = 65536, PER_KEPT = 10000, TOLD_BYTES = 32,
       PART_BYTES = 12, BINDING_BYTES = 12 };

static uint64_t times(uint64_t a, uint64_t b)
{
    uint64_t r;
    return __builtin_mul_overflow(a, b, &r) ? UINT64_MAX : r;
}

static uint64_t plus(uint64_t a, uint64_t b)
{
    uint64_t r;
    return __builtin_add_overflow(a, b, &r) ? UINT64_MAX : r;
}

static void put_bytes(egret_text *text, uint64_t bytes)
{
    static const char *const UNITS[] = { "B", "KB", "MB", "GB", "TB", "PB" };
    unsigned unit = 0;
    double value = (double)bytes;
    while (value >= 1000 && unit + 1 < sizeof UNITS / sizeof UNITS[0]) {
        value /= 1000;
        unit++;
    }
    egret_text_printf(text, unit == 0 ? "%.0f %s" : "%.1f %s", value, UNITS[unit]);
}

/* "  what: n x size B = total". */
static uint64_t put_line(egret_text *text, const char *what, uint64_t n, uint64_t size, const char *why)
{
    uint64_t total = times(n, size);
    egret_text_printf(text, "  %s: %llu x %llu B = ", what, (unsigned long long)n, (unsigned long long)size);
    put_bytes(text, total);
    egret_text_printf(text, "%s\n", why);
    return total;
}

/* ---- sequences ---- */

static void put_lifetime(egret_text *text, const plan_pattern *pattern)
{
    if (pattern->within_ms == PLAN_FOREVER)
        return;
    egret_text_puts(text, "  an attempt lives at most ");
    if (pattern->within_ms < 0)
        egret_text_puts(text, "as long as is looked up");
    else
        expr_put_duration(text, pattern->within_ms);
    egret_text_puts(text, "\n");
}

/* A pattern that branches: each attempt is asked about each event, and `any` makes attempts of attempts. */
static uint64_t branch_cost(egret_text *text, const plan_pattern *pattern)
{
    uint64_t attempt = ATTEMPT_HEAD - SINGLE_BYTES, ways = 0;
    for (uint32_t i = 0; i < pattern->n_parts; i++) {
        bool step = pattern->parts[i].kind == PLAN_PART_STEP;
        attempt += step ? 2 * SINGLE_BYTES : PART_BYTES;    /* a step also has its newest binding */
        ways += step;
    }
    uint64_t event = EVENT_HEAD + VALUE_BYTES * (uint64_t)pattern->n_cells;
    uint64_t total = put_line(text, "attempts", pattern->limit_attempts, attempt, " (limits attempts)");
    total = plus(total, put_line(text, "bound events", pattern->limit_events, event, " (limits events); attempts share them"));
    total = plus(total, put_line(text, "bindings", pattern->limit_events, BINDING_BYTES, " (limits events); attempts share them"));
    egret_text_printf(text, "  an event asks each attempt at %llu steps: at most %llu questions\n", (unsigned long long)ways,
                      (unsigned long long)times(pattern->limit_attempts, ways));
    if (pattern->branches_any)
        egret_text_puts(text, "  'any' makes attempts of attempts: twice as many with each event that fits, up to the limit\n");
    put_lifetime(text, pattern);
    return total;
}

static uint64_t pattern_cost(egret_text *text, const plan_pattern *pattern)
{
    if (pattern->n_items == 0) {
        egret_text_puts(text, "  a lone absence remembers its deadline and the last event heard\n");
        return put_line(text, "deadline", 1, EVENT_HEAD, "");
    }
    if (pattern->n_items == 1 && pattern->items[0].max == 1 && pattern->absence == PLAN_ABSENCE_NONE) {
        egret_text_puts(text, "  no attempts: each event that fits is a match\n");
        return 0;
    }
    if (pattern->n_parts != 0)
        return branch_cost(text, pattern);
    uint64_t attempt = ATTEMPT_HEAD, loops = 0, singles = 0;
    for (uint32_t i = 0; i < pattern->n_items; i++) {
        bool loop = pattern->items[i].max != 1;
        attempt += loop ? LOOP_BYTES : SINGLE_BYTES;
        loops += loop;
        singles += !loop;
    }
    uint64_t event = EVENT_HEAD + VALUE_BYTES * (uint64_t)pattern->n_cells + COUNTER_BYTES * loops;
    uint64_t events = loops != 0 ? pattern->limit_events : times(pattern->limit_attempts, singles);
    uint64_t total = put_line(text, "attempts", pattern->limit_attempts, attempt, " (limits attempts)");
    total = plus(total, put_line(text, "bound events", events, event,
                                 loops != 0 ? " (limits events); attempts share them" : " (one a step of each attempt, at most)"));
    put_lifetime(text, pattern);
    return total;
}

/* ---- windows ---- */

/* How many times values are kept in order: percentiles of one argument and window share them. */
static uint64_t ordered_values(const plan_window *w)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < w->n_aggs; i++) {
        bool first = w->aggs[i].fn == PLAN_MEDIAN || w->aggs[i].fn == PLAN_QUANTILE;
        for (uint32_t k = 0; k < i && first; k++) {
            const plan_agg *other = &w->aggs[k];
            bool same_kind = other->fn == PLAN_MEDIAN || other->fn == PLAN_QUANTILE;
            first = !(same_kind && other->arg == w->aggs[i].arg && plan_over_equal(&other->over, &w->aggs[i].over));
        }
        n += first;
    }
    return n;
}

static uint64_t window_cost(egret_text *text, const plan_window *w)
{
    uint64_t values = 0, distinct = 0, most = 0, ordered = ordered_values(w), total = 0;
    int64_t longest_ms = 0;
    bool slides = false, logged = ordered != 0;
    for (uint32_t i = 0; i < w->n_args; i++)
        values += w->args[i].value != PLAN_NONE;
    for (uint32_t i = 0; i < w->n_aggs; i++) {
        distinct += w->aggs[i].fn == PLAN_DISTINCT;
        if (w->aggs[i].over.kind == AST_LAST)
            most = w->aggs[i].over.last > most ? w->aggs[i].over.last : most;
        if (w->aggs[i].over.kind != AST_SLIDING && w->aggs[i].over.kind != AST_HOPPING)
            continue;
        slides = logged = true;
        longest_ms = w->aggs[i].over.size_ms > longest_ms ? w->aggs[i].over.size_ms : longest_ms;
    }
    if (logged)
        total = put_line(text, "entries of the window", w->limit_values, ENTRY_HEAD + VALUE_BYTES * values, " (limits values)");
    else if (most != 0)
        total = put_line(text, "entries of the window", most, ENTRY_HEAD + VALUE_BYTES * values, "");
    if (slides) {
        egret_text_puts(text, "  an entry stays ");
        expr_put_duration(text, longest_ms);
        egret_text_puts(text, "\n");
    }
    if (distinct != 0)
        total = plus(total, put_line(text, "different values", times(w->limit_values, distinct), DISTINCT_BYTES, " (limits values)"));
    if (ordered != 0)
        total = plus(total, put_line(text, "values in order", times(w->limit_values, ordered), ORDER_BYTES, " (limits values)"));
    return plus(total, put_line(text, "aggregates", w->n_aggs, 2 * EVENT_HEAD, ""));
}

/* ---- what conditions ask of the key ---- */

enum { ASKED_OWN = 1, ASKED_OTHER = 2 };        /* of a profile: for the key at hand, for a key that is named */

static void mark(const plan *p, uint32_t expr, bool *features, uint8_t *profiles)
{
    if (expr == PLAN_NONE)
        return;
    const plan_expr *e = &p->exprs[expr];
    if ((e->uses & PLAN_USES_KEY_STATE) == 0)
        return;
    if (e->op == PLAN_PREV || e->op == PLAN_NEW)
        features[e->a] = true;
    if (e->op == PLAN_PROFILE || e->op == PLAN_PROFILE_OF)
        profiles[e->a] |= e->op == PLAN_PROFILE ? ASKED_OWN : ASKED_OTHER;
    for (uint32_t i = 0; i < e->n_args; i++)
        mark(p, p->args[e->args + i], features, profiles);
}

static void mark_atoms(const plan *p, const plan_atom *atoms, uint32_t n, bool *features, uint8_t *profiles)
{
    for (uint32_t i = 0; i < n; i++)
        mark(p, atoms[i].rest, features, profiles);
}

static void mark_pattern(const plan *p, const plan_pattern *pattern, bool *features, uint8_t *profiles)
{
    mark_atoms(p, pattern->atoms, pattern->n_atoms, features, profiles);
    for (uint32_t i = 0; i < pattern->n_silences; i++)
        features[pattern->silences[i]] = true;
}

static uint64_t state_cost(egret_text *text, egret_arena *arena, const plan *p, const plan_rule *rule)
{
    bool *features = egret_arena_alloc(arena, p->n_features + 1u);
    uint8_t *profiles = egret_arena_alloc(arena, p->n_profiles + 1u);
    uint64_t total = 0;
    if (features == NULL || profiles == NULL)
        return 0;
    if (rule->kind == PLAN_SEQUENCE)
        mark_pattern(p, rule->pattern, features, profiles);
    else
        mark_atoms(p, p->windows[rule->threshold.window].atoms, p->windows[rule->threshold.window].n_atoms, features, profiles);
    for (uint32_t i = 0; i < rule->n_fields; i++)
        mark(p, rule->fields[i].expr, features, profiles);
    for (uint32_t i = 0; i < rule->n_lets; i++)
        mark(p, rule->lets[i].expr, features, profiles);
    mark(p, rule->kind == PLAN_SEQUENCE ? rule->pattern->when : rule->threshold.when, features, profiles);
    mark(p, rule->except, features, profiles);
    for (uint32_t i = 0; i < p->n_features; i++) {
        if (!features[i])
            continue;
        if (p->features[i].kind != PLAN_FEATURE_NEW) {
            const char *what = p->features[i].kind == PLAN_FEATURE_PREV ? "previous value" : "when last seen";
            total = plus(total, put_line(text, what, 1, EVENT_HEAD, " (shared by the rules of this key)"));
            continue;
        }
        egret_text_printf(text, "  values seen: %d B for each different value ", SEEN_BYTES);
        egret_text_puts(text, p->features[i].over_ms == PLAN_FOREVER ? "ever" : "within ");
        if (p->features[i].over_ms != PLAN_FOREVER)
            expr_put_duration(text, p->features[i].over_ms);
        egret_text_puts(text, " (shared by the rules of this key)\n");
    }
    for (uint32_t i = 0; i < p->n_profiles; i++) {
        if ((profiles[i] & ASKED_OTHER) != 0)
            egret_text_printf(text, "  profile %.*s of other keys: each time it is asked, a key is looked for, and its memory fetched\n",
                              (int)p->profiles[i].name.len, p->profiles[i].name.ptr);
        if ((profiles[i] & ASKED_OWN) == 0)
            continue;
        egret_text_printf(text, "  profile %.*s (shared by all who read it):\n", (int)p->profiles[i].name.len, p->profiles[i].name.ptr);
        total = plus(total, window_cost(text, &p->windows[p->profiles[i].window]));
    }
    return total;
}

const char *egret_cost_print(egret_arena *arena, const plan *p, uint32_t number)
{
    egret_text text;
    egret_text_init(&text, arena->mem);
    const plan_rule *rule = &p->rules[number];
    egret_text_printf(&text, "rule %.*s/%u, one key at worst:\n", (int)rule->name.len, rule->name.ptr, (unsigned)rule->instance);
    uint64_t total = rule->kind == PLAN_SEQUENCE ? pattern_cost(&text, rule->pattern)
                                                 : window_cost(&text, &p->windows[rule->threshold.window]);
    total = plus(total, state_cost(&text, arena, p, rule));
    if (rule->resolves || rule->n_rungs != 0 || rule->throttle_ms != 0)
        total = plus(total, put_line(&text, "state of its alert", 1, 2 * EVENT_HEAD, ""));
    if (rule->throttle_per != PLAN_NONE)
        total = plus(total, put_line(&text, "values of 'per'", PER_KEPT, 2 * DISTINCT_BYTES, ""));
    if (rule->repeat_ms != 0)
        total = plus(total, put_line(&text, "what is told again", rule->n_fields + rule->n_lets + rule->evidence_cap, EVENT_HEAD, ""));
    egret_text_puts(&text, "  together: ");
    put_bytes(&text, total);
    egret_text_puts(&text, "\n");
    if (rule->told != PLAN_NONE || rule->told_alert != PLAN_NONE)
        put_line(&text, "beside it, of all keys together, what its newest alerts were made of", TOLD_KEPT,
                 EVENT_HEAD + TOLD_BYTES * (uint64_t)rule->evidence_cap, " (for rules that look at it)");
    return egret_text_finish(&text, arena);
}
