/*
 * generate_sensors.c: devices, sensors, services, doors and programs of a few sites, second by second.
 *
 * Ordinary life: 40 devices give a heartbeat a minute; 20 sensors a reading a minute, up and down around a level; 4 services answer a request
 * every second or two, one in a hundred with an error; 10 doors are opened now and then and closed within two minutes; programs are
 * restarted once in a while after an orderly exit.
 *
 * Episodes, about one in ten minutes and in turn:
 *   silence         a device gives no heartbeat for 5 to 30 minutes
 *   rising          a sensor's readings rise 4 to 8 times in a row, by 0.6 or more each
 *   error_rate      a service answers one request in five with an error for 6 to 12 minutes, and its log says so
 *   door_open       a door stays open for 8 to 90 minutes
 *   restart_loop    a program exits with a code and starts again, 4 to 8 times within 9 minutes
 */
#include "ingest/generate_internal.h"

#include <stdlib.h>

enum { N_DEVICES = 40, N_SENSORS = 20, N_SERVICES = 4, N_DOORS = 10, STEP_MS = 1000, EPISODE_STEPS = 600 };

typedef struct world {
    uint64_t tick;                      /* steps so far */
    int64_t silent_until[N_DEVICES];
    uint64_t silence_episode[N_DEVICES];
    int64_t level[N_SENSORS];           /* hundredths */
    unsigned rises_left[N_SENSORS];
    uint64_t rise_episode[N_SENSORS];
    int64_t errors_until[N_SERVICES];
    uint64_t error_episode[N_SERVICES];
    int64_t door_until[N_DOORS];
    uint64_t until_episode;
} world;

static bool begin(generator *g)
{
    world *w = calloc(1, sizeof *w);
    if (w == NULL)
        return false;
    g->world = w;
    w->until_episode = 60;
    for (int i = 0; i < N_SENSORS; i++)
        w->level[i] = 2000 + i * 50;
    return true;
}

static void end(generator *g)
{
    free(g->world);
}

static void heartbeat(generator *g, unsigned device)
{
    world *w = g->world;
    if (g->now_ms < w->silent_until[device])
        return;
    uint64_t episode = w->silence_episode[device];      /* the first after a silence carries its label */
    w->silence_episode[device] = 0;
    generate_plan(g, g->now_ms + generate_between(g, 0, 900), episode != 0 ? "silence" : NULL, episode,
                  "{\"type\":\"heartbeat\",\"device_id\":\"dev%02u\"", device);
}

static void reading(generator *g, unsigned sensor)
{
    world *w = g->world;
    int64_t noise = generate_between(g, -30, 30), base = 2000 + (int64_t)sensor * 50;
    bool rising = w->rises_left[sensor] > 0;
    if (rising) {
        w->rises_left[sensor]--;
        w->level[sensor] += generate_between(g, 60, 150);
    } else {
        w->level[sensor] = base + noise;
    }
    generate_plan(g, g->now_ms + generate_between(g, 0, 900), rising ? "rising" : NULL, w->rise_episode[sensor],
                  "{\"type\":\"reading\",\"sensor\":\"t%02u\",\"value\":%d.%02d", sensor, (int)(w->level[sensor] / 100), (int)(w->level[sensor] % 100));
}

static void request(generator *g, unsigned service)
{
    const world *w = g->world;
    bool ill = g->now_ms < w->errors_until[service], fails = generate_chance(g, ill ? 200 : 10);
    int64_t at_ms = g->now_ms + generate_between(g, 0, 900);
    const char *label = ill && fails ? "error_rate" : NULL;
    generate_plan(g, at_ms, label, w->error_episode[service], "{\"type\":\"http_request\",\"service\":\"svc%u\",\"status\":%u", service,
                  fails ? 500U + (unsigned)generate_below(g, 4) : generate_chance(g, 50) ? 404U : 200U);
    if (fails)
        generate_plan(g, at_ms, label, w->error_episode[service], "{\"type\":\"error_log\",\"app\":\"svc%u\"", service);
}

