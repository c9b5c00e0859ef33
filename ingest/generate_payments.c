/*
 * generate_payments.c: card payments of ten days, whatever their number.
 *
 * Ordinary life: about one card for ten payments, some used far more than others; each has its device, home country and level
 * of spending; amounts stay between a third and twice that level, so that ordinary life is never ten times its own average.
 *
 * Episodes, about one in a thousand payments and in turn:
 *   card_testing        from one ip and device: 5 to 12 declined amounts below 5.00 on 4 to 8 cards within 9 minutes; often an approved
 *                       amount of 100.00 or more from there within half an hour
 *   card_velocity       7 to 12 payments with one card within 45 minutes
 *   card_countries      one card in 3 to 5 countries within 20 hours
 *   ten_times_average   a card with more than five payments behind it pays 12 to 20 times its mean
 */
#include "ingest/generate_internal.h"

#include <inttypes.h>
#include <stdlib.h>

enum { SPAN_MS = 10 * 24 * GENERATE_HOUR };

typedef struct history {    /* of a card: what it has paid so far */
    uint32_t n;
    uint64_t cents;
} history;

typedef struct world {
    uint64_t n_cards;
    history *cards;
    int64_t gap_ms;         /* mean time between payments */
    uint64_t until_episode, episode_gap;
} world;

typedef struct payment {
    uint64_t card;
    uint64_t ip, device;
    const char *country;
    uint64_t cents;
    bool declined;
} payment;

static const char *const countries[] = { "DE", "FR", "NL", "AT", "ES", "IT", "PL", "GB", "US", "BR", "SG", "TH", "NG", "ZA", "AU", "MX" };
enum { N_COUNTRIES = sizeof countries / sizeof *countries, N_HOME = 8 };

static bool begin(generator *g)
{
    world *w = calloc(1, sizeof *w);
    if (w == NULL)
        return false;
    g->world = w;
    w->n_cards = g->options.events / 10 + 8;
    w->gap_ms = g->options.events == 0 ? 1 : SPAN_MS / (int64_t)g->options.events;
    w->gap_ms += w->gap_ms == 0;
    w->episode_gap = g->options.events / 8 < 20 ? 20 : g->options.events / 8 > 1000 ? 1000 : g->options.events / 8;
    w->until_episode = w->episode_gap;
    w->cards = calloc(w->n_cards, sizeof *w->cards);
    return w->cards != NULL;
}

static void end(generator *g)
{
    world *w = g->world;
    if (w == NULL)
        return;
    free(w->cards);
    free(w);
}

static void plan_payment(generator *g, int64_t at_ms, const payment *p, const char *label, uint64_t episode)
{
    world *w = g->world;
    uint64_t id = ++g->ids, h = generate_hash(p->card);
    w->cards[p->card].n++;
    w->cards[p->card].cents += p->cents;
    generate_plan(g, at_ms, label, episode,
                  "{\"id\":\"p%07" PRIu64 "\",\"card\":\"c%06" PRIu64 "\",\"card_fp\":\"f%06" PRIx64
                  "\",\"ip\":\"%u.%u.%u.%u\",\"device_id\":\"d%06" PRIx64
                  "\",\"merchant_country\":\"%s\",\"amount\":%" PRIu64 ".%02u,\"status\":\"%s\"",
                  id, p->card, (h & 0xFF) << 24 | p->card, (unsigned)(11 + (p->ip >> 24) % 180), (unsigned)(p->ip >> 16 & 255),
                  (unsigned)(p->ip >> 8 & 255), (unsigned)(p->ip & 255), p->device & 0xFFFFFF, p->country,
                  p->cents / 100, (unsigned)(p->cents % 100), p->declined ? "declined" : "approved");
}

/* An ordinary payment with this card. */
static payment usual(generator *g, uint64_t card)
{
    uint64_t h = generate_hash(card), level = 800 + (h >> 40) % 6000;
    payment p = { .card = card, .ip = h >> 16, .device = h >> 8, .country = countries[h % N_HOME],
                  .cents = level * (uint64_t)generate_between(g, 34, 200) / 100, .declined = generate_chance(g, 35) };
    if (generate_chance(g, 150))
        p.ip = generate_bits(g);
    if (generate_chance(g, 20))
        p.country = countries[generate_below(g, N_HOME)];
    return p;
}

