/* Tests of compiler/diag.c, diag_render.c, codes.c and text.c. */
#include "front_end.h"

#include "compiler/text.h"

static egret_diag *add_error(front *fr, uint32_t start, uint32_t end, const char *message)
{
    return egret_diag_add(&fr->diags, EGRET_DIAG_ERROR, 999, (egret_span){ fr->source, start, end }, "%s", message);
}

static void positions(void **state)
{
    (void)state;
    front fr;
    front_init(&fr, "ab\ncd\xC3\xA9" "f\n\n");
    static const uint32_t ROWS[][3] = { { 0, 1, 1 }, { 2, 1, 3 }, { 3, 2, 1 }, { 7, 2, 4 }, { 9, 3, 1 }, { 10, 4, 1 },
                                        { 9999, 4, 1 } };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        uint32_t line, column;
        egret_source_position(&fr.diags.sources[0], ROWS[i][0], &line, &column);
        assert_int_equal(line, ROWS[i][1]);
        assert_int_equal(column, ROWS[i][2]);
    }
    front_deinit(&fr);
}

static void nearest_words(void **state)
{
    (void)state;
    static const char *const WORDS[] = { "amount", "account", "status", "at", "when", "where" };
    static const struct { const char *word, *nearest; } ROWS[] = {
        { "amout", "amount" }, { "amuont", "amount" }, { "Amount", "amount" }, { "acount", "account" }, { "stauts", "status" },
        { "whem", "when" },    { "ta", "at" },         { "xyzzy", NULL },      { "a", NULL },           { "", NULL },
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        egret_str word = { ROWS[i].word, (uint32_t)strlen(ROWS[i].word) };
        const char *got = egret_diag_nearest(word, WORDS, sizeof WORDS / sizeof WORDS[0]);
        if (ROWS[i].nearest == NULL)
            assert_null(got);
        else
            assert_string_equal(got, ROWS[i].nearest);
    }
    assert_null(egret_diag_nearest((egret_str){ "amount", 6 }, NULL, 0));
}

static void a_word_is_not_nearest_to_itself(void **state)
{
    (void)state;
    static const char *const ONLY[] = { "amount" };
    assert_null(egret_diag_nearest((egret_str){ "amount", 6 }, ONLY, 1));
}

static void text_with_caret_help_and_note(void **state)
{
    (void)state;
    front fr;
    front_init(&fr, "rule a {\n\twhen amout > 5\n}\n");
    egret_diag *diag = add_error(&fr, 15, 20, "unknown field 'amout'");
    egret_diag_help(&fr.diags, diag, "did you mean '%s'?", "amount");
    egret_diag_note(&fr.diags, diag, (egret_span){ fr.source, 5, 6 }, "in this rule");
    assert_string_equal(egret_diags_text(&fr.diags),
                        "error E0999: unknown field 'amout'\n"
                        "  --> t.egret:2:7\n"
                        "     |\n"
                        "   2 |     when amout > 5\n"
                        "     |          ^^^^^\n"
                        "     = help: did you mean 'amount'?\n"
                        "  note: in this rule\n"
                        "  --> t.egret:1:6\n"
                        "     |\n"
                        "   1 | rule a {\n"
                        "     |      ^\n"
                        "\n"
                        "1 error\n");
    front_deinit(&fr);
}

static void sorted_and_counted(void **state)
{
    (void)state;
    front fr;
    front_init(&fr, "abc\ndef\n");
    add_error(&fr, 4, 5, "second");
    egret_diag_add(&fr.diags, EGRET_DIAG_WARNING, 998, (egret_span){ fr.source, 0, 1 }, "first");
    add_error(&fr, 4, 6, "third");
    const char *text = egret_diags_text(&fr.diags);
    const char *first = strstr(text, "warning W0998: first"), *second = strstr(text, "error E0999: second");
    const char *third = strstr(text, "error E0999: third");
    assert_true(first != NULL && second != NULL && third != NULL && first < second && second < third);
    assert_non_null(strstr(text, "2 errors, 1 warning\n"));
    front_deinit(&fr);
}

