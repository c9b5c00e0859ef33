/*
 * Tests of compiler/parse*.c and ast_print.c: small texts by their tree, mistakes by code, place, message and help, and
 * the texts of tests/golden/parse (trees) and tests/golden/diag (what the reader of a broken file sees).
 */
#include "front_end.h"

static const char *tree(front *fr)
{
    egret_parse(&fr->diags, fr->source, &fr->file);
    return fr->diags.n_errors > 0 ? front_lines(fr) : egret_ast_print(&fr->arena, &fr->file);
}

static void trees(void **state)
{
    (void)state;
    static const struct { const char *text, *expected; } ROWS[] = {
        { "", "" },
        { "define a = 1 + 2 * 3", "(define a (+ 1 (* 2 3)))\n" },
        { "define a = 1 - 2 - 3", "(define a (- (- 1 2) 3))\n" },
        { "define a = -x.y[1]", "(define a (neg (index (. x y) 1)))\n" },
        { "define a = not b and c or d", "(define a (or (and (not b) c) d))\n" },
        { "define a = not b == c", "(define a (not (== b c)))\n" },
        { "define a = x not in (1)", "(define a (not-in x list 1))\n" },
        { "define a = x in y.z", "(define a (in x (. y z)))\n" },
        { "define a = x is not null", "(define a (not-is-null x))\n" },
        { "define a = 1h30m", "(define a 5400000ms)\n" },
        { "define a = \"x\\ty\"", "(define a \"x\\u0009y\")\n" },
        { "define a = count(x, y where z over last 3 before s)",
          "(define a (call count x y (where z) (over last 3) (before s)))\n" },
        { "rule r { match a then any 2 of (b, c) }",
          "(rule r\n  (match (seq (first (step (event a))) (then (any-of 2 (seq (first (step (event b)))) (seq (first (step "
          "(event c)))))))))\n" },
        { "rule r { match a then any b within 5m within 1h }", "E0207 1:39 a second clause 'within' | it bounds the whole match; a "
                                                              "step has its own as 'then within 5m'\n" },
        { "rule r { match x: a | b {2,} }", "(rule r\n  (match (seq (first (step (event x: a) (event b) (times 2 -1))))))\n" },
        { "rule r { unless a after b unless c after match no skip }",
          "(rule r\n  (unless (event a) b)\n  (unless (event c))\n  (after-match no-skip))\n" },
        { "rule r { within 5m throttle pause }", "(rule r\n  (within (time 300000))\n  (throttle (time pause)))\n" },
        { "test r { at 1s nothing at 2s nothing {} }", "(test r\n  (at-nothing 1000)\n  (at 2000 nothing))\n" },
        { "source s: file { a: 1, 2 b: x when y }",
          "(source s file\n  (option a (value 1) (value 2))\n  (option b (value x (when y))))\n" },
        { "sink s: file { when: 1 }", "(sink s file\n  (option when (value 1)))\n" },
        { "stream s { from: string from \"x\" over: int }",
          "(stream s\n  (field from string \"x\")\n  (field over int))\n" },
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        front fr;
        front_init(&fr, ROWS[i].text);
        assert_string_equal(tree(&fr), ROWS[i].expected);
        front_deinit(&fr);
    }
}

typedef struct mistake { const char *text, *expected; } mistake;

