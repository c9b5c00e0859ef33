/*
 * test_malformed.c: texts that are wrong, and what the front end says about them.
 *
 * cases.txt (written by make.py) names each text of cases/ and the first error it must give, as "E0214 3:12", or "any" when
 * only that there is one. For every text: there is an error, every diagnostic lies inside the text, text and JSON can be
 * rendered, and the formatter refuses it. Arguments: the folder of cases.txt.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/ast.h"

enum { TEXT_MAX = 1 << 16 };

typedef struct test_case {
    char name[200];
    char expected[40];
} test_case;

/* Says what is wrong with a case; gives 1 for the count. */
static int complain(const test_case *c, const char *what, const char *detail)
{
    fprintf(stderr, "%s: %s%s\n", c->name, what, detail);
    return 1;
}

static int check_places(const test_case *c, const egret_diags *diags)
{
    int failed = 0;
    uint32_t last_line, last_column;
    const egret_source *source = &diags->sources[0];
    egret_source_position(source, source->len, &last_line, &last_column);
    for (const egret_diag *diag = diags->first; diag != NULL; diag = diag->next) {
        uint32_t line, column;
        egret_source_position(source, diag->span.start, &line, &column);
        bool inside = diag->span.source == 0 && diag->span.start <= diag->span.end && diag->span.end <= source->len &&
                      line >= 1 && line <= last_line && column >= 1;
        if (!inside)
            failed += complain(c, "an error outside of the text: ", diag->message);
        if (diag->message[0] == '\0' || egret_code_story(diag->code) == NULL)
            failed += complain(c, "an error without message or story: ", diag->message);
    }
    return failed;
}

static int check_first(const test_case *c, egret_diags *diags)
{
    char got[40] = "none";
    const egret_diag *first = diags->first;     /* sorted: the text was rendered */
    uint32_t line, column;
    if (first != NULL) {
        egret_source_position(&diags->sources[0], first->span.start, &line, &column);
        snprintf(got, sizeof got, "E%04u %u:%u", first->code, line, column);
    }
    if (strcmp(c->expected, "any") == 0 || strcmp(c->expected, got) == 0)
        return 0;
    fprintf(stderr, "%s: expected %s, got %s\n%s", c->name, c->expected, got, egret_diags_text(diags));
    return 1;
}

static int check(const test_case *c, const char *text, size_t len)
{
    egret_arena arena;
    egret_arena_init(&arena, egret_mem_of(NULL));
    egret_diags diags;
    egret_diags_init(&diags, &arena);
    ast_file file;
    ast_file_init(&file);
    uint32_t source = egret_diags_add_source(&diags, c->name, text, len);
    egret_parse(&diags, source, &file);
    int failed = 0;
    if (diags.n_errors == 0 || diags.first == NULL)
        failed += complain(c, "no error", "");
    const char *shown = egret_diags_text(&diags), *json = egret_diags_json(&diags);
    if (strstr(shown, "-->") == NULL || strchr(shown, '^') == NULL || strstr(json, "\"line\":") == NULL)
        failed += complain(c, "an error is shown without its place", "");
    failed += check_places(c, &diags);
    failed += check_first(c, &diags);
    if (egret_format(&diags, source) != NULL)
        failed += complain(c, "the formatter accepts it", "");
    egret_arena_deinit(&arena);
    return failed;
}

static int run(const char *folder, const test_case *c)
{
    static char text[TEXT_MAX];
    char path[1024];
    snprintf(path, sizeof path, "%s/cases/%s", folder, c->name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return complain(c, "cannot be read", "");
    size_t len = fread(text, 1, sizeof text, file);
    fclose(file);
    char *exact = malloc(len > 0 ? len : 1);    /* so that reading past the end is seen */
    if (exact == NULL || len == sizeof text) {
        free(exact);
        return complain(c, "is too large", "");
    }
    memcpy(exact, text, len);
    int failed = check(c, exact, len);
    free(exact);
    return failed;
}

int main(int argc, char **argv)
{
    char path[1024];
    if (argc != 2)
        return 2;
    snprintf(path, sizeof path, "%s/cases.txt", argv[1]);
    FILE *list = fopen(path, "r");
    if (list == NULL) {
        fprintf(stderr, "%s cannot be read\n", path);
        return 2;
    }
    int n = 0, failed = 0;
    test_case c;
    while (fscanf(list, "%199s %39[^\n]", c.name, c.expected) == 2) {
        failed += run(argv[1], &c);
        n++;
    }
    fclose(list);
    printf("%d texts, %d complaints\n", n, failed);
    return n < 200 || failed > 0 ? 1 : 0;
}