/* ---- episodes ---- */

static void card_testing(generator *g, uint64_t episode)
{
    const world *w = g->world;
    uint64_t ip = generate_bits(g), device = generate_bits(g), card = 0;
    int64_t n = generate_between(g, 5, 12), n_cards = generate_between(g, 4, n < 8 ? n : 8), at_ms = g->now_ms;
    uint64_t first = generate_below(g, w->n_cards);
    for (int64_t i = 0; i < n; i++) {
        card = (first + (uint64_t)(i % n_cards)) % w->n_cards;
        at_ms += generate_between(g, 500, 9 * GENERATE_MINUTE / n);
        payment p = usual(g, card);
        p.ip = ip;
        p.device = device;
        p.cents = (uint64_t)generate_between(g, 50, 499);
        p.declined = true;
        plan_payment(g, at_ms, &p, "card_testing", episode);
    }
    if (!generate_chance(g, 600))
        return;
    payment hit = usual(g, card);
    hit.ip = ip;
    hit.device = device;
    hit.cents = (uint64_t)generate_between(g, 10000, 40000);
    hit.declined = false;
    plan_payment(g, at_ms + generate_between(g, GENERATE_MINUTE, 30 * GENERATE_MINUTE), &hit, "card_testing", episode);
}

static void card_velocity(generator *g, uint64_t episode)
{
    const world *w = g->world;
    uint64_t card = generate_below(g, w->n_cards);
    int64_t n = generate_between(g, 7, 12), at_ms = g->now_ms;
    for (int64_t i = 0; i < n; i++) {
        at_ms += generate_between(g, 1000, 45 * GENERATE_MINUTE / n);
        payment p = usual(g, card);
        p.declined = generate_chance(g, 100);
        plan_payment(g, at_ms, &p, "card_velocity", episode);
    }
}

static void card_countries(generator *g, uint64_t episode)
{
    const world *w = g->world;
    uint64_t card = generate_below(g, w->n_cards), first = generate_below(g, N_COUNTRIES);
    int64_t n = generate_between(g, 3, 5), at_ms = g->now_ms;
    for (int64_t i = 0; i < n; i++) {
        at_ms += generate_between(g, 10 * GENERATE_MINUTE, 20 * GENERATE_HOUR / n);
        payment p = usual(g, card);
        p.country = countries[(first + (uint64_t)i * 3) % N_COUNTRIES];
        p.declined = false;
        plan_payment(g, at_ms, &p, "card_countries", episode);
    }
}

/* Looks for a card with a history; when there is none near, the episode does not take place. */
static void ten_times_average(generator *g, uint64_t episode)
{
    const world *w = g->world;
    for (unsigned tries = 0; tries < 200; tries++) {
        uint64_t card = generate_rank(g, w->n_cards);
        const history *h = &w->cards[card];
        if (h->n <= 5)
            continue;
        payment p = usual(g, card);
        p.cents = h->cents / h->n * (uint64_t)generate_between(g, 12, 20);
        p.declined = false;
        plan_payment(g, g->now_ms + 1, &p, "ten_times_average", episode);
        return;
    }
}

static void step(generator *g)
{
    static void (*const episodes[])(generator *, uint64_t) = { card_testing, card_velocity, card_countries, ten_times_average };
    world *w = g->world;
    g->now_ms += generate_between(g, 1, 2 * w->gap_ms - 1);
    payment p = usual(g, generate_rank(g, w->n_cards));
    plan_payment(g, g->now_ms, &p, NULL, 0);
    if (--w->until_episode > 0)
        return;
    w->until_episode = w->episode_gap / 2 + generate_below(g, w->episode_gap);
    uint64_t episode = ++g->episodes;
    episodes[episode % 4](g, episode);
}

const generate_kind generate_payments = { "payments", begin, step, end };
