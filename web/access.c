/*
 * access.c: see access.h.
 */
#include "web/access.h"

#include "web/tokens.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>

enum { LOOK_AGAIN_MS = 200 };

/* A bucket holds twice what comes in during a second; a request takes one out. */
typedef struct bucket {
    char id[TOKEN_ID_DIGITS + 1];
    double full;
    int64_t filled_ms;
} bucket;

struct web_access {
    char *path;
    unsigned rate;
    token_list list;
    bool open;                  /* no token was ever there */
    bool broken;                /* the file cannot be read */
    struct timespec changed;    /* of the file that was read */
    ino_t inode;
    int64_t looked_ms;          /* monotonic */
    bucket *buckets;            /* of the list, in its order; and one more for everybody without a token */
};

static const char *const role_names[] = {"anyone", "ingest", "viewer", "author", "admin"};

const char *web_role_name(web_role role)
{
    return role_names[role];
}

bool web_role_read(const char *name, web_role *role)
{
    for (unsigned i = WEB_INGEST; i <= WEB_ADMIN; i++) {
        if (strcmp(name, role_names[i]) != 0) continue;
        *role = (web_role)i;
        return true;
    }
    return false;
}

bool web_role_may(web_role has, web_role needs)
{
    if (needs == WEB_ANYONE || has == WEB_ADMIN) return true;
    if (needs == WEB_INGEST || has == WEB_INGEST) return has == needs;
    return has >= needs;
}

/* ---- the file ---- */

static double capacity(const web_access *access)
{
    return 2.0 * access->rate;
}

/* What is left in a bucket stays when the file is read again. */
static bool take_list(web_access *access, token_list *list)
{
    bucket *buckets = calloc(list->n + 1, sizeof *buckets);
    if (!buckets) return false;
    for (size_t i = 0; i <= list->n; i++) {
        buckets[i].full = capacity(access);
        if (i < list->n) memcpy(buckets[i].id, list->tokens[i].id, sizeof buckets[i].id);
        for (size_t k = 0; access->buckets && k <= access->list.n; k++)
            if (strcmp(access->buckets[k].id, buckets[i].id) == 0) buckets[i] = access->buckets[k];
    }
    tokens_free(&access->list);
    free(access->buckets);
    access->list = *list;
    access->buckets = buckets;
    if (list->n > 0) access->open = false;
    return true;
}

static void look(web_access *access)
{
    struct stat now = {0};
    bool there = stat(access->path, &now) == 0;
    if (!access->broken && access->buckets && there == (access->inode != 0) &&
        (!there || (now.st_ino == access->inode && memcmp(&now.st_mtim, &access->changed, sizeof now.st_mtim) == 0)))
        return;
    token_list list;
    access->broken = tokens_read(access->path, &list) != 0;
    if (access->broken) return;
    access->inode = there ? now.st_ino : 0;
    access->changed = now.st_mtim;
    if (!take_list(access, &list)) {
        tokens_free(&list);
        access->broken = true;
    }
}

web_access *web_access_open(const char *path, unsigned rate)
{
    web_access *access = calloc(1, sizeof *access);
    if (!access) return NULL;
    access->path = strdup(path);
    access->rate = rate;
    access->open = true;
    access->looked_ms = INT64_MIN;
    if (access->path) look(access);
    if (access->path && (access->buckets || access->broken)) return access;
    web_access_close(access);
    return NULL;
}

void web_access_close(web_access *access)
{
    if (!access) return;
    tokens_free(&access->list);
    free(access->buckets);
    free(access->path);
    free(access);
}

bool web_access_is_open(const web_access *access)
{
    return access->open && !access->broken;
}

/* ---- requests ---- */

static bool take_drop(web_access *access, bucket *b, int64_t now_ms)
{
    if (access->rate == 0) return true;
    if (b->filled_ms != 0 && now_ms > b->filled_ms) b->full += (double)(now_ms - b->filled_ms) * access->rate / 1000.0;
    if (b->full > capacity(access)) b->full = capacity(access);
    b->filled_ms = now_ms;
    if (b->full < 1) return false;
    b->full -= 1;
    return true;
}

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static const token *holder(const web_access *access, const char *header)
{
    static const char scheme[] = "Bearer ";
    if (!header || strncasecmp(header, scheme, strlen(scheme)) != 0) return NULL;
    return tokens_find(&access->list, header + strlen(scheme), wall_ms());
}

void web_access_check(web_access *access, const char *header, web_role needs, bool counted, int64_t now_ms, web_verdict *verdict)
{
    *verdict = (web_verdict){.who = "local"};
    if (access->looked_ms == INT64_MIN || now_ms - access->looked_ms >= LOOK_AGAIN_MS) {
        look(access);
        access->looked_ms = now_ms;
    }
    if (needs == WEB_ANYONE) return;
    const token *found = access->broken ? NULL : holder(access, header);
    if (!found && !web_access_is_open(access)) {
        verdict->status = 401;
        verdict->detail = access->broken ? "the file of tokens cannot be read; nobody is let in until it can"
                          : header       ? "this token is not known here, has expired or was revoked"
                                         : "a token is needed: Authorization: Bearer egret_...";
        return;
    }
    if (found) snprintf(verdict->who, sizeof verdict->who, "%s (egret_%s)", found->name, found->id);
    if (found && !web_role_may(found->role, needs)) {
        verdict->status = 403;
        verdict->detail = "the role of this token does not allow this";
        return;
    }
    bucket *b = &access->buckets[found ? (size_t)(found - access->list.tokens) : access->list.n];
    if (!counted || take_drop(access, b, now_ms)) return;
    verdict->status = 429;
    verdict->detail = "too many requests a second; again in a moment";
    verdict->retry_after_s = 1;
}
