/*
 * history_entry.h: entries of the history as bytes. Pure functions.
 *
 *   head | strings, each with its NUL: id, message id, rule, who, reason, names and values of the key, sinks | message (zstd or as it is)
 *
 * Head and strings have one checksum, the message another, so that a search reads no messages.
 */
#ifndef EGRET_STORE_HISTORY_ENTRY_H
#define EGRET_STORE_HISTORY_ENTRY_H

#include "compiler/text.h"
#include "store/history.h"

/* Replaces what `out` holds. False: no memory, or an entry that is none. */
bool history_entry_write(egret_text *out, const history_entry *entry);
/* Texts point into the bytes. The message is left out; false: broken. */
bool history_entry_read(history_entry *entry, uint64_t position, const void *bytes, size_t len);
/* The message, unpacked into `out` (emptied first); entry->bytes points there. False: broken, or no memory. An entry without one is fine. */
bool history_entry_message(history_entry *entry, const void *bytes, size_t len, egret_text *out);

#endif
