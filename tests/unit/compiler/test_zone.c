/*
 * test_zone.c: time zones against the C library, instant by instant from 1970 to 2099; files cut short or with wrong bytes.
 */
#include "compiler/zone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

typedef struct bench { egret_arena arena; egret_diags diags; check c; } bench;

static void set_up(bench *b)
{
    memset(b, 0, sizeof *b);
    egret_arena_init(&b->arena, egret_mem_of(NULL));
    egret_diags_init(&b->diags, &b->arena);
    b->c.diags = &b->diags;
    b->c.arena = &b->arena;
    b->c.plan = egret_arena_alloc(&b->arena, sizeof *b->c.plan);
    assert_non_null(b->c.plan);
}

static int32_t offset_at(const plan_zone *zone, int64_t time_ms)
{
    uint32_t i = zone->n_rows - 1;
    while (zone->rows[i].from_ms > time_ms)
        i--;
    return zone->rows[i].offset_s;
}

/* Of each kind: with and without summer, south of the equator, half an hour of summer, changed habits, a negative summer, none. */
static const char *const ZONES[] = { "Europe/Berlin", "Europe/Dublin", "Europe/Istanbul", "America/New_York", "America/Sao_Paulo",
                                     "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Auckland", "Pacific/Apia", "Africa/Casablanca",
                                     "Etc/GMT+5" };

/* In a function of its own: what setjmp may clobber is then nobody's loop variable. */
static uint32_t find_zone(bench *b, const char *name, const char **why)
{
    const egret_str text = { name, (uint32_t)strlen(name) };
    if (setjmp(b->c.no_memory) != 0)
        fail_msg("no memory for %s", name);
    return zone_find(&b->c, text, why);
}

static void offsets_are_those_of_the_c_library(void **state)
{
    (void)state;
    bench b;
    set_up(&b);
    for (size_t i = 0; i < sizeof ZONES / sizeof ZONES[0]; i++) {
        char tz[64];
        const char *why = "";
        uint32_t number = find_zone(&b, ZONES[i], &why);
        if (number == PLAN_NONE)
            fail_msg("%s: %s", ZONES[i], why);
        assert_int_equal(find_zone(&b, ZONES[i], &why), number);
        snprintf(tz, sizeof tz, ":%s", ZONES[i]);
        assert_int_equal(setenv("TZ", tz, 1), 0);
        tzset();
        const plan_zone *zone = &b.c.plan->zones[number];
        for (time_t at = 0; at < (time_t)4090000000; at += 40 * 3600 + 1187) {
            struct tm local;
            assert_non_null(localtime_r(&at, &local));
            if (offset_at(zone, (int64_t)at * 1000) != local.tm_gmtoff)
                fail_msg("%s at %lld: %d, not %ld", ZONES[i], (long long)at, (int)offset_at(zone, (int64_t)at * 1000), local.tm_gmtoff);
        }
        /* Each change to the second. */
        for (uint32_t k = 1; k < zone->n_rows && zone->rows[k].from_ms < INT64_C(4090000000000); k++) {
            time_t from = (time_t)(zone->rows[k].from_ms / 1000), before = from - 1;
            struct tm local;
            assert_int_equal(localtime_r(&from, &local)->tm_gmtoff, zone->rows[k].offset_s);
            assert_int_equal(localtime_r(&before, &local)->tm_gmtoff, zone->rows[k - 1].offset_s);
        }
    }
    egret_arena_deinit(&b.arena);
}

static void names_lead_nowhere_else(void **state)
{
    (void)state;
    static const char *const NAMES[] = { "", "/etc/passwd", "../zoneinfo/UTC", "Europe/../UTC", "Europe/", "Europe", "Europe//Berlin", "zone.tab",
                                         "Europe/Berlin ", "Nowhere/Town" };
    bench b;
    set_up(&b);
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        const char *why = NULL;
        assert_int_equal(find_zone(&b, NAMES[i], &why), PLAN_NONE);
        assert_non_null(why);
    }
    egret_arena_deinit(&b.arena);
}

static size_t read_all(const char *path, uint8_t *bytes, size_t size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t n = fread(bytes, 1, size, file);
    fclose(file);
    return n;
}

/* Cut short it is refused; with a wrong byte it is refused or gives other rows, in order. */
static void broken_files_are_refused(void **state)
{
    (void)state;
    static uint8_t bytes[1 << 14];
    size_t len = read_all("/usr/share/zoneinfo/Europe/Berlin", bytes, sizeof bytes);
    for (size_t i = 0; i < len * 2; i++) {
        bench b;
        set_up(&b);
        assert_int_equal(setjmp(b.c.no_memory), 0);
        plan_zone zone = { 0 };
        const char *why;
        uint8_t *copy = malloc(len);
        assert_non_null(copy);
        memcpy(copy, bytes, len);
        copy[i % len] = i < len ? copy[i] : (uint8_t)~copy[i % len];
        bool good = zone_parse(&b.c, copy, i < len ? i : len, &zone, &why);
        assert_false(good && i < len);
        for (uint32_t k = 1; good && k < zone.n_rows; k++)
            assert_true(zone.rows[k].from_ms > zone.rows[k - 1].from_ms);
        free(copy);
        egret_arena_deinit(&b.arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(offsets_are_those_of_the_c_library),
        cmocka_unit_test(names_lead_nowhere_else),
        cmocka_unit_test(broken_files_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
