/*
 * rules_warm.c: new rules that say `warm up` are filled with the past, by whoever asks for them, before they hold; see warm_up.h.
 *
 * Reading the past may take long, so nothing waits for it: the change is looked at first (what is new?), then the journal is read while others may change
 * other things, then the change is made anew over what holds by then, and handed over. If others changed what the past depends on (the content of
 * a list, a profile, a rule it looks at) or which definitions there are, it is read again; after a few times that is given up. One at a time.
 */
#include "app/rules_backend.h"

#include "compiler/value.h"
#include "nfa/succession.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_TRIES = 3 };

void warming_init(warming_state *s)
{
    pthread_mutex_init(&s->lock, NULL);
}

void warming_deinit(warming_state *s)
{
    pthread_mutex_destroy(&s->lock);
}

web_rules_status backend_warming(void *user, egret_text *out)
{
    daemon_state *d = user;
    warming_state *s = &d->warming;
    pthread_mutex_lock(&s->lock);
    double part = s->end > s->from ? (double)(s->next - s->from) / (double)(s->end - s->from) : 0;
    json_t *shown = s->busy ? json_pack("{s:s, s:I, s:f}", "rule", s->rule, "events", (json_int_t)s->events, "done", part > 1 ? 1 : part) : json_null();
    pthread_mutex_unlock(&s->lock);
    return backend_json(out, shown);
}

/* ---- one at a time ---- */

static bool claim(rules_warming *w, egret_str rule, egret_text *out)
{
    warming_state *s = &w->daemon->warming;
    pthread_mutex_lock(&s->lock);
    bool mine = w->claimed || !s->busy;
    if (!mine) backend_say(out, WEB_RULES_REFUSED, "rule %s is being warmed up; one at a time: try again when it is done (GET /v1/status)", s->rule);
    if (mine) {
        s->busy = w->claimed = true;
        s->from = s->next = s->end = s->events = 0;
        snprintf(s->rule, sizeof s->rule, "%.*s", (int)rule.len, rule.ptr);
    }
    pthread_mutex_unlock(&s->lock);
    return mine;
}

static void note_progress(rules_warming *w)
{
    warming_state *s = &w->daemon->warming;
    pthread_mutex_lock(&s->lock);
    s->next = warm_up_next(w->warm);
    s->events = warm_up_events(w->warm);
    pthread_mutex_unlock(&s->lock);
}

void rules_warming_end(rules_warming *w)
{
    warm_up_free(w->warm);
    w->warm = NULL;
    if (!w->claimed) return;
    committer_hold(w->daemon->committer, UINT64_MAX);
    pthread_mutex_lock(&w->daemon->warming.lock);
    w->daemon->warming.busy = false;
    pthread_mutex_unlock(&w->daemon->warming.lock);
    w->claimed = false;
}

/* ---- where it begins ---- */

/* Between two epochs: what the live evaluation alone knows. */
typedef struct beginning {
    daemon_state *daemon;
    rules_warming *warming;
    warm_up_options options;
    int64_t ms;
    nfa_shards *filled;     /* NULL: only where it would begin is asked */
    bool reads;
} beginning;

static void begin_between(void *user)
{
    beginning *b = user;
    daemon_state *d = b->daemon;
    b->warming->clock_ms = nfa_shards_clock(evaluation_shards(d->evaluation));
    b->warming->began_at_ms = nfa_engine_began(nfa_shards_first(evaluation_shards(d->evaluation)));
    b->warming->begin = warm_up_begins(d->store, b->ms, app_wall_ms(NULL), b->warming->clock_ms);
    if (!b->reads) return;
    b->options.from = b->warming->begin.lsn;
    b->warming->warm = warm_up_new(&b->options, b->filled, d->evaluation);
    b->filled = NULL;
    pthread_mutex_lock(&d->warming.lock);
    d->warming.from = d->warming.next = b->options.from;
    d->warming.end = d->next_lsn;
    pthread_mutex_unlock(&d->warming.lock);
}

