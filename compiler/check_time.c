/*
 * check_time.c: time as clocks on the wall show it: hour(t, "Europe/Berlin"), during(t, "22:00-06:00", tz), t in calendar, active "…".
 *
 * A time in a zone is lowered to PLAN_LOCAL: the instant moved by the zone's offset, so that reading it as UTC gives what the wall shows; the
 * functions of dates then need to know nothing of zones. Hours are of the local day, both ends included; hours that end before they begin
 * go over midnight, and what comes after it belongs to the day on which they began.
 */
#include "compiler/zone.h"

#include <string.h>

/* ---- texts ---- */

static bool two_digits(const char *at, uint32_t max, uint32_t *out)
{
    if (at[0] < '0' || at[0] > '9' || at[1] < '0' || at[1] > '9')
        return false;
    *out = (uint32_t)(at[0] - '0') * 10 + (uint32_t)(at[1] - '0');
    return *out <= max;
}

static bool read_clock(const char *at, uint32_t *ms)
{
    uint32_t hour, minute;
    if (!two_digits(at, 24, &hour) || at[2] != ':' || !two_digits(at + 3, 59, &minute) || (hour == 24 && minute != 0))
        return false;
    *ms = (hour * 60 + minute) * 60000;
    return true;
}

/* "22:00-06:00" */
static bool read_hours(egret_str text, uint32_t *from_ms, uint32_t *to_ms)
{
    return text.len == 11 && text.ptr[5] == '-' && read_clock(text.ptr, from_ms) && read_clock(text.ptr + 6, to_ms)
           && *from_ms < 86400000 && *from_ms != *to_ms;
}

/* Monday 1 … Sunday 7; 0: none. */
static unsigned read_weekday(egret_str text)
{
    static const char *const DAYS[] = { "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun" };
    for (unsigned i = 0; i < 7; i++)
        if (egret_str_is(text, DAYS[i]))
            return i + 1;
    return 0;
}

/* "Mon-Fri,Sun"; Sat-Mon goes over the end of the week. */
static bool read_weekdays(egret_str text, uint8_t *mask)
{
    *mask = 0;
    for (uint32_t at = 0; at < text.len; at += 4) {
        unsigned first = at + 3 <= text.len ? read_weekday((egret_str){ text.ptr + at, 3 }) : 0, last = first;
        if (at + 7 <= text.len && text.ptr[at + 3] == '-') {
            at += 4;
            last = read_weekday((egret_str){ text.ptr + at, 3 });
        }
        if (first == 0 || last == 0 || (at + 3 < text.len && (text.ptr[at + 3] != ',' || at + 4 == text.len)))
            return false;
        for (unsigned day = first; ; day = day % 7 + 1) {
            *mask |= (uint8_t)(1u << day);
            if (day == last)
                break;
        }
    }
    return *mask != 0;
}

static bool read_date(egret_str text, int64_t *day)
{
    char time[24];
    int64_t ms;
    if (text.len != 10)
        return false;
    memcpy(time, text.ptr, 10);
    memcpy(time + 10, "T00:00:00Z", 10);
    if (!egret_parse_rfc3339(time, 20, &ms))
        return false;
    *day = (ms - (ms % 86400000 + 86400000) % 86400000) / 86400000;
    return true;
}

/* "2026-12-24" or "2026-12-24..2026-12-26" */
static bool read_dates(egret_str text, plan_hours *hours)
{
    if (text.len == 10)
        return read_date(text, &hours->first_day) && (hours->last_day = hours->first_day, true);
    return text.len == 22 && memcmp(text.ptr + 10, "..", 2) == 0 && read_date((egret_str){ text.ptr, 10 }, &hours->first_day)
           && read_date((egret_str){ text.ptr + 12, 10 }, &hours->last_day) && hours->first_day <= hours->last_day;
}

/* ---- calendars ---- */

static egret_str next_word(egret_str *text)
{
    while (text->len > 0 && text->ptr[0] == ' ')
        *text = (egret_str){ text->ptr + 1, text->len - 1 };
    uint32_t n = 0;
    while (n < text->len && text->ptr[n] != ' ')
        n++;
    egret_str word = { text->ptr, n };
    *text = (egret_str){ text->ptr + n, text->len - n };
    return word;
}

uint32_t zone_or_error(check *c, egret_str name, egret_span span)
{
    const char *why = "";
    uint32_t zone = zone_find(c, name, &why);
    if (zone != PLAN_NONE)
        return zone;
    egret_diag *diag = check_error(c, 613, span, "unknown time zone '%.*s'", (int)(name.len < 64 ? name.len : 64), name.ptr);
    check_help(c, diag, "%s", why);
    return PLAN_NONE;
}

/* [not] [days or dates] [hours] [zone]; zone stays PLAN_NONE when it is not written. */
static bool read_entry(check *c, const ast_name *entry, plan_hours *out)
{
    *out = (plan_hours){ .weekdays = 0xFE, .first_day = INT64_MIN, .last_day = INT64_MAX, .to_ms = 86400000, .zone = PLAN_NONE };
    egret_str text = entry->str, word = next_word(&text);
    out->negated = egret_str_is(word, "not");
    if (out->negated)
        word = next_word(&text);
    bool any = false;
    if (read_weekdays(word, &out->weekdays) || read_dates(word, out)) {
        any = true;
        word = next_word(&text);
    } else {
        out->weekdays = 0xFE;
    }
    out->weekdays = out->first_day != INT64_MIN ? 0xFE : out->weekdays;
    if (read_hours(word, &out->from_ms, &out->to_ms)) {
        any = true;
        word = next_word(&text);
    }
    if (any && word.len != 0) {
        out->zone = zone_or_error(c, word, entry->span);
        if (out->zone == PLAN_NONE)
            return false;
        word = next_word(&text);
    }
    if (any && word.len == 0)
        return true;
    egret_diag *diag = check_error(c, 533, entry->span, "these are no hours");
    check_help(c, diag, "write days or dates, hours, a zone: \"Mon-Fri 08:00-18:00 Europe/Berlin\", \"2026-12-24\", \"not Sun\"");
    return false;
}