static const mistake MISTAKES[] = {
    { "rul r {}", "E0201 1:1 'rul' begins no declaration | did you mean 'rule'?\n" },
    { "let x = 1", "E0220 1:1 the clause 'let' stands outside of a rule | is a '}' written too early above?\n" },
    { "rule r }", "E0202 1:8 expected '{' before the clauses of the rule, got '}' | write '{' here\n" },
    { "rule {", "E0202 1:6 expected the name of the rule, got '{' | a name is missing before this\n" },
    { "rule \"r\" {}", "E0202 1:6 expected the name of the rule, got a string in \"quotes\" | names stand without quotes\n" },
    { "rule not {}", "E0205 1:6 'not' is a reserved word and cannot be the name of the rule | choose another name, such as "
                     "'not_'; reserved are: and or not in is like matches true false null\n" },
    { "rule r {", "E0204 1:8 the rule is not closed: '}' is missing at the end of the text | write '}' where the rule ends\n" },
    { "rule r { watch a }}", "E0217 1:19 this '}' closes nothing | leave it out; is another '}' written too early above?\n" },
    { "rule r { trottle 1h }", "E0206 1:10 unknown clause 'trottle' | did you mean 'throttle'?\n" },
    { "rule r { within 15 }", "E0208 1:17 the time after 'within' has no unit | write a unit: 15s, 15m, 15h\n" },
    { "rule r { throttle 1.5 }", "E0208 1:19 the time after 'throttle' has no unit | durations are made of whole numbers with "
                                 "units: 1h30m, 1s500ms\n" },
    { "rule r { idle -5m }", "E0202 1:15 expected the time after 'idle', got '-' | it cannot be negative\n" },
    { "rule r { when a <= b < c }", "E0209 1:22 comparisons do not chain | write a <= b and b < …\n" },
    { "rule r { when a == b == c }", "E0209 1:22 comparisons do not chain | write a == b and b == …\n" },
    { "rule r { when a in b == c }", "E0209 1:22 comparisons do not chain | write a in b and b == …\n" },
    { "rule r { when a is null is null }", "E0209 1:25 comparisons do not chain | join two comparisons with 'and'\n" },
    { "rule r { match a and b or c }", "E0210 1:24 'and' and 'or' are mixed | put brackets around one of them: (a and b) or c\n" },
    { "rule r { when a = 5 }", "E0211 1:17 '=' gives a name to a value; it does not compare | write '=='\n" },
    { "rule r { let a == 5 }", "E0211 1:16 '==' compares; a name gets its value with '=' | write '='\n" },
    { "rule r { by a == b }", "E0211 1:15 '==' compares; a key gets its value with '=' | write '='\n" },
    { "rule r { when a matches \"x\" }", "E0212 1:25 'matches' needs a regular expression r\"…\" | put an r before the quote; for "
                                        "wildcards such as \"*.exe\" there is 'like'\n" },
    { "rule r { match a {,3} }", "E0213 1:19 the number of times has no lower bound | write {0,n} or {1,n}\n" },
    { "rule r { match a {5,3} }", "E0213 1:18 the upper bound is below the lower one | write {3,5}\n" },
    { "rule r { match a then not b {3} }",
      "E0213 1:29 this cannot be repeated | an absence has no number of times; leave it out\n" },
    { "rule r { match a {3} {4} }", "E0213 1:22 a second number of times | put the first into a group: ( … )\n" },
    { "rule r { match a then not (b) }",
      "E0202 1:27 'not' stands before a stream, not before a group | name the streams: not a | b\n" },
    { "rule r { match then (a) }", "E0202 1:16 a sequence begins with a step, not with 'then' | something is missing before it\n" },
    { "rule r { watch a then b }", "E0206 1:18 'watch' names streams; it knows no sequence | for a sequence write 'match'\n" },
    { "rule r { match a within 5m then b }",
      "E0206 1:28 unknown clause 'then' | the time from the step before stands behind 'then': then within 5m step; 'within' at "
      "the end bounds the whole\n" },
    { "rule r { when a > }",
      "E0214 1:19 expected an expression, got '}' | something is missing before it: a value, a name or a call\n" },
    { "rule r { when .5 > a }", "E0214 1:15 expected an expression, got '.' | a number begins with a digit: 0.5\n" },
    { "rule r { when (a }", "E0204 1:18 the bracket is not closed: ')' is missing before this | write ')' where the bracket "
                            "ends\n" },
    { "rule r { watch a [x == 1 }",
      "E0204 1:26 the condition is not closed: ']' is missing before this | write ']' where the condition ends\n" },
    { "rule r { when a in [1, 2] }", "E0218 1:20 a list of values stands in round brackets | write in (\"a\", \"b\")\n" },
    { "rule r { when a not 5 }",
      "E0202 1:21 expected 'in', 'like' or 'matches' after 'not', got '5' | unequal is !=; 'not' stands before a whole "
      "comparison\n" },
    { "rule r { when a is 5 }",
      "E0202 1:20 expected 'null' after 'is', got '5' | to compare with a value write '==' or '!='\n" },
    { "rule r { to a to b }",
      "E0207 1:15 a second clause 'to' | write all sinks in one clause: to desk, pager\n" },
    { "rule r { alert {} signal {} }", "E0207 1:19 a second clause 'signal' | a rule has one block 'alert' or 'signal'\n" },
    { "rule r { resolve when a resolve on b }", "E0207 1:25 a second clause 'resolve' | leave one of the two out\n" },
    { "rule r { after match skip past first }",
      "E0202 1:32 expected 'last' after 'skip past', got 'first' | write 'last' here\n" },
    { "rule r { after match stay }", "E0202 1:22 expected 'skip' or 'no skip' after 'after match', got 'stay' | the forms are: no "
                                     "skip, skip past last, skip to next, skip to first x, skip to last x\n" },
    { "rule r { alert { a = 1 } }",
      "E0202 1:20 expected ':' after the name, got '=' | write ':'; '=' stands in 'let', 'define' and 'by' only\n" },
    { "rule r { alert { a: 1\n throttle 1h }",
      "E0204 2:2 the alert block is not closed: '}' is missing before this | write '}' where the alert block ends\n" },
    { "rule r { match a then b {3,} strict strict }", "E0207 1:37 'strict' stands here twice | leave one of the two out\n" },
    { "stream s { a string }", "E0202 1:14 expected ':' after the name, got 'string' | write ':' behind the name: a: …\n" },
    { "stream s { a: string } with lateness 5", "E0208 1:38 the time after 'lateness' has no unit | write a unit: 5s, 5m, 5h\n" },
    { "stream s { a: string } with latness 5s",
      "E0202 1:29 expected 'time', 'lateness' or 'identity' after 'with', got 'latness' | did you mean 'lateness'?\n" },
    { "stream s {} with time a, time b", "E0207 1:26 a second 'time' | leave one of the two out\n" },
    { "list l: blocked", "E0202 1:9 expected the path of the list's file in quotes, got 'blocked' | write it in quotes\n" },
    { "table t: \"t\" {}",
      "E0202 1:14 expected 'key' before the columns of the table, got '{' | say which columns find a row: table t: \"…\" key "
      "id { … }\n" },
    { "test t { wait 5s }", "E0215 1:10 unknown step 'wait' of a test | the steps are: start, given, at, expect\n" },
    { "test t { expect alarm at 5s }", "E0202 1:17 expected 'alert', 'resolved', 'escalated' or 'no more alerts' after 'expect', "
                                       "got 'alarm' | did you mean 'alert'?\n" },
    { "test t { at 0s a }", "E0202 1:18 expected '{', got '}' | the event stands in braces: { name: value }\n" },
    { "define a = count(x over 5m where y)", "E0202 1:28 expected ')', got 'where' | the order is: arguments, where, over, before; "
                                             "each once\n" },
};

