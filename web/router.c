/*
 * router.c: see router.h.
 */
#include "web/router.h"

#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool is_utf8(const char *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t n = egret_utf8_length(text + i, len - i);
        if (n == 0) return false;
        i += n;
    }
    return true;
}

bool router_decode(const char *text, size_t len, bool plus, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '%') {
            int high = i + 2 < len ? hex_digit(text[i + 1]) : -1, low = high >= 0 ? hex_digit(text[i + 2]) : -1;
            if (low < 0) return false;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        if (c == '\0' || n + 1 >= size) return false;
        out[n++] = c;
    }
    out[n] = '\0';
    return is_utf8(out, n);
}

/* Takes one segment off: its length; *at goes behind the slash, NULL: it was the last one. */
static size_t segment(const char **at)
{
    size_t len = strcspn(*at, "/");
    *at = (*at)[len] ? *at + len + 1 : NULL;
    return len;
}

/* 0: it does not fit; 1: it fits; -1: it would, but an argument is broken. */
static int path_fits(const char *pattern, const char *path, router_match *out)
{
    unsigned n = 0;
    bool broken = false;
    while (pattern && path) {
        const char *wanted = pattern, *got = path;
        size_t wanted_len = segment(&pattern), got_len = segment(&path);
        if (wanted[0] == '{') {
            if (got_len == 0 || n == WEB_MAX_ARGUMENTS) return 0;
            broken = broken || !router_decode(got, got_len, false, out->arguments[n++], ROUTER_ARGUMENT_BYTES);
        } else if (wanted_len != got_len || memcmp(wanted, got, got_len) != 0) {
            return 0;
        }
    }
    if (pattern || path) return 0;
    return broken ? -1 : 1;
}

static bool method_fits(const char *wanted, const char *method)
{
    return strcmp(wanted, method) == 0 || (strcmp(wanted, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

static void add_method(char *allow, const char *method)
{
    if (strstr(allow, method)) return;
    size_t len = strlen(allow), more = strlen(method) + (len > 0 ? 2 : 0);
    if (len + more >= ROUTER_ALLOW_BYTES) return;
    if (len > 0) memcpy(allow + len, ", ", 3);
    strcat(allow, method);
}

/* A row without {…} goes before one with: "/v1/alerts/feed" is no alert. */
static bool is_better(const web_route *route, const web_route *than)
{
    return !than || (!strchr(route->path, '{') && strchr(than->path, '{'));
}

void router_find(const web_route *const *tables, const char *method, const char *path, router_match *out)
{
    const web_route *found = NULL;
    bool broken = false;
    memset(out, 0, sizeof *out);
    for (size_t t = 0; tables[t]; t++) {
        for (const web_route *route = tables[t]; route->method; route++) {
            int fits = path_fits(route->path, path, out);
            if (fits == 0) continue;
            broken = broken || fits < 0;
            add_method(out->allow, route->method);
            if (method_fits(route->method, method) && is_better(route, found)) found = route;
        }
    }
    out->status = broken ? 400 : out->allow[0] ? 405 : 404;
    if (!found || broken) return;
    memset(out->arguments, 0, sizeof out->arguments);
    path_fits(found->path, path, out);
    out->route = found;
    out->status = 0;
}
