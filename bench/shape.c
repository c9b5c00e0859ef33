/*
 * shape.c: does the heart have the right shape? Three questions, each answered by a ratio within one run (medians of five):
 *
 *   open     an event on a key with 100,000 open attempts against one with 10
 *   rules    throughput with 1,000 rules that differ in constants against 10
 *   keys     bytes per key with 1,000,000 keys of one two-step attempt each
 *
 * The engine is driven directly, without decoding, so that what is measured is evaluation alone; time is processor time, so that other
 * programs on the machine disturb less.
 */
#include "nfa/engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 5 };

typedef struct setup {
    egret_arena arena;
    egret_diags diags;
    ast_file file;
    const plan *plan;
    nfa_engine *engine;
} setup;

static void *grow(void *user, void *ptr, size_t old_size, size_t new_size)
{
    (void)user;
    (void)old_size;
    if (new_size == 0) {
        free(ptr);
        return NULL;
    }
    return realloc(ptr, new_size);
}

static const egret_mem heap = {grow, NULL};

static void open_setup(setup *s, const char *rules)
{
    egret_arena_init(&s->arena, heap);
    egret_diags_init(&s->diags, &s->arena);
    ast_file_init(&s->file);
    egret_parse(&s->diags, egret_diags_add_source(&s->diags, "bench", rules, strlen(rules)), &s->file);
    s->plan = s->diags.n_errors == 0 ? egret_plan_make(&s->diags, &s->file, false) : NULL;
    s->engine = s->plan ? nfa_engine_new(heap, s->plan) : NULL;
    if (s->engine == NULL) {
        (void)fputs(egret_diags_text(&s->diags), stderr);
        exit(3);
    }
}

static void close_setup(setup *s)
{
    nfa_engine_free(s->engine);
    egret_arena_deinit(&s->arena);
}

static double now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double median(double *v)
{
    for (int i = 1; i < ROUNDS; i++) {
        for (int k = i; k > 0 && v[k] < v[k - 1]; k--) {
            double swap = v[k];
            v[k] = v[k - 1];
            v[k - 1] = swap;
        }
    }
    return v[ROUNDS / 2];
}

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static uint32_t slot_of(const plan *p, uint32_t stream, const char *name)
{
    for (uint32_t i = 0; i < p->streams[stream].n_fields; i++) {
        if (egret_str_is(p->streams[stream].fields[i].name, name)) {
            return p->streams[stream].fields[i].slot;
        }
    }
    return PLAN_NONE;
}

static void put(egret_value *slots, const plan *p, uint32_t stream, const char *name, egret_value v)
{
    uint32_t slot = slot_of(p, stream, name);
    if (slot != PLAN_NONE) {
        slots[slot] = v;
    }
}

static void push(setup *s, const nfa_event *event)
{
    if (nfa_engine_event(s->engine, event) != EGRET_OK) {
        (void)fputs("an event was refused\n", stderr);
        exit(3);
    }
    while (nfa_engine_take(s->engine) != NULL) {
    }
}

/* ---- open attempts on one key ---- */

static const char open_rules[] =
    "stream a { k: string  v: int }\nstream b { k: string  v: int }\nstream c { k: string  v: int }\n"
    "rule two { match x: a [v > 0] then y: b [v > 0] by k within 1h alert { v: y.v } }\n"
    "rule three { match x: a [v > 0] then y: b [v > 0] then z: c [v > 0] by k within 1h alert { v: z.v } }\n";

/* Seconds per event in a steady state of `attempts` open ones: each `a` begins one, one runs out; b events advance those of the
 * second rule (the first rule sees b events that do not fit). */
static double open_round(uint32_t attempts, uint32_t events)
{
    setup s;
    open_setup(&s, open_rules);
    int64_t step = 3600000 / attempts;
    uint32_t warm = attempts + 10;
    egret_value slots[4];
    nfa_event event = {.slots = slots};
    double begin = 0;
    for (uint32_t i = 0; i < warm + events; i++) {
        if (i == warm) {
            begin = now_s();
        }
        event.time_ms += step;
        event.stream = 0;
        put(slots, s.plan, 0, "k", egret_string("key", 3));
        put(slots, s.plan, 0, "v", egret_int(1));
        event.identity = event.ref = i;
        push(&s, &event);
    }
    double seconds = now_s() - begin;
    close_setup(&s);
    return seconds / events;
}

static int bench_open(void)
{
    double few[ROUNDS];
    double many[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        few[i] = open_round(10, 400000);
        many[i] = open_round(100000, 400000);
    }
    double a = median(few);
    double b = median(many);
    printf("open     10 attempts %.0f ns/event, 100,000 attempts %.0f ns/event: ratio %.2f (at most 2)\n", a * 1e9, b * 1e9, b / a);
    return b / a <= 2.0 ? 0 : 1;
}

/* ---- rules that differ in constants ---- */

