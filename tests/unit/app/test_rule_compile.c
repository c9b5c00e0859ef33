/*
 * test_rule_compile.c: a set that is compiled out of the one before it is what it would be if all of it had been compiled at once.
 */
#include "app/rule_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

enum { FILES = 4, RULES = 24, STEPS = 400, SEEDS = 3 };

static const char *const FRAME =
    "stream pay { id: string  user: string  card: string  amount: decimal  country: string?  shop: string?  at: time } with time at\n"
    "stream login { user: string  ip: string?  ok: bool  at: time } with time at\n"
    "list bad: \"bad.txt\"\n"
    "list worse: \"worse.txt\"\n"
    "table known: \"known.csv\" key user { user: string  most: decimal }\n"
    "define large = amount > 900\n"
    "profile usual { from pay  by user  n: count()  mean: avg(amount) }\n"
    "rule base \"b\" { watch pay  by user  over 1h  when count() > 50 and sum(amount) > 100  alert { n: count() } }\n"
    "rule asked { watch login [not ok]  by user  over 5m  when count() > 3  alert { n: count() }  resolve when count() < 2 }\n"
    "rule asks { watch pay [open(asked)]  by user  alert { x: amount } }\n";

/* %s: a name. %d: a number. Some are simple, some are what all must be compiled for. */
static const char *const FORMS[] = {
    "rule %s \"t\" { match a: pay [amount == %d] then b: pay [amount > a.amount] within 1h  by card  alert { id: b.id } }",
    "rule %s { watch pay [amount > %d]  by user  over 10m  when count() > 3  alert { n: count() }  throttle 1h }",
    "rule %s { watch pay [large and amount > %d]  by card  alert { x: amount } }",
    "rule %s { match a: pay [amount == %d] then not login for 5m  by user  alert { id: a.id } }",
    "rule %s { watch pay [amount > usual.mean and amount > %d]  by user  alert { x: amount } }",
    "rule %s { watch pay [country in bad and amount > %d]  by shop  alert { x: shop } }",
    "rule %s { watch login [ip in worse]  by ip  over 1h  when count() > %d  alert { n: count() } }",
    "rule %s { watch pay [prev(country) != country and amount > %d]  by user, card  alert { x: amount } }",
    "rule %s { watch pay [amount > known[user].most and amount > %d]  by user  alert { x: amount } }",
    "rule %s { watch asked [n > %d]  by user  alert { x: n } }",
    "rule %s { watch pay [amount > %d]  by card  by user  over 1h  when count() > 9  alert { n: count() } }",
    "rule %s { watch pay [amount > %d]  by card  mode shadow  alert { x: amount } }",
    "rule %s { match a: pay [amount > %d] then b: login [not ok] or c: login [ok]  within 5m  by user  when avg(pay.amount over 1h before a) > 5  alert { id: a.id } }",
    "rule %s { watch pay [amount > %d and hour(at, \"Europe/Berlin\") < 6]  by user  alert { x: amount } }",
    "rule %s { watch pay [amount > %d and amount < 5]  by card  alert { x: amount } }",     /* warned of */
    "rule %s { watch pay [amount > %d and nobody == 5]  by card  alert { x: amount } }",    /* an error */
};
enum { FORM_COUNT = sizeof FORMS / sizeof FORMS[0] };

typedef struct world { unsigned seed; int file[RULES], form[RULES], number[RULES]; } world;    /* file -1: the rule is not there; FILES: one of its own */

static int drawn(world *w, int n)
{
    w->seed = w->seed * 1103515245u + 12345u;
    return (int)(w->seed >> 8) % n;
}

static void name_of(char *out, size_t size, int rule)
{
    snprintf(out, size, "%c_%d", 'a' + rule % 7, rule);
}

static void write_files(const world *w, rule_set *set)
{
    for (int file = 0; file < FILES; file++) {
        char text[16384], path[32];
        size_t len = (size_t)snprintf(text, sizeof text, "%s", file == 1 ? FRAME : "");
        for (int i = 0; i < RULES; i++) {
            char name[16];
            if (w->file[i] != file) continue;
            name_of(name, sizeof name, i);
            len += (size_t)snprintf(text + len, sizeof text - len, FORMS[w->form[i]], name, w->number[i]);
            text[len++] = '\n';
        }
        snprintf(path, sizeof path, "f%d.egret", file);
        if (len > 0) rule_set_put(set, path, text, len, false);
        else rule_set_remove(set, path);
    }
    for (int i = 0; i < RULES; i++) {
        char text[1024], path[32], name[16];
        name_of(name, sizeof name, i);
        snprintf(path, sizeof path, "%s/%s.egret", i % 2 ? "live" : "a", name);
        if (w->file[i] != FILES) {
            rule_set_remove(set, path);
            continue;
        }
        snprintf(text, sizeof text, FORMS[w->form[i]], name, w->number[i]);
        rule_set_put(set, path, text, strlen(text), false);
    }
    rule_set_put(set, "bad.txt", "XX\n", 3, true);
    rule_set_put(set, "worse.txt", "1.2.3.4\n", 8, true);
    rule_set_put(set, "known.csv", "user,most\nann,5\n", 16, true);
}