static void nothing_to_say(void **state)
{
    (void)state;
    front fr;
    front_init(&fr, "x");
    assert_string_equal(egret_diags_text(&fr.diags), "");
    assert_string_equal(egret_diags_json(&fr.diags), "{\"errors\":0,\"warnings\":0,\"diagnostics\":[]}");
    front_deinit(&fr);
}

static void assert_has_line(const char *text, const char *line)
{
    if (strstr(text, line) == NULL)
        fail_msg("no line\n%s\nin\n%s", line, text);
}

static void long_lines_are_cut_around_the_caret(void **state)
{
    (void)state;
    char line[1000];
    memset(line, 'x', sizeof line);
    line[500] = 'A';
    line[sizeof line - 1] = '\0';
    front fr;
    front_init(&fr, line);
    add_error(&fr, 500, 501, "m");
    const char *text = egret_diags_text(&fr.diags);
    assert_has_line(text, "  --> t.egret:1:501\n");
    const char *shown = strstr(text, "   1 | … "), *caret = strchr(text, '^');
    assert_non_null(shown);
    const char *caret_line = caret;
    while (caret_line[-1] != '\n')
        caret_line--;
    size_t column = (size_t)(caret - caret_line);
    assert_int_equal(shown[column + 2], 'A');   /* the dots before it are one character of three bytes */
    for (const char *end = strchr(text, '\n'); end != NULL; text = end + 1, end = strchr(text, '\n'))
        assert_true(end - text < 130);
    front_deinit(&fr);
}

static void bytes_a_terminal_must_not_see(void **state)
{
    (void)state;
    front fr;
    front_init(&fr, "a\x1b[31m \xff\xc3\xa9 \xc2\x9b x\r\nnext");
    add_error(&fr, 7, 8, "m\x1b\n");
    const char *text = egret_diags_text(&fr.diags);
    assert_null(strchr(text, 0x1b));
    assert_null(strchr(text, '\r'));
    assert_has_line(text, "   1 | a\xEF\xBF\xBD[31m \xEF\xBF\xBD\xC3\xA9 \xEF\xBF\xBD x\n     |        ^\n");
    front_deinit(&fr);
}

static void spans_at_the_edges(void **state)
{
    (void)state;
    front fr;
    front_init(&fr, "abc\ndef");
    add_error(&fr, 7, 7, "at the end");
    add_error(&fr, 1, 6, "over two lines");
    egret_diag_add(&fr.diags, EGRET_DIAG_ERROR, 999, (egret_span){ 77, 0, 0 }, "no such source");
    const char *text = egret_diags_text(&fr.diags);
    assert_has_line(text, "   2 | def\n     |    ^\n");
    assert_has_line(text, "   1 | abc\n     |  ^^\n");
    assert_has_line(text, "no such source\n");
    assert_non_null(strstr(egret_diags_json(&fr.diags), "\"file\":\"\",\"line\":0"));
    front_deinit(&fr);
}

static void json(void **state)
{
    (void)state;
    front fr;
    front_init(&fr, "a \"b\"\t\\ \xff");
    egret_diag *diag = add_error(&fr, 2, 5, "say \"x\"\n\x01");
    egret_diag_help(&fr.diags, diag, "h");
    egret_diag_note(&fr.diags, diag, (egret_span){ fr.source, 0, 1 }, "n");
    assert_string_equal(egret_diags_json(&fr.diags),
                        "{\"errors\":1,\"warnings\":0,\"diagnostics\":[{\"level\":\"error\",\"code\":\"E0999\","
                        "\"message\":\"say \\\"x\\\"\\n\\u0001\",\"file\":\"t.egret\",\"line\":1,\"column\":3,\"end_line\":1,"
                        "\"end_column\":6,\"source_line\":\"a \\\"b\\\"\\u0009\\\\ \xEF\xBF\xBD\",\"help\":\"h\","
                        "\"note\":{\"message\":\"n\",\"file\":\"t.egret\",\"line\":1,\"column\":1,\"end_line\":1,"
                        "\"end_column\":2}}]}");
    front_deinit(&fr);
}

