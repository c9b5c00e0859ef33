/*
 * test_routes.c: a source that feeds several streams, from rule text to slots, in JSON and in CSV.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ingest/decode.h"

static const char *const rules_text =
    "stream login { user: string  took: duration?  ok: bool  at: time in s } with time at\n"
    "stream payment { user: string from \"who.name\"  amount: decimal  at: time in s } with time at\n"
    "source simple: http { stream: login when type == \"login\" or type == \"login again\", payment when type != \"x\" }\n"
    "source mixed: http { stream: login when type == \"login\" and version >= 2, payment when type == \"pay\" }\n"
    "rule a { watch login [user == \"x\" and took > 1s and ok]  by user }\n"
    "rule b { watch payment [amount > 1.00]  by user }\n";

enum { SIMPLE, MIXED };   /* the sources, in order */

typedef struct fixture {
    egret_arena arena;
    egret_diags diags;
    const plan *plan;
    nfa_engine *engine;
} fixture;

static int set_up(void **state)
{
    fixture *f = calloc(1, sizeof *f);
    ast_file file;
    if (f == NULL)
        return 1;
    egret_arena_init(&f->arena, egret_mem_of(NULL));
    egret_diags_init(&f->diags, &f->arena);
    ast_file_init(&file);
    egret_parse(&f->diags, egret_diags_add_source(&f->diags, "test", rules_text, strlen(rules_text)), &file);
    f->plan = egret_plan_make(&f->diags, &file, false);
    if (f->plan == NULL)
        fprintf(stderr, "%s", egret_diags_text(&f->diags));
    f->engine = f->plan == NULL ? NULL : nfa_engine_new(egret_mem_of(NULL), f->plan);
    *state = f;
    return f->engine == NULL;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    nfa_engine_free(f->engine);
    egret_arena_deinit(&f->arena);
    free(f);
    return 0;
}

/* "stream field=value field=value | …", rejections as "!class". */
static void decode(const fixture *f, uint32_t source, ingest_format format, const char *text, char *out, size_t cap)
{
    ingest_decoder *decoder = ingest_decoder_new(&(ingest_decoder_options){ .plan = f->plan, .stream = PLAN_NONE,
                                                                            .source = &f->plan->sources[source], .engine = f->engine,
                                                                            .format = format });
    assert_non_null(decoder);
    ingest_decoder_feed(decoder, text, strlen(text), strlen(text), true);
    ingest_record record;
    ingest_got got;
    size_t n = 0;
    out[0] = '\0';
    while ((got = ingest_decoder_next(decoder, &record)) == INGEST_GOT_RECORD || got == INGEST_GOT_REJECTED) {
        if (got == INGEST_GOT_REJECTED) {
            n += (size_t)snprintf(out + n, cap - n, "!%s | ", ingest_reason_name(record.reason));
            continue;
        }
        const plan_stream *stream = &f->plan->streams[record.stream];
        n += (size_t)snprintf(out + n, cap - n, "%.*s", (int)stream->name.len, stream->name.ptr);
        for (uint32_t i = 0; i < stream->n_fields; i++) {
            if (stream->fields[i].slot == PLAN_NONE)
                continue;
            n += (size_t)snprintf(out + n, cap - n, " %.*s=", (int)stream->fields[i].name.len, stream->fields[i].name.ptr);
            n += egret_value_text(record.slots[stream->fields[i].slot], out + n, cap - n);
        }
        n += (size_t)snprintf(out + n, cap - n, " | ");
    }
    assert_int_equal(got, INGEST_GOT_END);
    n += (size_t)snprintf(out + n, cap - n, "unrouted %d", (int)ingest_decoder_stats(decoder)->unrouted);
    ingest_decoder_free(decoder);
}

static void json(void **state)
{
    char out[1024];
    decode(*state, MIXED, INGEST_FORMAT_JSON,
           "{\"type\":\"login\",\"version\":2,\"user\":\"x\",\"took\":\"1m30s\",\"ok\":true,\"at\":1767603600}\n"
           "{\"type\":\"login\",\"version\":1,\"user\":\"x\",\"ok\":true,\"at\":1767603600}\n"
           "{\"who\":{\"name\":\"y\\u0021\"},\"amount\":\"2.50\",\"at\":1767603600.5,\"type\":\"pay\"}\n"
           "{\"type\":\"p\\u0061y\",\"amount\":2,\"at\":1767603600}\n"
           "{\"type\":7,\"at\":1767603600}\n"
           "{\"type\":\"pay\"\n",
           out, sizeof out);
    assert_string_equal(out, "login user=x took=1m30s ok=true at=2026-01-05T09:00:00Z | payment user=y! amount=2.50 at=2026-01-05T09:00:00.500Z | "
                             "!missing | !syntax | unrouted 2");
}

static void csv(void **state)
{
    char out[1024];
    decode(*state, MIXED, INGEST_FORMAT_CSV,
           "type,version,user,who.name,amount,took,ok,at\n"
           "login,2,x,,,250,true,1767603600\n"
           "login,2,x,,,1h,false,2026-01-05 09:00:00\n"
           "login,2,x,,,,maybe,1767603600\n"
           "pay,,z,y,7,,,1767603600\n"
           "other,,,,,,,\n",
           out, sizeof out);
    assert_string_equal(out, "login user=x took=250ms ok=true at=2026-01-05T09:00:00Z | login user=x took=1h ok=false at=2026-01-05T09:00:00Z | "
                             "!type | payment user=y amount=7 at=2026-01-05T09:00:00Z | unrouted 1");
}

/* One string decides: decisions are remembered, and must be those that were made. Texts of one length with equal ends share a place. */
static void remembered(void **state)
{
    char out[2048];
    decode(*state, SIMPLE, INGEST_FORMAT_CSV,
           "type,user,who.name,amount,ok,at\n"
           "login,a,,,true,1\n"
           "other,,b,1,,2\n"
           "login,c,,,true,3\n"
           "x,,,,,4\n"
           "x,,,,,5\n"
           "login again,d,,,true,6\n"
           "logen again,,e,1,,7\n"
           "login again,f,,,true,8\n"
           ",,g,1,,9\n"
           "\"\",,h,1,,9\n"
           "a text that is longer than what is remembered,,i,1,,10\n"
           "login,j,,,true,11\n",
           out, sizeof out);
    const char *at = out;
    static const char *const users[] = { "login user=a", "payment user=b", "login user=c", "login user=d", "payment user=e", "login user=f",
                                         "payment user=h", "payment user=i", "login user=j" };
    for (size_t i = 0; i < sizeof users / sizeof *users; i++) {
        at = strstr(at, users[i]);
        if (at == NULL)
            fail_msg("no %s, or not in its place, in %s", users[i], out);
    }
    assert_non_null(strstr(at, "unrouted 3"));      /* x twice, and null, of which nothing holds */
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(json), cmocka_unit_test(csv), cmocka_unit_test(remembered) };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
