/*
 * zone.c: a TZif file (RFC 8536, versions 2 and up) to rows "from this instant on, this offset", for 1970 to 2100.
 *
 * The file lists the changes of the past; its last line is a rule for all years after them (as the variable TZ of POSIX has it), which is
 * written out here year by year. So the engine asks rows and knows no rules. Before 1970 the first row holds, after 2100 the last.
 */
#include "compiler/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILE_BYTES = 1 << 16, LAST_YEAR = 2100, DAY_S = 86400 };

/* ---- rows ---- */

static void add_row(check *c, plan_zone *zone, int64_t from_s, int32_t offset_s)
{
    int64_t from_ms = from_s < INT64_MIN / 1000 || from_s > INT64_MAX / 1000 ? INT64_MIN : from_s * 1000;
    if (zone->n_rows > 0 && from_s <= 0) {      /* still before 1970: the one before is not asked for */
        zone->rows[zone->n_rows - 1].offset_s = offset_s;
        return;
    }
    zone->rows = check_grow(c, zone->rows, zone->n_rows, sizeof *zone->rows);
    zone->rows[zone->n_rows] = (plan_zone_row){ zone->n_rows == 0 ? INT64_MIN : from_ms, offset_s };
    zone->n_rows++;
}

/* ---- the rule of the last line ---- */

typedef struct rule_day { char kind; int month, week, day; int32_t time_s; } rule_day;     /* kind 'M', 'J' or '0' */
typedef struct reader { const char *at, *end; bool bad; } reader;

static bool accept(reader *r, char c)
{
    bool yes = r->at < r->end && *r->at == c;
    r->at += yes;
    return yes;
}

static int number(reader *r, int max)
{
    int n = 0, digits = 0;
    while (r->at < r->end && *r->at >= '0' && *r->at <= '9' && digits++ < 4)
        n = n * 10 + (*r->at++ - '0');
    r->bad = r->bad || digits == 0 || n > max;
    return r->bad ? 0 : n;
}

static int32_t clock_time(reader *r)
{
    int sign = accept(r, '-') ? -1 : 1;
    if (sign > 0)
        accept(r, '+');
    int s = number(r, 167) * 3600;
    if (accept(r, ':'))
        s += number(r, 59) * 60;
    if (accept(r, ':'))
        s += number(r, 59);
    return sign * s;
}

static void skip_name(reader *r)
{
    const char *start = r->at;
    if (accept(r, '<')) {
        while (r->at < r->end && *r->at != '>')
            r->at++;
        r->bad = r->bad || !accept(r, '>');
        return;
    }
    while (r->at < r->end && ((*r->at >= 'A' && *r->at <= 'Z') || (*r->at >= 'a' && *r->at <= 'z')))
        r->at++;
    r->bad = r->bad || r->at - start < 3;
}

static rule_day read_day(reader *r)
{
    rule_day day = { .kind = '0', .time_s = 2 * 3600 };
    r->bad = r->bad || !accept(r, ',');
    if (accept(r, 'M')) {
        day.kind = 'M';
        day.month = number(r, 12);
        r->bad = r->bad || !accept(r, '.');
        day.week = number(r, 5);
        r->bad = r->bad || !accept(r, '.');
        day.day = number(r, 6);
        r->bad = r->bad || day.month < 1 || day.week < 1;
    } else {
        day.kind = accept(r, 'J') ? 'J' : '0';
        day.day = number(r, 365);
    }
    if (accept(r, '/'))
        day.time_s = clock_time(r);
    return day;
}

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Seconds from 1970 on the local clock before the change. */
static int64_t change_at(const rule_day *rule, int64_t year)
{
    int64_t first = egret_civil_days(year, 1, 1), days = first + rule->day;
    if (rule->kind == 'J')
        days = first + rule->day - 1 + (is_leap(year) && rule->day >= 60);
    if (rule->kind == 'M') {
        first = egret_civil_days(year, rule->month, 1);
        int64_t next = rule->month == 12 ? egret_civil_days(year + 1, 1, 1) : egret_civil_days(year, rule->month + 1, 1);
        int64_t weekday = (first + 4) % 7;      /* 1970-01-01 was a Thursday; Sunday is 0 */
        days = first + (rule->day - weekday + 7) % 7 + 7 * (rule->week - 1);
        days -= days >= next ? 7 : 0;
    }
    return days * DAY_S + rule->time_s;
}

