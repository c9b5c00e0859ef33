/*
 * cmd_token.c: `egret token`: the access tokens of a data folder: made, listed, revoked. A running daemon sees it within a second.
 */
#include "app/command.h"
#include "app/log.h"
#include "web/tokens.h"

#include "alerting/json_write.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const app_option options[] = {
    {"data", APP_ONE, "DIR", NULL, "the data folder of the appliance; made when it is not there"},
    {"role", APP_ONE, "ROLE", NULL, "of a new token: ingest, viewer, author or admin"},
    {"name", APP_ONE, "TEXT", NULL, "of a new token: whose it is, as the audit trail shall name it (default: its role)"},
    {"expires", APP_ONE, "DURATION", NULL, "of a new token: how long it holds, such as 90d (default: until it is revoked)"},
    {0},
};

static int complain(const app_args *args, const char *path, int error)
{
    return app_trouble(args, "%s: %s", path, error == EINVAL ? "not a file of tokens" : strerror(error));
}

static int create(const app_args *args, const char *path)
{
    web_role role;
    token made;
    char text[TOKEN_TEXT_BYTES];
    int64_t lasts_ms = 0, now_ms = app_wall_ms(NULL);
    const char *wanted = app_args_one(args, "role"), *name = app_args_one(args, "name"), *expires = app_args_one(args, "expires");
    if (!wanted || !web_role_read(wanted, &role)) return app_usage(args, "--role is needed: ingest, viewer, author or admin");
    if (!name) name = wanted;
    if (!token_name_is_fine(name)) return app_usage(args, "--name: printable ASCII, at most %d letters", TOKEN_NAME_BYTES);
    if (expires && (!egret_parse_duration(expires, strlen(expires), &lasts_ms) || lasts_ms <= 0))
        return app_usage(args, "--expires: '%s' is no duration such as 90d or 12h", expires);
    if (mkdir(app_args_one(args, "data"), 0750) != 0 && errno != EEXIST) return complain(args, app_args_one(args, "data"), errno);
    int error = tokens_create(path, name, role, now_ms, lasts_ms > 0 ? now_ms + lasts_ms : 0, &made, text);
    if (error != 0) return complain(args, path, error);
    printf("%s\n", text);
    fprintf(stderr, "This is the only time it is shown. It may do what the role %s may; revoke it with: egret token revoke egret_%s --data %s\n",
            wanted, made.id, app_args_one(args, "data"));
    return APP_FINE;
}

static void put_time(json_writer *w, const char *name, int64_t ms)
{
    jsonw_key_z(w, name);
    if (ms == 0) jsonw_null(w);
    else jsonw_value(w, egret_time(ms));
}

static int list(const app_args *args, const char *path)
{
    token_list tokens;
    int error = tokens_read(path, &tokens);
    if (error != 0) return complain(args, path, error);
    for (size_t i = 0; i < tokens.n; i++) {
        const token *t = &tokens.tokens[i];
        char prefix[8 + TOKEN_ID_DIGITS];
        json_writer w;
        snprintf(prefix, sizeof prefix, "egret_%s", t->id);
        jsonw_init(&w);
        jsonw_begin(&w, '{');
        jsonw_key_z(&w, "prefix");
        jsonw_string_z(&w, prefix);
        jsonw_key_z(&w, "name");
        jsonw_string_z(&w, t->name);
        jsonw_key_z(&w, "role");
        jsonw_string_z(&w, web_role_name(t->role));
        put_time(&w, "created", t->created_ms);
        put_time(&w, "expires", t->expires_ms);
        put_time(&w, "revoked", t->revoked_ms);
        jsonw_end(&w, '}');
        if (!w.failed) printf("%.*s\n", (int)w.len, w.ptr);
        jsonw_deinit(&w);
    }
    tokens_free(&tokens);
    return APP_FINE;
}

static int revoke(const app_args *args, const char *path, const char **words, size_t n)
{
    if (n < 2) return app_usage(args, "which one? egret token list shows their prefixes");
    for (size_t i = 1; i < n; i++) {
        int error = tokens_revoke(path, words[i], app_wall_ms(NULL));
        if (error == ENOENT) return app_trouble(args, "there is no token '%s'; egret token list shows them", words[i]);
        if (error != 0) return complain(args, path, error);
    }
    return APP_FINE;
}

static int run(app_args *args)
{
    const char **words;
    char *path;
    size_t n = app_args_words(args, &words);
    if (!app_args_one(args, "data")) return app_usage(args, "--data is needed");
    if (n == 0 || (strcmp(words[0], "create") != 0 && strcmp(words[0], "list") != 0 && strcmp(words[0], "revoke") != 0))
        return app_usage(args, "create, list or revoke?");
    if (asprintf(&path, "%s/tokens", app_args_one(args, "data")) < 0) return app_trouble(args, "no memory");
    int exit_code = words[0][0] == 'c' ? create(args, path) : words[0][0] == 'l' ? list(args, path) : revoke(args, path, words, n);
    free(path);
    return exit_code;
}

const app_command app_cmd_token = {
    .name = "token",
    .summary = "Makes, lists and revokes access tokens of the appliance",
    .words = "create|list|revoke [PREFIX...]",
    .options = options,
    .notes = "create prints the token on stdout, once; the folder keeps its SHA-256 alone. From the first token on every request needs one:\n"
             "Authorization: Bearer egret_...  Roles: ingest sends events; viewer reads; author reads and changes rules, lists, snoozes and\n"
             "alerts; admin may do everything. A running appliance sees new and revoked tokens within a second.",
    .run = run,
};
