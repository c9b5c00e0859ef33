/*
 * test_access.c: tokens and their file, roles, expiry, and how many requests a second; time is passed in.
 */
#include "web/access.h"
#include "web/tokens.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/egret-access-XXXXXX";
static char path[64];

static int set_up(void **state)
{
    (void)state;
    strcpy(folder + sizeof folder - 7, "XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(path, sizeof path, "%s/tokens", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char lock[80];
    snprintf(lock, sizeof lock, "%s.lock", path);
    unlink(path);
    unlink(lock);
    return rmdir(folder);
}

static void make(const char *name, web_role role, int64_t expires_ms, char *text)
{
    token made;
    assert_int_equal(tokens_create(path, name, role, 1000, expires_ms, &made, text), 0);
    assert_int_equal(made.role, role);
}

/* The status that a request with this token gets. */
static unsigned ask(web_access *access, const char *text, web_role needs, int64_t now_ms)
{
    char header[128];
    web_verdict verdict;
    snprintf(header, sizeof header, "bearer %s", text);
    web_access_check(access, header, needs, true, now_ms, &verdict);
    assert_int_equal(verdict.status != 0, verdict.detail != NULL);
    return verdict.status;
}

static void roles_may_what_they_may(void **state)
{
    (void)state;
    static const bool may[5][5] = {
        [WEB_INGEST] = {true, true, false, false, false},
        [WEB_VIEWER] = {true, false, true, false, false},
        [WEB_AUTHOR] = {true, false, true, true, false},
        [WEB_ADMIN] = {true, true, true, true, true},
    };
    char text[5][TOKEN_TEXT_BYTES];
    for (unsigned role = WEB_INGEST; role <= WEB_ADMIN; role++) make("x", (web_role)role, 0, text[role]);
    web_access *access = web_access_open(path, 0);
    assert_non_null(access);
    assert_false(web_access_is_open(access));
    for (unsigned role = WEB_INGEST; role <= WEB_ADMIN; role++)
        for (unsigned needs = WEB_ANYONE; needs <= WEB_ADMIN; needs++)
            assert_int_equal(ask(access, text[role], (web_role)needs, 0), may[role][needs] ? 0 : 403);
    assert_int_equal(ask(access, "egret_00000000_nonsense", WEB_VIEWER, 0), 401);
    assert_int_equal(ask(access, "", WEB_VIEWER, 0), 401);
    web_verdict verdict;
    web_access_check(access, NULL, WEB_VIEWER, true, 0, &verdict);
    assert_int_equal(verdict.status, 401);
    web_access_check(access, text[WEB_VIEWER], WEB_VIEWER, true, 0, &verdict);     /* no scheme */
    assert_int_equal(verdict.status, 401);
    web_access_close(access);
}

static void the_file_has_no_secrets(void **state)
{
    (void)state;
    char text[TOKEN_TEXT_BYTES], content[1024] = {0};
    struct stat info;
    make("ann", WEB_AUTHOR, 0, text);
    assert_int_equal(strlen(text), 6 + 8 + 1 + 43);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_true(fread(content, 1, sizeof content - 1, file) > 0);
    fclose(file);
    assert_null(strstr(content, text + 15));
    assert_non_null(strstr(content, "ann"));
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
}

static void expired_and_revoked_ones_do_not_hold(void **state)
{
    (void)state;
    char text[TOKEN_TEXT_BYTES], other[TOKEN_TEXT_BYTES], id[16];
    token_list list;
    make("old", WEB_ADMIN, 5000, text);
    make("new", WEB_ADMIN, 0, other);
    assert_int_equal(tokens_read(path, &list), 0);
    assert_int_equal(list.n, 2);
    assert_ptr_equal(tokens_find(&list, text, 4999), &list.tokens[0]);
    assert_null(tokens_find(&list, text, 5000));
    assert_ptr_equal(tokens_find(&list, other, 5000), &list.tokens[1]);
    tokens_free(&list);
    memcpy(id, other, 14);
    id[14] = '\0';
    assert_int_equal(tokens_revoke(path, id, 7000), 0);
    assert_int_equal(tokens_revoke(path, "egret_ffffffff", 7000), ENOENT);
    assert_int_equal(tokens_read(path, &list), 0);
    assert_null(tokens_find(&list, other, 8000));
    assert_int_equal(list.tokens[1].revoked_ms, 7000);
    tokens_free(&list);
}

static void it_closes_with_the_first_token_and_stays_closed(void **state)
{
    (void)state;
    char text[TOKEN_TEXT_BYTES];
    web_access *access = web_access_open(path, 0);
    assert_non_null(access);
    assert_true(web_access_is_open(access));
    web_verdict verdict;
    web_access_check(access, NULL, WEB_ADMIN, true, 0, &verdict);
    assert_int_equal(verdict.status, 0);
    assert_string_equal(verdict.who, "local");
    make("ann", WEB_VIEWER, 0, text);
    assert_int_equal(ask(access, "none", WEB_VIEWER, 1000), 401);
    assert_int_equal(ask(access, text, WEB_VIEWER, 1001), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(ask(access, text, WEB_VIEWER, 2000), 401);
    assert_false(web_access_is_open(access));
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("nonsense\n", file);
    fclose(file);
    assert_int_equal(ask(access, text, WEB_VIEWER, 3000), 401);
    web_access_close(access);
    access = web_access_open(path, 0);      /* a file that cannot be read lets nobody in */
    assert_non_null(access);
    assert_false(web_access_is_open(access));
    assert_int_equal(ask(access, text, WEB_VIEWER, 0), 401);
    web_access_close(access);
}

static void requests_a_second_are_bounded_by_token(void **state)
{
    (void)state;
    char text[TOKEN_TEXT_BYTES], other[TOKEN_TEXT_BYTES];
    make("ann", WEB_VIEWER, 0, text);
    make("bob", WEB_VIEWER, 0, other);
    web_access *access = web_access_open(path, 10);
    assert_non_null(access);
    for (unsigned i = 0; i < 20; i++) assert_int_equal(ask(access, text, WEB_VIEWER, 1000), 0);
    assert_int_equal(ask(access, text, WEB_VIEWER, 1000), 429);
    assert_int_equal(ask(access, other, WEB_VIEWER, 1000), 0);
    assert_int_equal(ask(access, text, WEB_VIEWER, 1100), 0);
    assert_int_equal(ask(access, text, WEB_VIEWER, 1100), 429);
    make("eve", WEB_VIEWER, 0, other);      /* the list is read again: what was left in the buckets stays */
    assert_int_equal(ask(access, other, WEB_VIEWER, 1310), 0);
    assert_int_equal(ask(access, text, WEB_VIEWER, 1310), 0);
    assert_int_equal(ask(access, text, WEB_VIEWER, 1310), 0);
    assert_int_equal(ask(access, text, WEB_VIEWER, 1310), 429);
    web_access_close(access);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(roles_may_what_they_may, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_file_has_no_secrets, set_up, tear_down),
        cmocka_unit_test_setup_teardown(expired_and_revoked_ones_do_not_hold, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_closes_with_the_first_token_and_stays_closed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(requests_a_second_are_bounded_by_token, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
