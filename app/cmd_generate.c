/*
 * cmd_generate.c: `egret generate`: sample streams with known frauds and troubles in them.
 */
#include "app/command.h"

#include "ingest/generate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const app_option options[] = {
    {"events", APP_ONE, "N", "1000", "lines in all"},
    {"seed", APP_ONE, "S", "1", "another seed gives another stream, the same one the same bytes"},
    {"faults", APP_FLAG, NULL, NULL, "with events out of order (within 5s), twice, and broken"},
    {"out", APP_ONE, "FILE", "-", "where to; '-' is standard output"},
    {"labels", APP_ONE, "FILE", NULL, "write which lines belong to what was injected"},
    {0},
};

static bool kind_is_known(const char *kind)
{
    for (const char *const *known = ingest_generate_kinds(); *known; known++)
        if (strcmp(*known, kind) == 0) return true;
    return false;
}

/* Opens for writing; "-" is standard output, NULL stays NULL. */
static bool open_out(const char *path, FILE **out)
{
    *out = NULL;
    if (!path) return true;
    *out = strcmp(path, "-") == 0 ? stdout : fopen(path, "wb");
    return *out != NULL;
}

static bool close_out(FILE *out)
{
    if (!out || out == stdout) return true;
    bool fine = !ferror(out);
    return fclose(out) == 0 && fine;
}

static int generate(const app_args *args, ingest_generate_options *wanted)
{
    const char *path = app_args_one(args, "out"), *labels = app_args_one(args, "labels");
    if (!open_out(path, &wanted->out)) return app_trouble(args, "%s: %s", path, strerror(errno));
    if (!open_out(labels, &wanted->labels)) {
        int error = errno;
        close_out(wanted->out);
        return app_trouble(args, "%s: %s", labels, strerror(error));
    }
    egret_status status = ingest_generate(wanted);
    bool fine = close_out(wanted->labels);
    fine = close_out(wanted->out) && fine;
    if (status == EGRET_OK && fine) return APP_FINE;
    return app_trouble(args, "%s", status == EGRET_OK || status == EGRET_IO ? strerror(errno) : egret_status_text(status));
}

static int run(app_args *args)
{
    const char **words;
    int64_t events, seed;
    if (app_args_words(args, &words) != 1 || !kind_is_known(words[0]))
        return app_usage(args, "what to generate: payments, logins or sensors?");
    if (!app_args_int(args, "events", 0, INT64_C(1000000000000), &events)) return APP_USAGE;
    if (!app_args_int(args, "seed", 0, INT64_MAX, &seed)) return APP_USAGE;
    ingest_generate_options wanted = {.kind = words[0], .events = (uint64_t)events, .seed = (uint64_t)seed,
                                      .faults = app_args_has(args, "faults")};
    return generate(args, &wanted);
}

const app_command app_cmd_generate = {
    .name = "generate",
    .summary = "Makes a sample stream with frauds and troubles injected",
    .words = "payments|logins|sensors",
    .options = options,
    .notes = "One JSON object a line. The same kind, number, seed and faults give the same bytes on every machine.",
    .run = run,
};
