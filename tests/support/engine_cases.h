/*
 * engine_cases.h: cases of the engine as text: rules, a script of events, the alerts expected. A suite says how a line of the script becomes
 * an event and how an alert becomes a line; here stands what is common: running a case, comparing, and running it again with each
 * allocation failing once.
 */
#ifndef EGRET_TESTS_SUPPORT_ENGINE_CASES_H
#define EGRET_TESTS_SUPPORT_ENGINE_CASES_H

#include "egret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct engine_case {
    const char *name, *rules;
    const char *events;     /* one a line */
    const char *alerts;     /* one a line */
} engine_case;

/* What came out, as lines. */
typedef struct engine_run { char out[2048]; size_t at; } engine_run;

typedef struct engine_suite {
    const char *streams;    /* declared before the rules of each case */
    const engine_case *cases;
    size_t n_cases;
    egret_status (*push_line)(egret_engine *engine, const char *line, uint64_t ref);
    void (*note)(engine_run *run, const egret_alert *alert);
} engine_suite;

/* An allocator that counts, and that can be told to fail once. */
typedef struct meter { long calls, fail_at, live; } meter;

static inline void *metered(void *user, void *ptr, size_t old_size, size_t new_size)
{
    meter *m = user;
    (void)old_size;
    if (new_size == 0) {
        m->live -= ptr != NULL;
        free(ptr);
        return NULL;
    }
    if (++m->calls == m->fail_at) {
        return NULL;
    }
    void *out = realloc(ptr, new_size);
    m->live += ptr == NULL && out != NULL;
    return out;
}

static inline egret_status engine_case_run(const engine_suite *suite, const engine_case *c, meter *m, engine_run *run)
{
    char text[4096];
    (void)snprintf(text, sizeof text, "%s%s\n", suite->streams, c->rules);
    egret_options options = {.size = sizeof options, .alloc = metered, .alloc_user = m};
    egret_rules *rules = NULL;
    egret_engine *engine = NULL;
    uint64_t ref = 1;
    egret_status status = egret_rules_load_text(&options, c->name, text, strlen(text), &rules);
    if (status == EGRET_BAD_RULES && m->fail_at == 0) {
        print_message("%s\n", egret_rules_diagnostics(rules));
    }
    if (status == EGRET_OK) {
        status = egret_open(&options, rules, &engine);
    }
    for (const char *line = c->events; status == EGRET_OK && *line != '\0'; line = strchr(line, '\n') + 1) {
        status = suite->push_line(engine, line, ref++);
        for (const egret_alert *alert; status == EGRET_OK && (alert = egret_take(engine)) != NULL;) {
            suite->note(run, alert);
        }
    }
    egret_close(engine);
    egret_rules_free(rules);
    return status;
}

/* Every case gives the alerts it says, and leaves nothing behind. */
static inline void engine_suite_check(const engine_suite *suite)
{
    size_t bad = 0;
    for (size_t i = 0; i < suite->n_cases; i++) {
        const engine_case *c = &suite->cases[i];
        meter m = {0};
        engine_run run = {.at = 0};
        egret_status status = engine_case_run(suite, c, &m, &run);
        if (status != EGRET_OK || strcmp(run.out, c->alerts) != 0 || m.live != 0) {
            print_message("%s: %s, %ld leaked\nexpected\n%sgot\n%s\n", c->name, egret_status_text(status), m.live, c->alerts, run.out);
            bad++;
        }
    }
    assert_int_equal(bad, 0);
}

/* Every allocation fails once: the call says so, or does without and the result is the same; nothing leaks, nothing breaks. */
static inline void engine_suite_without_memory(const engine_suite *suite)
{
    for (size_t i = 0; i < suite->n_cases; i++) {
        const engine_case *c = &suite->cases[i];
        for (long n = 1;; n++) {
            meter m = {.fail_at = n};
            engine_run run = {.at = 0};
            egret_status status = engine_case_run(suite, c, &m, &run);
            assert_int_equal(m.live, 0);
            if (m.calls < n) {
                assert_int_equal(status, EGRET_OK);
                assert_true(n > 10);
                break;
            }
            assert_true(status == EGRET_NO_MEMORY || (status == EGRET_OK && strcmp(run.out, c->alerts) == 0));
        }
    }
}

#endif
