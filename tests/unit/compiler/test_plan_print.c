/*
 * Tests of compiler/plan_print.c, expr_print.c, automaton.c and cost.c: golden files of whole plans (tests/golden/plan), and expressions
 * that must come out as they went in.
 */
#include "compiler/plan.h"
#include "front_end.h"

static const plan *compile(front *fr)
{
    egret_parse(&fr->diags, fr->source, &fr->file);
    const plan *made = egret_plan_make(&fr->diags, &fr->file, false);
    if (made == NULL)
        fail_msg("%s", egret_diags_text(&fr->diags));
    return made;
}

typedef const char *(*rule_printer)(egret_arena *, const plan *, uint32_t);

static void check_rules(front *fr, const plan *made, rule_printer print, const char *path, const char *ending)
{
    char golden[1024];
    const char *all = "";
    for (uint32_t i = 0; i < made->n_rules; i++)
        all = egret_arena_printf(&fr->arena, "%s%s", all, print(&fr->arena, made, i));
    golden_path(golden, sizeof golden, path, ending);
    assert_golden(golden, all);
}

static void check_golden(const char *path, const char *text, size_t len)
{
    char golden[1024];
    front fr;
    front_init_with(&fr, text, len);
    const plan *made = compile(&fr);
    golden_path(golden, sizeof golden, path, ".plan");
    assert_golden(golden, egret_plan_print(&fr.arena, made));
    check_rules(&fr, made, egret_automaton_print, path, ".automaton");
    check_rules(&fr, made, egret_automaton_dot, path, ".dot");
    check_rules(&fr, made, egret_cost_print, path, ".cost");
    front_deinit(&fr);
}

static void plans_are_as_recorded(void **state)
{
    (void)state;
    each_golden("plan", check_golden);
}

/* Compiling again gives the same text: nothing in it depends on addresses or on chance. */
static void plans_are_stable(void **state)
{
    (void)state;
    static const char TEXT[] = "stream a { k: string  v: int  at: time } with time at "
                               "rule z { watch a [v in (3, 1, 2)] by k over 1m when count() > 1 } rule y { match x: a by k by v }";
    front one, two;
    front_init(&one, TEXT);
    front_init(&two, TEXT);
    assert_string_equal(egret_plan_print(&one.arena, compile(&one)), egret_plan_print(&two.arena, compile(&two)));
    front_deinit(&one);
    front_deinit(&two);
}

/* As written in an alert field, and as printed when that is not the same. */
static void expressions_come_out_as_they_went_in(void **state)
{
    (void)state;
    static const struct { const char *text, *printed; } ROWS[] = {
        { "x.v + 1 - (x.v - 2)", NULL },
        { "x.v * (x.v + 1) / 2", NULL },
        { "x.v > 1 and (x.ok or x.v < 0) or not x.ok", NULL },
        { "(x.v > 1) == x.ok", NULL },
        { "-(x.v + 1)", NULL },
        { "5 < x.v", "x.v > 5" },
        { "x.d >= 5", "x.d >= 5" },
        { "x.d * 2.50", NULL },
        { "x.n * 2.50", "x.n * 2.5" },
        { "x.s is not null", "not x.s is null" },
        { "x.s not in (\"b\", \"a\", \"b\")", "not x.s in (\"a\", \"b\")" },
        { "x.s like \"*.exe\"", NULL },
        { "x.s matches r\"^a\\.b$\"", NULL },
        { "if(x.ok, 1m, 90s)", "if(x.ok, 1m, 1m30s)" },
        { "3 * 60s + 1m", "4m" },
        { "x.at > \"2026-01-05T09:00:00Z\"", NULL },
        { "k", NULL },
        { "count(x)", NULL },
        { "\"a {x.v} {{b}} {k}\"", NULL },
        { "least(x.v, x.n)", "least(x.v + 0, x.n)" },
        { "now() - x.at", NULL },
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        char text[512];
        snprintf(text, sizeof text, "stream a { k: string  v: int  n: number  d: decimal  ok: bool  s: string?  at: time } with time at "
                                    "rule r { match x: a by k alert { m: %s } }", ROWS[i].text);
        front fr;
        front_init(&fr, text);
        const char *printed = egret_plan_print(&fr.arena, compile(&fr));
        const char *from = strstr(printed, "alert m = ");
        assert_non_null(from);
        from += strlen("alert m = ");
        const char *want = ROWS[i].printed != NULL ? ROWS[i].printed : ROWS[i].text;
        size_t len = strcspn(from, "\n");
        if (len != strlen(want) || memcmp(from, want, len) != 0)
            fail_msg("%s came out as %.*s", ROWS[i].text, (int)len, from);
        front_deinit(&fr);
    }
}

static void an_expression_alone_shows_numbers(void **state)
{
    (void)state;
    front fr;
    front_init(&fr, "stream a { k: string  v: int  at: time } with time at rule r { match x: a [v > 3] by k }");
    const plan *made = compile(&fr);
    const char *text = egret_expr_print(&fr.arena, made, made->guards[0].expr);
    assert_string_equal(text, "field#1 > 3");
    front_deinit(&fr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_are_as_recorded),
        cmocka_unit_test(plans_are_stable),
        cmocka_unit_test(expressions_come_out_as_they_went_in),
        cmocka_unit_test(an_expression_alone_shows_numbers),
    };
    return cmocka_run_group_tests_name("compiler.plan_print", tests, NULL, NULL);
}
