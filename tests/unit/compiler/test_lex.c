/* Tests of compiler/lex*.c: tokens by their listing, errors by code and place. */
#include "front_end.h"

#include "compiler/lex.h"

/* The listing without places, one blank between tokens: "IDENT a INT 5 EOF". */
static const char *kinds(front *fr)
{
    egret_lexer lexer;
    egret_lex_init(&lexer, &fr->diags, (egret_span){ fr->source, 0, fr->diags.sources[fr->source].len });
    const char *out = "";
    for (;;) {
        egret_token tok = egret_lex_next(&lexer);
        if (tok.kind == TOK_EOF)
            return out;
        egret_str text = egret_lex_text(&lexer, tok.span);
        out = egret_arena_printf(&fr->arena, "%s%s%s %.*s", out, *out == '\0' ? "" : " ", egret_tok_symbol(tok.kind),
                                 (int)text.len, text.ptr);
    }
}

static void tokens(void **state)
{
    (void)state;
    static const struct { const char *text, *expected; } ROWS[] = {
        { "", "" },
        { "  \t\r\n # all comment", "" },
        { "a _b C9 and_", "IDENT a IDENT _b IDENT C9 IDENT and_" },
        { "and or not in is like matches true false null",
          "AND and OR or NOT not IN in IS is LIKE like MATCHES matches TRUE true FALSE false NULL null" },
        { "AND True", "IDENT AND IDENT True" },
        { "{}()[]:,.|", "LBRACE { RBRACE } LPAREN ( RPAREN ) LBRACKET [ RBRACKET ] COLON : COMMA , DOT . BAR |" },
        { "= == != < <= > >= + - * / % ?",
          "ASSIGN = EQ == NE != LT < LE <= GT > GE >= PLUS + MINUS - STAR * SLASH / PERCENT % QUESTION ?" },
        { "a<=b>=c==d!=e<f", "IDENT a LE <= IDENT b GE >= IDENT c EQ == IDENT d NE != IDENT e LT < IDENT f" },
        { "1 1_000 1.5 1e3 1.5e-3 2e+4 0.0", "INT 1 INT 1_000 FLOAT 1.5 FLOAT 1e3 FLOAT 1.5e-3 FLOAT 2e+4 FLOAT 0.0" },
        { "1.a 1..2", "INT 1 DOT . IDENT a INT 1 DOT . DOT . INT 2" },
        { "500ms 10s 5m 2h 7d 1w 1h30m", "DURATION 500ms DURATION 10s DURATION 5m DURATION 2h DURATION 7d DURATION 1w "
                                         "DURATION 1h30m" },
        { "5m+1s", "DURATION 5m PLUS + DURATION 1s" },
        { "\"a\" \"\" \"a\\\"b\" \"\\\\\"", "STRING \"a\" STRING \"\" STRING \"a\\\"b\" STRING \"\\\\\"" },
        { "r\"\\d\" r \"x\" rr\"y\"", "REGEX r\"\\d\" IDENT r STRING \"x\" IDENT rr STRING \"y\"" },
        { "a#b\nc", "IDENT a IDENT c" },
        { "\xEF\xBB\xBF" "a", "IDENT a" },
        { "a-1", "IDENT a MINUS - INT 1" },
        { "\"two\nlines\"", "STRING \"two\nlines\"" },
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        front fr;
        front_init(&fr, ROWS[i].text);
        assert_string_equal(kinds(&fr), ROWS[i].expected);
        assert_string_equal(front_lines(&fr), "");
        front_deinit(&fr);
    }
}

