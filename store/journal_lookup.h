/*
 * journal_lookup.h: texts of events by their LSN, for evidence. Keeps the blocks looked at last unpacked, as the events of one alert, and of
 * alerts that follow each other, stand close. One thread at a time.
 */
#ifndef EGRET_STORE_JOURNAL_LOOKUP_H
#define EGRET_STORE_JOURNAL_LOOKUP_H

#include "store/journal.h"

typedef struct journal_lookup journal_lookup;

journal_lookup *journal_lookup_new(const store *s);     /* NULL: no memory */
void journal_lookup_free(journal_lookup *lookup);       /* NULL is allowed */
/* The event's text, good until the next call. False: it is not in the journal (any more). */
bool journal_lookup_raw(journal_lookup *lookup, uint64_t lsn, egret_str *raw);
/* It said false as there was no memory, or the store could not be read: the text may be there. */
bool journal_lookup_failed(const journal_lookup *lookup);

#endif
