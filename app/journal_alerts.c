/*
 * journal_alerts.c: the same recovery as the daemon's at its start, but the alerts are printed, or what is known in the end. Under the rules of then,
 * which the journal names, they must be the alerts of then, which its digests tell: whatever crashed in between, this is the evaluation without a
 * crash. Other rules (--rules) are taken for all of it, from its beginning to its end.
 */
#include "app/journal_alerts.h"

#include "app/key_answer.h"
#include "app/recovery.h"
#include "app/rules_files.h"
#include "store/journal_lookup.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct looking {
    recovery recovery;
    journal_lookup *lookup;
    evaluation_source *sources;
    char **names;       /* owned */
    uint32_t n_sources;
    bool quiet;         /* alerts are not printed */
} looking;

typedef struct looker { void (*at_end)(void *user, evaluation *e); void *user; bool quiet; } looker;

static void print_alert(void *user, const plan_rule *rule, const egret_alert *alert, const sink_message *message)
{
    looking *l = user;
    (void)rule, (void)alert;
    recovery_alert(&l->recovery, message);
    if (l->quiet) return;
    fwrite(message->bytes, 1, message->len, stdout);
    putchar('\n');
}

static bool find_record(void *user, uint64_t lsn, egret_text *out)
{
    looking *l = user;
    egret_str raw;
    if (!journal_lookup_raw(l->lookup, lsn, &raw)) return false;
    egret_text_put(out, raw.ptr, raw.len);
    return true;
}

static bool go_on(void *user)
{
    (void)user;
    return true;
}

static bool add_source(looking *l, const plan *p, const plan_edge *edge, egret_str name)
{
    char *copy = l->names[l->n_sources] = strndup(name.ptr, name.len);
    if (copy) l->sources[l->n_sources++] = evaluation_source_of(p, edge, copy);
    return copy != NULL;
}

static bool set_up(looking *l, const store *s, const plan *p)
{
    l->lookup = journal_lookup_new(s);
    l->sources = calloc((size_t)p->n_sources + 1, sizeof *l->sources);
    l->names = calloc((size_t)p->n_sources + 1, sizeof *l->names);
    if (!l->lookup || !l->sources || !l->names) return false;
    bool fine = add_source(l, p, NULL, (egret_str){"http", 4});
    for (uint32_t i = 0; i < p->n_sources && fine; i++)
        if (evaluation_source_counts(&p->sources[i])) fine = add_source(l, p, &p->sources[i], p->sources[i].name);
    return fine;
}

static void tear_down(looking *l)
{
    journal_lookup_free(l->lookup);
    for (uint32_t i = 0; i < l->n_sources; i++) free(l->names[i]);
    free(l->sources);
    free(l->names);
}

/* ---- what is known in the end ---- */

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The journal is evaluated by one. */
static nfa_engine *only_engine(evaluation *e)
{
    return nfa_shards_engine(evaluation_shards(e), 0);
}

/* A line of text for the key, "": nothing is known of it any more. NULL: no memory. */
static char *key_line(evaluation *e, uint32_t number, const egret_value *parts)
{
    egret_arena arena;
    nfa_seen seen;
    rule_set *rules = evaluation_rules(e);
    egret_str name = rules->plan->rules[number].name;
    egret_arena_init(&arena, egret_mem_of(NULL));
    const char *rule = egret_arena_str(&arena, name.ptr, name.len).ptr;
    key_asked asked = {.rules = rules, .rule = rule, .number = number, .parts = parts, .seen = &seen, .arena = &arena};
    bool fine = rule && nfa_inspect(only_engine(e), number, parts, &arena, &seen);
    json_t *answer = fine && seen.known ? key_answer(&asked) : NULL;
    char *line = answer ? json_dumps(answer, JSON_COMPACT) : fine && !seen.known ? strdup("") : NULL;
    json_decref(answer);
    egret_arena_deinit(&arena);
    return line;
}

/* The keys of a rule in the order of their lines. false: no memory. */
static bool print_keys(evaluation *e, uint32_t number)
{
    egret_value parts[PLAN_MAX_KEY_PARTS];
    char **lines = NULL;
    size_t n = 0, room = 0;
    bool fine = true;
    for (uint32_t at = 0; fine && nfa_inspect_key(only_engine(e), number, &at, parts);) {
        if (n == room) {
            char **more = realloc(lines, (room * 2 + 64) * sizeof *lines);
            fine = more != NULL;
            if (!fine) break;
            lines = more;
            room = room * 2 + 64;
        }
        fine = (lines[n] = key_line(e, number, parts)) != NULL;
        n += fine;
    }
    if (n > 1) qsort(lines, n, sizeof *lines, compare_lines);
    for (size_t i = 0; i < n; i++) {
        if (fine && lines[i][0]) puts(lines[i]);
        free(lines[i]);
    }
    free(lines);
    return fine;
}

typedef struct state_print { const app_args *args; int exit_code; } state_print;

static void print_state(void *user, evaluation *e)
{
    state_print *print = user;
    for (uint32_t i = 0; i < evaluation_rules(e)->plan->n_rules && print->exit_code == APP_FINE; i++)
        if (!print_keys(e, i)) print->exit_code = app_trouble(print->args, "no memory");
}

/* ---- the evaluation ---- */

