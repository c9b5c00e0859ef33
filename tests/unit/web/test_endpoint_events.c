/*
 * test_endpoint_events.c: what POST /v1/events/{stream} answers, for every body and every state of the queue.
 */
#include "web/endpoints.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static const char rules_text[] = "stream login { user: string  ok: bool  at: time } with time at\nrule r { watch login [ok]  by user }\n";

/* The backend: keeps the raw texts of what it was given, one a line, rejected ones with a '!'. */
struct web_batch {
    web_admission on_add, on_end;
    char kept[1024];
    unsigned dropped, ended;
};

typedef struct fixture {
    egret_arena arena;
    web_batch batch;
    web_backend backend;
    web_endpoints *endpoints;
} fixture;

static web_batch *begin(void *user)
{
    return user;
}

static web_admission add(web_batch *batch, const ingest_record *record)
{
    if (record->reason != INGEST_REASON_NONE) strcat(batch->kept, "!");
    strncat(batch->kept, record->raw, record->raw_len);
    strcat(batch->kept, "\n");
    return batch->on_add;
}

static web_admission end(web_batch *batch, web_later *later)
{
    (void)later;
    batch->ended++;
    return batch->on_end;
}

static void drop(web_batch *batch)
{
    batch->dropped++;
}

static const char *not_ready(void *user)
{
    (void)user;
    return "the disk is read-only";
}

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    egret_diags diags;
    ast_file tree;
    if (!f) return -1;
    egret_arena_init(&f->arena, egret_mem_of(NULL));
    egret_diags_init(&diags, &f->arena);
    ast_file_init(&tree);
    egret_parse(&diags, egret_diags_add_source(&diags, "r", rules_text, sizeof rules_text - 1), &tree);
    f->backend = (web_backend){.user = &f->batch, .plan = egret_plan_make(&diags, &tree, true), .begin = begin, .add = add, .end = end,
                               .drop = drop, .not_ready = not_ready};
    f->endpoints = f->backend.plan ? web_endpoints_new(&f->backend) : NULL;
    *state = f;
    return f->endpoints ? 0 : -1;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    web_endpoints_free(f->endpoints);
    egret_arena_deinit(&f->arena);
    free(f);
    return 0;
}

/* Sends a body; the answer's text is compared with `expected` when it is given. */
static unsigned post(fixture *f, const char *stream, const char *type, const char *body, const char *expected)
{
    char padded[1024] = "";
    assert_true(strlen(body) + WEB_BODY_PADDING < sizeof padded);
    strcpy(padded, body);
    web_request request = {.path = "/", .argument = stream, .content_type = type, .body = padded, .body_len = strlen(body)};
    web_response response = {.status = 200};
    web_routes_events[0].handler(f->endpoints, &request, &response);
    assert_non_null(response.body);
    if (expected) {
        assert_int_equal(response.body_len, strlen(expected));
        assert_memory_equal(response.body, expected, response.body_len);
    }
    if (response.status == 429 || response.status == 503) assert_true(response.retry_after_s > 0);
    if (response.status >= 400) assert_string_equal(response.content_type, "application/problem+json");
    free(response.body);
    return response.status;
}

#define ADA "{\"user\":\"ada\",\"ok\":true,\"at\":5}"

static void good_records_are_accepted(void **state)
{
    fixture *f = *state;
    assert_int_equal(post(f, "login", "application/json", ADA, "{\"accepted\":1,\"rejected\":0,\"errors\":[]}\n"), 202);
    assert_int_equal(post(f, "login", "", "[" ADA "," ADA "]", "{\"accepted\":2,\"rejected\":0,\"errors\":[]}\n"), 202);
    assert_int_equal(post(f, "login", "application/x-ndjson", ADA "\n" ADA, "{\"accepted\":2,\"rejected\":0,\"errors\":[]}\n"), 202);
    assert_int_equal(f->batch.ended, 3);
    assert_string_equal(f->batch.kept, ADA "\n" ADA "\n" ADA "\n" ADA "\n" ADA "\n");
}

static void rows_become_objects(void **state)
{
    fixture *f = *state;
    assert_int_equal(post(f, "login", "text/csv; charset=utf-8", "user,ok,at\nada,true,5\n", NULL), 202);
    assert_string_equal(f->batch.kept, "{\"user\":\"ada\",\"ok\":\"true\",\"at\":5}\n");
    assert_int_equal(post(f, "login", "text/csvx", "user,ok,at\nada,true,5\n", NULL), 400);
}

static void bad_records_are_told_by_line(void **state)
{
    fixture *f = *state;
    assert_int_equal(post(f, "login", "", ADA "\n{\"user\":7,\"ok\":true,\"at\":5}\n" ADA "\n", NULL), 202);
    assert_non_null(strstr(f->batch.kept, "\n!{\"user\":7"));
    assert_int_equal(post(f, "login", "", "{", NULL), 400);
    assert_int_equal(f->batch.ended, 2);
}

static void refusals_of_the_queue_have_their_status(void **state)
{
    fixture *f = *state;
    static const struct { web_admission admission; unsigned status; } cases[] = {
        {WEB_FULL, 429}, {WEB_STOPPING, 503}, {WEB_NO_MEMORY, 503}, {WEB_TOO_LARGE, 413}, {WEB_UNKEPT, 503},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        f->batch = (web_batch){.on_end = cases[i].admission};
        assert_int_equal(post(f, "login", "", ADA, NULL), cases[i].status);
        assert_int_equal(f->batch.dropped, 0);      /* end has taken it */
        f->batch = (web_batch){.on_add = cases[i].admission};
        assert_int_equal(post(f, "login", "", ADA "\n" ADA, NULL), cases[i].status);
        assert_int_equal(f->batch.dropped, 1);
        assert_int_equal(f->batch.ended, 0);
        assert_string_equal(f->batch.kept, ADA "\n");
    }
}

static void unknown_streams_are_not_found(void **state)
{
    fixture *f = *state;
    assert_int_equal(post(f, "logn", "", ADA,
                          "{\"type\":\"about:blank\",\"title\":\"Not Found\",\"status\":404,"
                          "\"detail\":\"there is no stream 'logn'; did you mean 'login'?\"}\n"), 404);
    assert_int_equal(f->batch.ended + f->batch.dropped, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(good_records_are_accepted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(rows_become_objects, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_records_are_told_by_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(refusals_of_the_queue_have_their_status, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unknown_streams_are_not_found, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
