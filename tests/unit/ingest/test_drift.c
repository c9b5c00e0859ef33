/*
 * test_drift.c: what a record has that its stream does not declare, and what it lacks.
 */
#include "ingest/drift.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define STR(text) {text, sizeof text - 1}

/* stream pay { user: string  amount: decimal?  lat: number? from "geo.lat"  lon: number? from "geo.lon" }, one the source's routes look at: type */
static plan_field fields[] = {
    {.name = STR("user"), .path = STR("user"), .type = EGRET_STRING, .slot = 0},
    {.name = STR("amount"), .path = STR("amount"), .type = EGRET_DECIMAL, .optional = true, .slot = PLAN_NONE},
    {.name = STR("lat"), .path = STR("geo.lat"), .type = EGRET_NUMBER, .optional = true, .slot = PLAN_NONE},
    {.name = STR("lon"), .path = STR("geo.lon"), .type = EGRET_NUMBER, .optional = true, .slot = 1},
};
static plan_field route_fields[] = {{.name = STR("type"), .path = STR("type"), .type = EGRET_STRING, .slot = 0}};
static plan_stream streams[] = {{.name = STR("pay"), .fields = fields, .n_fields = 4, .n_slots = 2}};
static plan_edge sources[] = {{.name = STR("s"), .kind = STR("file"), .route_fields = route_fields, .n_route_fields = 1}};
static const plan the_plan = {.streams = streams, .n_streams = 1, .sources = sources, .n_sources = 1};

static void assert_drift(const char *record, bool flat, uint64_t missing, uint64_t unknown)
{
    ingest_drift *drift = ingest_drift_new(&the_plan);
    assert_non_null(drift);
    size_t len = strlen(record);
    char *exact = malloc(len + 1);      /* nothing is read behind it */
    assert_non_null(exact);
    char *cut = realloc(exact, len ? len : 1);
    assert_non_null(cut);
    memcpy(cut, record, len);
    ingest_drift_look(drift, 0, cut, len, flat);
    ingest_drift_numbers n = ingest_drift_get(drift, 0);
    if (n.missing != missing || n.unknown != unknown) fail_msg("%s: %d missing, %d unknown", record, (int)n.missing, (int)n.unknown);
    ingest_drift_free(drift);
    free(cut);
}

static void fields_are_missed_and_met(void **state)
{
    (void)state;
    assert_drift("{\"user\":\"a\",\"amount\":1,\"geo\":{\"lat\":1,\"lon\":2}}", false, 0, 0);
    assert_drift(" { \"type\" : \"x\" , \"user\" : \"a\" } ", false, 3, 0);
    assert_drift("{\"user\":\"a\",\"amount\":null,\"geo\":{\"lat\":1,\"height\":7}}", false, 2, 0);
    assert_drift("{\"user\":\"a\",\"amount\":1,\"geo\":null}", false, 2, 0);
    assert_drift("{\"user\":\"a\",\"colour\":\"red\",\"amount\":1,\"geo\":{\"lat\":1,\"lon\":2},\"use\":1,\"users\":[{\"x\":2}],\"\":0}", false, 0, 4);
    assert_drift("{\"us\\u0065r\":\"a\"}", false, 3, 1);
    assert_drift("{\"user\":\"a\",\"op\":\"c\",\"ts_ms\":5,\"before\":null}", false, 3, 3);
    assert_drift("{\"user\":\"a\",\"op\":\"c\",\"ts_ms\":5,\"before\":null}", true, 3, 0);
}

static void what_is_no_object_is_passed_over(void **state)
{
    (void)state;
    static const char *const texts[] = {"", " ", "[1]", "7", "\"{\"", "a,b,c"};
    ingest_drift *drift = ingest_drift_new(&the_plan);
    assert_non_null(drift);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) ingest_drift_look(drift, 0, texts[i], strlen(texts[i]), false);
    assert_int_equal(ingest_drift_get(drift, 0).looked, 0);
    ingest_drift_look(drift, 0, "{}", 2, false);
    ingest_drift_look(drift, 0, "{\"user\"", 7, false);
    assert_int_equal(ingest_drift_get(drift, 0).looked, 2);
    ingest_drift_reject(drift, INGEST_REASON_TYPE);
    ingest_drift_reject(drift, INGEST_REASON_TYPE);
    assert_int_equal(ingest_drift_rejected(drift, INGEST_REASON_TYPE), 2);
    assert_int_equal(ingest_drift_rejected(drift, INGEST_REASON_MISSING), 0);
    ingest_drift_free(drift);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_missed_and_met),
        cmocka_unit_test(what_is_no_object_is_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