uint32_t check_calendar(check *c, egret_str name, const ast_strings *entries)
{
    if (c->revising)
        check_not_simple(c);
    plan_calendar calendar = { .name = name };
    uint32_t zone = PLAN_NONE;
    bool good = true;
    for (const ast_strings *entry = entries; entry != NULL; entry = entry->next) {
        calendar.hours = check_grow(c, calendar.hours, calendar.n_hours, sizeof *calendar.hours);
        plan_hours *hours = &calendar.hours[calendar.n_hours++];
        good = read_entry(c, &entry->value, hours) && good;
        zone = zone == PLAN_NONE ? hours->zone : zone;
    }
    if (zone == PLAN_NONE)
        zone = zone_or_error(c, (egret_str){ "UTC", 3 }, entries->value.span);
    for (uint32_t i = 0; i < calendar.n_hours; i++)
        calendar.hours[i].zone = calendar.hours[i].zone == PLAN_NONE ? zone : calendar.hours[i].zone;
    plan *p = c->plan;
    p->calendars = check_grow(c, p->calendars, p->n_calendars, sizeof calendar);
    p->calendars[p->n_calendars] = calendar;
    p->n_calendars++;
    return good ? p->n_calendars - 1 : PLAN_NONE;
}

typed check_in_calendar(check *c, const ast_expr *e, uint32_t calendar, typed x)
{
    x = check_fit(c, x, EGRET_TIME, e->a->span);
    if (typed_is_bad(x))
        return x;
    if (x.type != EGRET_TIME) {
        egret_diag *diag = check_error(c, 408, e->a->span, "a calendar holds times; this is %s", egret_type_name((egret_type)x.type));
        check_help(c, diag, "ask for the time of an event, at in office, or for the instant evaluated: now() in office");
        return typed_bad();
    }
    uint32_t in = intern_expr(c, (plan_expr){ .op = PLAN_IN_CALENDAR, .type = EGRET_BOOL, .a = calendar }, &x.expr, 1);
    return typed_of(c, e->negated ? intern_unary(c, PLAN_NOT, EGRET_BOOL, in) : in);
}

/* ---- times of a zone ---- */

static typed time_arg(check *c, const scope *s, const ast_expr *e)
{
    typed t = check_fit(c, check_expr(c, s, e->args), EGRET_TIME, e->args->span);
    if (typed_is_bad(t) || t.type == EGRET_TIME)
        return t;
    egret_diag *diag = check_error(c, 405, e->args->span, "%.*s() takes a time; this is %s", (int)e->name.str.len, e->name.str.ptr,
                egret_type_name((egret_type)t.type));
    check_help(c, diag, "give it the time of an event, or now()");
    return typed_bad();
}

static typed local_time(check *c, const scope *s, typed t, const ast_expr *tree)
{
    scope plain = *s;
    plain.texts = false;
    typed zone = check_expr(c, &plain, tree);
    egret_value v;
    if (typed_is_bad(t) || typed_is_bad(zone))
        return typed_bad();
    if (zone.type != EGRET_STRING) {
        egret_diag *diag = check_error(c, 405, tree->span, "a time zone is a string; this is %s", egret_type_name((egret_type)zone.type));
        check_help(c, diag, "write its name, \"Europe/Berlin\", or a field or column that holds one");
        return typed_bad();
    }
    uint32_t args[2] = { t.expr, zone.expr }, number = PLAN_NONE;
    bool constant = intern_is_const(c, zone.expr, &v);
    if (constant) {
        number = zone_or_error(c, (egret_str){ v.u.s, v.len }, tree->span);
        if (number == PLAN_NONE)
            return typed_bad();
    }
    return typed_of(c, intern_expr(c, (plan_expr){ .op = PLAN_LOCAL, .type = EGRET_TIME, .a = number }, args, constant ? 1 : 2));
}

typed check_local_call(check *c, const scope *s, const ast_expr *e, uint32_t number)
{
    typed local = local_time(c, s, time_arg(c, s, e), e->args->next);
    if (typed_is_bad(local))
        return local;
    return typed_of(c, intern_expr(c, (plan_expr){ .op = PLAN_CALL, .type = EGRET_INT, .a = number }, &local.expr, 1));
}

typed check_during(check *c, const scope *s, const ast_expr *e)
{
    uint32_t from_ms = 0, to_ms = 0;
    const ast_expr *hours = e->args == NULL ? NULL : e->args->next;
    if (hours == NULL || (hours->next != NULL && hours->next->next != NULL)) {
        egret_diag *diag = check_error(c, 404, e->span, "during() takes a time, hours, and perhaps a zone");
        check_help(c, diag, "during(at, \"22:00-06:00\", \"Europe/Berlin\")");
        return typed_bad();
    }
    typed t = time_arg(c, s, e);
    if (hours->kind != AST_STRING || !read_hours(hours->text, &from_ms, &to_ms)) {
        egret_diag *diag = check_error(c, 532, hours->span, "these are no hours of the day");
        check_help(c, diag, "write them as in \"22:00-06:00\"");
        t = typed_bad();
    }
    if (hours->next != NULL)
        t = local_time(c, s, t, hours->next);
    if (typed_is_bad(t))
        return t;
    plan_expr during = { .op = PLAN_DURING, .type = EGRET_BOOL, .a = from_ms, .b = to_ms };
    return typed_of(c, intern_expr(c, during, &t.expr, 1));
}
