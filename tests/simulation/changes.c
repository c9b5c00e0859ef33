/*
 * changes.c: somebody who changes the rules while events flow: replaces, removes and switches rules, puts older versions back, swaps a list and a table,
 * replaces whole files, and does several of these at once. One change at a time, each with a note of its own, by which it is found in the journal.
 */
#include "tests/simulation/world.h"

#include "tests/simulation/fakes.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static const uint64_t GONE = 0, ANY = 1;    /* as hashes of texts */

/* ---- what is asked for ---- */

typedef struct draft {
    const rule_set *now;
    unsigned n;                 /* of the change: no two texts are the same */
    web_rules_item items[WORLD_MADE];
    char texts[WORLD_MADE][1024];
    size_t n_items;
    world_change made;
    bool may_be_refused;
} draft;

static const char *const replaced[] = {"failed", "thrice", "quiet", "many", "lost", "jump", "busy", "listed", "still"};
enum { REPLACED = sizeof replaced / sizeof replaced[0] };

static void put(draft *a, web_rules_kind kind, const char *name, const char *thing, const char *format, ...) __attribute__((format(printf, 5, 6)));

/* One item more. thing: what it makes another one of. */
static void put(draft *a, web_rules_kind kind, const char *name, const char *thing, const char *format, ...)
{
    va_list list;
    char *text = a->texts[a->n_items];
    va_start(list, format);
    int len = vsnprintf(text, sizeof a->texts[0], format, list);
    va_end(list);
    if (len < 0 || (size_t)len >= sizeof a->texts[0]) abort();
    a->items[a->n_items++] = (web_rules_item){.kind = kind, .name = name, .text = text};
    world_made *made = &a->made.made[a->made.n++];
    snprintf(made->thing, sizeof made->thing, "%s", thing);
    made->hash = XXH3_64bits(text, (size_t)len);
}

static const char *path_of(const rule_set *set, const char *end)
{
    for (size_t i = 0; i < set->n_files; i++) {
        size_t len = strlen(set->files[i]->path), end_len = strlen(end);
        if (len > end_len && strcmp(set->files[i]->path + len - end_len, end) == 0) return set->files[i]->path;
    }
    return NULL;
}

/* Some texts keep what is known, others begin anew. */
static void replace_rule(draft *a)
{
    const char *name = replaced[fakes_below(REPLACED)];
    char head[64];
    snprintf(head, sizeof head, "rule %s \"as of %u\"", name, a->n);
#define RULE(is, ...) else if (strcmp(name, is) == 0) put(a, WEB_RULES_RULE, name, name, __VA_ARGS__)
    if (strcmp(name, "failed") == 0)
        put(a, WEB_RULES_RULE, name, name, "%s { watch login [not ok]  by user  alert { who: user, amount: amount }  to log, desk }", head);
    RULE("thrice", "%s { match a: login [not ok] then b: login [not ok] then c: login [ok] within %um  by user  alert { total: a.amount + c.amount }"
                   "  to log, desk }", head, 1 + a->n % 3 / 2);
    RULE("quiet", "%s { match login [not ok] then not login [ok] for %us  by user  alert { who: user }  to log, desk }", head, 20 + a->n % 2);
    RULE("many", "%s { watch login  by user  over 1m  when sum(amount) > %u.00  alert { total: sum(amount) }  throttle 30s  to log, desk }", head,
         250 + a->n % 3 * 50);
    RULE("lost", "%s { match b: beat then not beat for %us  by device  alert { last: b.n }  to log, desk }", head, 14 + a->n % 2);
    RULE("jump", "%s { watch beat [n > prev(n) + %u]  by device  alert { n: n }  to log, desk }", head, 35 + a->n % 10);
    RULE("busy", "%s { watch beat  by device  over 30s  when count() > %u  alert { n: count() }  resolve when count() < 2  to log, desk }", head,
         3 + a->n % 2);
    RULE("listed", "%s { watch login [user in watched and amount > %u.00]  by user  alert { who: user }  to log, desk }", head, a->n % 50);
    RULE("still", "%s { match not beat for %u * registry[device].every  by device in registry  alert { what: device }  resolve on beat  to log, desk }",
         head, 2 + a->n % 2);
#undef RULE
}

/* A rule that comes and goes. The second of its texts ties two key groups that are split else, the third asks about another rule. */
static void extra_rule(draft *a)
{
    bool is_there = rule_set_declaration(a->now, "extra") != NULL;
    switch (fakes_below(is_there ? 5 : 3)) {
    case 0:
        put(a, WEB_RULES_RULE, "extra", "extra", "rule extra { watch login [ok and amount > %u.00]  by user  alert { who: user }  to log, desk }", a->n % 150);
        break;
    case 1:
        put(a, WEB_RULES_RULE, "extra", "extra", "rule extra { watch beat [n > %u and usual[\"u1\"].n > 2]  by device  alert { n: n }  to log, desk }", a->n % 90);
        break;
    case 2:
        put(a, WEB_RULES_RULE, "extra", "extra", "rule extra { watch beat [n > %u]  by device  alert { n: n }  except open(busy)  to log, desk }", a->n % 90);
        break;
    default:
        put(a, WEB_RULES_RULE, "extra", "extra", "%s", "");
        a->items[a->n_items - 1].remove = true;
        a->items[a->n_items - 1].text = NULL;
        a->made.made[a->made.n - 1].hash = GONE;
        break;
    }
}

