/*
 * fuzz_parse.c: any bytes as rule text, through lexer, parser, printers, formatter and the rendering of diagnostics.
 *
 * Beyond not crashing, four things must hold. A text either parses or has an error, and every error has a place inside the
 * text. What parses can be formatted; the formatted text has the same tree; formatting it again changes nothing. And
 * when the allocator says no after some calls, the front end still comes back without a leak.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/ast.h"
#include "tests/support/scarce.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "broken: %s\n", what);
    abort();
}

static void require_places(const egret_diags *diags)
{
    for (const egret_diag *diag = diags->first; diag != NULL; diag = diag->next) {
        const egret_source *source = &diags->sources[diag->span.source];
        require(diag->span.source < diags->n_sources, "a diagnostic's source exists");
        require(diag->span.start <= diag->span.end && diag->span.end <= source->len, "a diagnostic lies inside its text");
        require(diag->message[0] != '\0', "a diagnostic says something");
        require(egret_code_story(diag->code) != NULL, "a code has its story");
        if (diag->note != NULL)
            require(diag->note_span.start <= diag->note_span.end && diag->note_span.end <= source->len,
                    "a note lies inside its text");
    }
}

static void require_stable_format(egret_diags *diags, uint32_t source, const ast_file *file)
{
    const char *once = egret_format(diags, source);
    require(once != NULL, "what parses can be formatted");
    uint32_t again = egret_diags_add_source(diags, "formatted", once, strlen(once));
    const char *twice = egret_format(diags, again);
    require(twice != NULL, "a formatted text parses");
    require(strcmp(once, twice) == 0, "formatting twice changes nothing more");
    ast_file formatted;
    ast_file_init(&formatted);
    egret_parse(diags, again, &formatted);
    require(strcmp(egret_ast_print(diags->arena, file), egret_ast_print(diags->arena, &formatted)) == 0,
            "a formatted text has the same tree");
}

static void run(const uint8_t *data, size_t size)
{
    egret_arena arena;
    egret_arena_init(&arena, egret_mem_of(NULL));
    egret_diags diags;
    egret_diags_init(&diags, &arena);
    ast_file file;
    ast_file_init(&file);
    uint32_t source = egret_diags_add_source(&diags, "fuzz.egret", (const char *)data, size);
    egret_parse(&diags, source, &file);
    require_places(&diags);
    if (diags.n_errors == 0)
        require_stable_format(&diags, source, &file);
    else
        require(egret_format(&diags, source) == NULL, "a text with errors is not formatted");
    egret_tokens_print(&diags, source);
    egret_diags_text(&diags);
    egret_diags_json(&diags);
    egret_parse_expr(&diags, (egret_span){ source, 0, (uint32_t)size });
    egret_arena_deinit(&arena);
}

/* ---- the same without memory ---- */

static void run_scarce(const uint8_t *data, size_t size, unsigned n_allocations)
{
    egret_options options = { .size = sizeof options, .alloc = scarce_alloc, .alloc_user = &n_allocations };
    egret_arena arena;
    egret_arena_init(&arena, egret_mem_of(&options));
    egret_diags diags;
    egret_diags_init(&diags, &arena);
    ast_file file;
    ast_file_init(&file);
    uint32_t source = egret_diags_add_source(&diags, "fuzz.egret", (const char *)data, size);
    egret_parse(&diags, source, &file);
    egret_format(&diags, source);
    egret_diags_text(&diags);
    egret_arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { SIZE_MAX_BYTES = 1 << 20 };
    if (size > SIZE_MAX_BYTES)
        return 0;
    run(data, size);
    run_scarce(data, size, size > 0 ? data[size - 1] % 8 : 0);
    return 0;
}