static void open_door(generator *g, unsigned door, int64_t open_ms, const char *label, uint64_t episode)
{
    world *w = g->world;
    if (g->now_ms < w->door_until[door])
        return;
    w->door_until[door] = g->now_ms + open_ms + 1000;
    generate_plan(g, g->now_ms, label, episode, "{\"type\":\"door\",\"door\":\"door%02u\",\"site\":\"site%u\",\"state\":\"opened\"", door, door % 3);
    generate_plan(g, g->now_ms + open_ms, label, episode, "{\"type\":\"door\",\"door\":\"door%02u\",\"site\":\"site%u\",\"state\":\"closed\"", door,
                  door % 3);
}

static void restart(generator *g, int64_t at_ms, unsigned service, unsigned code, const char *label, uint64_t episode)
{
    generate_plan(g, at_ms, label, episode, "{\"type\":\"proc_exit\",\"host\":\"host%u\",\"service\":\"svc%u\",\"code\":%u", service % 3, service, code);
    generate_plan(g, at_ms + generate_between(g, 500, 5000), label, episode, "{\"type\":\"proc_start\",\"host\":\"host%u\",\"service\":\"svc%u\"",
                  service % 3, service);
}

static void restart_loop(generator *g, uint64_t episode)
{
    unsigned service = (unsigned)generate_below(g, N_SERVICES);
    int64_t n = generate_between(g, 4, 8), at_ms = g->now_ms;
    for (int64_t i = 0; i < n; i++, at_ms += generate_between(g, 10000, 9 * GENERATE_MINUTE / n))
        restart(g, at_ms, service, 139, "restart_loop", episode);
}

static void episode(generator *g)
{
    world *w = g->world;
    uint64_t number = ++g->episodes, which = 0;
    switch (number % 5) {
    case 1:
        which = generate_below(g, N_DEVICES);
        w->silent_until[which] = g->now_ms + generate_between(g, 5 * GENERATE_MINUTE, 30 * GENERATE_MINUTE);
        w->silence_episode[which] = number;
        break;
    case 2:
        which = generate_below(g, N_SENSORS);
        w->rises_left[which] = (unsigned)generate_between(g, 4, 8);
        w->rise_episode[which] = number;
        break;
    case 3:
        which = generate_below(g, N_SERVICES);
        w->errors_until[which] = g->now_ms + generate_between(g, 6 * GENERATE_MINUTE, 12 * GENERATE_MINUTE);
        w->error_episode[which] = number;
        break;
    case 4:
        open_door(g, (unsigned)generate_below(g, N_DOORS), generate_between(g, 8 * GENERATE_MINUTE, 90 * GENERATE_MINUTE), "door_open", number);
        break;
    default:
        restart_loop(g, number);
    }
}

static void step(generator *g)
{
    world *w = g->world;
    g->now_ms += STEP_MS;
    unsigned second = (unsigned)(w->tick++ % 60);
    for (unsigned i = 0; i < N_DEVICES; i++)
        if (i * 3 % 60 == second)
            heartbeat(g, i);
    for (unsigned i = 0; i < N_SENSORS; i++)
        if ((i * 3 + 1) % 60 == second)
            reading(g, i);
    for (unsigned i = 0; i < N_SERVICES; i++)
        if (generate_chance(g, 700))
            request(g, i);
    if (generate_chance(g, 8))
        open_door(g, (unsigned)generate_below(g, N_DOORS), generate_between(g, 5000, 110000), NULL, 0);
    if (generate_below(g, 20000) == 0)
        restart(g, g->now_ms, (unsigned)generate_below(g, N_SERVICES), 0, NULL, 0);
    if (--w->until_episode > 0)
        return;
    w->until_episode = EPISODE_STEPS / 2 + generate_below(g, EPISODE_STEPS);
    episode(g);
}

const generate_kind generate_sensors = { "sensors", begin, step, end };