/* ---- what must be the same ---- */

static void same_groups(const plan *a, const plan *b)
{
    assert_int_equal(a->n_groups, b->n_groups);
    for (uint32_t i = 0; i < a->n_groups; i++) assert_true(a->groups[i].hash == b->groups[i].hash);
}

static void same_slots(const plan *a, const plan *b)
{
    assert_int_equal(a->n_streams, b->n_streams);
    for (uint32_t i = 0; i < a->n_streams; i++) {
        assert_int_equal(a->streams[i].n_slots, b->streams[i].n_slots);
        for (uint32_t k = 0; k < a->streams[i].n_slots; k++) assert_int_equal(a->streams[i].slot_field[k], b->streams[i].slot_field[k]);
    }
}

static void same_features(const plan *a, const plan *b)
{
    uint64_t x = 0, y = 0;
    assert_int_equal(a->n_features, b->n_features);
    for (uint32_t i = 0; i < a->n_features; i++) {
        x += a->features[i].hash;
        y += b->features[i].hash;
    }
    assert_true(x == y);
}

static void same_rules(const rule_set *a, const rule_set *b)
{
    const plan *p = a->plan, *q = b->plan;
    assert_int_equal(p->n_rules, q->n_rules);
    assert_int_equal(p->n_windows, q->n_windows);
    for (uint32_t i = 0; i < p->n_rules; i++) {
        const plan_rule *x = &p->rules[i], *y = &q->rules[i];
        assert_true(egret_str_eq(x->name, y->name));
        assert_true(x->hash == y->hash && x->life_hash == y->life_hash && x->name_hash == y->name_hash);
        assert_true(x->kind == y->kind && x->group == y->group && x->mode == y->mode && x->level == y->level && x->told == y->told);
        assert_true(x->kind == PLAN_SEQUENCE || x->threshold.hash == y->threshold.hash);
        assert_true(x->kind == PLAN_SEQUENCE || p->windows[x->threshold.window].hash == q->windows[y->threshold.window].hash);
        egret_str text = {a->diags.sources[x->span.source].text + x->span.start, x->span.end - x->span.start};
        assert_true(egret_str_eq(text, (egret_str){b->diags.sources[y->span.source].text + y->span.start, y->span.end - y->span.start}));
    }
}

/* But for the order of what stands beside each other in an `and`. */
static void same_prints(rule_set *a, rule_set *b)
{
    egret_arena arena;
    egret_arena_init(&arena, egret_mem_of(NULL));
    for (uint32_t i = 0; i < a->plan->n_rules; i++) {
        assert_int_equal(strlen(egret_automaton_print(&arena, a->plan, i)), strlen(egret_automaton_print(&arena, b->plan, i)));
        assert_string_equal(egret_cost_print(&arena, a->plan, i), egret_cost_print(&arena, b->plan, i));
        egret_arena_reset(&arena);
    }
    egret_arena_deinit(&arena);
}

/* The same as if all had been compiled at once? */
static bool compare(rule_set *set, const world *w)
{
    rule_set *fresh = rule_set_new();
    assert_non_null(fresh);
    write_files(w, fresh);
    for (size_t i = 0; i < set->n_modes; i++) rule_set_put_mode(fresh, set->modes[i].rule, set->modes[i].mode == PLAN_OFF ? "off" : "shadow");
    bool fine = rule_set_compile(set);
    assert_int_equal(fine, rule_set_compile(fresh));
    assert_int_equal(set->diags.n_errors, fresh->diags.n_errors);
    assert_int_equal(set->diags.n_warnings, fresh->diags.n_warnings);
    if (fine) {
        assert_true(set->fingerprint == fresh->fingerprint);
        same_groups(set->plan, fresh->plan);
        same_slots(set->plan, fresh->plan);
        same_features(set->plan, fresh->plan);
        same_rules(set, fresh);
        same_prints(set, fresh);
    }
    rule_set_drop(fresh);
    return fine;
}