/* Live work comes first. */
static bool go_on(void *user)
{
    rules_warming *w = user;
    note_progress(w);
    if (!w->hurries) pace_give_way(&w->pace);
    return !atomic_load(&w->daemon->stopping);
}

static bool look_where(rules_warming *w, int64_t ms)
{
    beginning b = {.daemon = w->daemon, .warming = w, .ms = ms};
    return daemon_rules_ask(w->daemon->rules, begin_between, &b);
}

/* `changing` is held. The engines that will read the past are made beside those at work. */
static web_rules_status begin(rules_warming *w, rule_set *next, int64_t ms, egret_text *out)
{
    daemon_state *d = w->daemon;
    beginning b = {.daemon = d, .warming = w, .ms = ms, .reads = true,
                   .options = {.store = d->store, .rules = next, .sources = d->source_names, .n_sources = d->n_sources, .go_on = go_on, .user = w}};
    warm_up_free(w->warm);
    w->warm = NULL;
    if (w->tries++ == MOST_TRIES)
        return backend_say(out, WEB_RULES_REFUSED, "while the rule was warmed up others changed the rules, %d times; nothing was changed, try again", MOST_TRIES);
    committer_hold(d->committer, 0);        /* nothing goes while it is looked for */
    b.filled = nfa_shards_fill(egret_mem_of(NULL), next->plan, daemon_rules_shards(d->rules));
    bool made = b.filled != NULL, asked = made && daemon_rules_ask(d->rules, begin_between, &b);
    nfa_shards_free(b.filled);
    committer_hold(d->committer, w->warm ? w->begin.lsn : UINT64_MAX);
    w->began_ms = app_monotonic_ms();
    pace_begin(&w->pace);
    return w->warm ? WEB_RULES_DONE : made && !asked ? WEB_RULES_STOPPING : WEB_RULES_NO_MEMORY;
}

/* ---- reading ---- */

static web_rules_status read_on(rules_warming *w, egret_text *out)
{
    switch (warm_up_read(w->warm, UINT64_MAX)) {
    case EGRET_OK: return WEB_RULES_DONE;
    case EGRET_BAD_USE: return WEB_RULES_STOPPING;
    case EGRET_NO_MEMORY: return backend_say(out, WEB_RULES_UNKEPT, "no memory to warm the rule up; nothing was changed");
    default: return backend_say(out, WEB_RULES_UNKEPT, "the journal cannot be read; nothing was changed");
    }
}

web_rules_status rules_warming_read(rules_warming *w, egret_text *out)
{
    return read_on(w, out);
}

/* ---- did others change what the past depends on? ---- */

static bool same_text(const rule_set *a, const ast_decl *x, const rule_set *b, const ast_decl *y)
{
    return x && y && egret_str_eq(rule_set_text(a, x), rule_set_text(b, y));
}

/* Contents of lists and tables: is what `a` has in `b`, too? */
static bool has_contents(const rule_set *a, const rule_set *b)
{
    for (size_t i = 0; i < a->n_files; i++) {
        const rule_file *other = a->files[i]->is_content ? rule_set_file(b, a->files[i]->path) : a->files[i];
        if (!other || strcmp(other->hash, a->files[i]->hash) != 0) return false;
    }
    return true;
}

/* Streams, profiles, defines and the like. */
static bool has_declarations(const rule_set *a, const rule_set *b)
{
    for (const ast_decl *decl = a->tree.decls; decl; decl = decl->next) {
        const ast_decl *other = b->tree.decls;
        if (decl->kind == AST_RULE || decl->kind == AST_TEST) continue;
        while (other && (other->kind != decl->kind || !egret_str_eq(other->name.str, decl->name.str))) other = other->next;
        if (!same_text(a, decl, b, other)) return false;
    }
    return true;
}

