/*
 * pairs.c: runs many small pairs of rules and events through libegret's public interface and prints the alerts, for run.py.
 *
 * One process takes thousands of pairs, so that the cost of a pair is what the engine costs. The protocol is lines on standard input:
 *
 *   R <bytes>            the rule text follows, that many bytes and a newline; it stays until the next R
 *   E <ms> <stream> <ref> {<field>=<value>}      an event; a value is n (null), i<int>, b<0 or 1>, t<ms>, f<double>, d<mantissa>e-<scale>,
 *                        s<text, with ~ for blanks>
 *   A <ms>               the clock goes on: no event before <ms> will come
 *   C <bytes>            other rules from here on: their text follows, as after R
 *   F <ms>               the end of the pair: the clock goes to <ms>, alerts of the rest are printed, the engine is closed
 *
 * and on standard output, for each pair the alerts, then a line with a dot:
 *
 *   A <kind> <rule> <ms> <started> <bound> <held> <limited> <id> <severity> <repeat> | <part>=<value>… | <name>=<value>… | <step>:<ref>…
 *                        (of what a rule told: <step>:<rule>@<ms>)
 *   L <ref>              this event came too late      X <status> <bytes>   the rules were refused; the diagnostics follow        ! <text>      a call failed
 *
 * With EGRET_ORACLE_CUT in the environment the engine's state is written and brought back into a new engine here and there between two calls, which must change
 * nothing.
 *
 * With EGRET_ORACLE_SHARDS=N in the environment the keys are spread over N engines, which must change nothing either.
 *
 * Values are printed so that equal numbers look equal: i5, d0.25 (no zeros at the end), f0.25 (17 digits), s<text>, n, b0, t<ms>, u<ms>.
 */
#include "nfa/shards.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FIELDS = 16, MAX_LINE = 4096 };

typedef struct runner {
    egret_rules *rules;
    egret_engine *engine;   /* NULL: between pairs, or the rules were refused */
    char line[MAX_LINE];
    bool cuts;
    uint32_t n_shards;
    uint32_t random;        /* decides where */
    char *state;            /* a checkpoint */
    size_t len, capacity;
} runner;

static void print_decimal(int64_t mantissa, unsigned scale)
{
    char digits[32];
    while (scale > 0 && mantissa % 10 == 0) {
        mantissa /= 10;
        scale--;
    }
    bool negative = mantissa < 0;
    uint64_t size = negative ? 0 - (uint64_t)mantissa : (uint64_t)mantissa;
    int n = snprintf(digits, sizeof digits, "%0*" PRIu64, (int)scale + 1, size);
    int whole = n - (int)scale;
    printf("d%s%.*s", negative ? "-" : "", whole, digits);
    if (scale > 0)
        printf(".%s", digits + whole);
}

/* Blanks part values, so inside of one they are printed as "~". */
static void print_string(const char *text, size_t len)
{
    putchar('s');
    for (size_t i = 0; i < len; i++)
        putchar(text[i] == ' ' ? '~' : text[i]);
}

static void print_value(const egret_value *value)
{
    switch ((egret_type)value->type) {
    case EGRET_NULL: fputs("n", stdout); break;
    case EGRET_BOOL: printf("b%d", value->u.i != 0); break;
    case EGRET_INT: printf("i%" PRId64, value->u.i); break;
    case EGRET_NUMBER: printf("f%.17g", value->u.d); break;
    case EGRET_DECIMAL: print_decimal(value->u.i, value->scale); break;
    case EGRET_STRING: print_string(value->u.s, value->len); break;
    case EGRET_TIME: printf("t%" PRId64, value->u.i); break;
    case EGRET_DURATION: printf("u%" PRId64, value->u.i); break;
    }
}

