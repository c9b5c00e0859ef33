/*
 * test_router.c: paths and methods to rows of a table, and what tricks with escapes come to.
 */
#include "web/router.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

static const web_route table[] = {
    {.method = "GET", .path = "/v1/alerts/{id}"},
    {.method = "GET", .path = "/v1/alerts/feed"},
    {.method = "PUT", .path = "/v1/rules/{rule}"},
    {.method = "GET", .path = "/v1/rules/{rule}"},
    {.method = "GET", .path = "/v1/keys/{rule}/{key}"},
    {0},
};
static const web_route *const tables[] = {table, NULL};

static router_match find(const char *method, const char *path)
{
    router_match match;
    router_find(tables, method, path, &match);
    return match;
}

static void arguments_are_segments(void **state)
{
    (void)state;
    router_match match = find("GET", "/v1/keys/guessed/a%2Fb%20c");
    assert_ptr_equal(match.route, &table[4]);
    assert_string_equal(match.arguments[0], "guessed");
    assert_string_equal(match.arguments[1], "a/b c");
    match = find("GET", "/v1/alerts/feed");
    assert_ptr_equal(match.route, &table[1]);
    assert_string_equal(find("GET", "/v1/alerts/f%65ed").arguments[0], "feed");
    assert_ptr_equal(find("HEAD", "/v1/rules/x").route, &table[3]);
    assert_string_equal(find("GET", "/v1/rules/%C3%A4+b").arguments[0], "\xc3\xa4+b");
}

static void methods_that_are_not_there(void **state)
{
    (void)state;
    router_match match = find("DELETE", "/v1/rules/x");
    assert_null(match.route);
    assert_int_equal(match.status, 405);
    assert_string_equal(match.allow, "PUT, GET");
    assert_string_equal(find("POST", "/v1/alerts/feed").allow, "GET");
}

static void tricks_lead_nowhere(void **state)
{
    (void)state;
    static const char *const nowhere[] = {"", "/", "/v1", "/v1/rules", "/v1/rules/", "/v1/rules//", "/v1/rules/a/", "/v1/rules/a/b", "//v1/rules/a", "v1/rules/a",
                                          "/v1/./rules/a", "/v1/rules/../rules/a", "/V1/rules/a", "/v1%2Frules/a", "/v1/keys/a", "/v1/keys//b"};
    static const char *const broken[] = {"/v1/rules/%", "/v1/rules/%4", "/v1/rules/%zz", "/v1/rules/a%00b", "/v1/rules/%FF", "/v1/rules/%C3", "/v1/keys/%/b"};
    for (size_t i = 0; i < sizeof nowhere / sizeof nowhere[0]; i++) assert_int_equal(find("GET", nowhere[i]).status, 404);
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) assert_int_equal(find("GET", broken[i]).status, 400);
    char path[ROUTER_ARGUMENT_BYTES + 20] = "/v1/rules/";
    memset(path + 10, 'a', ROUTER_ARGUMENT_BYTES);
    assert_int_equal(find("GET", path).status, 400);
    path[10 + ROUTER_ARGUMENT_BYTES - 1] = '\0';
    assert_int_equal(find("GET", path).status, 0);
    assert_string_equal(find("GET", "/v1/rules/..%2f..%2fetc").arguments[0], "../../etc");
}

static void queries_are_decoded(void **state)
{
    (void)state;
    char out[8];
    assert_true(router_decode("a+b%2B", 6, true, out, sizeof out));
    assert_string_equal(out, "a b+");
    assert_false(router_decode("12345678", 8, true, out, sizeof out));
    assert_false(router_decode("%4", 2, true, out, sizeof out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(arguments_are_segments), cmocka_unit_test(methods_that_are_not_there),
                                       cmocka_unit_test(tricks_lead_nowhere), cmocka_unit_test(queries_are_decoded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