static void mistakes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof MISTAKES / sizeof MISTAKES[0]; i++) {
        front fr;
        front_init(&fr, MISTAKES[i].text);
        assert_string_equal(tree(&fr), MISTAKES[i].expected);
        front_deinit(&fr);
    }
}

/* After a mistake the parser goes on at the next clause or declaration and invents no further ones. */
static void recovery(void **state)
{
    (void)state;
    static const struct { const char *text, *codes; } ROWS[] = {
        { "rule a { when > \n by x y\n to }\nrule b { when }", "E0214 1 E0206 2 E0202 3 E0214 4 " },
        { "rule a {\n alert { x: }\n throttle 1\n}\nlist l: 5\n", "E0214 2 E0208 3 E0202 5 " },
        { "rule a {\n alert { message: \"abc }\n to desk\n}\nrule b { watch c }\n", "E0103 2 " },
        { "rule a {\n alert { message: \"abc }\n to desk\n}\nrule b \"text\" {\n alert { m: \"x\" } }\n", "E0103 2 " },
        { "rule a {\n watch a\nrule b {\n when 5 >\n}\n", "E0204 3 E0214 5 " },
        { "stream a { b: }\nstream c { d int }\nrule e { match }\n", "E0202 1 E0202 2 E0202 3 " },
        { "rule a {\n match (a then b\n by x\n when (y\n}\n", "E0204 3 E0204 5 " },
        { "}\n}\nrule a { watch b }\n", "E0217 1 E0217 2 " },
        { "test t {\n at 5 a {}\n at 5s a { x: }\n expect nothing\n}\nlist l: x", "E0208 2 E0214 3 E0202 4 E0202 6 " },
        { "rule a { watch b alert { m: \xE2\x80\x9Ctext\xE2\x80\x9D } }", "E0113 1 " },
        { "rule a { watch a by b within 5min to desk }", "E0104 1 " },
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        front fr;
        front_init(&fr, ROWS[i].text);
        egret_parse(&fr.diags, fr.source, &fr.file);
        egret_diags_text(&fr.diags);
        const char *codes = "";
        for (const egret_diag *diag = fr.diags.first; diag != NULL; diag = diag->next) {
            uint32_t line, column;
            egret_source_position(&fr.diags.sources[0], diag->span.start, &line, &column);
            codes = egret_arena_printf(&fr.arena, "%sE%04u %u ", codes, diag->code, line);
        }
        assert_string_equal(codes, ROWS[i].codes);
        front_deinit(&fr);
    }
}

