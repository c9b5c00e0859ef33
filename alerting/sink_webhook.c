/*
 * sink_webhook.c: alerts as signed HTTP POSTs (Standard Webhooks 1.0.0), by libcurl, several at once.
 *
 * What a receiver sees: the alert as JSON (or in an envelope, or as a text for a chat tool), `webhook-id` (the same over all tries),
 * `webhook-timestamp` (of this try) and, when there is a secret, `webhook-signature`: two of them, apart by a space, while a secret is being
 * replaced. 2xx is delivery; 410 ends the endpoint; other 4xx but 408, 425 and 429 refuse the message; all else is tried again.
 * What a receiver cannot do: redirect us, hold us longer than the timeout, feed us more than 64 KB, or (without allow_private) be
 * anywhere but in the public internet. Proxies of the environment are not used: they would connect on our behalf, unguarded.
 *
 * One multi handle has `concurrency` requests, made once and used again and again; connections live in it. Where the server speaks HTTP/2 they
 * share one connection; else each has its own, and a request that must be sent again waits for none of the others.
 */
#include "alerting/address_guard.h"
#include "alerting/payload.h"
#include "alerting/sink.h"
#include "alerting/webhook_sign.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    OPTION_URL, OPTION_SECRET, OPTION_TIMEOUT, OPTION_ALLOW_PRIVATE, OPTION_HEADERS, OPTION_OLD_SECRET, OPTION_CONCURRENCY, OPTION_ENVELOPE,
    OPTION_SOURCE, OPTION_TEMPLATE, OPTION_CA
};
enum { MAX_RESPONSE_BYTES = 64 * 1024, MAX_CONCURRENCY = 256, MAX_SIGNATURES = 2, FORGOTTEN_MS = 1000 };

static const sink_option options[] = {
    [OPTION_URL] = {"url", EGRET_STRING, NULL, true, "http:// or https:// address to POST to"},
    [OPTION_SECRET] = {"secret", EGRET_STRING, NULL, false, "signing key: whsec_ and base64 of 24 to 64 bytes; better from env(\"NAME\")"},
    [OPTION_TIMEOUT] = {"timeout", EGRET_DURATION, "15s", false, "longest time for one try, answer included"},
    [OPTION_ALLOW_PRIVATE] = {"allow_private", EGRET_BOOL, "false", false, "allow addresses that are not of the public internet"},
    [OPTION_HEADERS] = {"headers", EGRET_NULL, NULL, false, "further headers: { \"Authorization\": env(\"TOKEN\") }"},
    [OPTION_OLD_SECRET] = {"old_secret", EGRET_STRING, NULL, false, "the key before `secret`: requests carry both signatures while receivers change over"},
    [OPTION_CONCURRENCY] = {"concurrency", EGRET_INT, "8", false, "requests on their way at once; alerts of one key never are"},
    [OPTION_ENVELOPE] = {"envelope", EGRET_STRING, NULL, false, "\"cloudevents\": the alert as `data` of a CloudEvents 1.0 event"},
    [OPTION_SOURCE] = {"cloudevents_source", EGRET_STRING, "/egret", false, "the envelope's `source`, before `/rules/` and the rule's name"},
    [OPTION_TEMPLATE] = {"template", EGRET_STRING, NULL, false, "\"slack\", \"teams\", \"mattermost\", or a text with {fields}; JSON when it begins with {\""},
    [OPTION_CA] = {"ca", EGRET_STRING, NULL, false, "file with the certificates (PEM) that may sign the server's; without: those of the system"},
    {0},
};

typedef struct webhook_sink webhook_sink;

/* One request at a time, then the next. */
typedef struct request {
    webhook_sink *sink;
    CURL *curl;
    bool busy, in_multi;
    void *ticket;
    int64_t begun_ms;       /* monotonic */
    struct curl_slist *headers;
    json_writer body;       /* when it is not the message itself */
    bool was_private;       /* the guard said no during this try */
    size_t received;
    char error[CURL_ERROR_SIZE];
} request;

struct webhook_sink {
    const sink_env *env;
    const char *headers;    /* of the settings: lines; NULL: none */
    CURLM *multi;           /* NULL: not open */
    request *requests;      /* n_requests */
    size_t n_requests, n_busy;
    int64_t timeout_ms;
    payload payload;
    webhook_key keys[MAX_SIGNATURES];
    size_t n_keys;
    bool allow_private;
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- what libcurl asks ---- */

static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    request *r = user;
    (void)purpose;
    if (!r->sink->allow_private && !address_is_public(&address->addr)) {
        r->was_private = true;
        return CURL_SOCKET_BAD;
    }
    /* Whatever becomes of the library's own call for it: one that waits would hold up the worker for as long as the receiver likes. */
    return socket(address->family, address->socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, address->protocol);
}

