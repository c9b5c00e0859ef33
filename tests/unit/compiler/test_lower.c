/*
 * Tests of compiler/lower*.c and intern.c: what the plan says of keys, guards, literals, patterns and windows.
 */
#include "compiler/plan.h"
#include "front_end.h"

#define STREAMS \
    "stream a { k: string  v: int  d: decimal?  s: string?  n: number  ok: bool  at: time } with time at " \
    "stream b { k: string  v: int  q: string  at: time } with time at " \
    "stream c { q: string  at: time } with time at\n"

typedef struct compiled { front fr; const plan *made; } compiled;

static void compile(compiled *c, const char *rules)
{
    char text[8192];
    snprintf(text, sizeof text, "%s%s", STREAMS, rules);
    front_init(&c->fr, text);
    egret_parse(&c->fr.diags, c->fr.source, &c->fr.file);
    c->made = egret_plan_make(&c->fr.diags, &c->fr.file, false);
    if (c->made == NULL)
        fail_msg("%s\n%s", rules, front_lines(&c->fr));
}

/* ---- guards ---- */

static void an_index_takes_the_best_conjunct(void **state)
{
    (void)state;
    static const struct { const char *cond; plan_access access; const char *field; bool residual; } ROWS[] = {
        { "v > 1", PLAN_ACCESS_GT, "v", false },
        { "1 < v", PLAN_ACCESS_GT, "v", false },
        { "v <= 1", PLAN_ACCESS_LE, "v", false },
        { "v > 1 and k == \"x\"", PLAN_ACCESS_EQ, "k", true },
        { "v > 1 and k in (\"x\", \"y\")", PLAN_ACCESS_SET, "k", true },
        { "k in (\"x\", \"y\") and v == 3", PLAN_ACCESS_EQ, "v", true },
        { "ok", PLAN_ACCESS_EQ, "ok", false },
        { "not ok", PLAN_ACCESS_ALWAYS, NULL, true },
        { "v > 1 or v < 0", PLAN_ACCESS_ALWAYS, NULL, true },
        { "k > \"x\"", PLAN_ACCESS_ALWAYS, NULL, true },
        { "v == n", PLAN_ACCESS_ALWAYS, NULL, true },
        { "v not in (1, 2)", PLAN_ACCESS_ALWAYS, NULL, true },
        { "v != 1", PLAN_ACCESS_ALWAYS, NULL, true },
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "rule r { match x: a [%s] by k }", ROWS[i].cond);
        compiled c;
        compile(&c, text);
        const plan_guard *guard = &c.made->guards[0];
        const plan_stream *stream = &c.made->streams[0];
        if (guard->access != ROWS[i].access || (guard->residual != PLAN_NONE) != ROWS[i].residual)
            fail_msg("%s: access %d", ROWS[i].cond, guard->access);
        if (ROWS[i].field != NULL)
            assert_true(egret_str_is(stream->fields[stream->slot_field[guard->slot]].name, ROWS[i].field));
        front_deinit(&c.fr);
    }
}

static void equal_conditions_are_one_guard(void **state)
{
    (void)state;
    compiled c;
    compile(&c, "define big = v > 5 "
                "rule r1 { match x: a [v > 5 and k == \"z\"] by k } rule r2 { watch a [5 < v and k == \"z\"] by k } "
                "rule r3 { match y: a [big and k == \"z\" and prev(v) < 3] by k } rule r4 { match y: a [k == \"z\" and v > 5] by k } ");
    assert_int_equal(c.made->n_guards, 1);
    assert_int_equal(c.made->rules[0].pattern->atoms[0].guard, c.made->windows[0].atoms[0].guard);
    assert_int_equal(c.made->rules[2].pattern->atoms[0].guard, c.made->rules[0].pattern->atoms[0].guard);
    assert_int_equal(c.made->rules[0].pattern->atoms[0].rest, PLAN_NONE);
    assert_int_not_equal(c.made->rules[2].pattern->atoms[0].rest, PLAN_NONE);
    front_deinit(&c.fr);
}

