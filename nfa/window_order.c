/*
 * window_order.c: an ordered multiset in a deque, see window_order.h.
 *
 * A binary tree balanced by weight: of the two sides of a record neither weighs more than three times the other (weight: records + 1). Such
 * trees are rebalanced by one turn a level (Nievergelt and Reingold; the pair 3 and 2 is the one proved right). The tree knows how many records
 * and how many values are below each, which gives both the balance and the n-th value.
 *
 * Record 0 holds the root; the others name one another by their place, 0 is none. When one goes, the last takes its place, so the deque is always
 * dense and shrinks as it grew. Deques keep ordinals when records leave at the back, so a place is first + place.
 */
#include "nfa/window_order.h"

#include "nfa/sum.h"

#include <string.h>

typedef struct node {
    uint64_t bits;
    uint32_t left, right;
    uint32_t nodes, values;     /* of the tree from here on down */
    uint32_t count;             /* of this value */
    uint32_t scale;             /* decimals: digits after the point */
} node;

/* Deeper than a tree of 2^32 records can be. */
enum { MAX_DEPTH = 96, HEAVY = 3, SINGLE = 2 };

typedef struct path {
    uint32_t at[MAX_DEPTH];     /* from the root on */
    uint32_t n;
} path;

size_t win_order_record_size(void)
{
    return sizeof(node);
}

static node *node_at(const win_order *set, uint32_t place)
{
    return nfa_deque_at(set->section, set->part, nfa_deque_first(set->section, set->part) + place);
}

static uint32_t root_of(const win_order *set)
{
    return nfa_deque_count(set->section, set->part) == 0 ? 0 : node_at(set, 0)->left;
}

uint32_t win_order_count(const win_order *set)
{
    uint32_t root = root_of(set);
    return root == 0 ? 0 : node_at(set, root)->values;
}

/* ---- values ---- */

/* Equal values become equal in bits. */
static egret_value plain(egret_value v)
{
    while (v.type == EGRET_DECIMAL && v.scale > 0 && v.u.i % 10 == 0) {
        v.u.i /= 10;
        v.scale--;
    }
    if (v.type == EGRET_NUMBER && v.u.d == 0)
        v.u.d = 0;      /* not -0 */
    return v;
}

static egret_value value_of(const win_order *set, const node *x)
{
    egret_value v = egret_null();
    v.type = set->type;
    v.scale = (uint8_t)x->scale;
    memcpy(&v.u, &x->bits, sizeof x->bits);
    return v;
}

static int compare(const win_order *set, egret_value v, const node *x)
{
    int order = 0;
    (void)egret_value_compare(v, value_of(set, x), &order);
    return order;
}

/* ---- weights ---- */

static uint32_t nodes_of(const win_order *set, uint32_t place)
{
    return place == 0 ? 0 : node_at(set, place)->nodes;
}

static void sum_up(const win_order *set, uint32_t place)
{
    node *x = node_at(set, place);
    x->nodes = 1;
    x->values = x->count;
    const uint32_t sides[2] = {x->left, x->right};
    for (int i = 0; i < 2; i++) {
        const node *side = sides[i] == 0 ? NULL : node_at(set, sides[i]);
        x->nodes += side ? side->nodes : 0;
        x->values += side ? side->values : 0;
    }
}

static uint32_t *side_of(node *x, bool right)
{
    return right ? &x->right : &x->left;
}

/* Lifts the child on that side above `place`; gives the child. */
static uint32_t turn(const win_order *set, uint32_t place, bool right)
{
    node *x = node_at(set, place);
    uint32_t lifted = *side_of(x, right);
    node *y = node_at(set, lifted);
    *side_of(x, right) = *side_of(y, !right);
    *side_of(y, !right) = place;
    sum_up(set, place);
    sum_up(set, lifted);
    return lifted;
}

/* Balances one record whose sides are balanced; gives what stands in its place. */
static uint32_t balance(const win_order *set, uint32_t place)
{
    sum_up(set, place);
    for (int i = 0; i < 2; i++) {
        bool right = i != 0;
        node *x = node_at(set, place);
        uint32_t heavy = *side_of(x, right);
        uint64_t other = (uint64_t)nodes_of(set, *side_of(x, !right)) + 1;
        if ((uint64_t)nodes_of(set, heavy) + 1 <= HEAVY * other)
            continue;
        node *y = node_at(set, heavy);
        uint64_t inner = (uint64_t)nodes_of(set, *side_of(y, !right)) + 1, outer = (uint64_t)nodes_of(set, *side_of(y, right)) + 1;
        if (inner >= SINGLE * outer)
            *side_of(x, right) = turn(set, heavy, !right);
        return turn(set, place, right);
    }
    return place;
}

/* ---- ways ---- */

/* The records from the root to that value; the last is the value's, or where it would be hung up. true: it is there. */
static bool find(const win_order *set, egret_value v, path *way)
{
    way->n = 0;
    for (uint32_t place = root_of(set); place != 0 && way->n < MAX_DEPTH;) {
        way->at[way->n++] = place;
        const node *x = node_at(set, place);
        int order = compare(set, v, x);
        if (order == 0)
            return true;
        place = order < 0 ? x->left : x->right;
    }
    return false;
}