/* n times `piece`, between `before` and `after`. */
static char *repeated(const char *before, const char *piece, size_t n, const char *after)
{
    size_t piece_len = strlen(piece), len = strlen(before);
    char *out = malloc(len + n * piece_len + strlen(after) + 1);
    assert_non_null(out);
    memcpy(out, before, len);
    for (size_t i = 0; i < n; i++, len += piece_len)
        memcpy(out + len, piece, piece_len);
    memcpy(out + len, after, strlen(after) + 1);
    return out;
}

static void nesting_is_bounded(void **state)
{
    (void)state;
    static const struct { const char *before, *piece, *after; } ROWS[] = {
        { "define a = ", "(", "1" },           { "define a = ", "-", "1" },      { "define a = ", "not ", "b" },
        { "define a = ", "f(", "1" },          { "define a = b", "[c", "]" },    { "rule r { match ", "(", "a }" },
        { "define a = 1", " + 1", "" },        { "define a = b", ".c", "" },     { "define a = b", "[1]", "" },
        { "define a = b", " and c", "" },      { "define a = b", " or c", "" },  { "rule r { match ", "any 2 of (", "a }" },
        { "define a = ", "b in (", "1" },      { "define a = ", "if(a, b, ", "" },
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        char *text = repeated(ROWS[i].before, ROWS[i].piece, 100000, ROWS[i].after);
        front fr;
        front_init(&fr, text);
        egret_parse(&fr.diags, fr.source, &fr.file);
        assert_true(fr.diags.n_errors >= 1);
        assert_int_equal(fr.diags.first->code, 203);
        front_deinit(&fr);
        free(text);
    }
}

static void what_is_below_the_bounds_is_accepted(void **state)
{
    (void)state;
    static const struct { const char *before, *piece; size_t n; const char *after, *piece_after; } ROWS[] = {
        { "define a = ", "(", 199, "1", ")" }, { "define a = 1", " + 1", 499, "", "" }, { "define a = b", " or c", 499, "", "" },
        { "rule r { match ", "(", 199, "a", ")" },
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        char *after = repeated(ROWS[i].after, ROWS[i].piece_after, ROWS[i].n, *ROWS[i].before == 'r' ? " }" : "");
        char *text = repeated(ROWS[i].before, ROWS[i].piece, ROWS[i].n, after);
        front fr;
        front_init(&fr, text);
        egret_parse(&fr.diags, fr.source, &fr.file);
        assert_string_equal(front_lines(&fr), "");
        assert_non_null(egret_format(&fr.diags, fr.source));
        front_deinit(&fr);
        free(text);
        free(after);
    }
}

