/*
 * test_payload.c: what receivers see of an alert besides its JSON: envelopes, chat texts, templates; and that no event can break out of them.
 */
#include "alerting/payload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <string.h>

static const char PLAIN[] = "{\"id\":\"ab12\",\"rule\":\"guessed\",\"severity\":\"high\",\"tags\":[\"a\",\"b\"],\"kind\":\"alert\","
                            "\"key\":{\"user\":\"ann\",\"o.ip\":\"192.0.2.7\"},\"time\":\"2026-03-01T09:03:00Z\",\"started\":\"2026-03-01T09:00:00Z\","
                            "\"fields\":{\"message\":\"3 failures\",\"n\":3,\"amount\":500.00,\"user\":\"field\"},\"events\":[{\"event\":{\"x\":\"}\"}}]}";
/* All that a bad event may try. */
static const char NASTY[] = "{\"id\":\"cd34\",\"rule\":\"r\",\"severity\":\"low\",\"kind\":\"resolved\",\"key\":{\"u\":\"a/b+#\\u0000\"},"
                            "\"time\":\"2026-03-01T09:03:00Z\",\"fields\":{\"message\":\"<!channel> & \\\"x\\\\\\\" @all *b* [l](u) \\u00e9\\n{id}\"}}";

static sink_message message_of(const char *bytes)
{
    return (sink_message){.id = "ab12-resolved", .bytes = bytes, .len = strlen(bytes)};
}

/* The body as a string of the caller. */
static char *render(const char *envelope, const char *form, const char *bytes, const char **content_type)
{
    payload p;
    char reason[200] = "";
    json_writer w;
    jsonw_init(&w);
    if (!payload_read(&p, envelope, "/egret", form, reason, sizeof reason)) fail_msg("%s", reason);
    sink_message message = message_of(bytes);
    assert_true(payload_render(&p, &message, &w));
    size_t len = w.len;
    assert_true(payload_render(&p, &message, &w)); /* the same at every try */
    assert_int_equal(w.len, len);
    jsonw_raw(&w, "", 1);
    char *text = strdup(w.ptr);
    assert_non_null(text);
    if (content_type) *content_type = p.content_type;
    jsonw_deinit(&w);
    payload_deinit(&p);
    return text;
}

static void assert_body(const char *form, const char *bytes, const char *wanted)
{
    char *text = render(NULL, form, bytes, NULL);
    assert_string_equal(text, wanted);
    free(text);
}

static json_t *parsed(const char *envelope, const char *form, const char *bytes)
{
    char *text = render(envelope, form, bytes, NULL);
    json_error_t error;
    json_t *tree = json_loads(text, JSON_ALLOW_NUL, &error);
    if (!tree) fail_msg("%s in %s", error.text, text);
    free(text);
    return tree;
}

static const char *text_at(json_t *tree, const char *name)
{
    return json_string_value(json_object_get(tree, name));
}

static void a_text_is_filled_in(void **state)
{
    (void)state;
    assert_body("{severity} {rule}: {fields.message} by {user} from {o.ip} {amount} {nothing}.", PLAIN,
                "high guessed: 3 failures by field from 192.0.2.7 500.00 .");
    assert_body("{key.user} {key.o.ip} { user } {} {1} {a b} {tags}", PLAIN, "ann 192.0.2.7 { user } {} {1} {a b} [\"a\",\"b\"]");
    assert_body("{message}", NASTY, "<!channel> & \"x\\\" @all *b* [l](u) \xc3\xa9\n{id}");
    const char *type;
    free(render(NULL, "{message}", PLAIN, &type));
    assert_string_equal(type, "text/plain; charset=utf-8");
}

static void json_templates_stay_json(void **state)
{
    (void)state;
    assert_body("{\"t\": \"{rule}: {n}\", \"n\": {n}, \"a\": {amount}, \"m\": {fields.message}, \"x\": {nothing}, \"y\": \"{nothing}\"}", PLAIN,
                "{\"t\": \"guessed: 3\", \"n\": 3, \"a\": 500.00, \"m\": \"3 failures\", \"x\": null, \"y\": \"\"}");
    json_t *tree = parsed(NULL, "{\"t\": \"say \\\"{message}\\\" {fields}\", \"all\": {alert}}", NASTY);
    assert_non_null(strstr(text_at(tree, "t"), "say \"<!channel> & \"x\\\" @all"));
    assert_non_null(strstr(text_at(tree, "t"), "{\"message\":\"<!channel>"));
    assert_int_equal(json_object_size(tree), 2);
    assert_string_equal(text_at(json_object_get(tree, "all"), "id"), "cd34");
    json_decref(tree);
}