static size_t drop_body(char *ptr, size_t size, size_t n, void *user)
{
    request *r = user;
    (void)ptr;
    r->received += size * n;
    return r->received <= MAX_RESPONSE_BYTES ? size * n : 0;
}

/* ---- opening ---- */

static bool say(sink_outcome *outcome, const char *reason)
{
    snprintf(outcome->reason, sizeof outcome->reason, "%s", reason);
    return false;
}

static bool set_options(request *r, const sink_settings *settings)
{
    CURL *curl = r->curl;
    long timeout_ms = (long)settings->values[OPTION_TIMEOUT].u.i;
    bool fine = curl_easy_setopt(curl, CURLOPT_URL, settings->texts[OPTION_URL]) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS) == CURLE_OK;
    /* To wait whether a connection takes several at once makes sense where one may: HTTP/2, so TLS. */
    fine &= curl_easy_setopt(curl, CURLOPT_PIPEWAIT, strncmp(settings->texts[OPTION_URL], "https://", 8) == 0 ? 1L : 0L) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, r) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop_body) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_WRITEDATA, r) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_PRIVATE, r) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, r->error) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_USERAGENT, "egret/" EGRET_VERSION) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_POST, 1L) == CURLE_OK;
    if (settings->texts[OPTION_CA]) fine &= curl_easy_setopt(curl, CURLOPT_CAINFO, settings->texts[OPTION_CA]) == CURLE_OK;
    return fine;
}

static bool read_key(webhook_sink *sink, const char *option, const char *secret, sink_outcome *outcome)
{
    if (!secret) return true;
    if (webhook_key_read(&sink->keys[sink->n_keys], secret)) {
        sink->n_keys++;
        return true;
    }
    snprintf(outcome->reason, sizeof outcome->reason,
             "option '%s' must be whsec_ followed by base64 of 24 to 64 bytes; `openssl rand -base64 32` makes one", option);
    return false;
}

static bool check_settings(webhook_sink *sink, const sink_settings *settings, sink_outcome *outcome)
{
    const char *url = settings->texts[OPTION_URL], *ca = settings->texts[OPTION_CA];
    int64_t timeout_ms = settings->values[OPTION_TIMEOUT].u.i, concurrency = settings->values[OPTION_CONCURRENCY].u.i;
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return say(outcome, "option 'url' must begin with http:// or https://");
    if (timeout_ms < 100 || timeout_ms > 60000) return say(outcome, "option 'timeout' goes from 100ms to 1m");
    if (concurrency < 1 || concurrency > MAX_CONCURRENCY) return say(outcome, "option 'concurrency' goes from 1 to 256");
    if (settings->texts[OPTION_OLD_SECRET] && !settings->texts[OPTION_SECRET]) return say(outcome, "option 'old_secret' goes with 'secret'");
    if (ca && access(ca, R_OK) != 0) return say(outcome, "option 'ca': the file cannot be read");
    sink->n_requests = (size_t)concurrency;
    sink->timeout_ms = timeout_ms;
    return read_key(sink, "secret", settings->texts[OPTION_SECRET], outcome) &&
           read_key(sink, "old_secret", settings->texts[OPTION_OLD_SECRET], outcome) &&
           payload_read(&sink->payload, settings->texts[OPTION_ENVELOPE], settings->texts[OPTION_SOURCE], settings->texts[OPTION_TEMPLATE],
                        outcome->reason, sizeof outcome->reason);
}

