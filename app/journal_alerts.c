/*
 * journal_alerts.c: the same recovery as the daemon's at its start, but the alerts are printed. Under the rules of then they must be the alerts of
 * then, which the journal's digests tell: whatever crashed in between, this is the evaluation without a crash.
 */
#include "app/journal_alerts.h"

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
    uint64_t *layouts;
    uint32_t n_sources;
} looking;

static void print_alert(void *user, const plan_rule *rule, const egret_alert *alert, const sink_message *message)
{
    looking *l = user;
    (void)rule, (void)alert;
    recovery_alert(&l->recovery, message);
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
    l->layouts = calloc((size_t)p->n_streams + 1, sizeof *l->layouts);
    if (!l->lookup || !l->sources || !l->names || !l->layouts) return false;
    bool fine = add_source(l, p, NULL, (egret_str){"http", 4});
    for (uint32_t i = 0; i < p->n_sources && fine; i++)
        if (evaluation_source_counts(&p->sources[i])) fine = add_source(l, p, &p->sources[i], p->sources[i].name);
    for (uint32_t i = 0; i < p->n_streams; i++) l->layouts[i] = recovery_layout(&p->streams[i]);
    return fine;
}

static void tear_down(looking *l)
{
    journal_lookup_free(l->lookup);
    for (uint32_t i = 0; i < l->n_sources; i++) free(l->names[i]);
    free(l->sources);
    free(l->names);
    free(l->layouts);
}

static int judge(const app_args *args, const recovery *r, egret_status status)
{
    if (status != EGRET_OK) return app_trouble(args, "%s", egret_status_text(status));
    fprintf(stderr, "%" PRIu64 " epochs, %" PRIu64 " events, %" PRIu64 " alerts; %" PRIu64 " events do not fit the rules, %" PRIu64
                    " blocks are broken, %" PRIu64 " epochs gave other alerts than then\n",
            r->epochs, r->events, r->alerts, r->not_decoded, r->broken_blocks, r->other_epochs);
    return r->broken_blocks + r->other_epochs > 0 ? APP_TROUBLE : APP_FINE;
}

static int look(const app_args *args, const store *s, const plan *p)
{
    looking l = {0};
    ingest_letters *letters = NULL;
    app_log log = {0};
    bool fine = set_up(&l, s, p) && ingest_letters_open(NULL, 0, &letters) == EGRET_OK;
    evaluation_options options = {.plan = p, .sources = l.sources, .n_sources = l.n_sources, .record = find_record, .letters = letters,
                                  .log = &log, .alert = print_alert, .user = &l};
    evaluation *e = fine ? evaluation_new(&options) : NULL;
    recovery_options again = {.store = (store *)(uintptr_t)s, .plan = p, .evaluation = e, .sources = (const char *const *)l.names, .n_sources = l.n_sources,
                              .layouts = l.layouts, .rules = recovery_fingerprint(p), .log = &log, .only_looks = true, .go_on = go_on};
    int exit_code = e && again.rules != 0 ? judge(args, &l.recovery, recovery_run(&l.recovery, &again)) : app_trouble(args, "no memory");
    evaluation_free(e);
    ingest_letters_close(letters);
    tear_down(&l);
    return exit_code;
}

int journal_alerts(const app_args *args, const store *s)
{
    rules_files rules;
    const char **paths;
    size_t n = app_args_many(args, "rules", &paths);
    int exit_code = rules_files_need(&rules, "journal", paths, n);
    if (exit_code == APP_FINE) exit_code = look(args, s, rules.plan);
    rules_files_free(&rules);
    return exit_code;
}