static void what_looks_at_more_than_the_event_is_the_rest(void **state)
{
    (void)state;
    static const struct { const char *cond; uint8_t uses; bool each; } ROWS[] = {
        { "v > x.v", PLAN_USES_STEPS | PLAN_USES_EVENT, true },
        { "new(v over 1d)", PLAN_USES_KEY_STATE | PLAN_USES_EVENT, false },
        { "v > p.n", PLAN_USES_KEY_STATE | PLAN_USES_EVENT, false },
        { "now() - at > 1m", PLAN_USES_NOW | PLAN_USES_EVENT, false },
        { "count(x) > v", PLAN_USES_STEPS | PLAN_USES_EVENT, true },
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "profile p { from b by k n: count() } rule r { match x: a then y: b [v > 0 and %s] by k }", ROWS[i].cond);
        compiled c;
        compile(&c, text);
        const plan_pattern *pattern = c.made->rules[0].pattern;
        const plan_atom *atom = &pattern->atoms[pattern->items[1].atoms];
        assert_int_equal(c.made->guards[atom->guard].access, PLAN_ACCESS_GT);
        assert_int_equal(c.made->exprs[atom->rest].uses, ROWS[i].uses);
        assert_int_equal(pattern->items[1].each, ROWS[i].each);
        front_deinit(&c.fr);
    }
}

/* ---- literals ---- */

static void literals_take_the_type_beside_them(void **state)
{
    (void)state;
    static const struct { const char *cond; egret_type type; } ROWS[] = {
        { "d > 5", EGRET_DECIMAL }, { "d > 5.00", EGRET_DECIMAL }, { "n > 5", EGRET_NUMBER }, { "n > 5.00", EGRET_NUMBER },
        { "v > 5", EGRET_INT }, { "v > 5.0", EGRET_INT }, { "v > 5.5", EGRET_NUMBER }, { "d > -5.00", EGRET_DECIMAL },
        { "d > 0.10 + 0.20", EGRET_DECIMAL }, { "d > 2 * 2.50", EGRET_DECIMAL }, { "at > \"2026-01-05T09:00:00Z\"", EGRET_TIME },
        { "at - at > 2 * 30s", EGRET_DURATION }, { "n > 1 / 3", EGRET_NUMBER },
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "rule r { match x: a [%s] by k }", ROWS[i].cond);
        compiled c;
        compile(&c, text);
        const plan_expr *e = &c.made->exprs[c.made->guards[0].expr];
        const plan_expr *right = &c.made->exprs[c.made->args[e->args + 1]];
        assert_int_equal(right->op, PLAN_CONST);
        if (right->type != ROWS[i].type || c.made->consts[right->a].type != ROWS[i].type)
            fail_msg("%s: %s", ROWS[i].cond, egret_type_name((egret_type)right->type));
        front_deinit(&c.fr);
    }
}

/* What is stored has the type the plan says: an int beside a decimal is made one. */
static void values_are_widened(void **state)
{
    (void)state;
    static const struct { const char *text; egret_type type; } ROWS[] = {
        { "if(x.ok, x.v, x.d)", EGRET_DECIMAL }, { "coalesce(x.d, x.n)", EGRET_NUMBER }, { "least(x.v, 5)", EGRET_INT },
        { "coalesce(x.d, 0)", EGRET_DECIMAL }, { "if(x.ok, 1, 2.5)", EGRET_NUMBER },
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "rule r { match x: a by k alert { m: %s } }", ROWS[i].text);
        compiled c;
        compile(&c, text);
        const plan_expr *e = &c.made->exprs[c.made->rules[0].fields[0].expr];
        assert_int_equal(e->type, ROWS[i].type);
        for (uint32_t k = 0; k < e->n_args; k++) {
            egret_type type = (egret_type)c.made->exprs[c.made->args[e->args + k]].type;
            assert_true(type == ROWS[i].type || type == EGRET_BOOL);
        }
        front_deinit(&c.fr);
    }
}

static void decimal_literals_are_exact(void **state)
{
    (void)state;
    compiled c;
    compile(&c, "rule r { match x: a [d > 0.10 + 0.20] by k }");
    egret_value v = c.made->consts[c.made->guards[0].constant];
    assert_int_equal(v.u.i, 30);
    assert_int_equal(v.scale, 2);
    front_deinit(&c.fr);
}