static void errors(void **state)
{
    (void)state;
    static const struct { const char *text, *expected; } ROWS[] = {
        { "a @ b", "E0101 1:3 the character '@' has no meaning in Egret | leave it out, or put what it belongs to in quotes\n" },
        { "a @@@$ b", "E0101 1:3 the character '@' has no meaning in Egret | leave it out, or put what it belongs to in "
                      "quotes\n" },
        { "a @ $ b",
      "E0101 1:3 the character '@' has no meaning in Egret | leave it out, or put what it belongs to in quotes\nE0101 1:5 the "
      "character '$' has no meaning in Egret | a name stands alone, in texts in braces: {name}\n" },
        { "\xC3\xA9t\xC3\xA9",
          "E0101 1:1 this character has no meaning here | names are made of the letters a to z, digits and '_'; other text belongs "
          "in a string\nE0101 1:3 this character has no meaning here | names are made of the letters a to z, digits and '_'; "
          "other text belongs in a string\n" },
        { "a\x01", "E0101 1:2 control character 0x01\n" },
        { "a && b", "E0102 1:3 '&&' is not Egret | write 'and'\n" },
        { "a || b", "E0102 1:3 '||' is not Egret | write 'or'\n" },
        { "!a", "E0102 1:1 '!' is not Egret | write 'not'\n" },
        { "a <> b", "E0102 1:3 '<>' is not Egret | write '!='\n" },
        { "a === b !== c", "E0102 1:3 '===' is not Egret | write '=='\nE0102 1:9 '!==' is not Egret | write '!='\n" },
        { "a // b\nc", "E0102 1:3 '//' is not Egret | a comment begins with '#' and ends with its line\n" },
        { "a /* b\n c */ d", "E0102 1:3 '/*' is not Egret | a comment begins with '#' and ends with its line\n" },
        { "a;", "E0102 1:2 ';' is not Egret | nothing stands between declarations or clauses; leave it out\n" },
        { "\n \"abc", "E0103 2:2 this string has no closing quote | a quote inside a string is written \\\"\n" },
        { "r\"abc", "E0112 1:1 this regular expression has no closing quote | it ends at the next '\"'; a quote inside is written "
                    "\\x22\n" },
        { "5min", "E0104 1:1 'min' is no unit of a duration | the units are ms s m h d w, as in 15m or 1h30m; a name does not begin "
                  "with a digit\n" },
        { "5m2", "E0104 1:1 'm2' is no unit of a duration | the units are ms s m h d w, as in 15m or 1h30m; a name does not begin "
                 "with a digit\n" },
        { "1.5h", "E0104 1:1 'h' is no unit of a duration | durations are made of whole numbers, as in 1h30m or 1s500ms\n" },
        { "9223372036854775808", "E0105 1:1 this whole number is too large | the largest one is 9223372036854775807; with .0 behind "
                                 "it it is a decimal\n" },
        { "9223372036854775808s", "E0106 1:1 this duration is too long | the longest one has 2^63 - 1 milliseconds\n" },
        { "9223372036854775807w", "E0106 1:1 this duration is too long | the longest one has 2^63 - 1 milliseconds\n" },
        { "1e999", "E0107 1:1 this number is too large | the largest number is about 1.79e308\n" },
        { "\"a\\qb\"", "E0108 1:3 unknown escape in a string | the escapes are \\n \\t \\\" \\\\ \\uXXXX; a backslash itself is \\\\, a "
                       "regular expression is r\"…\"\n" },
        { "\"\\u12g4\"", "E0109 1:2 this \\u escape names no character | write four hexadecimal digits, \\u00e9; a character above "
                         "\\uffff is written as itself\n" },
        { "\"\\ud83d\"", "E0109 1:2 this \\u escape names no character | write four hexadecimal digits, \\u00e9; a character above "
                         "\\uffff is written as itself\n" },
        { "\"\\u0000\"", "E0109 1:2 this \\u escape names no character | write four hexadecimal digits, \\u00e9; a character above "
                         "\\uffff is written as itself\n" },
        { "'abc'", "E0113 1:1 strings stand in straight double quotes | write \"…\"\n" },
        { "\xE2\x80\x9C" "abc\xE2\x80\x9D", "E0113 1:1 strings stand in straight double quotes | write \"…\"\n" },
        { "a\xC2\xA0" "b", "E0113 1:2 an invisible character stands here | replace it by an ordinary space\n" },
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        front fr;
        front_init(&fr, ROWS[i].text);
        kinds(&fr);
        assert_string_equal(front_lines(&fr), ROWS[i].expected);
        front_deinit(&fr);
    }
}

static void values(void **state)
{
    (void)state;
    static const struct { const char *text; int64_t value; } ROWS[] = {
        { "0", 0 },         { "1_000_000", 1000000 }, { "9223372036854775807", INT64_MAX },
        { "500ms", 500 },   { "10s", 10000 },         { "5m", 300000 },
        { "2h", 7200000 },  { "7d", 604800000 },      { "1w", 604800000 },
        { "1h30m", 5400000 }, { "1w2d3h4m5s6ms", 788645006 },
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        front fr;
        front_init(&fr, ROWS[i].text);
        egret_lexer lexer;
        egret_lex_init(&lexer, &fr.diags, (egret_span){ fr.source, 0, 100 });
        assert_true(egret_lex_next(&lexer).int_value == ROWS[i].value);
        front_deinit(&fr);
    }
}