/* Whoever named `from`, below record number i - 1 of the way, names `to`. */
static void rename_child(const win_order *set, const path *way, uint32_t i, uint32_t from, uint32_t to)
{
    node *above = node_at(set, i == 0 ? 0 : way->at[i - 1]);
    if (above->left == from)
        above->left = to;
    else
        above->right = to;
}

/* Balances the first n records of the way, from below. */
static void balance_way(const win_order *set, const path *way, uint32_t n)
{
    for (uint32_t i = n; i-- > 0;)
        rename_child(set, way, i, way->at[i], balance(set, way->at[i]));
}

/* ---- coming ---- */

static bool push_node(const win_order *set, egret_value v, uint32_t *place)
{
    bool first = nfa_deque_count(set->section, set->part) == 0;
    if (first && nfa_deque_push(set->section, set->part) == NULL)
        return false;
    node *x = nfa_deque_push(set->section, set->part);
    if (x == NULL) {
        if (first)
            nfa_deque_pop_back(set->section, set->part, 1);
        return false;
    }
    *x = (node){.nodes = 1, .values = 1, .count = 1, .scale = v.scale};
    memcpy(&x->bits, &v.u, sizeof x->bits);
    *place = nfa_deque_count(set->section, set->part) - 1;
    return true;
}

bool win_order_add(const win_order *set, egret_value v)
{
    path way;
    v = plain(v);
    if (find(set, v, &way)) {
        node_at(set, way.at[way.n - 1])->count++;
        for (uint32_t i = 0; i < way.n; i++)
            node_at(set, way.at[i])->values++;
        return true;
    }
    uint32_t fresh;
    if (!push_node(set, v, &fresh))
        return false;
    node *above = node_at(set, way.n == 0 ? 0 : way.at[way.n - 1]);
    *side_of(above, way.n > 0 && compare(set, v, above) > 0) = fresh;
    balance_way(set, &way, way.n);
    return true;
}

/* ---- going ---- */

/* The last record takes the place of one that nobody names any more. */
static void fill_hole(const win_order *set, uint32_t hole)
{
    uint32_t last = nfa_deque_count(set->section, set->part) - 1;
    if (hole != last) {
        path way;
        (void)find(set, value_of(set, node_at(set, last)), &way);
        rename_child(set, &way, way.n - 1, last, hole);
        *node_at(set, hole) = *node_at(set, last);
    }
    nfa_deque_pop_back(set->section, set->part, last == 1 ? 2 : 1);
}

/* Takes the last record of the way out of the tree. One with two sides first gets the value of the next larger record, which then goes instead:
 * it has no left side. */
static void unhang(const win_order *set, path *way)
{
    uint32_t bottom = way->n - 1;
    node *x = node_at(set, way->at[bottom]);
    if (x->left != 0 && x->right != 0) {
        for (uint32_t place = x->right; place != 0 && way->n < MAX_DEPTH; place = node_at(set, place)->left)
            way->at[way->n++] = place;
        const node *next = node_at(set, way->at[way->n - 1]);
        x->bits = next->bits;
        x->count = next->count;
        x->scale = next->scale;
        bottom = way->n - 1;
        x = node_at(set, way->at[bottom]);
    }
    rename_child(set, way, bottom, way->at[bottom], x->left != 0 ? x->left : x->right);
    balance_way(set, way, bottom);
    fill_hole(set, way->at[bottom]);
}

void win_order_take(const win_order *set, egret_value v)
{
    path way;
    if (!find(set, plain(v), &way))
        return;
    node *x = node_at(set, way.at[way.n - 1]);
    if (x->count == 1) {
        unhang(set, &way);
        return;
    }
    x->count--;
    for (uint32_t i = 0; i < way.n; i++)
        node_at(set, way.at[i])->values--;
}

void win_order_clear(const win_order *set)
{
    nfa_deque_pop_back(set->section, set->part, nfa_deque_count(set->section, set->part));
}

/* ---- reading ---- */

egret_value win_order_at(const win_order *set, uint32_t n)
{
    for (uint32_t place = root_of(set); place != 0;) {
        const node *x = node_at(set, place);
        uint32_t before = x->left == 0 ? 0 : node_at(set, x->left)->values;
        if (n >= before && n - before < x->count)
            return value_of(set, x);
        place = n < before ? x->left : x->right;
        n -= n < before ? 0 : before + x->count;
    }
    return egret_null();
}

egret_value win_order_percentile(const win_order *set, unsigned percent)
{
    uint64_t n = win_order_count(set);
    return n == 0 ? egret_null() : win_order_at(set, (uint32_t)((n * percent + 99) / 100 - 1));
}

egret_value win_order_median(const win_order *set)
{
    uint32_t n = win_order_count(set);
    nfa_sum sum = {0, 0};
    if (n == 0 || !nfa_sum_add(&sum, win_order_at(set, n / 2), 1))
        return egret_null();
    if (n % 2 != 0)
        return nfa_sum_mean(&sum, (egret_type)set->type, 1);
    return nfa_sum_add(&sum, win_order_at(set, n / 2 - 1), 1) ? nfa_sum_mean(&sum, (egret_type)set->type, 2) : egret_null();
}
