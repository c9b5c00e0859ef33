/*
 * Mistakes people make, six for each construct of the language, and what the compiler says of them.
 *
 * tests/golden/mistakes holds <construct>-<n>.egret, each with a comment that names the mistake, and beside it the messages. What a
 * golden file cannot say is asserted here: each mistake is noticed, in few messages, and each message says how to mend it.
 */
#include "compiler/plan.h"
#include "front_end.h"

enum { MOST_MESSAGES = 2, MISTAKES_EACH = 6 };

/* All of them are looked at before the test fails, since a change of one message often touches several. */
static unsigned n_poor;

static void look_at_poor(front *fr, const char *path, const char *why)
{
    print_error("%s: %s\n%s", path, why, front_lines(fr));
    n_poor++;
}

static void look_at(front *fr, const char *path)
{
    if (fr->diags.first == NULL)
        look_at_poor(fr, path, "nothing is said");
    if (fr->diags.n_errors + fr->diags.n_warnings > MOST_MESSAGES)
        look_at_poor(fr, path, "too many messages for one mistake");
    for (const egret_diag *diag = fr->diags.first; diag != NULL; diag = diag->next)
        if (diag->help == NULL) {
            look_at_poor(fr, path, "a message without help");
            break;
        }
}

static void check_one(const char *path, const char *text, size_t len)
{
    front fr;
    front_init_with(&fr, text, len);
    egret_parse(&fr.diags, fr.source, &fr.file);
    egret_plan_make(&fr.diags, &fr.file, false);
    char golden[1024];
    golden_path(golden, sizeof golden, path, ".diag");
    assert_golden(golden, egret_diags_text(&fr.diags));
    look_at(&fr, path);
    front_deinit(&fr);
}

static void each_mistake_gives_a_message_that_names_the_mend(void **state)
{
    (void)state;
    n_poor = 0;
    each_golden("mistakes", check_one);
    assert_int_equal(n_poor, 0);
}

/* ---- six for each ---- */

static void numbers_run_to_six(const char *path, const char *text, size_t len)
{
    (void)text;
    (void)len;
    const char *dash = strrchr(path, '-');
    assert_non_null(dash);
    for (int i = 1; i <= MISTAKES_EACH; i++) {
        char other[1024];
        size_t other_len;
        snprintf(other, sizeof other, "%.*s-%d.egret", (int)(dash - path), path, i);
        char *found = read_whole(other, &other_len);
        if (found == NULL)
            fail_msg("%s is missing", other);
        free(found);
    }
}

static void each_construct_has_six(void **state)
{
    (void)state;
    static const char *const CONSTRUCTS[] = {
        "stream", "source", "sink", "list", "table", "define", "profile", "step", "quantifier", "absence", "unless", "within", "watch",
        "window", "aggregate", "let", "when", "text", "alert", "throttle", "resolve", "escalate", "by", "test", "limits", "severity",
        "tags", "to", "never", "endless", "and", "or", "any-of", "group", "branch", "until", "next-not", "silence", "operand", "link",
        "before", "otherkey", "zone", "calendar", "hopping", "last", "early", "forecast", "timeout", "idle", "after-match", "signal",
        "told", "open", "except", "repeat", "active", "mode", "per", "warmup", "which", "history", "compare", "function", "lookup",
    };
    for (size_t i = 0; i < sizeof CONSTRUCTS / sizeof CONSTRUCTS[0]; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%s/tests/golden/mistakes/%s-1", EGRET_SOURCE_DIR, CONSTRUCTS[i]);
        numbers_run_to_six(path, NULL, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_construct_has_six),
        cmocka_unit_test(each_mistake_gives_a_message_that_names_the_mend),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
