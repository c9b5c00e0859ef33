/*
 * order.h: the one order of events: late ones and duplicates are told apart, the rest is let go by time, then arrival.
 *
 * Each source has a watermark: the greatest time seen minus its lateness. An event below its source's watermark, or below the watermark of
 * all, is late. The watermark of all is the least of the active sources'; events at or below it are released. An idle or finished
 * source holds nothing up. The watermark of all never goes back.
 *
 * A source that feeds several streams has one watermark, with the greatest lateness among them: what can still be put in order is not late.
 *
 * One thread at a time. Nothing here reads a clock.
 */
#ifndef EGRET_INGEST_ORDER_H
#define EGRET_INGEST_ORDER_H

#include "compiler/text.h"
#include "ingest/stats.h"
#include "nfa/engine.h"

/* arrival_ms: no clock; a stream without event time takes the greatest time its source has shown. now_ms: `ahead` is not checked. */
#define INGEST_NO_TIME INT64_MIN

/* Takes the events in order. event and its strings are borrowed for the call; pushing from inside is not allowed. What is not EGRET_OK
 * is given back by the call that released the event; the event counts as released. */
typedef egret_status (*ingest_release_fn)(void *user, const nfa_event *event);

typedef struct ingest_order_options {
    const plan *plan;
    ingest_release_fn release;
    void *user;
    nfa_engine *engine;         /* told of events some places before they are released (nfa_engine_expect); NULL: nobody is */
    bool merge;                 /* equal times: by source number, then arrival (files read together); false: by arrival alone */
    uint64_t max_held_bytes;    /* beyond it events are released early; 0: 1 GiB */
    size_t max_identities;      /* remembered for each stream; 0: 8 Mi */
} ingest_order_options;

typedef struct ingest_arrival {
    uint32_t source, stream;
    const egret_value *slots;   /* borrowed for the call */
    uint64_t ref;               /* given on as the event's ref */
    uint64_t position;          /* in the source; with the source's number it is the identity of events that declare none */
    int64_t arrival_ms;         /* event time of streams that declare none, or INGEST_NO_TIME */
    int64_t now_ms;             /* wall clock for `ahead`, or INGEST_NO_TIME */
    uint32_t *uses;             /* NULL; or slots and strings stay good as long as *uses is above zero, and it is counted up while the event is
                                 * held, instead of copying them */
    uint64_t identity;          /* of ingest_order_expect, where it was asked */
    bool expected;
    uint32_t bytes;             /* with uses: the memory that is kept for the event so, for max_held_bytes */
} ingest_arrival;

typedef enum ingest_outcome { INGEST_ACCEPTED, INGEST_LATE, INGEST_DUPLICATE, INGEST_AHEAD } ingest_outcome;

typedef struct ingest_order ingest_order;

ingest_order *ingest_order_new(const ingest_order_options *options);    /* NULL: no memory */
void ingest_order_free(ingest_order *order);                            /* NULL is allowed; held events are dropped */

/* Sources are numbered 0, 1, … as they are added. active: it holds the watermark of all until it has shown events or is set idle. */
egret_status ingest_order_add_source(ingest_order *order, int64_t lateness_ms, bool active);
/* The lateness for a source that may feed these streams; NULL: all streams of the plan. */
int64_t ingest_order_lateness(const plan *plan, const plan_edge *source);

/* For a host that knows what comes: says that this arrival will be pushed soon, some arrivals later, so that memory is fetched meanwhile. Gives its
 * identity, for the arrival's. Changes nothing that can be seen. */
uint64_t ingest_order_expect(const ingest_order *order, const ingest_arrival *arrival);
egret_status ingest_order_push(ingest_order *order, const ingest_arrival *arrival, ingest_outcome *outcome);
/* The source is about to give events, from its own watermark on: it holds the watermark of all until it does, or is set idle. */
egret_status ingest_order_await(ingest_order *order, uint32_t source);
/* Other rules, while events are held. Streams are the same when they have the same name; held events of a stream that is gone are dropped, and
 * counted as rejected (INGEST_REASON_STREAM). */
typedef struct ingest_change {
    const plan *plan;
    nfa_engine *engine;
    const uint32_t *stream;     /* of the plan before -> of this one; PLAN_NONE: gone */
    bool same;                  /* streams and their slots are numbered as before: held events stay as they are */
    /* Gives the values of a held event (numbered as before) as the new plan has them; strings must be good until the next call. */
    egret_status (*convert)(void *user, const nfa_event *event, egret_value *slots);
    void *user;
} ingest_change;
/* What is not EGRET_OK: no memory; the order is only to be freed then. */
egret_status ingest_order_change(ingest_order *order, const ingest_change *change);
/* From now on the source's events may come so late. */
void ingest_order_set_lateness(ingest_order *order, uint32_t source, int64_t lateness_ms);
/* An idle source holds nothing up until its next event. */
egret_status ingest_order_idle(ingest_order *order, uint32_t source);
/* The source will give no more events. When none is left that may, all held events are released. */
egret_status ingest_order_finish(ingest_order *order, uint32_t source);
/* Says from outside (a tick of the clock while nothing arrives) that no event below time_ms will come. */
egret_status ingest_order_advance(ingest_order *order, int64_t time_ms);
/* Releases all held events: the watermark of all is then the greatest time seen. */
egret_status ingest_order_flush(ingest_order *order);

/* No event below it will be released any more: to it the engine's clock may be advanced. INT64_MIN: none yet. */
int64_t ingest_order_watermark(const ingest_order *order);
int64_t ingest_order_source_watermark(const ingest_order *order, uint32_t source);  /* INT64_MIN before its first event */
/* The event time an arrival has, as push would take it. False: its stream's time is null, or there is none yet. */
bool ingest_order_time(const ingest_order *order, const ingest_arrival *arrival, int64_t *time_ms);
size_t ingest_order_held(const ingest_order *order);
int64_t ingest_order_first_held(const ingest_order *order);     /* its time; INT64_MAX: nothing is held */
/* accepted, rejected[AHEAD], late, duplicates, released_early, identity_cuts; the rest stays zero. */
const ingest_stats *ingest_order_stats(ingest_order *order);

/* All it knows, held events and identities included, as bytes; and back, into one just made for the same plan and sources. Reads at *at
 * and moves it. EGRET_BAD_USE: these are no such bytes; the order is only to be freed then. */
egret_status ingest_order_save(ingest_order *order, egret_text *out);
egret_status ingest_order_load(ingest_order *order, const char **at, const char *end);

/* The same in pieces, so that nobody waits for all of it. A cut is the order as it is now: its head is appended at once, what is behind it is given a
 * piece at a time while events go on. What is not EGRET_OK ends it with ingest_order_cut_drop. */
egret_status ingest_order_cut(ingest_order *order, egret_text *out);
void ingest_order_cut_prepare(ingest_order *order);     /* now and then before one, which then takes less long; see held.h */
egret_status ingest_order_cut_next(ingest_order *order, egret_text *out);      /* nothing appended: all has been given, and the cut is over */
bool ingest_order_cut_is_open(const ingest_order *order);
void ingest_order_cut_drop(ingest_order *order);
egret_status ingest_order_load_head(ingest_order *order, const char **at, const char *end);
egret_status ingest_order_load_pieces(ingest_order *order, const char *bytes, size_t len);     /* some of them, in any order */
egret_status ingest_order_load_end(const ingest_order *order);     /* EGRET_BAD_USE: some are missing */

#endif
