/*
 * outbox_window.c: see outbox_window.h.
 */
#include "alerting/outbox_window.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 4 * OUTBOX_WINDOW_ROWS };

void outbox_window_init(outbox_window *w)
{
    *w = (outbox_window){0};
}

void outbox_window_deinit(outbox_window *w)
{
    while (w->first) outbox_window_remove(w, w->first);
}

void outbox_window_remove(outbox_window *w, outbox_entry *e)
{
    if (w->at == e) w->at = e->next;
    *(e->before ? &e->before->next : &w->first) = e->next;
    *(e->next ? &e->next->before : &w->last) = e->before;
    w->n--;
    w->bytes -= e->len;
    free(e);
}

/* ---- reading ---- */

typedef struct filling {
    outbox_window *w;
    outbox_parked *only;    /* rows of this order alone; NULL: all that is not parked */
    bool full, failed;
    unsigned seen;
} filling;

static bool has_room(const outbox_window *w)
{
    return w->n == 0 || (w->n < OUTBOX_WINDOW_ROWS && w->bytes < (size_t)OUTBOX_WINDOW_BYTES);
}

static unsigned count_order(const outbox_window *w, uint64_t order)
{
    unsigned n = 0;
    for (const outbox_entry *e = w->first; e; e = e->next) n += e->order == order;
    return n;
}

static bool is_parked(const outbox_window *w, uint64_t order)
{
    for (unsigned i = 0; i < w->n_parked; i++)
        if (w->parked[i].order == order) return true;
    return false;
}

static bool load(outbox_window *w, const outbox_row *row)
{
    size_t id = strlen(row->id);
    outbox_entry *e = row->len < SIZE_MAX - sizeof *e ? malloc(sizeof *e + row->len) : NULL;
    if (!e) return false;
    if (id >= OUTBOX_MAX_ID) id = OUTBOX_MAX_ID - 1;
    *e = (outbox_entry){.before = w->last, .row = row->number, .order = row->order, .came_ms = row->came_ms, .attempts = row->attempts,
                        .len = row->len};
    memcpy(e->id, row->id, id);
    memcpy(e->bytes, row->bytes, row->len);
    *(w->last ? &w->last->next : &w->first) = e;
    w->last = e;
    w->n++;
    w->bytes += row->len;
    return true;
}

/* The next row behind what was read. */
static bool take_new(void *user, const outbox_row *row)
{
    filling *f = user;
    outbox_window *w = f->w;
    f->seen++;
    if (!is_parked(w, row->order)) {
        if (!has_room(w)) return f->full = true, false;
        if (!w->in_order && count_order(w, row->order) >= OUTBOX_PER_ORDER) {
            if (w->n_parked == OUTBOX_PARKED) return f->full = true, false;
            w->parked[w->n_parked++] = (outbox_parked){row->order, row->number};
        } else if (!load(w, row)) {
            return f->failed = true, false;
        }
    }
    w->after = row->number;
    return true;
}

/* A row of the past; of the parked order it is taken. */
static bool take_parked(void *user, const outbox_row *row)
{
    filling *f = user;
    if (row->number > f->w->after) return false;
    f->seen++;
    if (row->order == f->only->order) {
        if (!has_room(f->w) || count_order(f->w, row->order) >= OUTBOX_PER_ORDER) return f->full = true, false;
        if (!load(f->w, row)) return f->failed = true, false;
    }
    f->only->from = row->number + 1;
    return true;
}

/* Rows of parked orders that have room again. */
static int fill_parked(outbox_window *w, outbox_read_fn read, void *user)
{
    int code = 0;
    for (unsigned i = 0; i < w->n_parked && code == 0 && has_room(w);) {
        filling f = {.w = w, .only = &w->parked[i]};
        if (count_order(w, f.only->order) > OUTBOX_PER_ORDER / 2) {
            i++;
            continue;
        }
        code = read(user, f.only->from - 1, OUTBOX_WINDOW_ROWS, OUTBOX_WINDOW_BYTES, take_parked, &f);
        if (f.failed) code = ENOMEM;
        if (f.seen == 0 && !f.full) w->parked[i] = w->parked[--w->n_parked];    /* it has come to where reading is */
        else i += f.full || code != 0;
    }
    return code;
}

int outbox_window_fill(outbox_window *w, outbox_read_fn read, void *user)
{
    filling f = {.w = w};
    int code = fill_parked(w, read, user);
    w->full = !has_room(w);
    if (code != 0 || w->all_read || w->full) return code;
    code = read(user, w->after, OUTBOX_WINDOW_ROWS, OUTBOX_WINDOW_BYTES, take_new, &f);
    if (f.failed) return ENOMEM;
    w->full = f.full;
    if (code == 0) w->all_read = f.seen == 0;
    return code;
}

/* ---- passes ---- */

/* Where the order is, or would be. */
static size_t slot_of(const outbox_window *w, uint64_t order)
{
    size_t at = (size_t)(order * UINT64_C(0x9E3779B97F4A7C15) >> 32) % SLOTS;
    while (w->stamps[at] == w->stamp && w->blocked[at] != order) at = (at + 1) % SLOTS;
    return at;
}

void outbox_window_block(outbox_window *w, uint64_t order)
{
    size_t at = slot_of(w, order);
    w->stamps[at] = w->stamp;
    w->blocked[at] = order;
}

void outbox_window_begin(outbox_window *w)
{
    w->at = w->first;
    w->next_due_ms = INT64_MAX;
    if (++w->stamp == 0) {
        memset(w->stamps, 0, sizeof w->stamps);
        w->stamp = 1;
    }
}

outbox_entry *outbox_window_next(outbox_window *w, int64_t now_ms, bool late)
{
    while (w->at) {
        outbox_entry *e = w->at;
        w->at = e->next;
        if (w->stamps[slot_of(w, e->order)] == w->stamp) continue;
        if (!e->flying && (late ? !e->tried_last : e->due_ms <= now_ms)) return e;
        if (!e->flying && e->due_ms < w->next_due_ms) w->next_due_ms = e->due_ms;
        if (w->in_order && !e->flying) w->at = NULL;    /* all wait for it */
        else if (!w->in_order) outbox_window_block(w, e->order);
    }
    return NULL;
}