static void topics_keep_their_levels(void **state)
{
    (void)state;
    text_template t;
    json_writer w;
    jsonw_init(&w);
    assert_true(template_read(&t, TEMPLATE_TOPIC, "alerts/{rule}/{u}/{nothing}"));
    assert_true(template_render(&t, (json_span){NASTY, sizeof NASTY - 1}, &w));
    jsonw_raw(&w, "", 1);
    assert_string_equal(w.ptr, "alerts/r/a_b___/_");
    template_deinit(&t);
    jsonw_deinit(&w);
}

static void an_envelope_of_cloudevents(void **state)
{
    (void)state;
    json_t *tree = parsed("cloudevents", NULL, PLAIN);
    assert_string_equal(text_at(tree, "specversion"), "1.0");
    assert_string_equal(text_at(tree, "id"), "ab12-resolved");
    assert_string_equal(text_at(tree, "source"), "/egret/rules/guessed");
    assert_string_equal(text_at(tree, "type"), "egret.alert.v1");
    assert_string_equal(text_at(tree, "subject"), "user: ann, o.ip: 192.0.2.7");
    assert_string_equal(text_at(tree, "time"), "2026-03-01T09:03:00Z");
    assert_string_equal(text_at(json_object_get(tree, "data"), "rule"), "guessed");
    json_decref(tree);
    tree = parsed("cloudevents", NULL, NASTY);
    assert_string_equal(text_at(tree, "type"), "egret.resolved.v1");
    json_decref(tree);
}

static void chat_texts_call_nobody(void **state)
{
    (void)state;
    json_t *tree = parsed(NULL, "slack", PLAIN);
    assert_string_equal(text_at(tree, "text"), "*HIGH guessed*: 3 failures\nuser: ann, o.ip: 192.0.2.7 · 2026-03-01T09:03:00Z");
    json_decref(tree);
    tree = parsed(NULL, "slack", NASTY);
    assert_non_null(strstr(text_at(tree, "text"), "*LOW r (resolved)*: &lt;!channel&gt; &amp; "));
    json_decref(tree);
    tree = parsed(NULL, "mattermost", NASTY);
    assert_non_null(strstr(text_at(tree, "text"), "@\xe2\x80\x8b" "all \\*b\\* \\[l\\](u)"));
    json_decref(tree);
    tree = parsed(NULL, "teams", PLAIN);
    json_t *attachment = json_array_get(json_object_get(tree, "attachments"), 0);
    json_t *body = json_object_get(json_object_get(attachment, "content"), "body");
    assert_string_equal(text_at(attachment, "contentType"), "application/vnd.microsoft.card.adaptive");
    assert_int_equal(json_array_size(body), 4);
    assert_string_equal(text_at(json_array_get(body, 0), "text"), "HIGH guessed");
    json_decref(tree);
}

static void fields_without_a_message_are_all_shown(void **state)
{
    (void)state;
    json_t *tree = parsed(NULL, "slack", "{\"rule\":\"r\",\"severity\":\"low\",\"key\":{},\"time\":\"t\",\"fields\":{\"a\":1,\"b\":\"x\"}}");
    assert_string_equal(text_at(tree, "text"), "*LOW r*: a: 1, b: x\nt");
    json_decref(tree);
}

static void mistakes_are_named(void **state)
{
    (void)state;
    const struct { const char *envelope, *form, *reason; } cases[] = {
        {"soap", NULL, "option 'envelope' is \"cloudevents\", or is left out"},
        {"cloudevents", "slack", "options 'envelope' and 'template' do not go together"},
        {NULL, "slak", "option 'template' is \"slack\", \"teams\", \"mattermost\", or a text with {fields}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        payload p;
        char reason[200] = "";
        assert_false(payload_read(&p, cases[i].envelope, "/egret", cases[i].form, reason, sizeof reason));
        assert_string_equal(reason, cases[i].reason);
        payload_deinit(&p);
    }
}

static void bytes_that_are_no_alert_are_survived(void **state)
{
    (void)state;
    static const char *const cases[] = {"", "{", "{\"fields\"", "{\"fields\":", "{\"fields\":{\"a\":\"", "[", "}", "{\"key\":{\"a\\", "{\"a\":]}"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static const char *const forms[] = {"slack", "teams", "{a} {fields.a}", "{\"x\": {a}}"};
        for (size_t k = 0; k < sizeof forms / sizeof forms[0]; k++) free(render(NULL, forms[k], cases[i], NULL));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_text_is_filled_in),        cmocka_unit_test(json_templates_stay_json),
        cmocka_unit_test(topics_keep_their_levels),   cmocka_unit_test(an_envelope_of_cloudevents),
        cmocka_unit_test(chat_texts_call_nobody),     cmocka_unit_test(fields_without_a_message_are_all_shown),
        cmocka_unit_test(mistakes_are_named),         cmocka_unit_test(bytes_that_are_no_alert_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