/* Writes the rule out for the years from that of last_s on. */
static bool expand_rule(check *c, plan_zone *zone, const char *text, size_t len, int64_t last_s)
{
    reader r = { text, text + len, false };
    skip_name(&r);
    int32_t standard_s = -clock_time(&r);
    if (r.at == r.end || r.bad) {
        if (!r.bad && (zone->n_rows == 0 || zone->rows[zone->n_rows - 1].offset_s != standard_s))
            add_row(c, zone, last_s, standard_s);
        return !r.bad;
    }
    skip_name(&r);
    int32_t summer_s = r.at < r.end && *r.at != ',' ? -clock_time(&r) : standard_s + 3600;
    rule_day start = read_day(&r), end = read_day(&r);
    if (r.bad || r.at != r.end)
        return false;
    int64_t year = last_s <= 0 ? 1970 : egret_time_civil(last_s * 1000).year;
    for (; year <= LAST_YEAR; year++) {
        int64_t begins = change_at(&start, year) - standard_s, ends = change_at(&end, year) - summer_s;
        bool south = ends < begins;
        int64_t first = south ? ends : begins, second = south ? begins : ends;
        if (first > last_s)
            add_row(c, zone, first, south ? standard_s : summer_s);
        if (second > last_s)
            add_row(c, zone, second, south ? summer_s : standard_s);
    }
    return true;
}

/* ---- the file ---- */

typedef struct counts { uint32_t utc, standard, leap, time, type, letter; } counts;

static uint64_t big_endian(const uint8_t *at, unsigned n)
{
    uint64_t v = 0;
    while (n-- > 0)
        v = v << 8 | *at++;
    return v;
}

/* false: no header there, or more than a file can hold. */
static bool read_counts(const uint8_t *at, size_t left, counts *n)
{
    if (left < 44 || memcmp(at, "TZif", 4) != 0)
        return false;
    uint32_t *fields[] = { &n->utc, &n->standard, &n->leap, &n->time, &n->type, &n->letter };
    for (size_t i = 0; i < 6; i++) {
        *fields[i] = (uint32_t)big_endian(at + 20 + 4 * i, 4);
        if (*fields[i] > MAX_FILE_BYTES)
            return false;
    }
    return true;
}

static size_t block_size(const counts *n, size_t time_size)
{
    return n->time * (time_size + 1) + (size_t)n->type * 6 + n->letter + n->leap * (time_size + 4) + n->standard + n->utc;
}

static bool read_rows(check *c, plan_zone *zone, const uint8_t *at, const counts *n, int64_t *last_s)
{
    const uint8_t *kinds = at + (size_t)n->time * 8, *types = kinds + n->time;
    *last_s = 0;
    if (n->type == 0)
        return false;
    add_row(c, zone, INT64_MIN, (int32_t)(uint32_t)big_endian(types, 4));
    for (uint32_t i = 0; i < n->time; i++) {
        if (kinds[i] >= n->type)
            return false;
        int64_t from_s = (int64_t)big_endian(at + (size_t)i * 8, 8);
        if ((i > 0 && from_s <= *last_s && *last_s > 0) || from_s > INT64_C(1) << 40)
            return false;
        add_row(c, zone, from_s, (int32_t)(uint32_t)big_endian(types + (size_t)kinds[i] * 6, 4));
        *last_s = from_s > *last_s ? from_s : *last_s;
    }
    return true;
}

bool zone_parse(check *c, const uint8_t *bytes, size_t len, plan_zone *out, const char **why)
{
    counts n;
    *why = "its file is no time zone";
    if (!read_counts(bytes, len, &n) || bytes[4] < '2') {
        return false;
    }
    size_t at = 44 + block_size(&n, 4);
    if (at > len || !read_counts(bytes + at, len - at, &n) || block_size(&n, 8) > len - at - 44)
        return false;
    at += 44;
    int64_t last_s;
    if (!read_rows(c, out, bytes + at, &n, &last_s))
        return false;
    at += block_size(&n, 8);
    if (len - at < 2 || bytes[at] != '\n' || bytes[len - 1] != '\n')
        return false;
    size_t rule = len - at - 2;
    return rule == 0 || expand_rule(c, out, (const char *)bytes + at + 1, rule, last_s);
}