/* Long lists are no deep trees. */
static void long_lists_are_fine(void **state)
{
    (void)state;
    char *text = repeated("define a = x in (1", ", 2", 20000, ")");
    front fr;
    front_init(&fr, text);
    egret_parse(&fr.diags, fr.source, &fr.file);
    assert_int_equal(fr.diags.n_errors, 0);
    assert_int_equal(fr.file.decls->u.define->height, 2);
    front_deinit(&fr);
    free(text);
}

static void spans_are_exact(void **state)
{
    (void)state;
    const char *text = "rule r { alert { message: \"a {b}\"  other: (\"c\") } }";
    front fr;
    front_init(&fr, text);
    egret_parse(&fr.diags, fr.source, &fr.file);
    const ast_clause *alert = fr.file.decls->u.rule.clauses;
    const ast_expr *message = alert->pairs->value, *other = alert->pairs->next->value;
    assert_int_equal(message->span.start, 26);
    assert_int_equal(message->span.end, 33);
    assert_int_equal(text[other->span.start], '"');
    assert_int_equal(text[other->span.end - 1], '"');
    assert_true(other->bracketed);
    assert_int_equal(fr.file.decls->span.end, strlen(text));
    assert_int_equal(text[alert->span.end - 1], '}');
    front_deinit(&fr);
}

static void one_expression_inside_a_string(void **state)
{
    (void)state;
    static const struct { const char *text, *inside, *expected; } ROWS[] = {
        { "define a = \"x {count(b)} y\"", "count(b)", "(define a (call count b))\n" },
        { "define a = \"x {if(c == \\\"v\\\", 1, 2)} y\"", "if(c == \\\"v\\\", 1, 2)", "(define a (call if (== c \"v\") 1 2))\n" },
        { "define a = \"x {round(b.c, 0)} y\"", "round(b.c, 0)", "(define a (call round (. b c) 0))\n" },
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        front fr;
        front_init(&fr, ROWS[i].text);
        egret_parse(&fr.diags, fr.source, &fr.file);
        uint32_t start = (uint32_t)(strstr(ROWS[i].text, ROWS[i].inside) - ROWS[i].text);
        egret_span span = { fr.source, start, start + (uint32_t)strlen(ROWS[i].inside) };
        ast_expr *expr = egret_parse_expr(&fr.diags, span);
        assert_non_null(expr);
        fr.file.decls->u.define = expr;
        assert_string_equal(egret_ast_print(&fr.arena, &fr.file), ROWS[i].expected);
        front_deinit(&fr);
    }
}

static void errors_inside_a_string_have_their_place(void **state)
{
    (void)state;
    static const struct { const char *text, *inside, *expected; } ROWS[] = {
        { "define a = \"{b c}\"", "b c", "E0223 1:16 the expression ends before this | write '}' where the expression ends\n" },
        { "define a = \"{b +}\"", "b +",
      "E0214 1:16 expected an expression, but the text ends here | write a value, a name or a call behind this\n" },
        { "define a = \"{ }\"", " ",
      "E0214 1:14 expected an expression, but the text ends here | write a value, a name or a call behind this\n" },
        { "define a = \"{f(\\\"x)}\"", "f(\\\"x)", "E0103 1:16 this string has no closing quote | a quote inside a string is written "
                                                  "\\\"\n" },
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        front fr;
        front_init(&fr, ROWS[i].text);
        uint32_t start = (uint32_t)(strstr(ROWS[i].text, "{") + 1 - ROWS[i].text);
        egret_span span = { fr.source, start, start + (uint32_t)strlen(ROWS[i].inside) };
        assert_null(egret_parse_expr(&fr.diags, span));
        assert_string_equal(front_lines(&fr), ROWS[i].expected);
        front_deinit(&fr);
    }
}

