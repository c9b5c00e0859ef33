/*
 * payload.h: what a sink sends of an alert: its JSON as it is, in an envelope, or a text made for a chat tool.
 *
 * The same alert gives the same bytes at every try, so that signatures and duplicates can be recognised by the receiver.
 */
#ifndef EGRET_ALERTING_PAYLOAD_H
#define EGRET_ALERTING_PAYLOAD_H

#include "alerting/sink.h"
#include "alerting/text_template.h"

typedef enum payload_kind { PAYLOAD_PLAIN, PAYLOAD_CLOUDEVENTS, PAYLOAD_SLACK, PAYLOAD_TEAMS, PAYLOAD_MATTERMOST, PAYLOAD_TEMPLATE } payload_kind;

typedef struct payload {
    payload_kind kind;
    const char *content_type;
    const char *source;     /* CloudEvents: before "/rules/<rule>"; borrowed */
    text_template text;
} payload;

/* envelope: NULL or "cloudevents". form: NULL, "slack", "teams", "mattermost", or a text with {fields}, JSON when it begins with {"; borrowed.
 * False: a sentence in `reason`; deinit all the same. */
bool payload_read(payload *p, const char *envelope, const char *source, const char *form, char *reason, size_t size);
void payload_deinit(payload *p);
/* Empties `out` and writes the body there. False: no memory. Plain ones need not be rendered: their body is the message. */
bool payload_render(const payload *p, const sink_message *message, json_writer *out);

#endif