/* ---- keys ---- */

static void rules_with_one_key_share_a_group(void **state)
{
    (void)state;
    compiled c;
    compile(&c, "profile p { from b by k n: count() } rule r1 { match x: a by k } rule r2 { match x: a then y: b by k } "
                "rule r3 { match x: b by q = b.k } rule r4 { match x: b by q } rule r5 { watch a over 1m when count() > 1 }");
    const plan *p = c.made;
    assert_int_equal(p->rules[0].group, p->profiles[0].group);
    assert_int_equal(p->rules[1].group, p->profiles[0].group);
    assert_int_not_equal(p->rules[2].group, p->rules[3].group);
    assert_int_equal(p->groups[p->rules[4].group].n_parts, 0);
    /* A stream the rule does not look at gives the field of that name, too. */
    assert_int_not_equal(p->groups[p->rules[3].group].key_expr[2], PLAN_NONE);
    assert_int_equal(p->groups[p->rules[3].group].key_expr[0], PLAN_NONE);
    front_deinit(&c.fr);
}

static void a_rule_with_two_keys_is_two_entries(void **state)
{
    (void)state;
    compiled c;
    compile(&c, "rule z { match x: a by k by v, k = a.s } rule y { match x: a by k }");
    assert_int_equal(c.made->n_rules, 3);
    assert_true(egret_str_is(c.made->rules[0].name, "y"));
    assert_int_equal(c.made->rules[1].instance, 0);
    assert_int_equal(c.made->rules[2].instance, 1);
    assert_int_equal(c.made->groups[c.made->rules[2].group].n_parts, 2);
    assert_true(c.made->rules[1].name_hash != c.made->rules[2].name_hash);
    front_deinit(&c.fr);
}

/* ---- patterns ---- */

static void brackets_around_one_step_bound_its_loop(void **state)
{
    (void)state;
    static const char *const TEXTS[] = {
        "(x: a {2,} within 5m) then y: b", "((x: a {2,}) within 5m) then y: b", "(x: a {2,} within 5m) then (y: b)",
        "((x: a {2,} within 5m) then y: b)",
    };
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "rule r { match %s by k }", TEXTS[i]);
        compiled c;
        compile(&c, text);
        const plan_pattern *pattern = c.made->rules[0].pattern;
        assert_int_equal(pattern->n_items, 2);
        assert_int_equal(pattern->items[0].own_within_ms, 300000);
        assert_int_equal(pattern->items[0].min, 2);
        assert_int_equal(pattern->items[0].max, UINT32_MAX);
        assert_true(pattern->within_ms == PLAN_FOREVER);
        front_deinit(&c.fr);
    }
}

static void brackets_around_all_bound_the_match(void **state)
{
    (void)state;
    compiled c;
    compile(&c, "rule r { match ((x: a then within 1m y: b within 5m)) by k } rule s { match x: a {3} within 5m by k }");
    const plan_pattern *pattern = c.made->rules[0].pattern;
    assert_true(pattern->within_ms == 300000);
    assert_true(pattern->items[1].link_within_ms == 60000);
    assert_true(c.made->rules[1].pattern->within_ms == 300000);
    front_deinit(&c.fr);
}

static void absences_go_where_they_act(void **state)
{
    (void)state;
    compiled c;
    compile(&c, "rule r1 { match x: a then not c then not b [v > x.v] next y: b by k = a.k | b.k | c.q }\n"
                "rule r2 { match x: a then not b | c for 5m by k = a.k | b.k | c.q }\n"
                "rule r3 { match x: a then not b then not c by k = a.k | b.k | c.q within 1h }\n"
                "rule r4 { match not a for 5m by k }");
    const plan_pattern *middle = c.made->rules[0].pattern, *end = c.made->rules[1].pattern, *two = c.made->rules[2].pattern;
    assert_int_equal(middle->items[1].n_nots, 2);
    assert_int_equal(middle->absence, PLAN_ABSENCE_NONE);
    assert_true(middle->contiguous);
    assert_true(middle->streams[2]);
    assert_int_equal(end->absence, PLAN_ABSENCE_FOR);
    assert_int_equal(end->n_absence_atoms, 2);
    assert_int_equal(two->absence, PLAN_ABSENCE_TO_END);
    assert_int_equal(two->n_absence_atoms, 2);
    assert_int_equal(c.made->rules[3].pattern->n_items, 0);
    assert_int_equal(c.made->rules[3].pattern->n_absence_atoms, 1);
    front_deinit(&c.fr);
}

