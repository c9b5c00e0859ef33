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
    "source mixed: http { stream: login when type == \"login\" and version >= 2, payment when type == \"pay\" }\n"
    "rule a { watch login [user == \"x\" and took > 1s and ok]  by user }\n"
    "rule b { watch payment [amount > 1.00]  by user }\n";

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
static void decode(const fixture *f, ingest_format format, const char *text, char *out, size_t cap)
{
    ingest_decoder *decoder = ingest_decoder_new(&(ingest_decoder_options){ .plan = f->plan, .stream = PLAN_NONE,
                                                                            .source = &f->plan->sources[0], .engine = f->engine,
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
    decode(*state, INGEST_FORMAT_JSON,
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
    decode(*state, INGEST_FORMAT_CSV,
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

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(json), cmocka_unit_test(csv) };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
