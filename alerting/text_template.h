/*
 * text_template.h: a text with {fields}, filled in from an alert: bodies of webhooks, topics of MQTT.
 *
 * {name} or {name.name}, without spaces, is a field; every other brace stands for itself, so that JSON can be written as it is. Values are
 * escaped for where they stand, so that what an event says never becomes markup, another topic, or another member of an object:
 *   TEXT   plain text: strings without quotes
 *   JSON   inside quotes: as text of that string; outside: as a JSON value (null when there is none)
 *   TOPIC  '/', '+', '#' and control characters become '_', and so does an empty value
 */
#ifndef EGRET_ALERTING_TEXT_TEMPLATE_H
#define EGRET_ALERTING_TEXT_TEMPLATE_H

#include "alerting/json_pick.h"

typedef enum template_mode { TEMPLATE_TEXT, TEMPLATE_JSON, TEMPLATE_TOPIC } template_mode;

typedef struct template_part {
    const char *ptr;        /* in the template's text: what stands, or the field's path */
    size_t len;
    bool is_field;
    bool in_string;         /* JSON only */
} template_part;

typedef struct text_template {
    template_mode mode;
    char *text;             /* owned */
    template_part *parts;   /* owned */
    size_t n;
} text_template;

bool template_read(text_template *t, template_mode mode, const char *text);    /* false: no memory; deinit all the same */
void template_deinit(text_template *t);
bool template_has_fields(const text_template *t);
/* Appends the filled-in text. A field that the alert does not have is empty. False: no memory. */
bool template_render(const text_template *t, json_span alert, json_writer *out);

#endif
