/*
 * relayout.h: events that were decoded under one plan, as another plan has them: streams by name, values by the name of their field.
 *
 * A field that the other plan reads and the first did not is decoded from the event's text; nearly always there is none.
 */
#ifndef EGRET_APP_RELAYOUT_H
#define EGRET_APP_RELAYOUT_H

#include "app/admission.h"
#include "compiler/plan.h"

typedef struct relayout relayout;

/* Both plans must outlive it. NULL: no memory. */
relayout *relayout_new(const plan *from, const plan *to);
void relayout_free(relayout *r);            /* NULL is allowed */
/* Streams and slots are numbered alike: nothing has to be done. */
bool relayout_is_same(const relayout *r);
const uint32_t *relayout_streams(const relayout *r);    /* stream of `from` -> of `to`; PLAN_NONE: gone */
/* Fills out[n_slots of the stream in `to`]; strings are those of `slots`, or good until the next call. raw is asked for when it is needed; NULL there:
 * it is not to be had, and what is not in `slots` is null. EGRET_BAD_EVENT: the text does not fit the stream as it is declared now. */
typedef bool (*relayout_raw)(void *user, const char **raw, size_t *len);
egret_status relayout_slots(relayout *r, uint32_t stream, const egret_value *slots, relayout_raw raw, void *user, egret_value *out);
/* All records of a batch, which has not been numbered yet. What does not fit any more is rejected. EGRET_NO_MEMORY: the batch is only to be freed. */
egret_status relayout_batch(relayout *r, admission_batch *batch);

#endif
