/*
 * content_edit.h: changes to the text of a list or a table as its file has it: values and rows added, values and rows taken out. Pure.
 *
 * What stays keeps its bytes, with comments, order and quotes. A list is one value a line (blank lines and what begins with # are none), or CSV with a
 * column `value`; a table is CSV with a header.
 */
#ifndef EGRET_WEB_CONTENT_EDIT_H
#define EGRET_WEB_CONTENT_EDIT_H

#include "compiler/text.h"

#include <jansson.h>

/* add, remove: arrays (NULL: none) of strings, or of objects with texts by column. Remove takes out all rows that have what the object says; one that
 * takes out none is an error. False: a sentence in `reason`. */
bool content_edit(const char *text, bool csv, const json_t *add, const json_t *remove, egret_text *out, char *reason, size_t reason_size);

#endif
