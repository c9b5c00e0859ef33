/*
 * local.c: times as clocks on the wall show them: the offset of a zone, hours of the day, calendars. Zones are rows in the plan
 * (compiler/zone.c); a name that has none there gives null.
 */
#include "nfa/shard.h"

enum { DAY_MS = 86400000 };

static uint32_t zone_by_name(const plan *p, egret_value name)
{
    uint32_t low = 0;
    uint32_t high = p->n_zones;
    egret_str wanted = {name.u.s, name.len};
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = egret_str_cmp(p->zone_names[middle].name, wanted);
        if (order == 0) {
            return p->zone_names[middle].zone;
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return PLAN_NONE;
}

/* The row that holds at the instant: the last one that does not begin after it. */
uint32_t nfa_zone_row(const plan_zone *zone, int64_t time_ms)
{
    uint32_t low = 0;
    uint32_t high = zone->n_rows;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (zone->rows[middle].from_ms <= time_ms) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool move(const plan_zone *zone, int64_t time_ms, int64_t *local_ms)
{
    return !__builtin_add_overflow(time_ms, (int64_t)zone->rows[nfa_zone_row(zone, time_ms)].offset_s * 1000, local_ms);
}

egret_value nfa_local(const nfa_env *env, const plan_expr *expr)
{
    const plan *p = env->engine->plan;
    egret_value t = nfa_eval(env, p->args[expr->args]);
    uint32_t zone = expr->a;
    if (zone == PLAN_NONE) {
        egret_value name = nfa_eval(env, p->args[expr->args + 1]);
        zone = name.type == EGRET_STRING ? zone_by_name(p, name) : PLAN_NONE;
    }
    int64_t local_ms;
    return t.type == EGRET_TIME && zone != PLAN_NONE && move(&p->zones[zone], t.u.i, &local_ms) ? egret_time(local_ms) : egret_null();
}

/* Days since 1970 and ms of that day. */
static int64_t split(int64_t local_ms, int64_t *of_day)
{
    *of_day = local_ms % DAY_MS;
    *of_day += *of_day < 0 ? DAY_MS : 0;
    return (local_ms - *of_day) / DAY_MS;
}

bool nfa_during(const nfa_env *env, const plan_expr *expr)
{
    egret_value t = nfa_eval(env, env->engine->plan->args[expr->args]);
    int64_t at;
    if (t.type != EGRET_TIME) {
        return false;
    }
    (void)split(t.u.i, &at);
    return expr->a < expr->b ? at >= expr->a && at <= expr->b : at >= expr->a || at <= expr->b;
}

static bool has_day(const plan_hours *hours, int64_t day)
{
    int64_t weekday = ((day + 3) % 7 + 7) % 7 + 1;      /* 1970-01-01 was a Thursday; Monday is 1 */
    return day >= hours->first_day && day <= hours->last_day && (hours->weekdays >> weekday & 1) != 0;
}

/* Hours over midnight belong to the day on which they began. */
static bool within(const plan *p, const plan_hours *hours, int64_t time_ms)
{
    int64_t local_ms;
    int64_t at;
    if (!move(&p->zones[hours->zone], time_ms, &local_ms)) {
        return false;
    }
    int64_t day = split(local_ms, &at);
    if (hours->from_ms < hours->to_ms) {
        return at >= hours->from_ms && at <= hours->to_ms && has_day(hours, day);
    }
    return (at >= hours->from_ms && has_day(hours, day)) || (at <= hours->to_ms && has_day(hours, day - 1));
}

bool nfa_in_calendar(const nfa_env *env, const plan_expr *expr)
{
    const plan *p = env->engine->plan;
    const plan_calendar *calendar = &p->calendars[expr->a];
    egret_value t = nfa_eval(env, p->args[expr->args]);
    bool inside = false;
    bool listed = false;
    for (uint32_t i = 0; t.type == EGRET_TIME && i < calendar->n_hours; i++) {
        const plan_hours *hours = &calendar->hours[i];
        bool hit = within(p, hours, t.u.i);
        if (hours->negated && hit) {
            return false;
        }
        listed = listed || !hours->negated;
        inside = inside || (hit && !hours->negated);
    }
    return t.type == EGRET_TIME && (inside || !listed);
}