/* A name is words of letters, digits, _, + and - with / between: nothing that leads out of the folder. */
static bool is_zone_name(egret_str name)
{
    bool begins = true;
    for (uint32_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool word = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '+' || c == '-';
        if (!word && (c != '/' || begins))
            return false;
        begins = c == '/';
    }
    return name.len > 0 && name.len < 64 && !begins;
}

static bool read_zone(check *c, plan_zone *zone, const char **why)
{
    char path[128];
    uint8_t *bytes = check_alloc(c, MAX_FILE_BYTES);
    snprintf(path, sizeof path, "/usr/share/zoneinfo/%.*s", (int)zone->name.len, zone->name.ptr);
    *why = "there is no such file in /usr/share/zoneinfo";
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    size_t len = fread(bytes, 1, MAX_FILE_BYTES, file);
    bool good = ferror(file) == 0 && len < MAX_FILE_BYTES;
    fclose(file);
    return good && zone_parse(c, bytes, len, zone, why);
}

uint32_t zone_find(check *c, egret_str name, const char **why)
{
    plan *p = c->plan;
    for (uint32_t i = 0; i < p->n_zones; i++)
        if (egret_str_eq(p->zones[i].name, name))
            return i;
    if (c->revising)
        check_not_simple(c);
    plan_zone zone = { .name = name };
    *why = "a name is like Europe/Berlin";
    if (egret_str_is(name, "UTC"))
        add_row(c, &zone, INT64_MIN, 0);
    else if (!is_zone_name(name) || !read_zone(c, &zone, why))
        return PLAN_NONE;
    p->zones = check_grow(c, p->zones, p->n_zones, sizeof zone);
    p->zones[p->n_zones] = zone;
    return p->n_zones++;
}

/* ---- names that are looked up ---- */

static void gather_value(check *c, egret_value v)
{
    const char *why;
    if (v.type == EGRET_STRING)
        (void)zone_find(c, (egret_str){ v.u.s, v.len }, &why);
}

static void gather_column(check *c, uint32_t table, uint32_t column)
{
    const plan_table *t = &c->plan->tables[table];
    for (uint32_t row = 0; row < t->n_rows; row++)
        gather_value(c, t->cells[(size_t)row * t->n_columns + column]);
    for (uint32_t i = 0; i < c->plan->n_tests; i++) {
        const plan_test *test = &c->plan->tests[i];
        for (uint32_t k = 0; k < test->n_givens; k++)
            if (test->givens[k].is_table && test->givens[k].target == table && column < test->givens[k].n_values)
                gather_value(c, test->givens[k].values[column]);
    }
}

static void gather_expr(check *c, uint32_t expr)
{
    plan_expr e = c->plan->exprs[expr];
    if (e.op == PLAN_CONST)
        gather_value(c, c->plan->consts[e.a]);
    if (e.op == PLAN_TABLE)
        gather_column(c, e.a, e.b);
    for (uint32_t i = 0; i < e.n_args; i++)
        gather_expr(c, c->plan->args[e.args + i]);
}

static int order_names(const void *left, const void *right)
{
    const plan_zone_name *a = left, *b = right;
    return egret_str_cmp(a->name, b->name);
}

void zone_gather(check *c)
{
    plan *p = c->plan;
    for (uint32_t i = 0; i < p->n_exprs; i++)
        if (p->exprs[i].op == PLAN_LOCAL && p->exprs[i].a == PLAN_NONE)
            gather_expr(c, p->args[p->exprs[i].args + 1]);
    p->zone_names = check_alloc(c, p->n_zones * sizeof *p->zone_names);
    for (uint32_t i = 0; i < p->n_zones; i++)
        p->zone_names[i] = (plan_zone_name){ p->zones[i].name, i };
    if (p->n_zones > 1)
        qsort(p->zone_names, p->n_zones, sizeof *p->zone_names, order_names);
}
