/*
 * bands.c: see bands.h. The tree is implicit: the root of [from, to) is its middle.
 */
#include "nfa/bands.h"

static int order_of(egret_value a, egret_value b)
{
    int order = 0;
    (void)egret_value_compare(a, b, &order);
    return order;
}

/* One conjunct `field op constant` (or the other way round) on the slot. */
static void read_bound(const plan *p, uint32_t number, uint32_t slot, nfa_band *band)
{
    const plan_expr *expr = &p->exprs[number];
    if (expr->op != PLAN_LT && expr->op != PLAN_LE && expr->op != PLAN_GT && expr->op != PLAN_GE) {
        return;
    }
    const plan_expr *a = &p->exprs[p->args[expr->args]];
    const plan_expr *b = &p->exprs[p->args[expr->args + 1]];
    bool mirrored = a->op == PLAN_CONST;
    const plan_expr *field = mirrored ? b : a;
    const plan_expr *constant = mirrored ? a : b;
    if (field->op != PLAN_FIELD || field->a != slot || constant->op != PLAN_CONST) {
        return;
    }
    bool upper = (expr->op == PLAN_LT || expr->op == PLAN_LE) != mirrored;
    egret_value bound = p->consts[constant->a];
    egret_value *place = upper ? &band->high : &band->low;
    bool tighter = place->type == EGRET_NULL || (upper ? order_of(bound, *place) < 0 : order_of(bound, *place) > 0);
    if (tighter) {
        *place = bound;
    }
}

bool nfa_band_of(const plan *p, uint32_t expr, uint32_t slot, nfa_band *out)
{
    *out = (nfa_band){.low = egret_null(), .high = egret_null()};
    const plan_expr *whole = &p->exprs[expr];
    if (whole->op != PLAN_AND) {
        return false;
    }
    for (uint32_t i = 0; i < whole->n_args; i++) {
        read_bound(p, p->args[whole->args + i], slot, out);
    }
    return out->low.type != EGRET_NULL && out->high.type != EGRET_NULL;
}

static void sort_by_low(nfa_band *bands, uint32_t n)
{
    for (uint32_t gap = n / 2; gap > 0; gap /= 2) {
        for (uint32_t i = gap; i < n; i++) {
            nfa_band band = bands[i];
            uint32_t at = i;
            for (; at >= gap && order_of(bands[at - gap].low, band.low) > 0; at -= gap) {
                bands[at] = bands[at - gap];
            }
            bands[at] = band;
        }
    }
}

static egret_value raise(nfa_band *bands, uint32_t from, uint32_t to)
{
    uint32_t middle = from + (to - from) / 2;
    egret_value highest = bands[middle].high;
    if (from < middle) {
        egret_value left = raise(bands, from, middle);
        highest = order_of(left, highest) > 0 ? left : highest;
    }
    if (middle + 1 < to) {
        egret_value right = raise(bands, middle + 1, to);
        highest = order_of(right, highest) > 0 ? right : highest;
    }
    bands[middle].highest = highest;
    return highest;
}

void nfa_bands_prepare(nfa_band *bands, uint32_t n)
{
    sort_by_low(bands, n);
    if (n > 0) {
        (void)raise(bands, 0, n);
    }
}

static bool find(const nfa_band *bands, uint32_t from, uint32_t to, egret_value v, bool (*hit)(void *user, uint32_t guard),
                 void *user)
{
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        const nfa_band *band = &bands[middle];
        if (order_of(band->highest, v) < 0) {
            return true;
        }
        if (!find(bands, from, middle, v, hit, user)) {
            return false;
        }
        if (order_of(band->low, v) > 0) {
            return true;    /* all to the right begin later still */
        }
        if (order_of(band->high, v) >= 0 && !hit(user, band->guard)) {
            return false;
        }
        from = middle + 1;
    }
    return true;
}

bool nfa_bands_find(const nfa_band *bands, uint32_t n, egret_value v, bool (*hit)(void *user, uint32_t guard), void *user)
{
    return find(bands, 0, n, v, hit, user);
}