static void several_sources_make_one_file(void **state)
{
    (void)state;
    front fr;
    front_init(&fr, "define a = 1");
    uint32_t second = egret_diags_add_source(&fr.diags, "second", "define b = \n", 12);
    uint32_t third = egret_diags_add_source(&fr.diags, "third", "define c = 3", 12);
    egret_parse(&fr.diags, fr.source, &fr.file);
    egret_parse(&fr.diags, second, &fr.file);
    egret_parse(&fr.diags, third, &fr.file);
    assert_int_equal(fr.diags.n_errors, 1);
    assert_int_equal(fr.diags.first->span.source, second);
    const ast_decl *last = fr.file.decls->next->next;
    assert_string_equal(egret_arena_str(&fr.arena, last->name.str.ptr, last->name.str.len).ptr, "c");
    assert_null(last->next);
    front_deinit(&fr);
}

/* ---- no memory ---- */

static void *scarce_alloc(void *user, void *ptr, size_t old_size, size_t new_size)
{
    (void)old_size;
    unsigned *left = user;
    if (new_size == 0) {
        free(ptr);
        return NULL;
    }
    if (*left == 0)
        return NULL;
    --*left;
    return realloc(ptr, new_size);
}

/* The first n calls of the allocator succeed, for n from 0 until the whole front end passes. */
static void survives_scarce_memory(const char *path, const char *text, size_t len)
{
    (void)path;
    bool passed = false;
    for (unsigned n = 0; !passed; n++) {
        assert_true(n < 2000);
        unsigned left = n;
        egret_options options = { .size = sizeof options, .alloc = scarce_alloc, .alloc_user = &left };
        egret_arena arena;
        egret_arena_init(&arena, egret_mem_of(&options));
        egret_diags diags;
        egret_diags_init(&diags, &arena);
        ast_file file;
        ast_file_init(&file);
        uint32_t source = egret_diags_add_source(&diags, "t", text, len);
        egret_parse(&diags, source, &file);
        if (arena.failed)
            assert_true(file.decls == NULL && file.tail == &file.decls);
        else
            egret_ast_print(&arena, &file);
        const char *formatted = egret_format(&diags, source);
        assert_true(formatted == NULL || !arena.failed);
        passed = !arena.failed;
        egret_arena_deinit(&arena);
    }
}

static void scarce_memory(void **state)
{
    (void)state;
    each_golden("parse", survives_scarce_memory);
}

/* ---- golden files ---- */

static void check_tree(const char *path, const char *text, size_t len)
{
    front fr;
    front_init_with(&fr, text, len);
    char golden[1100];
    golden_path(golden, sizeof golden, path, ".tree");
    assert_golden(golden, tree(&fr));
    front_deinit(&fr);
}

static void golden_trees(void **state)
{
    (void)state;
    each_golden("parse", check_tree);
}

static void check_diag(const char *path, const char *text, size_t len)
{
    front fr;
    front_init_with(&fr, text, len);
    egret_parse(&fr.diags, fr.source, &fr.file);
    char golden[1100];
    golden_path(golden, sizeof golden, path, ".diag");
    assert_golden(golden, egret_diags_text(&fr.diags));
    assert_true(fr.diags.n_errors > 0);
    front_deinit(&fr);
}

static void golden_diagnostics(void **state)
{
    (void)state;
    each_golden("diag", check_diag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trees),
        cmocka_unit_test(mistakes),
        cmocka_unit_test(recovery),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(what_is_below_the_bounds_is_accepted),
        cmocka_unit_test(long_lists_are_fine),
        cmocka_unit_test(spans_are_exact),
        cmocka_unit_test(one_expression_inside_a_string),
        cmocka_unit_test(errors_inside_a_string_have_their_place),
        cmocka_unit_test(several_sources_make_one_file),
        cmocka_unit_test(scarce_memory),
        cmocka_unit_test(golden_trees),
        cmocka_unit_test(golden_diagnostics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
