/*
 * cmd_help.c: `egret help sources` and `egret help sinks`: the kinds there are and their options, from the tables that read declarations. The
 * pages of the documentation are made from the same print (tests/docs/option_tables.py).
 */
#include "app/command.h"

#include "alerting/sink.h"
#include "ingest/source_list.h"

#include <stdio.h>
#include <string.h>

static const app_option options[] = {
    {"markdown", APP_FLAG, NULL, NULL, "the options of one kind as a table of Markdown"},
    {0},
};

/* One kind of source or sink. */
typedef struct kind_row {
    const char *name, *summary;
    const edge_option *own, *common;
    const edge_option *routes;      /* what the compiler reads; NULL: nothing */
} kind_row;

static bool source_row(size_t i, kind_row *out)
{
    ingest_source_row row = ingest_source_list(i);
    *out = (kind_row){row.name, row.summary, row.options, row.common, &ingest_source_stream};
    return row.name != NULL;
}

static bool sink_row(size_t i, kind_row *out)
{
    const sink_kind *kind = sink_kinds[i];
    if (!kind) return false;
    *out = (kind_row){kind->name, kind->summary, kind->options, sink_common_options, NULL};
    return true;
}

static const char *type_name(const edge_option *option)
{
    if (option->type != EGRET_NULL) return egret_type_name(option->type);
    return strcmp(option->name, "stream") == 0 ? "streams" : "map";
}

static void print_plain(const edge_option *option)
{
    const char *then = option->required ? "needed" : option->fallback ? option->fallback : "";
    printf("    %-18s %-9s %-8s %s\n", option->name, type_name(option), then, option->help);
}

/* A bar would end the cell. */
static void print_cell(const char *text)
{
    for (; *text; text++) {
        if (*text == '|') putchar('\\');
        putchar(*text);
    }
}

static void print_markdown(const edge_option *option)
{
    printf("| `%s` | %s | ", option->name, type_name(option));
    if (option->required) printf("needed");
    else if (option->fallback) printf("`%s`", option->fallback);
    printf(" | ");
    print_cell(option->help);
    printf(" |\n");
}

static void print_table(const edge_option *option, bool markdown)
{
    for (; option->name; option++) {
        if (markdown) print_markdown(option);
        else print_plain(option);
    }
}

static void print_kind(const kind_row *row, bool markdown)
{
    if (markdown) printf("| option | type | without it | meaning |\n|---|---|---|---|\n");
    else printf("%s: %s\n", row->name, row->summary);
    print_table(row->own, markdown);
    if (row->routes) print_table((const edge_option[]){*row->routes, {0}}, markdown);
    print_table(row->common, markdown);
}

static int run(app_args *args)
{
    const char **words;
    size_t n = app_args_words(args, &words), printed = 0;
    bool markdown = app_args_has(args, "markdown");
    bool sources = n > 0 && strcmp(words[0], "sources") == 0;
    if (n < 1 || n > 2 || (!sources && strcmp(words[0], "sinks") != 0)) return app_usage(args, "say 'sources' or 'sinks', and perhaps a kind");
    kind_row row;
    for (size_t i = 0; sources ? source_row(i, &row) : sink_row(i, &row); i++) {
        if (n == 2 && strcmp(words[1], row.name) != 0) continue;
        if (printed++ > 0 && !markdown) printf("\n");
        print_kind(&row, markdown);
    }
    return printed > 0 ? APP_FINE : app_usage(args, "there is no kind '%s' among the %s", words[1], words[0]);
}

const app_command app_cmd_help = {
    .name = "help",
    .summary = "Prints the kinds of sources and sinks with their options",
    .words = "sources|sinks [KIND]",
    .options = options,
    .run = run,
};
