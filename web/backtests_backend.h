/*
 * backtests_backend.h: what the web folder asks of the program about back-tests: rules tried on events of the past, in the background.
 *
 * From several threads at once, on workers. Answers are JSON texts appended to `out`, or sentences, as in web/rules_backend.h.
 */
#ifndef EGRET_WEB_BACKTESTS_BACKEND_H
#define EGRET_WEB_BACKTESTS_BACKEND_H

#include "web/rules_backend.h"

typedef struct web_backtest_file { const char *name, *text; } web_backtest_file;     /* of a stream or source: lines of JSON */

typedef struct web_backtest {
    web_rules_change change;            /* what is tried: the rules that hold, with these items changed; without any: as they are */
    bool compare;                       /* with the rules that hold */
    const char *label;                  /* a field of events; NULL: none */
    const web_backtest_file *files;     /* instead of the journal */
    size_t n_files;
} web_backtest;

typedef struct web_backtests {
    void *user;
    /* {"id","state":"waiting"}. REFUSED: too many wait. */
    web_rules_status (*start)(void *user, const web_backtest *what, egret_text *out);
    /* {"backtests":[{"id","state":"waiting"|"running"|"done"|"failed"|"cancelled","who","started","ended","events":n,"trouble":null|"…"}]}, newest first */
    web_rules_status (*list)(void *user, egret_text *out);
    /* The same of one, with its "report" when it is done. */
    web_rules_status (*get)(void *user, const char *id, egret_text *out);
    /* Ends it, or forgets it when it has ended. */
    web_rules_status (*cancel)(void *user, const char *id, egret_text *out);
} web_backtests;

#endif
