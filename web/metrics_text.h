/*
 * metrics_text.h: numbers in the Prometheus text format, version 0.0.4.
 */
#ifndef EGRET_WEB_METRICS_TEXT_H
#define EGRET_WEB_METRICS_TEXT_H

#include "web/backend.h"

#include "compiler/text.h"

/* One label of a sample; a NULL name ends the list. */
typedef struct metrics_label {
    const char *name;
    const char *value;
    size_t len;
} metrics_label;

/* HELP and TYPE of a family; its samples must follow before the next family. type: "counter", "gauge" or "histogram". */
void metrics_family(egret_text *out, const char *name, const char *type, const char *help);
void metrics_count(egret_text *out, const char *name, const metrics_label *labels, uint64_t value);
void metrics_number(egret_text *out, const char *name, const metrics_label *labels, double value);

void metrics_sources(egret_text *out, const web_numbers *numbers);
/* All of the page. */
void metrics_page(egret_text *out, const web_numbers *numbers);

#endif
