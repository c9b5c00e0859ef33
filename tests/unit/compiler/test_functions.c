/* The table of functions: complete, findable, and in agreement with itself. */
#include "compiler/functions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static egret_str str(const char *s)
{
    return (egret_str){.ptr = s, .len = (uint32_t)strlen(s)};
}

static void test_rows(void **state)
{
    (void)state;
    assert_int_equal(egret_n_functions, EGRET_N_FUNCTIONS);
    for (size_t i = 0; i < egret_n_functions; i++) {
        const egret_function *f = &egret_functions[i];
        assert_non_null(f->name);
        assert_int_equal(egret_function_find(str(f->name)), i);     /* also: no name stands twice */
        assert_true(f->min_args >= 1 && f->min_args <= f->max_args && f->max_args <= EGRET_MAX_ARGS);
        assert_true(f->arg[0] != 0);
        size_t len = strlen(f->name);
        assert_true(strncmp(f->signature, f->name, len) == 0 && f->signature[len] == '(');
        assert_true(strlen(f->help) >= 10 && f->help[strlen(f->help) - 1] == '.');
        if (f->rule == EGRET_RESULT_FIXED)
            assert_true(f->result > EGRET_NULL && f->result <= EGRET_DURATION);
        if (f->rule == EGRET_RESULT_SAME)
            assert_true(f->same_from < f->min_args);
        for (int a = 1; a < EGRET_MAX_ARGS; a++)
            assert_true(f->arg[a] == 0 || f->arg[a - 1] != 0);
    }
}

static void test_find(void **state)
{
    (void)state;
    assert_int_equal(egret_function_find(str("distance_km")), EGRET_FN_DISTANCE_KM);
    assert_int_equal(egret_function_find(str("if")), EGRET_FN_IF);
    assert_int_equal(egret_function_find(str("distance")), -1);
    assert_int_equal(egret_function_find(str("")), -1);
    assert_int_equal(egret_function_find(str("ABS")), -1);
    assert_true(egret_functions[EGRET_FN_COALESCE].null_safe && !egret_functions[EGRET_FN_LEAST].null_safe);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows), cmocka_unit_test(test_find)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