/* A third each: a merchant's name, a band of amounts, a sequence that begins at a merchant and ends at any refund. */
static char *many_rules(uint32_t n)
{
    size_t cap = 4096 + (size_t)n * 400;
    char *text = malloc(cap);
    if (text == NULL) {
        exit(3);
    }
    uint32_t third = n / 3;
    size_t at = (size_t)snprintf(text, cap, "stream pay { card: string  merchant: string  amount: decimal  kind: string }\n");
    for (uint32_t i = 0; i < third; i++) {
        at += (size_t)snprintf(text + at, cap - at,
                               "rule name%u { watch pay [merchant == \"m%u\"] by card over 1h when count() >= 3 alert { n: count() } throttle 1h }\n",
                               i, i);
        at += (size_t)snprintf(text + at, cap - at,
                               "rule band%u { watch pay [amount >= %u.00 and amount < %u.00] by card over 1h when count() >= 3 alert { n: count() } throttle 1h }\n",
                               i, i * 9990 / third, (i + 1) * 9990 / third);
        at += (size_t)snprintf(text + at, cap - at,
                               "rule back%u { match x: pay [merchant == \"m%u\"] then y: pay [kind == \"refund\"] by card within 1h alert { a: y.amount } }\n",
                               i, i);
    }
    return text;
}

/* Events are spread evenly over the constants in use, so that an event concerns one rule of each kind, however many there are. */
static double rules_round(uint32_t n, uint32_t events)
{
    setup s;
    char *text = many_rules(n);
    open_setup(&s, text);
    free(text);
    egret_value slots[8];
    nfa_event event = {.slots = slots};
    uint64_t seed = 7;
    double begin = now_s();
    for (uint32_t i = 0; i < events; i++) {
        char card[16];
        char merchant[16];
        uint64_t r = next_random(&seed);
        int card_len = snprintf(card, sizeof card, "card%05u", (unsigned)(r % 20000));
        int merchant_len = snprintf(merchant, sizeof merchant, "m%u", (unsigned)(r >> 20) % (n / 3));
        put(slots, s.plan, 0, "card", egret_string(card, (uint32_t)card_len));
        put(slots, s.plan, 0, "merchant", egret_string(merchant, (uint32_t)merchant_len));
        put(slots, s.plan, 0, "amount", egret_decimal((int64_t)((r >> 32) % 999000), 2));
        put(slots, s.plan, 0, "kind", (r >> 56) < 8 ? egret_string("refund", 6) : egret_string("sale", 4));
        event.time_ms += 10;
        event.identity = event.ref = i;
        push(&s, &event);
    }
    double seconds = now_s() - begin;
    close_setup(&s);
    return (double)events / seconds;
}

static int bench_rules(void)
{
    double few[ROUNDS];
    double many[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        few[i] = rules_round(10, 500000);
        many[i] = rules_round(1000, 500000);
    }
    double a = median(few);
    double b = median(many);
    printf("rules    10 rules %.0f events/s, 1,000 rules %.0f events/s: ratio %.2f (at least 0.5)\n", a, b, b / a);
    return b / a >= 0.5 ? 0 : 1;
}

/* ---- a million keys ---- */

static size_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "r");
    unsigned long size = 0;
    unsigned long resident = 0;
    if (file != NULL) {
        if (fscanf(file, "%lu %lu", &size, &resident) != 2) {
            resident = 0;
        }
        (void)fclose(file);
    }
    return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static int bench_keys(void)
{
    enum { KEYS = 1000000 };
    setup s;
    open_setup(&s, "stream a { card: string  v: int }\nstream b { card: string  v: int }\n"
                   "rule two { match x: a [v > 0] then y: b [v > x.v] by card within 24h alert { v: y.v } }\n");
    size_t before = resident_bytes();
    egret_value slots[4];
    nfa_event event = {.slots = slots};
    for (uint32_t i = 0; i < KEYS; i++) {
        char card[24];
        int len = snprintf(card, sizeof card, "card-%07u", i);
        put(slots, s.plan, 0, "card", egret_string(card, (uint32_t)len));
        put(slots, s.plan, 0, "v", egret_int(1));
        event.time_ms++;
        event.identity = event.ref = i;
        push(&s, &event);
    }
    double per_key = (double)(resident_bytes() - before) / KEYS;
    const nfa_stats *stats = nfa_engine_stats(s.engine);
    printf("keys     %llu keys: %.0f bytes each resident, %.0f by the store's own count (at most 300)\n",
           (unsigned long long)stats->keys, per_key, (double)stats->bytes / KEYS);
    bool good = stats->keys == KEYS && per_key <= 300;
    close_setup(&s);
    return good ? 0 : 1;
}

int main(int argc, char **argv)
{
    const char *only = argc > 1 ? argv[1] : "";
    int bad = 0;
    if (*only == '\0' || strcmp(only, "keys") == 0) {
        bad |= bench_keys();
    }
    if (*only == '\0' || strcmp(only, "open") == 0) {
        bad |= bench_open();
    }
    if (*only == '\0' || strcmp(only, "rules") == 0) {
        bad |= bench_rules();
    }
    return bad;
}
