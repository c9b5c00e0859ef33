/*
 * journal_values.h: events of the journal under the rules at hand: their values as they were decoded then, where the stream's layout is the same, else
 * decoded anew from their text.
 */
#ifndef EGRET_APP_JOURNAL_VALUES_H
#define EGRET_APP_JOURNAL_VALUES_H

#include "app/rule_set.h"
#include "ingest/decode.h"
#include "store/journal_block.h"

typedef struct journal_values {
    const rule_set *rules;      /* compiled; borrowed */
    ingest_decoder **decoder;   /* by stream; NULL: not needed so far */
} journal_values;

bool journal_values_init(journal_values *v, const rule_set *rules);     /* false: no memory */
void journal_values_deinit(journal_values *v);      /* also one that is all zero */
/* The stream's number in the plan and its slots, good until the next call and as long as the block's record. EGRET_BAD_EVENT: the event does not
 * fit the rules. */
egret_status journal_values_get(journal_values *v, const journal_event *event, uint32_t *stream, const egret_value **slots);
/* The number of the source that a batch's name means ("source", "source:partition"); one that is gone is the first. */
uint32_t journal_source_named(const char *const *sources, uint32_t n, egret_str name);

#endif
