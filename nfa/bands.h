/*
 * bands.h: which intervals hold a value: guards like `amount >= 8000 and amount < 10000`, found without trying each.
 *
 * The bands of one field stand sorted by lower bound; read as a balanced tree (the middle is the root), each node knows the greatest upper bound
 * below it. A look-up goes down only where a band can hold the value: log n steps and one for each band found. Bounds are taken as
 * inclusive here; whoever asks tests the condition itself.
 */
#ifndef EGRET_NFA_BANDS_H
#define EGRET_NFA_BANDS_H

#include "compiler/plan.h"

typedef struct nfa_band {
    egret_value low, high;
    egret_value highest;        /* of the subtree below this place */
    uint32_t guard;
} nfa_band;

/* The bounds a condition sets to the event's field `slot`; false unless it has both, with constants. */
bool nfa_band_of(const plan *p, uint32_t expr, uint32_t slot, nfa_band *out);
/* Sorts and prepares; values of one field, so all comparable. */
void nfa_bands_prepare(nfa_band *bands, uint32_t n);
/* Calls hit for each band that holds v (bounds included), in order of lower bounds; stops and gives false when hit does. */
bool nfa_bands_find(const nfa_band *bands, uint32_t n, egret_value v, bool (*hit)(void *user, uint32_t guard), void *user);

#endif
