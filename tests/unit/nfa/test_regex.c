/* Regular expressions: matching, refusal, limits, and memory through the hook alone. */
#include "nfa/functions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct account {
    size_t out, calls, fail_at;
} account;

static void *counted(void *user, void *ptr, size_t old_size, size_t new_size)
{
    account *a = user;
    if (new_size == 0) {
        a->out -= old_size;
        free(ptr);
        return NULL;
    }
    if (++a->calls == a->fail_at)
        return NULL;
    a->out += new_size - old_size;
    return realloc(ptr, new_size);
}

static nfa_regex *make(account *a, const char *pattern, const char **error, size_t *at)
{
    return nfa_regex_new((egret_mem){counted, a}, pattern, strlen(pattern), error, at);
}

static void test_matching(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool matches;
    } cases[] = {
        {"^4[0-9]{5}", "411122", true}, {"^4[0-9]{5}", "x411122", false}, {"", "", true}, {"", "x", true}, {"(?i)powershell.*-enc", "PowerShell.exe -Enc", true},
        {"^.$", "\xC3\xA4", true}, {"^..$", "\xC3\xA4", false}, {"a\\d+b", "xa12bx", true}, {"^a$", "a\n", true}, {"^\\x{20ac}$", "\xE2\x82\xAC", true},
        {"b", "a\xFF" "b", true}, {"^[^b]*$", "a\xFF", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        account a = {0, 0, 0};
        const char *error;
        size_t at;
        uint64_t limits = 0;
        nfa_regex *regex = make(&a, cases[i].pattern, &error, &at);
        assert_non_null(regex);
        if (nfa_regex_match(regex, egret_string(cases[i].text, (uint32_t)strlen(cases[i].text)), &limits) != cases[i].matches)
            fail_msg("'%s' matches '%s'", cases[i].text, cases[i].pattern);
        assert_int_equal(limits, 0);
        assert_false(nfa_regex_match(regex, egret_null(), &limits));
        nfa_regex_free(regex);
        assert_true(a.calls > 0);
        assert_int_equal(a.out, 0);
    }
    nfa_regex_free(NULL);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *error;
        size_t at;
    } cases[] = {
        {"a(b", "a ( without its )", 3}, {"a)b", "a ) without its (", 1}, {"[a", "a [ without its ]", 2}, {"*a", "a quantifier follows nothing that can be repeated", 0},
        {"(*NO_JIT)a", "a pattern may not begin with (*", 0}, {"(*LIMIT_MATCH=9999999)a", "a pattern may not begin with (*", 0}, {"a\\Cb", "\\C is not allowed", 3},
        {"a{3,2}", "the numbers in {} are out of order", 5}, {"\\p{Xyzzy}", "unknown Unicode property", 9}, {"a\\", "the pattern ends with a backslash", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        account a = {0, 0, 0};
        const char *error = NULL;
        size_t at = 99;
        assert_null(make(&a, cases[i].pattern, &error, &at));
        assert_string_equal(error, cases[i].error);
        assert_int_equal(at, cases[i].at);
        assert_int_equal(a.out, 0);
    }
    static char longest[4098];
    memset(longest, 'a', 4097);
    account a = {0, 0, 0};
    const char *error = NULL;
    size_t at;
    assert_null(make(&a, longest, &error, &at));
    assert_string_equal(error, "a pattern has at most 4096 bytes");
    longest[4096] = '\0';
    nfa_regex *regex = make(&a, longest, &error, &at);
    assert_non_null(regex);
    nfa_regex_free(regex);
    assert_int_equal(a.out, 0);
}

static void test_limits(void **state)
{
    (void)state;
    account a = {0, 0, 0};
    const char *error;
    size_t at;
    uint64_t limits = 0;
    nfa_regex *regex = make(&a, "^(a+)+$", &error, &at);
    assert_non_null(regex);
    static char text[70000];
    memset(text, 'a', sizeof text);
    text[40] = 'b';
    assert_false(nfa_regex_match(regex, egret_string(text, 41), &limits));     /* 2^40 ways */
    assert_int_equal(limits, 1);
    assert_true(nfa_regex_match(regex, egret_string(text, 40), &limits));
    assert_int_equal(limits, 1);
    nfa_regex_free(regex);
    regex = make(&a, "b", &error, &at);
    assert_true(nfa_regex_match(regex, egret_string(text, 65536), &limits));
    assert_false(nfa_regex_match(regex, egret_string(text, 65537), &limits));
    assert_int_equal(limits, 2);
    nfa_regex_free(regex);
    assert_int_equal(a.out, 0);
}

static void test_no_memory(void **state)
{
    (void)state;
    for (size_t fail_at = 1;; fail_at++) {
        account a = {0, 0, fail_at};
        const char *error = NULL;
        size_t at;
        nfa_regex *regex = make(&a, "^(a|b)[c-f]+x{2,30}\\d", &error, &at);
        nfa_regex_free(regex);
        assert_int_equal(a.out, 0);
        if (regex) {
            assert_true(fail_at > 4);
            break;
        }
        assert_string_equal(error, "no memory");
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matching),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
