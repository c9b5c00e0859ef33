/*
 * order_internal.h: what an order knows, for order.c and order_image.c alone.
 */
#ifndef EGRET_INGEST_ORDER_INTERNAL_H
#define EGRET_INGEST_ORDER_INTERNAL_H

#include "ingest/held.h"
#include "ingest/identity.h"
#include "ingest/order.h"

typedef struct source_state {
    int64_t lateness_ms, max_ms, watermark_ms;
    bool active, seen, finished;
} source_state;

/* What an event of a stream needs, looked up once. */
typedef struct stream_state {
    uint32_t time_slot, identity_slot;      /* PLAN_NONE */
    uint64_t seed;                          /* keeps equal identities of two streams apart; from the name, so rule changes keep it */
    ingest_identity seen;
} stream_state;

struct ingest_order {
    ingest_order_options options;
    source_state *sources;
    uint32_t n_sources, capacity;
    stream_state *streams;
    held *held;
    uint64_t arrivals;
    int64_t max_ms;             /* greatest time accepted */
    held_key frontier;          /* events not beyond it may go; arrival is UINT64_MAX */
    int64_t watermark_ms;       /* frontier.time_ms, but never beyond max_ms when everything is let go */
    ingest_stats stats;
    /* A cut on its way: order_image.c. */
    bool is_cut;
    uint32_t cut_stream;        /* whose identities are given; n_streams: held events are */
    uint64_t wanted;            /* while it is loaded: identities and held events that are still to come */
    egret_text rest;            /* what was left of it when it had to be ended at once */
};

/* Before held events or streams are replaced: gives all that is left of a cut into `rest`. */
void order_cut_hasten(ingest_order *order);

#endif