static bool open_requests(webhook_sink *sink, const sink_settings *settings)
{
    sink->multi = curl_multi_init();
    sink->requests = calloc(sink->n_requests, sizeof *sink->requests);
    if (!sink->multi || !sink->requests) return false;
    curl_multi_setopt(sink->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
    curl_multi_setopt(sink->multi, CURLMOPT_MAXCONNECTS, (long)sink->n_requests);
    for (size_t i = 0; i < sink->n_requests; i++) {
        request *r = &sink->requests[i];
        r->sink = sink;
        r->curl = curl_easy_init();
        if (!r->curl || !set_options(r, settings)) return false;
    }
    return true;
}

static bool open_webhook(void *self, const sink_settings *settings, const sink_env *env, sink_outcome *outcome)
{
    webhook_sink *sink = self;
    sink->env = env;
    sink->headers = settings->texts[OPTION_HEADERS];
    sink->allow_private = settings->values[OPTION_ALLOW_PRIVATE].u.i != 0;
    if (!check_settings(sink, settings, outcome)) return false;
    return open_requests(sink, settings) || say(outcome, "libcurl gave no handle");
}

/* ---- headers ---- */

static bool add_header(struct curl_slist **headers, const char *text)
{
    struct curl_slist *grown = curl_slist_append(*headers, text);
    if (grown) *headers = grown;
    return grown != NULL;
}

/* Those of the rules, one a line. */
static bool add_written_headers(struct curl_slist **headers, const char *lines)
{
    bool fine = true;
    while (fine && lines && *lines) {
        size_t len = strcspn(lines, "\n");
        char *line = strndup(lines, len);
        fine = line && add_header(headers, line);
        free(line);
        lines += len + (lines[len] == '\n');
    }
    return fine;
}

static bool add_signatures(const webhook_sink *sink, struct curl_slist **headers, const char *id, int64_t now_s, const char *body, size_t len)
{
    static const char name[] = "webhook-signature:";
    char line[sizeof name + MAX_SIGNATURES * (WEBHOOK_SIGNATURE_SIZE + 1)], signature[WEBHOOK_SIGNATURE_SIZE];
    size_t at = sizeof name - 1;
    if (sink->n_keys == 0) return true;
    memcpy(line, name, sizeof name);
    for (size_t i = 0; i < sink->n_keys; i++) {
        if (!webhook_sign(&sink->keys[i], id, now_s, body, len, signature)) return false;
        int n = snprintf(line + at, sizeof line - at, " %s", signature);
        if (n < 0 || (size_t)n >= sizeof line - at) return false;
        at += (size_t)n;
    }
    return add_header(headers, line);
}

/* The headers of one try. False: no memory. */
static bool make_headers(const webhook_sink *sink, struct curl_slist **headers, const sink_message *message, const char *body, size_t len)
{
    char line[256];
    int64_t now_s = sink->env->now_ms(sink->env->now_user) / 1000;
    snprintf(line, sizeof line, "Content-Type: %s", sink->payload.content_type);
    bool fine = add_header(headers, line) && add_header(headers, "Expect:") && add_written_headers(headers, sink->headers);
    snprintf(line, sizeof line, "webhook-id: %s", message->id);
    fine = fine && add_header(headers, line);
    snprintf(line, sizeof line, "webhook-timestamp: %" PRId64, now_s);
    return fine && add_header(headers, line) && add_signatures(sink, headers, message->id, now_s, body, len);
}

/* ---- what became of it ---- */

static sink_result judge_status(const request *r, long status, sink_outcome *outcome)
{
    if (status >= 200 && status < 300) return SINK_SENT;
    snprintf(outcome->reason, sizeof outcome->reason, "the receiver answered %ld", status);
    if (status == 410) return SINK_GONE;
    if (status >= 400 && status < 500 && status != 408 && status != 425 && status != 429) return SINK_REFUSED;
    curl_off_t seconds = 0;
    if (curl_easy_getinfo(r->curl, CURLINFO_RETRY_AFTER, &seconds) == CURLE_OK && seconds > 0)
        outcome->retry_after_ms = (int64_t)(seconds > 86400 ? 86400 : seconds) * 1000;
    return SINK_RETRY;
}

static sink_result judge(const request *r, CURLcode code, sink_outcome *outcome)
{
    long status = 0;
    curl_easy_getinfo(r->curl, CURLINFO_RESPONSE_CODE, &status);
    /* Too long an answer was cut by us: its status still counts. */
    if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && status >= 200)) return judge_status(r, status, outcome);
    if (r->was_private) say(outcome, "the address is not public; `allow_private: true` on the sink allows it");
    else say(outcome, r->error[0] ? r->error : curl_easy_strerror(code));
    return SINK_RETRY;
}

/* ---- sending ---- */

static size_t room(void *self)
{
    const webhook_sink *sink = self;
    return sink->n_requests - sink->n_busy;
}

static bool prepare(request *r, const sink_message *message)
{
    webhook_sink *sink = r->sink;
    const char *body = message->bytes;
    size_t len = message->len;
    if (sink->payload.kind != PAYLOAD_PLAIN) {
        if (!payload_render(&sink->payload, message, &r->body)) return false;
        body = r->body.ptr;
        len = r->body.len;
    }
    if (!make_headers(sink, &r->headers, message, body, len)) return false;
    return curl_easy_setopt(r->curl, CURLOPT_HTTPHEADER, r->headers) == CURLE_OK &&
           curl_easy_setopt(r->curl, CURLOPT_POSTFIELDS, body) == CURLE_OK &&
           curl_easy_setopt(r->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len) == CURLE_OK;
}

