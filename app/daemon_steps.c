/*
 * daemon_steps.c: see daemon_steps.h.
 */
#include "app/daemon_steps.h"

#include "app/command.h"
#include "app/rules_backend.h"

#include <stdlib.h>

daemon_state *daemon_steps_open(const daemon_options *options)
{
    daemon_state *d = calloc(1, sizeof *d);
    if (!d) {
        app_log_say(&options->log, LOG_ERROR, "start: no memory");
        return NULL;
    }
    d->options = options;
    d->plan = options->rules->plan;
    d->start_ms = app_wall_ms(NULL);
    bool fine = daemon_open_inside(d) == APP_FINE && daemon_engine_start(d) == APP_FINE && daemon_engine_begin(d) == EGRET_OK;
    if (fine) return d;
    daemon_steps_close(d, false);
    return NULL;
}

bool daemon_steps_engine(daemon_state *d)
{
    return !atomic_load(&d->failed) && daemon_engine_once(d) == EGRET_OK;
}

bool daemon_steps_commit(daemon_state *d)
{
    return committer_step(d->committer);
}

void daemon_steps_send(daemon_state *d, uint32_t sink)
{
    (void)outbox_step(d->sinks[sink].box);
}

web_rules_status daemon_steps_change(daemon_state *d, const web_rules_change *asked, rule_change **change, egret_text *out)
{
    rule_set *now;
    json_t *answer;
    *change = NULL;
    if (!daemon_rules_begin(d->rules, &now)) return WEB_RULES_STOPPING;
    web_rules_status status = backend_prepare(d, now, asked, change, &answer, out);
    bool offered = *change && rule_change_rules(*change)->changes.len > 0 && daemon_rules_offer(d->rules, *change);
    if (*change && !offered) {
        rule_change_free(*change);
        *change = NULL;
    }
    json_decref(answer);
    daemon_rules_end(d->rules);
    rule_set_drop(now);
    return status;
}

void daemon_steps_close(daemon_state *d, bool orderly)
{
    if (d->queue) admission_close(d->queue);
    while (orderly && !admission_is_drained(d->queue) && daemon_steps_engine(d)) {}
    if (d->evaluation) daemon_engine_end(d, orderly && !atomic_load(&d->failed));
    if (d->rules) daemon_engine_join(d);
    while (orderly && daemon_steps_commit(d) && !committer_trouble(d->committer)) {}
    daemon_close_inside(d);
    free(d);
}
