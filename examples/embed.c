/*
 * embed.c: the engine inside another program, in one page: rules in, events in, alerts out.
 *
 *     cc embed.c -legret -o embed && ./embed
 */
#include <egret.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char rules_text[] =
    "stream login { user: string  ok: bool  at: time } with time at\n"
    "rule guessed \"Three failures, then success\" {\n"
    "  severity high\n"
    "  match (fail: login [not ok] {3,} within 1m) then within 1m login [ok]\n"
    "  by user\n"
    "  alert { message: \"{count(fail)} failures, then {user} came in\" }\n"
    "}\n";

static egret_value text_value(const char *text)
{
    return (egret_value){.u.s = text, .len = (uint32_t)strlen(text), .type = EGRET_STRING};
}

static egret_status push_login(egret_engine *engine, const char *user, bool ok, int64_t time_ms, uint64_t ref)
{
    egret_field fields[] = {{"user", text_value(user)}, {"ok", {.u.i = ok, .type = EGRET_BOOL}}};
    egret_event event = {sizeof event, "login", time_ms, ref, fields, 2};
    return egret_push(engine, &event);
}

/* Prints what has come so far; gives how many. */
static int print_alerts(egret_engine *engine)
{
    int n = 0;
    for (const egret_alert *alert; (alert = egret_take(engine)) != NULL; n++) {
        printf("%s (%s)", alert->rule, alert->severity);
        for (size_t i = 0; i < alert->n_fields; i++)
            if (alert->fields[i].value.type == EGRET_STRING)
                printf(": %.*s", (int)alert->fields[i].value.len, alert->fields[i].value.u.s);
        for (size_t i = 0; i < alert->n_events; i++) printf(" #%" PRIu64, alert->events[i].ref);
        putchar('\n');
    }
    return n;
}

int main(void)
{
    egret_rules *rules = NULL;
    egret_engine *engine = NULL;
    int alerts = 0;
    if (egret_rules_load_text(NULL, "embed", rules_text, sizeof rules_text - 1, &rules) != EGRET_OK) {
        fputs(rules ? egret_rules_diagnostics(rules) : "no memory\n", stderr);
        egret_rules_free(rules);
        return 1;
    }
    egret_status status = egret_open(NULL, rules, &engine);
    for (int i = 0; status == EGRET_OK && i < 4; i++) {
        status = push_login(engine, "ada", i == 3, 1000 * (int64_t)i, (uint64_t)i + 1);
        if (status == EGRET_OK) status = push_login(engine, "bob", true, 1000 * (int64_t)i, (uint64_t)i + 101);
        alerts += print_alerts(engine);
    }
    if (status == EGRET_OK) status = egret_advance(engine, 3600 * 1000);    /* nothing before 01:00 will come any more */
    alerts += print_alerts(engine);
    if (status != EGRET_OK) fprintf(stderr, "%s\n", egret_status_text(status));
    egret_close(engine);
    egret_rules_free(rules);
    return status == EGRET_OK && alerts == 1 ? 0 : 1;
}