static void start(void *self, const sink_message *message, void *ticket)
{
    webhook_sink *sink = self;
    request *r = sink->requests;
    while (r->busy) r++;
    r->busy = true;
    sink->n_busy++;
    r->ticket = ticket;
    r->was_private = false;
    r->received = 0;
    r->error[0] = '\0';
    r->begun_ms = now_ms();
    /* What could not be begun is told at the next poll. */
    r->in_multi = prepare(r, message) && curl_multi_add_handle(sink->multi, r->curl) == CURLM_OK;
}

static void finish(request *r, sink_result result, const sink_outcome *outcome, sink_done_fn done, void *user)
{
    void *ticket = r->ticket;
    if (r->in_multi) curl_multi_remove_handle(r->sink->multi, r->curl);
    curl_easy_setopt(r->curl, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(r->curl, CURLOPT_POSTFIELDS, NULL);
    curl_slist_free_all(r->headers);
    r->headers = NULL;
    r->busy = r->in_multi = false;
    r->sink->n_busy--;
    done(user, ticket, result, outcome);
}

/* How many were told. */
static size_t tell_unbegun(webhook_sink *sink, sink_done_fn done, void *user)
{
    size_t n = 0;
    for (size_t i = 0; i < sink->n_requests; i++) {
        request *r = &sink->requests[i];
        if (!r->busy || r->in_multi) continue;
        sink_outcome outcome = {0};
        say(&outcome, "no memory");
        finish(r, SINK_RETRY, &outcome, done, user);
        n++;
    }
    return n;
}

/* libcurl times out what it works at; requests that wait in it for another's connection it may forget when that one fails (seen with 7.88). So whatever
 * is not done a while after its time is taken back, and tried again. */
static size_t tell_forgotten(webhook_sink *sink, sink_done_fn done, void *user)
{
    size_t n = 0;
    for (size_t i = 0; i < sink->n_requests; i++) {
        request *r = &sink->requests[i];
        if (!r->busy || !r->in_multi || now_ms() - r->begun_ms < sink->timeout_ms + FORGOTTEN_MS) continue;
        sink_outcome outcome = {0};
        say(&outcome, "it got no connection in time");
        finish(r, SINK_RETRY, &outcome, done, user);
        n++;
    }
    return n;
}

static size_t tell_done(webhook_sink *sink, sink_done_fn done, void *user)
{
    int running, left;
    size_t n = 0;
    curl_multi_perform(sink->multi, &running);
    for (CURLMsg *message; (message = curl_multi_info_read(sink->multi, &left)) != NULL;) {
        if (message->msg != CURLMSG_DONE) continue;
        char *owner = NULL;
        sink_outcome outcome = {0};
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner);
        request *r = (request *)(void *)owner;
        sink_result result = judge(r, message->data.result, &outcome);
        finish(r, result, &outcome, done, user);
        n++;
    }
    return n;
}

static void poll_webhook(void *self, int64_t wait_ms, sink_done_fn done, void *user)
{
    webhook_sink *sink = self;
    int ready;
    if (tell_unbegun(sink, done, user) + tell_done(sink, done, user) + tell_forgotten(sink, done, user) > 0) return;
    curl_multi_poll(sink->multi, NULL, 0, (int)(wait_ms > 60000 ? 60000 : wait_ms), &ready);
    tell_done(sink, done, user);
}

static void wake(void *self)
{
    const webhook_sink *sink = self;
    curl_multi_wakeup(sink->multi);
}

static void close_webhook(void *self)
{
    webhook_sink *sink = self;
    for (size_t i = 0; i < sink->n_requests && sink->requests; i++) {
        request *r = &sink->requests[i];
        if (r->in_multi) curl_multi_remove_handle(sink->multi, r->curl);
        if (r->curl) curl_easy_cleanup(r->curl);
        curl_slist_free_all(r->headers);
        jsonw_deinit(&r->body);
    }
    free(sink->requests);
    if (sink->multi) curl_multi_cleanup(sink->multi);
    payload_deinit(&sink->payload);
}

const sink_kind sink_kind_webhook = {
    .name = "webhook",
    .summary = "a signed HTTP POST per alert (Standard Webhooks)",
    .options = options,
    .size = sizeof(webhook_sink),
    .open = open_webhook,
    .room = room,
    .start = start,
    .poll = poll_webhook,
    .wake = wake,
    .close = close_webhook,
};