static void cells_are_fields_somebody_reads_later(void **state)
{
    (void)state;
    compiled c;
    compile(&c, "rule r { match x: a then y: b [v > x.v] {2,} by k when sum(y.v) > 3 alert { m: \"{x.s} {count(y where q == \\\"z\\\")}\" } }");
    const plan_pattern *pattern = c.made->rules[0].pattern;
    assert_int_equal(pattern->n_cells, 3);
    assert_true(egret_str_is(pattern->cells[0].name, "v"));
    /* v of a and of b share a cell: they have one name and one type. */
    assert_int_not_equal(pattern->cells[0].slot[0], PLAN_NONE);
    assert_int_not_equal(pattern->cells[0].slot[1], PLAN_NONE);
    assert_int_equal(pattern->cells[0].slot[2], PLAN_NONE);
    assert_int_equal(pattern->n_step_aggs, 2);
    front_deinit(&c.fr);
}

static void names_of_streams_serve_as_labels(void **state)
{
    (void)state;
    compiled c;
    compile(&c, "rule r { match a then b [v > a.v] by k alert { m: a.v } }");
    assert_int_equal(c.made->rules[0].pattern->n_cells, 1);
    front_deinit(&c.fr);
}

/* ---- windows ---- */

static void leaving_matters_when_it_can_make_when_true(void **state)
{
    (void)state;
    enum { NEVER, NEGATIVES, ALWAYS };
    static const struct { const char *watch, *when; int matters; } ROWS[] = {
        { "a", "count() > 5", NEVER },
        { "a", "5 < count() and distinct(k) >= 2", NEVER },
        { "a", "count() < 5", ALWAYS },
        { "a", "count() == 0", ALWAYS },
        { "a", "not (count() > 5)", ALWAYS },
        { "a", "sum(v) > 5", NEGATIVES },
        { "a [v > 0]", "sum(v) > 5", NEVER },
        { "a [v >= 0 and k == \"x\"]", "sum(v) > 5", NEVER },
        { "a [v > -1]", "sum(v) > 5", NEGATIVES },
        { "a", "sum(v where v >= 0) > 5", NEVER },
        { "a [v > 0]", "sum(v) > count()", ALWAYS },
        { "a", "max(v) > 5 or count() > 3", NEVER },
        { "a", "min(v) > 5", ALWAYS },
        { "a", "avg(v) > 5", ALWAYS },
        { "a", "count(over ever) == 3", NEVER },
        { "a", "count() > 5 and v > 3 and k != \"x\"", NEVER },
        { "a", "count() > v", NEVER },
        { "a", "count() / 2 > 5", ALWAYS },
        { "a", "first(v) > 5", ALWAYS },
        { "a", "sum(v) > 5 and count() > 2", NEGATIVES },
        { "a", "sum(v) > 5 and count() < 2", ALWAYS },
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        char text[256];
        snprintf(text, sizeof text, "rule r { watch %s by k over 5m when %s }", ROWS[i].watch, ROWS[i].when);
        compiled c;
        compile(&c, text);
        const plan_threshold *t = &c.made->rules[0].threshold;
        int got = t->leaving_matters ? ALWAYS : t->negatives_matter ? NEGATIVES : NEVER;
        if (got != ROWS[i].matters)
            fail_msg("%s: leaving matters %d, not %d", text, got, ROWS[i].matters);
        front_deinit(&c.fr);
    }
}