static int judge(const app_args *args, const recovery *r, egret_status status)
{
    if (status != EGRET_OK) return app_trouble(args, "%s", egret_status_text(status));
    fprintf(stderr, "%" PRIu64 " epochs, %" PRIu64 " events, %" PRIu64 " alerts; %" PRIu64 " events do not fit the rules, %" PRIu64
                    " blocks are broken, %" PRIu64 " epochs gave other alerts than then\n",
            r->epochs, r->events, r->alerts, r->not_decoded, r->broken_blocks, r->other_epochs);
    if (r->other_epochs > 0) fprintf(stderr, "the first of them ends with record %" PRIu64 "\n", r->first_other);
    return r->broken_blocks + r->other_epochs > 0 ? APP_TROUBLE : APP_FINE;
}

/* fixed: for all of the journal; else those it begins with. */
static int look(const app_args *args, const store *s, rule_set *rules, bool fixed, const looker *who)
{
    looking l = {.quiet = who->quiet};
    ingest_letters *letters = NULL;
    app_log log = {0};
    bool fine = set_up(&l, s, rules->plan) && ingest_letters_open(NULL, 0, &letters) == EGRET_OK;
    evaluation_options options = {.rules = rules, .sources = l.sources, .n_sources = l.n_sources, .record = find_record, .letters = letters,
                                  .log = &log, .alert = print_alert, .user = &l};
    evaluation *e = fine ? evaluation_new(&options) : NULL;
    recovery_options again = {.store = (store *)(uintptr_t)s, .evaluation = e, .sources = (const char *const *)l.names, .n_sources = l.n_sources,
                              .log = &log, .fixed_rules = fixed, .only_looks = true, .go_on = go_on};
    int exit_code = e ? judge(args, &l.recovery, recovery_run(&l.recovery, &again)) : app_trouble(args, "no memory");
    if (e && who->at_end && exit_code == APP_FINE) who->at_end(who->user, e);
    evaluation_free(e);
    ingest_letters_close(letters);
    tear_down(&l);
    return exit_code;
}

static int compile(const app_args *args, rule_set *rules)
{
    if (rule_set_compile(rules)) return APP_FINE;
    const char *text = egret_diags_text(&rules->diags);
    if (text) fputs(text, stderr);
    return app_trouble(args, "%s", rules->arena.failed ? "no memory" : "the rules do not compile");
}

static int with_files(const app_args *args, const store *s, const char *const *paths, size_t n, const looker *who)
{
    rules_files files;
    rule_set *rules = rule_set_new();
    int exit_code = rules ? rules_files_need(&files, "journal", paths, n) : app_trouble(args, "no memory");
    if (exit_code == APP_FINE) {
        rule_set_take(rules, &files.diags);
        exit_code = compile(args, rules);
    }
    if (exit_code == APP_FINE) exit_code = look(args, s, rules, true, who);
    if (rules) rules_files_free(&files);
    rule_set_drop(rules);
    return exit_code;
}

static bool find_text(void *user, const char *hash, egret_text *out)
{
    return store_content_get(user, hash, out);
}

/* The rules with which the journal begins, as far as it is kept: those of its first record that says them all. */
static bool read_first_rules(const store *s, rule_set *rules)
{
    journal_block block;
    journal_record record;
    uint64_t lsn = 0;
    int code;
    bool found = false, fine = true;
    journal_block_init(&block);
    while (!found && journal_read(s, &lsn, &block, &code) == JOURNAL_GOT_BLOCK)
        while (!found && journal_block_next(&block, &record)) {
            found = record.kind == JOURNAL_CONTROL && record.u.control.whole;
            if (found) fine = rule_set_read(rules, record.u.control.lines.ptr, record.u.control.lines.len, find_text, (void *)(uintptr_t)s);
        }
    journal_block_deinit(&block);
    return found && fine;
}

static int with_its_own(const app_args *args, const store *s, const looker *who)
{
    rule_set *rules = rule_set_new();
    int exit_code = APP_FINE;
    if (!rules) exit_code = app_trouble(args, "no memory");
    else if (!read_first_rules(s, rules)) exit_code = app_trouble(args, "the journal does not say by which rules it was evaluated; name them with --rules");
    if (exit_code == APP_FINE) exit_code = compile(args, rules);
    if (exit_code == APP_FINE) exit_code = look(args, s, rules, false, who);
    rule_set_drop(rules);
    return exit_code;
}

static int evaluate(const app_args *args, const store *s, const looker *who)
{
    const char **paths;
    size_t n = app_args_many(args, "rules", &paths);
    return n > 0 ? with_files(args, s, paths, n, who) : with_its_own(args, s, who);
}

int journal_alerts_then(const app_args *args, const store *s, void (*at_end)(void *user, evaluation *e), void *user)
{
    const looker who = {.at_end = at_end, .user = user};
    return evaluate(args, s, &who);
}

int journal_alerts(const app_args *args, const store *s)
{
    return journal_alerts_then(args, s, NULL, NULL);
}

int journal_known(const app_args *args, const store *s)
{
    state_print print = {.args = args};
    const looker who = {.at_end = print_state, .user = &print, .quiet = true};
    int exit_code = evaluate(args, s, &who);
    return exit_code == APP_FINE ? print.exit_code : exit_code;
}
