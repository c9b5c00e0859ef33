/*
 * payload.c: see payload.h. Bodies for chat tools are one short text: severity, rule, the message of the alert (or its fields), its key. What
 * an event says is escaped for the tool, so that nobody can write a link, a heading, or "everybody look here" into somebody's chat.
 */
#include "alerting/payload.h"

#include <stdio.h>
#include <string.h>

bool payload_read(payload *p, const char *envelope, const char *source, const char *form, char *reason, size_t size)
{
    static const struct { const char *name; payload_kind kind; } forms[] = {
        {"slack", PAYLOAD_SLACK}, {"teams", PAYLOAD_TEAMS}, {"mattermost", PAYLOAD_MATTERMOST}};
    *p = (payload){.content_type = "application/json", .source = source};
    if (envelope && form) {
        snprintf(reason, size, "options 'envelope' and 'template' do not go together");
        return false;
    }
    if (envelope) {
        if (strcmp(envelope, "cloudevents") == 0) {
            p->kind = PAYLOAD_CLOUDEVENTS;
            p->content_type = "application/cloudevents+json";
            return true;
        }
        snprintf(reason, size, "option 'envelope' is \"cloudevents\", or is left out");
        return false;
    }
    if (!form) return true;
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (strcmp(form, forms[i].name) == 0) {
            p->kind = forms[i].kind;
            return true;
        }
    bool json = form[0] == '{' && form[1 + strspn(form + 1, " \t\r\n")] == '"';
    p->kind = PAYLOAD_TEMPLATE;
    if (!json) p->content_type = "text/plain; charset=utf-8";
    if (!template_read(&p->text, json ? TEMPLATE_JSON : TEMPLATE_TEXT, form)) {
        snprintf(reason, size, "no memory");
        return false;
    }
    if (template_has_fields(&p->text)) return true;
    snprintf(reason, size, "option 'template' is \"slack\", \"teams\", \"mattermost\", or a text with {fields}");
    return false;
}

void payload_deinit(payload *p)
{
    template_deinit(&p->text);
}

/* ---- CloudEvents 1.0, structured ---- */

static void put_member(json_writer *w, const char *key, json_span alert, const char *name)
{
    json_span value;
    if (!json_pick_member(alert, name, strlen(name), &value)) return;
    jsonw_key_z(w, key);
    jsonw_raw(w, value.ptr, value.len);
    w->comma = true;
}

static void pick_text(json_span alert, const char *name, json_writer *out)
{
    json_span value;
    if (json_pick_member(alert, name, strlen(name), &value)) json_pick_text(value, out);
}

/* "name: value, name: value"; of one value alone: the value. */
static void put_pairs(json_span object, bool lone_value, json_writer *out)
{
    size_t at = 0, n = 0;
    json_span name, value, first = {0};
    while (json_pick_next(object, &at, &name, &value)) {
        if (n == 0) first = value;
        if (n++ > 0) jsonw_raw(out, ", ", 2);
        json_pick_text(name, out);
        jsonw_raw(out, ": ", 2);
        json_pick_text(value, out);
    }
    if (n != 1 || !lone_value) return;
    out->len = 0;
    json_pick_text(first, out);
}

static void put_cloudevent(const payload *p, const sink_message *message, json_span alert, json_writer *w)
{
    json_writer text;
    json_span key;
    jsonw_init(&text);
    jsonw_begin(w, '{');
    jsonw_key_z(w, "specversion");
    jsonw_string_z(w, "1.0");
    jsonw_key_z(w, "id");
    jsonw_string_z(w, message->id);
    jsonw_raw(&text, p->source, strlen(p->source));
    jsonw_raw(&text, "/rules/", 7);
    pick_text(alert, "rule", &text);
    jsonw_key_z(w, "source");
    jsonw_string(w, text.ptr, text.len);
    jsonw_reset(&text);
    jsonw_raw(&text, "egret.", 6);
    pick_text(alert, "kind", &text);
    jsonw_raw(&text, ".v1", 3);
    jsonw_key_z(w, "type");
    jsonw_string(w, text.ptr, text.len);
    jsonw_reset(&text);
    if (json_pick_member(alert, "key", 3, &key)) put_pairs(key, true, &text);
    if (text.len > 0) {
        jsonw_key_z(w, "subject");
        jsonw_string(w, text.ptr, text.len);
    }
    put_member(w, "time", alert, "time");
    jsonw_key_z(w, "datacontenttype");
    jsonw_string_z(w, "application/json");
    jsonw_key_z(w, "data");
    jsonw_record(w, message->bytes, message->len);
    jsonw_end(w, '}');
    w->failed = w->failed || text.failed;
    jsonw_deinit(&text);
}

