/*
 * many_rules.c: what one more rule costs beside many: the processor time of each part of a change, without a daemon around it.
 *
 *     bench_many_rules FOLDER [CHANGES]
 *
 * Compiles the folder's rules and makes their engine; then, CHANGES times, a set with one more rule, and an engine that is ready to take over.
 */
#include "app/daemon_rules.h"
#include "app/page_pool.h"
#include "app/rules_files.h"
#include "nfa/succession.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
    rules_files files;
    int changes = argc > 2 ? atoi(argv[2]) : 10;
    double sum[4] = {0}, began = now_ms();
    if (argc < 2 || rules_files_need(&files, "bench_many_rules", (const char *const *)&argv[1], 1) != 0) return 1;
    rule_set *now = rule_set_new();
    rule_set_take(now, &files.diags);
    if (!rule_set_compile(now)) {
        fputs(egret_diags_text(&now->diags), stderr);
        return 1;
    }
    double compiled = now_ms();
    nfa_engine *engine = nfa_engine_new(egret_mem_of(NULL), now->plan);
    printf("%u rules: read and compiled in %.1f ms, engine in %.1f ms\n", now->plan->n_rules, compiled - began, now_ms() - compiled);
    for (int i = 0; i < changes; i++) {
        char path[64], text[256];
        snprintf(path, sizeof path, "live/one_more_%d.egret", i);
        snprintf(text, sizeof text, "rule one_more_%d { watch pay [amount > %d]  by card  over 10m  when count() > 3  alert { } }\n", i, 7000000 + i);
        double at = now_ms();
        rule_set *next = rule_set_copy(now);
        rule_set_put(next, path, text, strlen(text), false);
        double copied = now_ms();
        if (!rule_set_compile(next)) return 1;
        double done = now_ms();
        nfa_engine *taker = nfa_succession_prepare(page_pool_mem(), next->plan, engine);
        double made = now_ms();
        if (nfa_succession_take(taker, engine) != EGRET_OK) return 1;
        double taken = now_ms();
        sum[0] += copied - at;
        sum[1] += done - copied;
        sum[2] += made - done;
        sum[3] += taken - made;
        nfa_engine_free(engine);
        rule_set_drop(now);
        engine = taker;
        now = next;
    }
    printf("one more: copy %.1f ms, compile %.1f ms, engine %.1f ms, take over %.2f ms, together %.1f ms of processor time\n", sum[0] / changes,
           sum[1] / changes, sum[2] / changes, sum[3] / changes, (sum[0] + sum[1] + sum[2] + sum[3]) / changes);
    nfa_engine_free(engine);
    rule_set_drop(now);
    rules_files_free(&files);
    return 0;
}
