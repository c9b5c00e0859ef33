/*
 * window_frame.c: where tumbling windows begin and end, and the closing windows that single aggregates have of their own.
 *
 * In UTC windows follow one another from 1970 on. In a zone a window begins whenever its clock shows a whole number of lengths since midnight. When
 * clocks are put forward over such a moment, one begins with the change; when they are put back, it is shown a second time and one begins a second
 * time, but for windows of days: a day that has begun goes on. So an hour lasts an hour, and a day from midnight to midnight, 23, 24 or 25 hours.
 *
 *   02:00 shown twice     |01:00 |02:00 |02:00 |03:00 |        over tumbling 1h
 *                         |00:00                             |00:00    over tumbling 1d, of 25 hours
 *
 * An aggregate whose window is not that of its rule (sum(amount over tumbling 1d in a rule over 10m, a member of a profile) has a frame in
 * the root of the section: its window's first instant and the last one at which an event belongs to it. It is open while it holds an event; whoever
 * reads the window first rolls it: frames that are over are closed, and their registers emptied.
 */
#include "nfa/window.h"

enum { DAY_MS = 86400000 };

/* ---- where a window begins and ends ---- */

static int64_t floor_to(int64_t time_ms, int64_t size_ms)
{
    int64_t rest = time_ms % size_ms;
    return time_ms - (rest < 0 ? rest + size_ms : rest);
}

/* What the clock shows at the instant, to the last whole window. */
static int64_t shown(const plan_zone *zone, uint32_t row, int64_t time_ms, int64_t size_ms)
{
    return floor_to(time_ms + (int64_t)zone->rows[row].offset_s * 1000, size_ms);
}

/* Goes back over changes of the clock that began no window. */
static int64_t zone_start(const plan_zone *zone, int64_t time_ms, int64_t size_ms)
{
    for (uint32_t row = nfa_zone_row(zone, time_ms);; row--) {
        int64_t offset_ms = (int64_t)zone->rows[row].offset_s * 1000;
        int64_t change_ms = zone->rows[row].from_ms;
        int64_t start_ms = shown(zone, row, time_ms, size_ms) - offset_ms;
        if (row == 0) {
            return start_ms;
        }
        int64_t before = shown(zone, row - 1, change_ms - 1, size_ms);
        bool goes_on = size_ms >= DAY_MS && start_ms + offset_ms <= before;
        if (start_ms >= change_ms && !goes_on) {
            return start_ms;
        }
        if (!goes_on && shown(zone, row, change_ms, size_ms) > before) {
            return change_ms;
        }
        time_ms = change_ms - 1;
    }
}

static int64_t zone_end(const plan_zone *zone, int64_t time_ms, int64_t size_ms)
{
    for (;;) {
        uint32_t row = nfa_zone_row(zone, time_ms);
        int64_t end_ms = shown(zone, row, time_ms, size_ms) + size_ms - (int64_t)zone->rows[row].offset_s * 1000;
        bool changes = row + 1 < zone->n_rows && zone->rows[row + 1].from_ms < end_ms;
        time_ms = changes ? zone->rows[row + 1].from_ms : end_ms;
        if (zone_start(zone, time_ms, size_ms) == time_ms) {
            return time_ms;
        }
    }
}

int64_t win_tumbling_start(const plan *p, uint32_t zone, int64_t size_ms, int64_t time_ms)
{
    return zone == PLAN_NONE ? floor_to(time_ms, size_ms) : zone_start(&p->zones[zone], time_ms, size_ms);
}

int64_t win_tumbling_end(const plan *p, uint32_t zone, int64_t size_ms, int64_t time_ms)
{
    return zone == PLAN_NONE ? floor_to(time_ms, size_ms) + size_ms : zone_end(&p->zones[zone], time_ms, size_ms);
}

/* ---- frames ---- */

static win_frame *frame_at(const win_layout *layout, const nfa_section *section, uint32_t agg)
{
    return (win_frame *)(void *)((uint8_t *)nfa_section_root(section) + layout->aggs[agg].frame);
}

void win_frame_place(const nfa_engine *engine, uint32_t number, win_layout *layout, uint32_t agg, size_t *root)
{
    const plan_window *window = &engine->plan->windows[number];
    const plan_agg *def = &window->aggs[agg];
    if ((def->over.kind != AST_TUMBLING && def->over.kind != AST_SESSION) || def->stays) {
        return;
    }
    layout->framed = true;
    for (uint32_t a = 0; a < agg; a++) {
        if (layout->aggs[a].frame != 0 && plan_over_equal(&window->aggs[a].over, &def->over)) {
            layout->aggs[agg].frame = layout->aggs[a].frame;
            return;
        }
    }
    layout->aggs[agg].frame = (uint16_t)*root;
    *root += sizeof(win_frame);
}

static bool is_over(const win_frame *frame, const plan_over *over, int64_t now_ms, win_phase phase)
{
    if (over->kind == AST_TUMBLING) {
        return phase == WIN_AT_CLOSE ? now_ms - 1 > frame->until_ms : now_ms > frame->until_ms;
    }
    return now_ms > frame->until_ms || (phase == WIN_AT_TIMER && now_ms == frame->until_ms);
}

void win_roll_frames(const plan_window *window, const win_layout *layout, nfa_section *section, int64_t now_ms, win_phase phase)
{
    for (uint32_t a = 0; a < window->n_aggs; a++) {
        win_frame *frame = layout->aggs[a].frame == 0 ? NULL : frame_at(layout, section, a);
        if (frame != NULL && frame->open && is_over(frame, &window->aggs[a].over, now_ms, phase)) {
            frame->open = false;
            win_clear_over(window, layout, section, &window->aggs[a].over);
        }
    }
}

void win_frames_take(const plan *p, const plan_window *window, const win_layout *layout, const nfa_section *section, int64_t now_ms)
{
    for (uint32_t a = 0; layout->framed && a < window->n_aggs; a++) {
        const plan_over *over = &window->aggs[a].over;
        win_frame *frame = layout->aggs[a].frame == 0 ? NULL : frame_at(layout, section, a);
        if (frame == NULL) {
            continue;
        }
        if (!frame->open) {
            frame->start_ms = now_ms;
            frame->until_ms = over->kind == AST_TUMBLING ? win_tumbling_end(p, over->zone, over->size_ms, now_ms) - 1 : now_ms;
            frame->open = true;
        }
        if (over->kind == AST_SESSION) {
            frame->until_ms = now_ms > INT64_MAX - over->size_ms ? INT64_MAX : now_ms + over->size_ms;
        }
    }
}

int64_t win_next_roll(const plan_window *window, const win_layout *layout, const nfa_section *section, ast_window_kind kind)
{
    int64_t next = NFA_NEVER;
    for (uint32_t a = 0; layout->framed && a < window->n_aggs; a++) {
        const plan_agg *agg = &window->aggs[a];
        const win_frame *frame = layout->aggs[a].frame == 0 || !agg->asked ? NULL : frame_at(layout, section, a);
        if (frame != NULL && frame->open && agg->over.kind == kind && frame->until_ms < next) {
            next = frame->until_ms;
        }
    }
    return next;
}

int64_t win_frame_duration(const plan_window *window, const win_layout *layout, const nfa_section *section, uint32_t agg)
{
    const win_frame *frame = frame_at(layout, section, agg);
    return frame->open ? frame->until_ms - window->aggs[agg].over.size_ms - frame->start_ms : 0;
}

bool win_frame_open(const win_layout *layout, const nfa_section *section, uint32_t agg)
{
    return layout->aggs[agg].frame != 0 && frame_at(layout, section, agg)->open;
}
