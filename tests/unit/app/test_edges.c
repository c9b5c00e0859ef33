/*
 * test_edges.c: the checker knows each option that a kind of source or sink has, and of the same type. Both have a table: the checker's is part of the
 * language, the kind's is part of what does it.
 */
#include "alerting/sink.h"
#include "compiler/text.h"
#include "ingest/source_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>

#include "compiled.h"

static const char *value_of(const edge_option *option)
{
    switch (option->type) {
    case EGRET_STRING: return strcmp(option->name, "format") == 0 ? "json" : "\"x\"";
    case EGRET_INT: return "1";
    case EGRET_DURATION: return "5s";
    case EGRET_BOOL: return "true";
    case EGRET_NULL: return "{ \"a\": \"b\" }";
    default: break;
    }
    fail_msg("option %s has a type that no option may have", option->name);
    return "";
}

static void declare(egret_text *out, const edge_option *options)
{
    for (; options->name; options++) {
        assert_non_null(options->help);
        egret_text_printf(out, " %s: %s ", options->name, value_of(options));
    }
}

static void compile(egret_text *text)
{
    rules_files rules;
    egret_text_put(text, "", 1);    /* its end */
    assert_false(text->failed);
    compile_text(&rules, text->ptr);
    rules_files_free(&rules);
    egret_text_deinit(text);
}

static void every_option_of_a_sink_may_be_written(void **state)
{
    (void)state;
    for (size_t i = 0; sink_kinds[i]; i++) {
        egret_text text;
        egret_text_init(&text, egret_mem_of(NULL));
        egret_text_printf(&text, "sink s: %s {", sink_kinds[i]->name);
        declare(&text, sink_kinds[i]->options);
        declare(&text, sink_common_options);
        egret_text_puts(&text, "}\n");
        compile(&text);
    }
}

static void every_option_of_a_source_may_be_written(void **state)
{
    (void)state;
    for (size_t i = 0; ingest_source_list(i).name; i++) {
        ingest_source_row row = ingest_source_list(i);
        egret_text text;
        egret_text_init(&text, egret_mem_of(NULL));
        egret_text_printf(&text, "stream a { x: string }\nsource s: %s { %s: a", row.name, ingest_source_stream.name);
        declare(&text, row.options);
        declare(&text, row.common);
        egret_text_puts(&text, "}\n");
        compile(&text);
        assert_in_range(edge_option_count(row.options) + edge_option_count(row.common), 0, EDGE_MAX_OPTIONS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_option_of_a_sink_may_be_written),
        cmocka_unit_test(every_option_of_a_source_may_be_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