/* Rules that are filled, and those they look at. */
static bool same_rules(const rules_warming *w, const rule_set *a, const rule_set *b)
{
    for (uint32_t i = 0; i < a->plan->n_rules; i++) {
        const plan_rule *rule = &a->plan->rules[i];
        if (rule->instance > 0 || !nfa_shards_awake(warm_up_filled(w->warm), i)) continue;
        char *name = rule_text_copy(rule->name.ptr, rule->name.len);
        const plan_rule *other = name ? backend_find(b->plan, name) : NULL;
        bool same = other && other->mode == rule->mode && same_text(a, rule_set_declaration(a, name), b, rule_set_declaration(b, name));
        free(name);
        if (!same) return false;
    }
    return true;
}

static bool same_past(const rules_warming *w, const rule_set *next)
{
    const rule_set *then = warm_up_rules(w->warm);
    return has_contents(then, next) && has_contents(next, then) && has_declarations(then, next) && has_declarations(next, then) && same_rules(w, then, next);
}

/* ---- the change ---- */

static egret_str first_warmed(const rule_set *next, const nfa_engine *engine, const nfa_engine *before)
{
    for (uint32_t i = 0; i < next->plan->n_rules; i++)
        if (nfa_succession_warms(engine, before, i)) return next->plan->rules[i].name;
    return (egret_str){"", 0};
}

web_rules_status rules_warming_step(rules_warming *w, rule_set *next, rule_change *change, bool dry_run, bool *again, egret_text *out)
{
    const nfa_shards *live = daemon_rules_shards(w->daemon->rules), *shards = *rule_change_shards(change);
    int64_t ms = nfa_shards_warm_ms(shards, live);
    *again = false;
    if (ms == 0) return WEB_RULES_DONE;
    if (dry_run) return look_where(w, ms) ? WEB_RULES_DONE : WEB_RULES_STOPPING;
    if (w->warm && same_past(w, next) && nfa_shards_alike(warm_up_filled(w->warm), shards)) {
        w->hurries = true;
        web_rules_status status = read_on(w, out);
        if (status != WEB_RULES_DONE) return status;
        warm_up_go_on(w->warm, NULL, NULL);
        rule_change_warms(change, w->warm, w->begin.lsn);
        w->handed = w->warm;
        w->warm = NULL;
        return WEB_RULES_DONE;
    }
    if (!claim(w, first_warmed(next, nfa_shards_first(shards), nfa_shards_first(live)), out)) return WEB_RULES_REFUSED;
    *again = true;
    return begin(w, next, ms, out);
}

/* A past that is shorter than the rule asks for, as there was none before, does not make it tell earlier. */
json_t *rules_warming_tell(const rules_warming *w, const plan_rule *rule)
{
    bool silent = w->began_at_ms != INT64_MIN && w->clock_ms - w->began_at_ms <= rule->warm_up_ms;
    return json_pack("{s:o, s:b, s:o}", "since", backend_time(w->begin.since_ms), "complete", !w->begin.shorter, "silent_until",
                     silent ? backend_time(w->began_at_ms + rule->warm_up_ms) : json_null());
}

static void count_events(const rules_warming *w, json_t *answer)
{
    json_t *rule;
    size_t i;
    json_array_foreach(json_object_get(answer, "rules"), i, rule) {
        json_t *told = json_object_get(rule, "warm_up");
        if (told) json_object_set_new(told, "events", json_integer((json_int_t)warm_up_events(w->handed)));
    }
}

void rules_warming_done(const rules_warming *w, json_t *answer)
{
    const app_log *log = &w->daemon->options->log;
    char since[64];
    if (!w->handed) return;
    count_events(w, answer);
    since[egret_value_text(egret_time(w->begin.since_ms), since, sizeof since - 1)] = '\0';
    app_log_say(log, LOG_INFO, "rule %s: warmed up with %" PRIu64 " events since %s, in %" PRId64 " ms", w->daemon->warming.rule, warm_up_events(w->handed),
                since, app_monotonic_ms() - w->began_ms);
    if (w->begin.shorter)
        app_log_say(log, LOG_WARNING, "rule %s: the journal begins later than its `warm up` asks for; it knows what has come since %s", w->daemon->warming.rule, since);
}