static void print_alert(const egret_alert *alert)
{
    static const char *const kinds[] = {"alert", "resolved", "escalated", "timeout"};
    printf("A %s %s %" PRId64 " %" PRId64 " %" PRIu64 " %" PRIu64 " %d %s %s %" PRIu64 " |", kinds[alert->kind], alert->rule,
           alert->time_ms, alert->started_ms, alert->n_events_total, alert->held_back, alert->limited, alert->id, alert->severity,
           alert->repeat);
    for (size_t i = 0; i < alert->n_key; i++) {
        printf(" %s=", alert->key[i].name);
        print_value(&alert->key[i].value);
    }
    fputs(" |", stdout);
    for (size_t i = 0; i < alert->n_fields; i++) {
        printf(" %s=", alert->fields[i].name);
        print_value(&alert->fields[i].value);
    }
    fputs(" |", stdout);
    for (size_t i = 0; i < alert->n_events; i++) {
        const egret_evidence *event = &alert->events[i];
        if (event->alert == NULL)
            printf(" %s:%" PRIu64, event->step, event->ref);
        else
            printf(" %s:%s@%" PRId64, event->step, event->stream, event->time_ms);
    }
    putchar('\n');
}

static void take_all(runner *run)
{
    const egret_alert *alert;
    while ((alert = egret_take(run->engine)) != NULL)
        print_alert(alert);
}

static bool parse_value(char *text, egret_value *out)
{
    char *rest = text;
    memset(out, 0, sizeof *out);
    switch (text[0]) {
    case 'n':
        return text[1] == '\0';
    case 'i':
        out->type = EGRET_INT;
        out->u.i = strtoll(text + 1, &rest, 10);
        return *rest == '\0';
    case 'b':
    case 't':
        out->type = text[0] == 'b' ? EGRET_BOOL : EGRET_TIME;
        out->u.i = strtoll(text + 1, &rest, 10);
        return *rest == '\0';
    case 'f':
        out->type = EGRET_NUMBER;
        out->u.d = strtod(text + 1, &rest);
        return *rest == '\0';
    case 's':
        out->type = EGRET_STRING;
        out->u.s = text + 1;
        out->len = (uint32_t)strlen(text + 1);
        for (char *blank = text; (blank = strchr(blank, '~')) != NULL;)
            *blank = ' ';
        return true;
    case 'd':
        out->type = EGRET_DECIMAL;
        out->u.i = strtoll(text + 1, &rest, 10);
        if (strncmp(rest, "e-", 2) != 0)
            return false;
        out->scale = (uint8_t)strtoul(rest + 2, &rest, 10);
        return *rest == '\0';
    default:
        return false;
    }
}

/* "E <ms> <stream> <ref> {<field>=<value>}", cut into words in place. */
static bool parse_event(char *line, egret_event *event, egret_field *fields)
{
    char *save = NULL;
    char *time = strtok_r(line + 1, " \n", &save);
    char *stream = strtok_r(NULL, " \n", &save);
    char *ref = strtok_r(NULL, " \n", &save);
    if (ref == NULL)
        return false;
    *event = (egret_event){.size = sizeof *event, .stream = stream, .time_ms = strtoll(time, NULL, 10),
                           .ref = strtoull(ref, NULL, 10), .fields = fields};
    for (char *word; (word = strtok_r(NULL, " \n", &save)) != NULL; event->n_fields++) {
        char *equals = strchr(word, '=');
        if (equals == NULL || event->n_fields == MAX_FIELDS)
            return false;
        *equals = '\0';
        fields[event->n_fields].name = word;
        if (!parse_value(equals + 1, &fields[event->n_fields].value))
            return false;
    }
    return true;
}

static bool open_engine(runner *run)
{
    if (run->engine == NULL && run->rules != NULL) {
        egret_status status = egret_open_shards(NULL, run->rules, run->n_shards, &run->engine);
        if (status != EGRET_OK)
            printf("! open: %s\n", egret_status_text(status));
    }
    return run->engine != NULL;
}

static bool keep_piece(void *user, const void *bytes, size_t len)
{
    runner *run = user;
    if (run->len + len > run->capacity) {
        size_t capacity = 2 * (run->len + len);
        char *grown = realloc(run->state, capacity);
        if (grown == NULL)
            return false;
        run->state = grown;
        run->capacity = capacity;
    }
    memcpy(run->state + run->len, bytes, len);
    run->len += len;
    return true;
}