static void floats(void **state)
{
    (void)state;
    static const struct { const char *text; double value; } ROWS[] = { { "1.5", 1.5 }, { "1_000.25", 1000.25 }, { "1e3", 1000 },
                                                                       { "2.5e-1", 0.25 } };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        front fr;
        front_init(&fr, ROWS[i].text);
        egret_lexer lexer;
        egret_lex_init(&lexer, &fr.diags, (egret_span){ fr.source, 0, 100 });
        egret_token tok = egret_lex_next(&lexer);
        assert_int_equal(tok.kind, TOK_FLOAT);
        assert_memory_equal(&tok.float_value, &ROWS[i].value, sizeof(double));
        front_deinit(&fr);
    }
}

static void unescaping(void **state)
{
    (void)state;
    static const struct { const char *body, *text; } ROWS[] = {
        { "", "" },
        { "plain {x} {{y}}", "plain {x} {{y}}" },
        { "a\\nb\\tc\\\"d\\\\e", "a\nb\tc\"d\\e" },
        { "\\u0041\\u00e9\\u20ac", "A\xC3\xA9\xE2\x82\xAC" },
        { "\\ud83d\\ude00!", "\xF0\x9F\x98\x80!" },
        { "\\q\\u12", "\\q\\u12" },     /* reported by the lexer; here it stays */
        { "\\", "\\" },
    };
    egret_arena arena;
    egret_arena_init(&arena, egret_mem_of(NULL));
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        egret_str got = egret_string_unescape(&arena, (egret_str){ ROWS[i].body, (uint32_t)strlen(ROWS[i].body) });
        assert_string_equal(got.ptr, ROWS[i].text);
        assert_int_equal(got.len, strlen(ROWS[i].text));
    }
    egret_arena_deinit(&arena);
}

static void listing(void **state)
{
    (void)state;
    front fr;
    front_init(&fr, "rule a {\n  \xC3\xA9 when b\n}");
    assert_string_equal(egret_tokens_print(&fr.diags, fr.source),
                        "1:1 IDENT rule\n1:6 IDENT a\n1:8 LBRACE {\n2:5 IDENT when\n2:10 IDENT b\n3:1 RBRACE }\n3:2 EOF\n");
    assert_string_equal(egret_tokens_print(&fr.diags, 99), "");
    front_deinit(&fr);
}

static void not_utf8_is_reported_once_with_its_place(void **state)
{
    (void)state;
    front fr;
    front_init(&fr, "# caf\xE9\nlist a: \"\xFF\"\n");
    egret_parse(&fr.diags, fr.source, &fr.file);
    assert_string_equal(front_lines(&fr), "E0110 1:6 byte 0xE9 is not UTF-8 | save the file in the encoding UTF-8\n");
    front_deinit(&fr);
}

/* Texts that would make a careless lexer look at the rest of the text again and again. */
static void work_is_linear(void **state)
{
    (void)state;
    static const char *const PIECES[] = { "\\\"\n", "/*\n", "\"\n", "r\"\n", "a \"x\n\" b\n", "'\n", "rule \"\n" };
    for (size_t i = 0; i < sizeof PIECES / sizeof PIECES[0]; i++) {
        size_t piece = strlen(PIECES[i]), n = 400000 / piece;
        char *text = malloc(n * piece);
        assert_non_null(text);
        for (size_t k = 0; k < n; k++)
            memcpy(text + k * piece, PIECES[i], piece);
        front fr;
        front_init_with(&fr, text, n * piece);
        free(text);
        egret_parse(&fr.diags, fr.source, &fr.file);
        assert_true(fr.diags.n_errors > 0);
        front_deinit(&fr);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens),
        cmocka_unit_test(errors),
        cmocka_unit_test(values),
        cmocka_unit_test(floats),
        cmocka_unit_test(unescaping),
        cmocka_unit_test(listing),
        cmocka_unit_test(not_utf8_is_reported_once_with_its_place),
        cmocka_unit_test(work_is_linear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