/* ---- chat tools ---- */

static void escape_slack(const char *ptr, size_t len, json_writer *out)
{
    for (size_t i = 0; i < len; i++) {
        if (ptr[i] == '&') jsonw_raw(out, "&amp;", 5);
        else if (ptr[i] == '<') jsonw_raw(out, "&lt;", 4);
        else if (ptr[i] == '>') jsonw_raw(out, "&gt;", 4);
        else jsonw_raw(out, ptr + i, 1);
    }
}

/* Markdown; a space of no width keeps "@all" from calling anybody. */
static void escape_markdown(const char *ptr, size_t len, json_writer *out)
{
    for (size_t i = 0; i < len; i++) {
        if (ptr[i] && strchr("\\`*_[]<>#|~", ptr[i])) jsonw_raw(out, "\\", 1);
        jsonw_raw(out, ptr + i, 1);
        if (ptr[i] == '@') jsonw_raw(out, "\xe2\x80\x8b", 3);
    }
}

static void put_escaped(const payload *p, const json_writer *text, json_writer *out)
{
    if (p->kind == PAYLOAD_SLACK) escape_slack(text->ptr, text->len, out);
    else escape_markdown(text->ptr, text->len, out);
}

/* "HIGH guessed_password", and "(resolved)" where it is that. */
static void put_title(json_span alert, json_writer *out)
{
    json_span kind;
    pick_text(alert, "severity", out);
    for (size_t i = 0; i < out->len; i++)
        if (out->ptr[i] >= 'a' && out->ptr[i] <= 'z') out->ptr[i] = (char)(out->ptr[i] - 32);
    jsonw_raw(out, " ", 1);
    pick_text(alert, "rule", out);
    if (!json_pick_member(alert, "kind", 4, &kind) || (kind.len == 7 && memcmp(kind.ptr, "\"alert\"", 7) == 0)) return;
    jsonw_raw(out, " (", 2);
    json_pick_text(kind, out);
    jsonw_raw(out, ")", 1);
}

/* The field `message`, else all fields. */
static void put_message(json_span alert, json_writer *out)
{
    json_span fields, message;
    if (!json_pick_member(alert, "fields", 6, &fields)) return;
    if (json_pick_member(fields, "message", 7, &message)) json_pick_text(message, out);
    else put_pairs(fields, false, out);
}

static void put_key(json_span alert, json_writer *out)
{
    json_span key;
    if (json_pick_member(alert, "key", 3, &key)) put_pairs(key, false, out);
}

typedef struct chat {
    json_writer title, message, key, time;      /* escaped */
} chat;

static void fill(const payload *p, json_span alert, void (*put)(json_span alert, json_writer *out), json_writer *out)
{
    json_writer plain;
    jsonw_init(&plain);
    jsonw_init(out);
    put(alert, &plain);
    put_escaped(p, &plain, out);
    out->failed = out->failed || plain.failed;
    jsonw_deinit(&plain);
}

static void put_time(json_span alert, json_writer *out)
{
    pick_text(alert, "time", out);
}

