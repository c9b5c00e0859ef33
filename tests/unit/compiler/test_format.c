/*
 * Tests of compiler/format*.c. Every text of tests/golden/parse has its canonical layout beside it (.fmt); for all of them,
 * and for every way to break their lines, formatting again changes nothing and the tree stays the same.
 */
#include "front_end.h"

static void layouts(void **state)
{
    (void)state;
    static const struct { const char *text, *expected; } ROWS[] = {
        { "", "" },
        { "\n\n  \n", "" },
        { "# only\n\n\n# comments", "# only\n\n# comments\n" },
        { "define a=1", "define a = 1\n" },
        { "define a=1 define b=2", "define a = 1\ndefine b = 2\n" },
        { "define a = ( ( 1 ) )", "define a = (1)\n" },
        { "rule r{}", "rule r {\n}\n" },
        { "rule r{watch a}rule s{watch b}", "rule r {\n  watch a\n}\n\nrule s {\n  watch b\n}\n" },
        { "rule r{watch a,}", NULL },
        { "stream s{a:int,b:int?,}", "stream s { a: int  b: int? }\n" },
        { "stream s{\na:int,b:int}", "stream s {\n  a: int\n  b: int\n}\n" },
        { "stream s{}", "stream s {}\n" },
        { "stream s{# c\n}", "stream s {  # c\n}\n" },
        { "stream s {\n  # c\n}", "stream s {\n  # c\n}\n" },
        { "list l : \"x\" # c", "list l: \"x\"  # c\n" },
        { "list l # c\n : \"x\"", "list l: \"x\"  # c\n" },
        { "define a = 1_000 + 1.50 + 90s + \"\\u0041\"", "define a = 1_000 + 1.50 + 90s + \"\\u0041\"\n" },
        { "rule r { match a\n then b }", "rule r {\n  match\n    a\n    then b\n}\n" },
        { "rule r { match a then b\n within 5m }", "rule r {\n  match a then b\n  within 5m\n}\n" },
        { "rule r { match a then b within 5m }", "rule r {\n  match a then b within 5m\n}\n" },
        { "rule r { within 5m match a }", "rule r {\n  within 5m\n  match a\n}\n" },
        { "test t { at 90s a{} }", "test t {\n  at 90s a {}\n}\n" },
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        front fr;
        front_init(&fr, ROWS[i].text);
        const char *got = egret_format(&fr.diags, fr.source);
        if (ROWS[i].expected == NULL) {
            assert_null(got);
            assert_true(fr.diags.n_errors > 0);
        } else {
            assert_non_null(got);
            assert_string_equal(got, ROWS[i].expected);
        }
        front_deinit(&fr);
    }
}

/* Formats `text`; checks that this is stable and keeps the tree and the number of comments. Gives the layout in fr's arena. */
static const char *checked_format(front *fr)
{
    egret_parse(&fr->diags, fr->source, &fr->file);
    assert_string_equal(front_lines(fr), "");
    const char *once = egret_format(&fr->diags, fr->source);
    assert_non_null(once);
    uint32_t again = egret_diags_add_source(&fr->diags, "again", once, strlen(once));
    const char *twice = egret_format(&fr->diags, again);
    assert_non_null(twice);
    assert_string_equal(once, twice);
    ast_file file;
    ast_file_init(&file);
    egret_parse(&fr->diags, again, &file);
    assert_string_equal(egret_ast_print(&fr->arena, &fr->file), egret_ast_print(&fr->arena, &file));
    return once;
}

static void check_golden(const char *path, const char *text, size_t len)
{
    front fr;
    front_init_with(&fr, text, len);
    char golden[1100];
    golden_path(golden, sizeof golden, path, ".fmt");
    assert_golden(golden, checked_format(&fr));
    front_deinit(&fr);
}

static void golden_layouts(void **state)
{
    (void)state;
    each_golden("parse", check_golden);
}

static size_t count_comments(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++)
        n += *text == '#' && text[1] == 'c' && text[2] == '!';
    return n;
}

/* Puts a comment behind every k-th blank outside of strings and comments, then formats. */
static void comment_everywhere(const char *text, size_t len, size_t k)
{
    char *out = malloc(len * 8 + 1);
    assert_non_null(out);
    size_t n = 0, n_blanks = 0, n_put = 0;
    bool in_string = false, in_comment = false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        out[n++] = c;
        in_comment = c == '\n' ? false : in_comment || (c == '#' && !in_string);
        if (c == '"' && !in_comment && text[i - 1] != '\\')
            in_string = !in_string;
        if ((c == ' ' || c == '\n') && !in_string && !in_comment && n_blanks++ % 7 == k) {
            memcpy(out + n, "#c!\n", 4);
            n += 4;
            n_put++;
        }
    }
    front fr;
    front_init_with(&fr, out, n);
    free(out);
    assert_int_equal(count_comments(checked_format(&fr)), n_put);
    front_deinit(&fr);
}

/* One token a line, or everything on one line: the layout of the writer hardly matters, the tree never changes. */
static void reflow(const char *text, size_t len, char blank)
{
    char *out = malloc(len + 1);
    assert_non_null(out);
    memcpy(out, text, len + 1);
    bool in_string = false, has_comment = false;
    for (size_t i = 0; i < len; i++) {
        if (out[i] == '"' && out[i - 1] != '\\')
            in_string = !in_string;
        has_comment |= out[i] == '#' && !in_string;
        if ((out[i] == ' ' || out[i] == '\n') && !in_string)
            out[i] = blank;
    }
    front fr;
    front_init_with(&fr, out, len);
    free(out);
    if (!has_comment)
        checked_format(&fr);
    front_deinit(&fr);
}

static char *without_comments(const char *text, size_t len)
{
    char *out = malloc(len + 1);
    assert_non_null(out);
    memcpy(out, text, len + 1);
    bool in_string = false, in_comment = false;
    for (size_t i = 0; i < len; i++) {
        in_comment = out[i] == '\n' ? false : in_comment || (out[i] == '#' && !in_string);
        if (!in_comment && out[i] == '"' && out[i - 1] != '\\')
            in_string = !in_string;
        if (in_comment)
            out[i] = ' ';
    }
    return out;
}

static void check_variants(const char *path, const char *text, size_t len)
{
    (void)path;
    for (size_t k = 0; k < 7; k++)
        comment_everywhere(text, len, k);
    char *bare = without_comments(text, len);
    reflow(bare, len, '\n');
    reflow(bare, len, ' ');
    free(bare);
}

static void any_line_breaks_any_comments(void **state)
{
    (void)state;
    each_golden("parse", check_variants);
}

static void wide_lines_are_wrapped(const char *path, const char *text, size_t len)
{
    (void)path;
    front fr;
    front_init_with(&fr, text, len);
    const char *line = checked_format(&fr);
    for (const char *end = strchr(line, '\n'); end != NULL; line = end + 1, end = strchr(line, '\n'))
        assert_true(end - line <= 110);
    front_deinit(&fr);
}

static void wrapping(void **state)
{
    (void)state;
    each_golden("parse", wide_lines_are_wrapped);
}

static void no_such_source(void **state)
{
    (void)state;
    front fr;
    front_init(&fr, "");
    assert_null(egret_format(&fr.diags, 7));
    front_deinit(&fr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layouts),
        cmocka_unit_test(golden_layouts),
        cmocka_unit_test(any_line_breaks_any_comments),
        cmocka_unit_test(wrapping),
        cmocka_unit_test(no_such_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