static void swap_list(draft *a)
{
    char lines[64] = "";
    for (int i = 0; i < 5; i++)
        if (fakes_below(5) < 2) snprintf(lines + strlen(lines), sizeof lines - strlen(lines), "u%d\n", i);
    put(a, WEB_RULES_LIST, "watched", "watched", "# as of %u\n%s", a->n, lines);
}

/* With a device that there is in no other one. */
static void swap_table(draft *a)
{
    char rows[128] = "";
    for (int i = 0; i < 8; i++)
        if (fakes_one_in(2)) snprintf(rows + strlen(rows), sizeof rows - strlen(rows), "d%d,%ds\n", i, (int)(3 + fakes_below(6)));
    put(a, WEB_RULES_TABLE, "registry", "registry", "device,every\nx%u,5s\n%s", a->n, rows);
}

/* A profile with a rule that reads it. */
static void usual_file(draft *a)
{
    put(a, WEB_RULES_FILE, path_of(a->now, "/usual.egret"), "usual",
        "# as of %u\nprofile usual { from login  by user  mean: avg(amount)%s  n: count() }\n"
        "rule dear { watch login [amount > 1.%u * usual.mean and usual.n > 4]  by user  alert { mean: usual.mean }  throttle 20s  to log, desk }\n",
        a->n, a->n % 3 == 0 ? "  most: max(amount)" : "", 5 + a->n % 4);
}

/* Streams with other lateness, other types, and fields that nobody sends; sources and sinks stay. */
static void streams_file(draft *a)
{
    put(a, WEB_RULES_FILE, path_of(a->now, "/streams.egret"), "streams",
        "# as of %u\n"
        "stream login { %s  id: string  user: string  ok: bool  amount: decimal  at: time } with time at, lateness %us, identity id within 1h\n"
        "stream beat { device: string  n: %s  at: time } with time at\n"
        "source s: stdin { stream: beat }\n"
        "sink log: file { path: \"x\"  attempts: 1000  backoff: 100ms }\n"
        "sink desk: webhook { url: \"http://desk.example/\"  attempts: 1000  backoff: 200ms }\n",
        a->n, fakes_one_in(2) ? "place: string" : "", 2 + a->n % 3, fakes_one_in(2) ? "int" : "decimal");
}

static void switch_rule(draft *a)
{
    static const char *const modes[] = {"live", "shadow", "off", ""}, *const rules[] = {"failed", "quiet", "lost", "still"};
    const char *name = rules[fakes_below(4)], *mode = modes[fakes_below(4)];
    char thing[32];
    snprintf(thing, sizeof thing, "mode %s", name);
    put(a, WEB_RULES_MODE, name, thing, "%s", mode);
    if (mode[0] == '\0') a->made.made[a->made.n - 1].hash = GONE;
}

static void snooze_rule(draft *a)
{
    static const char *const keys[] = {"u0", "u1", "u2"};
    a->items[a->n_items++] = (web_rules_item){.kind = WEB_RULES_SNOOZE, .name = "failed", .key = keys[fakes_below(3)], .text = "for a while",
                                              .until_ms = app_wall_ms(NULL) + 1 + (int64_t)fakes_below(60000)};
}

/* Whether that version can be put back is for the appliance to say: it may be the one that holds. */
static void roll_back(draft *a, daemon_rules *rules)
{
    const char *name = replaced[fakes_below(REPLACED)];
    rule_book_entry entry;
    if (!daemon_rules_entry(rules, name, &entry)) return;
    put(a, WEB_RULES_ROLLBACK, name, name, "%s", "");
    a->items[a->n_items - 1].version = 1 + fakes_below(entry.version);
    a->made.made[a->made.n - 1].hash = ANY;
    a->may_be_refused = true;
}

static void choose(draft *a, daemon_rules *rules)
{
    switch (fakes_below(16)) {
    case 0: case 1: case 2: case 3: replace_rule(a); break;
    case 4: case 5: extra_rule(a); break;
    case 6: swap_list(a); break;
    case 7: case 8: swap_table(a); break;
    case 9: usual_file(a); break;
    case 10: streams_file(a); break;
    case 11: switch_rule(a); break;
    case 12: snooze_rule(a); break;
    case 13: roll_back(a, rules); break;
    default:
        replace_rule(a);
        swap_list(a);
        swap_table(a);
        usual_file(a);
        break;
    }
}

