/*
 * generate_logins.c: people logging in, and two ways of breaking in.
 *
 * Ordinary life: an account has its user, device, address and place. Now and then a password is mistyped once or twice before the login succeeds;
 * some logins pass a second factor; some sessions change a contact, send money or buy a gift card.
 *
 * Episodes, about one in eight hundred steps and in turn:
 *   brute_force         6 to 20 failures of one user from one address within 5 minutes, then a success
 *   account_takeover    3 to 5 failures within 10 minutes, a success from a device never seen, within 20 minutes a change of contact,
 *                       within 6 hours money out, 200.00 or more
 */
#include "ingest/generate_internal.h"

#include <inttypes.h>
#include <stdlib.h>

typedef struct world {
    uint64_t n_accounts;
    int64_t gap_ms;
    uint64_t until_episode, episode_gap;
} world;

typedef struct person {
    uint64_t account;
    uint64_t ip, device;
} person;

static bool begin(generator *g)
{
    world *w = calloc(1, sizeof *w);
    if (w == NULL)
        return false;
    g->world = w;
    w->n_accounts = g->options.events / 20 + 8;
    w->gap_ms = g->options.events == 0 ? 1 : INT64_C(2) * 10 * 24 * GENERATE_HOUR / (int64_t)g->options.events;
    w->gap_ms += w->gap_ms == 0;
    w->episode_gap = g->options.events / 10 < 10 ? 10 : g->options.events / 10 > 800 ? 800 : g->options.events / 10;
    w->until_episode = w->episode_gap;
    return true;
}

static void end(generator *g)
{
    free(g->world);
}

static person at_home(uint64_t account)
{
    uint64_t h = generate_hash(account ^ UINT64_C(0x10610));
    return (person){ account, h >> 20, h >> 8 };
}

/* Plans an event of a person; `more` are further fields, each with a comma before it. */
static void plan_event(generator *g, int64_t at_ms, const char *type, const person *who, const char *more, const char *label, uint64_t episode)
{
    generate_plan(g, at_ms, label, episode,
                  "{\"type\":\"%s\",\"id\":\"l%07" PRIu64 "\",\"account\":\"a%05" PRIu64 "\",\"user\":\"u%05" PRIu64 "\",\"customer\":\"k%05" PRIu64
                  "\",\"ip\":\"%u.%u.%u.%u\",\"device_id\":\"d%06" PRIx64 "\"%s",
                  type, ++g->ids, who->account, who->account, who->account / 2, (unsigned)(11 + (who->ip >> 24) % 180),
                  (unsigned)(who->ip >> 16 & 255), (unsigned)(who->ip >> 8 & 255), (unsigned)(who->ip & 255), who->device & 0xFFFFFF, more);
}

static void plan_failure(generator *g, int64_t at_ms, const person *who, const char *label, uint64_t episode)
{
    char more[48];
    snprintf(more, sizeof more, ",\"host\":\"web%u\"", (unsigned)generate_below(g, 4));
    plan_event(g, at_ms, "login_failed", who, more, label, episode);
}

/* A success, with the place that belongs to the address. */
static void plan_success(generator *g, int64_t at_ms, const person *who, const char *label, uint64_t episode)
{
    char more[128];
    uint64_t h = generate_hash(who->ip >> 12);
    snprintf(more, sizeof more, ",\"asn\":%u,\"lat\":%u.%04u,\"lon\":%u.%04u", (unsigned)(h % 60000 + 1000), (unsigned)(47 + h % 7),
             (unsigned)(h >> 16 & 8191), (unsigned)(6 + (h >> 32) % 8), (unsigned)(h >> 40 & 8191));
    plan_event(g, at_ms, "login_ok", who, more, label, episode);
}