static void a_field_has_a_slot_for_each_stream(void **state)
{
    (void)state;
    compiled c;
    compile(&c, "rule r { watch x: b [q == \"z\"] | y: a by k over 5m when sum(v) > 5 and count(y) > 1 and sum(y.v) > 2 }");
    const plan_window *w = &c.made->windows[0];
    assert_int_equal(w->n_args, 3);
    assert_int_equal(w->args[0].atoms, 3);
    for (uint32_t i = 0; i < 2; i++) {
        const plan_stream *stream = &c.made->streams[w->atoms[i].stream];
        const plan_expr *value = &c.made->exprs[w->args[0].atom_value[i]];
        assert_true(egret_str_is(stream->fields[stream->slot_field[value->a]].name, "v"));
    }
    assert_int_equal(w->args[1].atoms, 2);
    assert_int_equal(w->args[1].value, PLAN_NONE);
    assert_int_equal(w->args[2].atom_value[0], PLAN_NONE);
    front_deinit(&c.fr);
}

static void aggregates_share_arguments(void **state)
{
    (void)state;
    compiled c;
    compile(&c, "rule r { watch a by k over 5m let z = sum(v) / count() when z > 2 and sum(v) > 5 and max(v) > 1 and sum(v over 1h) > 9 "
                "alert { m: \"{sum(v)} {z}\" } }");
    assert_int_equal(c.made->windows[0].n_args, 2);
    assert_int_equal(c.made->windows[0].n_aggs, 4);
    front_deinit(&c.fr);
}

/* ---- hashes ---- */

static uint64_t hash_of(const char *rules, bool whole)
{
    compiled c;
    compile(&c, rules);
    const plan_rule *rule = &c.made->rules[c.made->n_rules - 1];
    uint64_t hash = whole ? rule->hash : rule->kind == PLAN_SEQUENCE ? rule->pattern->hash : c.made->windows[rule->threshold.window].hash;
    front_deinit(&c.fr);
    return hash;
}

static void a_definition_keeps_its_hash_beside_others(void **state)
{
    (void)state;
#define RULE "rule z { match x: a [v > 5] then y: b [v > x.v and new(q over 1d)] by k "
    uint64_t alone = hash_of(RULE "}", false);
    assert_true(alone == hash_of("rule a1 { match x: b [q == \"1\"] by q } rule a2 { watch a [n > 1] by v } " RULE "}", false));
    assert_true(alone == hash_of(RULE "severity high throttle 5m alert { m: x.v } }", false));
    assert_true(alone != hash_of(RULE "within 5m }", false));
    assert_true(hash_of("rule z { match x: a [v > 5 and n > 1] by k }", false)
                == hash_of("rule y { match x: a [n > 1 and v > 5] by k } rule z { match x: a [v > 5 and n > 1] by k }", false));
    assert_true(alone != hash_of("rule z { match x: a [v > 6] then y: b [v > x.v and new(q over 1d)] by k }", false));
    assert_true(alone != hash_of("rule z { match x: a [v > 5] then y: b [v > x.v and new(q over 2d)] by k }", false));
    assert_true(hash_of(RULE "}", true) != hash_of(RULE "severity high }", true));
    assert_true(hash_of("rule z { watch a by k over 5m when count() > 5 }", false)
                == hash_of("rule y { watch b by k over 1h when sum(v) > 5 } rule z { watch a by k over 5m when count() > 9 }", false));
#undef RULE
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_index_takes_the_best_conjunct),
        cmocka_unit_test(equal_conditions_are_one_guard),
        cmocka_unit_test(what_looks_at_more_than_the_event_is_the_rest),
        cmocka_unit_test(literals_take_the_type_beside_them),
        cmocka_unit_test(values_are_widened),
        cmocka_unit_test(decimal_literals_are_exact),
        cmocka_unit_test(rules_with_one_key_share_a_group),
        cmocka_unit_test(a_rule_with_two_keys_is_two_entries),
        cmocka_unit_test(brackets_around_one_step_bound_its_loop),
        cmocka_unit_test(brackets_around_all_bound_the_match),
        cmocka_unit_test(absences_go_where_they_act),
        cmocka_unit_test(cells_are_fields_somebody_reads_later),
        cmocka_unit_test(names_of_streams_serve_as_labels),
        cmocka_unit_test(leaving_matters_when_it_can_make_when_true),
        cmocka_unit_test(a_field_has_a_slot_for_each_stream),
        cmocka_unit_test(aggregates_share_arguments),
        cmocka_unit_test(a_definition_keeps_its_hash_beside_others),
    };
    return cmocka_run_group_tests_name("compiler.lower", tests, NULL, NULL);
}