static void many_diagnostics_are_counted_not_kept(void **state)
{
    (void)state;
    front fr;
    front_init(&fr, "x");
    for (int i = 0; i < 5000; i++) {
        egret_diag *diag = add_error(&fr, 0, 1, "m");
        assert_non_null(diag);
        egret_diag_help(&fr.diags, diag, "h");
    }
    assert_int_equal(fr.diags.n_errors, 5000);
    assert_has_line(egret_diags_text(&fr.diags), "… and 4000 more\n5000 errors\n");
    front_deinit(&fr);
}

static void a_source_that_is_too_large(void **state)
{
    (void)state;
    size_t len = 16 * 1024 * 1024 + 1;
    char *text = malloc(len);
    assert_non_null(text);
    memset(text, ' ', len);
    front fr;
    front_init_with(&fr, text, len);
    free(text);
    egret_parse(&fr.diags, fr.source, &fr.file);
    assert_non_null(strstr(front_lines(&fr), "E0111 1:1"));
    front_deinit(&fr);
}

static void *no_alloc(void *user, void *ptr, size_t old_size, size_t new_size)
{
    (void)user;
    (void)ptr;
    (void)old_size;
    (void)new_size;
    return NULL;
}

static void without_memory_errors_still_count(void **state)
{
    (void)state;
    egret_options options = { .size = sizeof options, .alloc = no_alloc };
    egret_arena arena;
    egret_arena_init(&arena, egret_mem_of(&options));
    egret_diags diags;
    egret_diags_init(&diags, &arena);
    assert_true(egret_diags_add_source(&diags, "a", "b", 1) == UINT32_MAX);
    egret_diag *diag = egret_diag_add(&diags, EGRET_DIAG_ERROR, 202, (egret_span){ 0, 0, 0 }, "x");
    assert_non_null(diag);
    egret_diag_note(&diags, diag, (egret_span){ 0, 0, 0 }, "n");
    assert_true(diags.n_errors >= 1);
    assert_string_equal(egret_diags_text(&diags), "");
    assert_true(arena.failed);
    egret_arena_deinit(&arena);
}

static void every_code_has_a_story(void **state)
{
    (void)state;
    unsigned last = 0, n = 0;
    for (; egret_code_at(n) != 0; n++) {
        unsigned code = egret_code_at(n);
        assert_true(code > last);
        assert_true(strlen(egret_code_title(code)) > 3);
        assert_true(strlen(egret_code_story(code)) > 60);
        last = code;
    }
    assert_true(n > 30);
    assert_null(egret_code_story(100));
    assert_null(egret_code_title(0));
}

static void lengths_of_utf8(void **state)
{
    (void)state;
    static const struct { const char *text; size_t length; } ROWS[] = {
        { "a", 1 },        { "\xC3\xA9", 2 },     { "\xE2\x82\xAC", 3 },     { "\xF0\x9F\x98\x80", 4 }, { "\x80", 0 },
        { "\xC0\x80", 0 }, { "\xE0\x80\x80", 0 }, { "\xED\xA0\x80", 0 },     { "\xF4\x90\x80\x80", 0 }, { "\xC3", 0 },
        { "\xFF", 0 },     { "\xE2\x82", 0 },     { "\xF0\x80\x80\x80", 0 }, { "\xC3 ", 0 },
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++)
        assert_int_equal(egret_utf8_length(ROWS[i].text, strlen(ROWS[i].text)), ROWS[i].length);
    assert_int_equal(egret_utf8_length("", 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(positions),
        cmocka_unit_test(nearest_words),
        cmocka_unit_test(a_word_is_not_nearest_to_itself),
        cmocka_unit_test(text_with_caret_help_and_note),
        cmocka_unit_test(sorted_and_counted),
        cmocka_unit_test(nothing_to_say),
        cmocka_unit_test(long_lines_are_cut_around_the_caret),
        cmocka_unit_test(bytes_a_terminal_must_not_see),
        cmocka_unit_test(spans_at_the_edges),
        cmocka_unit_test(json),
        cmocka_unit_test(many_diagnostics_are_counted_not_kept),
        cmocka_unit_test(a_source_that_is_too_large),
        cmocka_unit_test(without_memory_errors_still_count),
        cmocka_unit_test(every_code_has_a_story),
        cmocka_unit_test(lengths_of_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
