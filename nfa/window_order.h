/*
 * window_order.h: values in order, in a part of a section: what the percentiles of a window are read from.
 *
 * A multiset: equal values are one record with a count. Adding, taking away and finding the n-th cost O(log d) for d different values; 32 bytes
 * each. What is read depends on the values alone, not on the order in which they came and went.
 */
#ifndef EGRET_NFA_WINDOW_ORDER_H
#define EGRET_NFA_WINDOW_ORDER_H

#include "nfa/block.h"
#include "compiler/value.h"

/* A set in one part of a section, a deque of records of win_order_record_size() bytes; no records: the empty set. type: of the values, one of
 * INT, NUMBER, DECIMAL, TIME, DURATION. */
typedef struct win_order {
    nfa_section *section;
    unsigned part;
    uint8_t type;
} win_order;

size_t win_order_record_size(void);
bool win_order_add(const win_order *set, egret_value v);    /* false: no memory, nothing is changed */
void win_order_take(const win_order *set, egret_value v);   /* one that was added */
void win_order_clear(const win_order *set);
uint32_t win_order_count(const win_order *set);             /* equal ones each */
egret_value win_order_at(const win_order *set, uint32_t n); /* the n-th in order, from 0, below the count; decimals without zeros at the end */
/* The smallest value that at least `percent` of a hundred are not above (nearest rank); null of nothing. */
egret_value win_order_percentile(const win_order *set, unsigned percent);
egret_value win_order_median(const win_order *set);         /* the middle one, or the mean of the middle two, rounded once; null of nothing */

#endif