/* One time in eight: another engine goes on. */
static void maybe_cut(runner *run)
{
    run->random = run->random * 1664525u + 1013904223u;
    if (!run->cuts || run->random >> 29 != 0)
        return;
    egret_engine *other = NULL;
    run->len = 0;
    egret_status status = egret_checkpoint(run->engine, keep_piece, run);
    if (status == EGRET_BAD_USE)
        return;     /* not at this moment */
    if (status == EGRET_OK)
        status = egret_open(NULL, run->rules, &other);
    if (status == EGRET_OK)
        status = egret_restore(other, run->state, run->len);
    if (status != EGRET_OK)
        printf("! cut: %s\n", egret_status_text(status));
    egret_close(run->engine);
    run->engine = other;
}

/* *rules NULL: they were refused, which was printed. */
static bool load_rules(size_t len, egret_rules **rules)
{
    char *text = malloc(len + 1);
    bool ok = text != NULL && fread(text, 1, len, stdin) == len && getchar() == '\n';
    *rules = NULL;
    if (ok) {
        egret_status status = egret_rules_load_text(NULL, "pair", text, len, rules);
        if (status != EGRET_OK) {
            const char *why = *rules != NULL ? egret_rules_diagnostics(*rules) : "";
            printf("X %d %zu\n%s\n", status, strlen(why), why);
            egret_rules_free(*rules);
            *rules = NULL;
        }
    }
    free(text);
    return ok;
}

static bool read_rules(runner *run, size_t len)
{
    egret_rules_free(run->rules);
    return load_rules(len, &run->rules);
}

/* The rules before are needed until the engine works by the others. */
static bool change_rules(runner *run, size_t len)
{
    egret_rules *before = run->rules, *next;
    bool ok = load_rules(len, &next);
    if (next == NULL || !open_engine(run))
        return ok;
    egret_status status = egret_change(run->engine, next);
    if (status != EGRET_OK)
        printf("! change: %s\n", egret_status_text(status));
    take_all(run);
    run->rules = next;
    egret_rules_free(before);
    return ok;
}

static bool read_event(runner *run)
{
    egret_field fields[MAX_FIELDS];
    egret_event event;
    if (!parse_event(run->line, &event, fields))
        return false;
    if (open_engine(run)) {
        egret_status status = egret_push(run->engine, &event);
        if (status == EGRET_LATE)
            printf("L %" PRIu64 "\n", event.ref);
        else if (status != EGRET_OK)
            printf("! push: %s\n", egret_status_text(status));
        take_all(run);
        maybe_cut(run);
    }
    return true;
}

static void advance(runner *run)
{
    int64_t time_ms = strtoll(run->line + 1, NULL, 10);
    if (open_engine(run)) {
        egret_status status = egret_advance(run->engine, time_ms);
        if (status != EGRET_OK)
            printf("! advance: %s\n", egret_status_text(status));
        take_all(run);
    }
}

static void finish(runner *run)
{
    advance(run);
    egret_close(run->engine);
    run->engine = NULL;
    puts(".");
    fflush(stdout);     /* so that after a crash run.py knows which pair it was */
}

int main(void)
{
    const char *shards = getenv("EGRET_ORACLE_SHARDS");
    runner run = {.cuts = getenv("EGRET_ORACLE_CUT") != NULL, .n_shards = shards != NULL ? (uint32_t)strtoul(shards, NULL, 10) : 1};
    bool ok = true;
    while (ok && fgets(run.line, sizeof run.line, stdin) != NULL) {
        if (run.line[0] == 'R')
            ok = read_rules(&run, strtoul(run.line + 1, NULL, 10));
        else if (run.line[0] == 'E')
            ok = read_event(&run);
        else if (run.line[0] == 'C')
            ok = change_rules(&run, strtoul(run.line + 1, NULL, 10));
        else if (run.line[0] == 'A')
            advance(&run);
        else if (run.line[0] == 'F')
            finish(&run);
        else
            ok = false;
    }
    if (!ok)
        fprintf(stderr, "pairs: not understood: %s\n", run.line);
    egret_close(run.engine);
    egret_rules_free(run.rules);
    free(run.state);
    return ok ? 0 : 1;
}
