/*
 * fuzz_check.c: any bytes as rule text, through the checker, lowering and the printers of plans.
 *
 * A text gives a plan or an error, never neither and never both; every diagnostic lies inside the text and has its story; the plan's
 * numbers name things that exist, so far as the printers look; and without memory there is no plan and no leak.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/plan.h"
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
        require(diag->span.start <= diag->span.end && diag->span.end <= source->len, "a diagnostic lies inside its text");
        require(diag->message[0] != '\0', "a diagnostic says something");
        require(egret_code_story(diag->code) != NULL, "a code has its story");
        if (diag->note != NULL)
            require(diag->note_span.end <= diags->sources[diag->note_span.source].len, "a note lies inside its text");
    }
}

static void print_all(egret_arena *arena, const plan *made)
{
    egret_plan_print(arena, made);
    for (uint32_t i = 0; i < made->n_rules; i++) {
        egret_automaton_print(arena, made, i);
        egret_automaton_dot(arena, made, i);
        egret_cost_print(arena, made, i);
    }
    for (uint32_t i = 0; i < made->n_exprs; i++)
        egret_expr_print(arena, made, i);
}

static void run(const uint8_t *data, size_t size, unsigned n_allocations)
{
    egret_options options = { .size = sizeof options, .alloc = scarce_alloc, .alloc_user = &n_allocations };
    egret_arena arena;
    egret_arena_init(&arena, egret_mem_of(&options));
    egret_diags diags;
    egret_diags_init(&diags, &arena);
    ast_file file;
    ast_file_init(&file);
    uint32_t source = egret_diags_add_source(&diags, "fuzz.egret", (const char *)data, size);
    if (source != UINT32_MAX) {
        egret_parse(&diags, source, &file);
        const plan *made = egret_plan_make(&diags, &file, false);
        require(made == NULL || diags.n_errors == 0, "a text with errors has no plan");
        require(made != NULL || diags.n_errors != 0 || arena.failed, "a text without errors has a plan");
        /* A message that found no memory is empty. */
        if (!arena.failed)
            require_places(&diags);
        if (made != NULL)
            print_all(&arena, made);
    }
    egret_diags_text(&diags);
    egret_arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { SIZE_MAX_BYTES = 1 << 20, ENOUGH = 1 << 30 };
    if (size > SIZE_MAX_BYTES)
        return 0;
    run(data, size, ENOUGH);
    run(data, size, size > 0 ? data[size - 1] % 24 : 0);
    return 0;
}