static void put_chat_line(const payload *p, const chat *c, json_writer *w)
{
    json_writer text;
    const char *bold = p->kind == PAYLOAD_SLACK ? "*" : "**";
    jsonw_init(&text);
    jsonw_raw(&text, bold, strlen(bold));
    jsonw_raw(&text, c->title.ptr, c->title.len);
    jsonw_raw(&text, bold, strlen(bold));
    jsonw_raw(&text, ": ", 2);
    jsonw_raw(&text, c->message.ptr, c->message.len);
    jsonw_raw(&text, "\n", 1);
    jsonw_raw(&text, c->key.ptr, c->key.len);
    jsonw_raw(&text, c->key.len > 0 ? " · " : "", c->key.len > 0 ? strlen(" · ") : 0);
    jsonw_raw(&text, c->time.ptr, c->time.len);
    jsonw_begin(w, '{');
    jsonw_key_z(w, "text");
    jsonw_string(w, text.ptr, text.len);
    jsonw_end(w, '}');
    w->failed = w->failed || text.failed;
    jsonw_deinit(&text);
}

static void put_text_block(json_writer *w, const json_writer *text, bool bold)
{
    if (text->len == 0) return;
    jsonw_begin(w, '{');
    jsonw_key_z(w, "type");
    jsonw_string_z(w, "TextBlock");
    jsonw_key_z(w, "text");
    jsonw_string(w, text->ptr, text->len);
    jsonw_key_z(w, "wrap");
    jsonw_bool(w, true);
    if (bold) {
        jsonw_key_z(w, "weight");
        jsonw_string_z(w, "Bolder");
    }
    jsonw_end(w, '}');
}

/* A message with one adaptive card, as workflows of Teams take it. */
static void put_teams_card(const chat *c, json_writer *w)
{
    jsonw_begin(w, '{');
    jsonw_key_z(w, "type");
    jsonw_string_z(w, "message");
    jsonw_key_z(w, "attachments");
    jsonw_begin(w, '[');
    jsonw_begin(w, '{');
    jsonw_key_z(w, "contentType");
    jsonw_string_z(w, "application/vnd.microsoft.card.adaptive");
    jsonw_key_z(w, "content");
    jsonw_begin(w, '{');
    jsonw_key_z(w, "type");
    jsonw_string_z(w, "AdaptiveCard");
    jsonw_key_z(w, "version");
    jsonw_string_z(w, "1.4");
    jsonw_key_z(w, "body");
    jsonw_begin(w, '[');
    put_text_block(w, &c->title, true);
    put_text_block(w, &c->message, false);
    put_text_block(w, &c->key, false);
    put_text_block(w, &c->time, false);
    jsonw_end(w, ']');
    jsonw_end(w, '}');
    jsonw_end(w, '}');
    jsonw_end(w, ']');
    jsonw_end(w, '}');
}

static void put_chat(const payload *p, json_span alert, json_writer *w)
{
    chat c;
    fill(p, alert, put_title, &c.title);
    fill(p, alert, put_message, &c.message);
    fill(p, alert, put_key, &c.key);
    fill(p, alert, put_time, &c.time);
    if (p->kind == PAYLOAD_TEAMS) put_teams_card(&c, w);
    else put_chat_line(p, &c, w);
    json_writer *const all[] = {&c.title, &c.message, &c.key, &c.time};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        w->failed = w->failed || all[i]->failed;
        jsonw_deinit(all[i]);
    }
}

bool payload_render(const payload *p, const sink_message *message, json_writer *out)
{
    json_span alert = {message->bytes, message->len};
    jsonw_reset(out);
    switch (p->kind) {
    case PAYLOAD_PLAIN: jsonw_raw(out, message->bytes, message->len); break;
    case PAYLOAD_CLOUDEVENTS: put_cloudevent(p, message, alert, out); break;
    case PAYLOAD_TEMPLATE: template_render(&p->text, alert, out); break;
    case PAYLOAD_SLACK:
    case PAYLOAD_TEAMS:
    case PAYLOAD_MATTERMOST: put_chat(p, alert, out); break;
    }
    return !out->failed;
}