void world_ask(world *w)
{
    char note[16];
    egret_text out;
    draft a = {.now = w->asked || w->n_changes == WORLD_CHANGES ? NULL : daemon_rules_now(w->d->rules), .n = w->n_changes};
    if (!a.now) return;
    choose(&a, w->d->rules);
    snprintf(note, sizeof note, "n%u", a.n);
    egret_text_init(&out, egret_mem_of(NULL));
    const web_rules_change asked = {.items = a.items, .n_items = a.n_items, .who = "somebody", .note = note};
    web_rules_status status = daemon_steps_change(w->d, &asked, &w->asked, &out);
    if (w->asked) w->changes[w->n_changes++] = a.made;
    bool fine = status == WEB_RULES_DONE || a.may_be_refused || (status == WEB_RULES_NO_MEMORY && w->calm);
    if (!fine) world_fault(w, "a change was refused (%d): %.*s\n%s", (int)status, (int)out.len, out.ptr ? out.ptr : "", a.texts[0]);
    egret_text_deinit(&out);
    rule_set_drop((rule_set *)(uintptr_t)a.now);
}

void world_hear(world *w)
{
    const char *trouble;
    if (!w->asked || !rule_change_is_answered(w->asked, &trouble)) return;
    fakes_note(w->n_changes + (uint64_t)(trouble != NULL));
    w->changes[w->n_changes - 1].kept = !trouble && !fakes_is_cut();
    rule_change_free(w->asked);
    w->asked = NULL;
}

/* ---- what came of it ---- */

static uint64_t file_now(const rule_set *set, const char *end)
{
    const char *path = path_of(set, end);
    const rule_file *file = path ? rule_set_file(set, path) : NULL;
    return file ? XXH3_64bits(file->text, file->len) : GONE;
}

/* A hash of the text that holds. */
static uint64_t holds(const rule_set *set, const char *thing)
{
    if (strcmp(thing, "watched") == 0) return file_now(set, "/watched.txt");
    if (strcmp(thing, "registry") == 0) return file_now(set, "/registry.csv");
    if (strcmp(thing, "usual") == 0) return file_now(set, "/usual.egret");
    if (strcmp(thing, "streams") == 0) return file_now(set, "/streams.egret");
    if (strncmp(thing, "mode ", 5) == 0) {
        static const char *const modes[] = {[PLAN_LIVE] = "live", [PLAN_SHADOW] = "shadow", [PLAN_OFF] = "off"};
        for (size_t i = 0; i < set->n_modes; i++)
            if (strcmp(set->modes[i].rule, thing + 5) == 0) return XXH3_64bits(modes[set->modes[i].mode], strlen(modes[set->modes[i].mode]));
        return GONE;
    }
    const ast_decl *decl = rule_set_declaration(set, thing);
    return decl ? XXH3_64bits(rule_set_text(set, decl).ptr, rule_set_text(set, decl).len) : GONE;
}

void world_changes_end(world *w)
{
    rule_book_entry entry;
    w->holds = daemon_rules_now(w->d->rules);
    for (unsigned i = 0; i < REPLACED; i++) w->versions[i] = daemon_rules_entry(w->d->rules, replaced[i], &entry) ? entry.version : 0;
}

/* The number in the line of the journal; -1: it is no change that was asked for. */
static int number_in(const char *line, size_t len)
{
    const char *note = memmem(line, len, "\"note\":\"n", 9);
    return note && memmem(line, len, "\"kind\":\"control\"", 16) ? atoi(note + 9) : -1;
}

/* The last change of the journal that made the thing decides. */
static void check_thing(world *w, const int *in_journal, unsigned n, const char *thing)
{
    uint64_t wanted = ANY, versions = 1;
    for (unsigned i = 0; i < n; i++)
        for (unsigned k = 0; k < w->changes[in_journal[i]].n; k++) {
            const world_made *made = &w->changes[in_journal[i]].made[k];
            if (strcmp(made->thing, thing) != 0) continue;
            wanted = made->hash;
            versions++;
        }
    if (wanted != ANY && wanted != holds(w->holds, thing)) world_fault(w, "%s is not what the journal's last change made it", thing);
    for (unsigned i = 0; i < REPLACED; i++)
        if (strcmp(replaced[i], thing) == 0 && w->versions[i] != versions)
            world_fault(w, "%s has version %d, and the journal makes %d", thing, (int)w->versions[i], (int)versions);
}

void world_check_changes(world *w, const char *journal)
{
    int in_journal[WORLD_CHANGES], last = -1;
    unsigned n = 0;
    bool there[WORLD_CHANGES] = {false};
    for (const char *at = journal, *end; (end = strchr(at, '\n')) != NULL; at = end + 1) {
        int number = number_in(at, (size_t)(end - at));
        if (number < 0) continue;
        if (number <= last || (unsigned)number >= w->n_changes) {
            world_fault(w, "the journal has change n%d behind n%d, of %u", number, last, w->n_changes);
            return;
        }
        in_journal[n++] = last = number;
        there[number] = true;
    }
    w->changed = n;
    for (unsigned i = 0; i < w->n_changes; i++) {
        if (w->changes[i].kept && !there[i]) world_fault(w, "change n%u was answered with yes, and is not in the journal", i);
        for (unsigned k = 0; k < w->changes[i].n; k++) check_thing(w, in_journal, n, w->changes[i].made[k].thing);
    }
}