static void change_some(world *w)
{
    for (int n = 1 + drawn(w, 4) / 3 * 2; n > 0; n--) {
        int i = drawn(w, RULES);
        if (w->file[i] >= 0 && drawn(w, 6) == 0) {
            w->file[i] = -1;
            continue;
        }
        if (w->file[i] < 0) w->file[i] = drawn(w, FILES + 3) < FILES ? drawn(w, FILES) : FILES;
        if (w->file[i] < 0 || drawn(w, 2)) w->form[i] = drawn(w, drawn(w, 3) ? 9 : FORM_COUNT);
        w->number[i] = drawn(w, 6);
    }
}

static void changed_step_by_step(unsigned seed, int *revised, int *all)
{
    world w = {.seed = seed};
    for (int i = 0; i < RULES; i++) {
        w.file[i] = drawn(&w, FILES + 3) - 1;
        w.form[i] = drawn(&w, 9);
        w.number[i] = drawn(&w, 6);
    }
    rule_set *now = rule_set_new();
    write_files(&w, now);
    assert_true(compare(now, &w));
    for (int step = 0; step < STEPS; step++) {
        world next = w;
        rule_set *set = rule_set_copy(now);
        change_some(&next);
        write_files(&next, set);
        if (drawn(&next, 10) == 0) rule_set_put_mode(set, "base", drawn(&next, 2) ? "off" : drawn(&next, 2) ? "shadow" : "-");
        w.seed = next.seed;
        bool fine = compare(set, &next);
        *revised += fine && set->grounds.n > 1;
        *all += fine && set->grounds.n == 1;
        rule_set_drop(fine ? now : set);
        if (!fine) continue;
        w = next;
        now = set;
    }
    rule_set_drop(now);
}

static void a_revision_is_what_all_would_be(void **state)
{
    (void)state;
    int revised = 0, all = 0;
    for (unsigned seed = 1; seed <= SEEDS; seed++) changed_step_by_step(seed, &revised, &all);
    printf("revised %d times, compiled whole %d times\n", revised, all);
    assert_true(revised > 100 && all > 100);
}

/* ---- one after the other ---- */

static rule_set *after(rule_set *now, const char *path, const char *text)
{
    rule_set *next = rule_set_copy(now);
    if (text) rule_set_put(next, path, text, strlen(text), false);
    else rule_set_remove(next, path);
    assert_true(rule_set_compile(next));
    rule_set_drop(now);
    return next;
}

static rule_set *begun(void)
{
    rule_set *set = rule_set_new();
    world w = {.seed = 1};
    for (int i = 0; i < RULES; i++) w.file[i] = -1;
    write_files(&w, set);
    assert_true(rule_set_compile(set));
    return set;
}

static void what_did_not_change_stays_where_it_is(void **state)
{
    (void)state;
    rule_set *now = begun();
    for (int i = 0; i < 300; i++) {     /* what each leaves is little */
        char text[256], path[32];
        snprintf(path, sizeof path, "x%d.egret", i % 50);
        snprintf(text, sizeof text, "rule x%d { watch pay [amount > %d]  by user  over 1h  when count() > 2  alert { } }", i % 50, i);
        now = after(now, path, text);
    }
    assert_int_equal(now->plan->n_rules, 53);
    assert_true(now->grounds.n > 1);
    assert_true(now->grounds.bytes < 8 << 20);
    rule_set_drop(now);
}

static void what_goes_is_gone(void **state)
{
    (void)state;
    rule_set *now = after(begun(), "y.egret", "rule y { watch pay [card == \"a\"]  by user  alert { } }");
    now = after(now, "x.egret", "rule x { watch pay [amount > 5]  by user  over 1h  when count() > 2  alert { } }");
    assert_int_equal(now->grounds.n, 2);
    uint32_t windows = now->plan->n_windows, groups = now->plan->n_groups;
    now = after(now, "x.egret", "rule x { watch pay [amount > 6]  by user  over 2h  when count() > 3  alert { } }");
    assert_int_equal(now->grounds.n, 3);
    assert_int_equal(now->plan->n_windows, windows);
    now = after(now, "x.egret", "rule x { watch pay [amount > 6]  by card  over 2h  when count() > 3  alert { } }");
    assert_int_equal(now->grounds.n, 4);
    assert_int_equal(now->plan->n_groups, groups + 1);
    now = after(now, "x.egret", "rule x { watch pay [amount > 6]  by user  over 2h  when count() > 3  alert { } }");
    assert_int_equal(now->plan->n_groups, groups);      /* nobody asks for the card any more */
    assert_int_equal(now->grounds.n, 1);
    now = after(now, "x.egret", NULL);
    assert_int_equal(now->plan->n_windows, windows - 1);
    rule_set_drop(now);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_revision_is_what_all_would_be),
        cmocka_unit_test(what_did_not_change_stays_where_it_is),
        cmocka_unit_test(what_goes_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