static void plan_money(generator *g, int64_t at_ms, const person *who, uint64_t cents, const char *label, uint64_t episode)
{
    char more[160];
    if (generate_chance(g, 150)) {
        snprintf(more, sizeof more, ",\"amount\":%" PRIu64 ".%02u", cents / 100, (unsigned)(cents % 100));
        plan_event(g, at_ms, "gift_card_purchase", who, more, label, episode);
        return;
    }
    uint64_t to = generate_below(g, 100000), balance = cents * 2 + generate_below(g, 500000);
    snprintf(more, sizeof more, ",\"beneficiary\":\"b%05" PRIu64 "\",\"beneficiary_id\":\"b%05" PRIu64 "\",\"amount\":%" PRIu64
             ".%02u,\"balance_before\":%" PRIu64 ".%02u", to, to, cents / 100, (unsigned)(cents % 100), balance / 100, (unsigned)(balance % 100));
    plan_event(g, at_ms, "transfer_out", who, more, label, episode);
}

static const char *some_change(generator *g)
{
    static const char *const changes[] = { "password_change", "email_change", "phone_change" };
    return changes[generate_below(g, 3)];
}

/* ---- episodes ---- */

static void brute_force(generator *g, uint64_t episode)
{
    const world *w = g->world;
    person who = at_home(generate_below(g, w->n_accounts));
    who.ip = generate_bits(g);
    who.device = generate_bits(g);
    int64_t n = generate_between(g, 6, 20), at_ms = g->now_ms;
    for (int64_t i = 0; i < n; i++) {
        at_ms += generate_between(g, 300, 5 * GENERATE_MINUTE / n);
        plan_failure(g, at_ms, &who, "brute_force", episode);
    }
    plan_success(g, at_ms + generate_between(g, 1000, GENERATE_MINUTE), &who, "brute_force", episode);
}

static void account_takeover(generator *g, uint64_t episode)
{
    const world *w = g->world;
    person who = at_home(generate_below(g, w->n_accounts));
    who.ip = generate_bits(g);
    who.device = generate_bits(g);
    int64_t n = generate_between(g, 3, 5), at_ms = g->now_ms;
    for (int64_t i = 0; i < n; i++) {
        at_ms += generate_between(g, 5000, 10 * GENERATE_MINUTE / n);
        plan_failure(g, at_ms, &who, "account_takeover", episode);
    }
    at_ms += generate_between(g, 5000, 10 * GENERATE_MINUTE);
    plan_success(g, at_ms, &who, "account_takeover", episode);
    at_ms += generate_between(g, 30000, 20 * GENERATE_MINUTE);
    plan_event(g, at_ms, some_change(g), &who, "", "account_takeover", episode);
    at_ms += generate_between(g, GENERATE_MINUTE, 6 * GENERATE_HOUR);
    plan_money(g, at_ms, &who, (uint64_t)generate_between(g, 20000, 500000), "account_takeover", episode);
}

/* ---- ordinary life ---- */

static void session(generator *g)
{
    const world *w = g->world;
    person who = at_home(generate_rank(g, w->n_accounts));
    int64_t at_ms = g->now_ms;
    for (uint64_t slips = generate_below(g, 12); slips >= 10; slips--) {
        plan_failure(g, at_ms, &who, NULL, 0);
        at_ms += generate_between(g, 2000, 20000);
    }
    plan_success(g, at_ms, &who, NULL, 0);
    if (generate_chance(g, 250))
        plan_event(g, at_ms += generate_between(g, 3000, 40000), "mfa_passed", &who, "", NULL, 0);
    if (generate_chance(g, 15))
        plan_event(g, at_ms += generate_between(g, 20000, 200000), some_change(g), &who, "", NULL, 0);
    if (generate_chance(g, 300))
        plan_money(g, at_ms + generate_between(g, 20000, 600000), &who, (uint64_t)generate_between(g, 500, 90000), NULL, 0);
}

static void step(generator *g)
{
    static void (*const episodes[])(generator *, uint64_t) = { brute_force, account_takeover };
    world *w = g->world;
    g->now_ms += generate_between(g, 1, 2 * w->gap_ms - 1);
    session(g);
    if (--w->until_episode > 0)
        return;
    w->until_episode = w->episode_gap / 2 + generate_below(g, w->episode_gap);
    uint64_t episode = ++g->episodes;
    episodes[episode % 2](g, episode);
}

const generate_kind generate_logins = { "logins", begin, step, end };
