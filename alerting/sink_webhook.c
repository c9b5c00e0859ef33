/*
 * sink_webhook.c: alerts as signed HTTP POSTs (Standard Webhooks 1.0.0), by libcurl.
 *
 * What a receiver sees: the alert as JSON, `webhook-id` (the same over all tries), `webhook-timestamp` (of this try) and, when there is a
 * secret, `webhook-signature`. 2xx is delivery; 410 ends the endpoint; other 4xx but 408, 425 and 429 refuse the message; all else is tried again.
 * What a receiver cannot do: redirect us, hold us longer than the timeout, feed us more than 64 KB, or (without allow_private) be
 * anywhere but in the public internet. Proxies of the environment are not used: they would connect on our behalf, unguarded.
 * One handle is kept, so that connections are used again.
 */
#include "alerting/address_guard.h"
#include "alerting/sink.h"
#include "alerting/webhook_sign.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OPTION_URL, OPTION_SECRET, OPTION_TIMEOUT, OPTION_ALLOW_PRIVATE, OPTION_HEADERS };
enum { MAX_RESPONSE_BYTES = 64 * 1024 };

static const sink_option options[] = {
    [OPTION_URL] = {"url", EGRET_STRING, NULL, true, "http:// or https:// address to POST to"},
    [OPTION_SECRET] = {"secret", EGRET_STRING, NULL, false, "signing key: whsec_ and base64 of 24 to 64 bytes; better from env(\"NAME\")"},
    [OPTION_TIMEOUT] = {"timeout", EGRET_DURATION, "15s", false, "longest time for one try, answer included"},
    [OPTION_ALLOW_PRIVATE] = {"allow_private", EGRET_BOOL, "false", false, "allow addresses that are not of the public internet"},
    [OPTION_HEADERS] = {"headers", EGRET_NULL, NULL, false, "further headers: { \"Authorization\": env(\"TOKEN\") }"},
    {0},
};

typedef struct webhook_sink {
    const sink_env *env;
    const char *headers;    /* of the settings: lines; NULL: none */
    CURL *curl;             /* NULL: not open */
    webhook_key key;
    bool is_signed;
    bool allow_private;
    bool was_private;       /* the guard said no during this try */
    size_t received;
    const atomic_bool *give_up;     /* of the message being sent */
    char error[CURL_ERROR_SIZE];
} webhook_sink;

static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    webhook_sink *sink = user;
    (void)purpose;
    if (!sink->allow_private && !address_is_public(&address->addr)) {
        sink->was_private = true;
        return CURL_SOCKET_BAD;
    }
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t drop_body(char *ptr, size_t size, size_t n, void *user)
{
    webhook_sink *sink = user;
    (void)ptr;
    sink->received += size * n;
    return sink->received <= MAX_RESPONSE_BYTES ? size * n : 0;
}

/* Called by libcurl about once a second while it waits; not 0 ends the try. */
static int check_give_up(void *user, curl_off_t down, curl_off_t down_now, curl_off_t up, curl_off_t up_now)
{
    const webhook_sink *sink = user;
    (void)down, (void)down_now, (void)up, (void)up_now;
    return sink->give_up && atomic_load(sink->give_up);
}

static bool say(sink_outcome *outcome, const char *reason)
{
    snprintf(outcome->reason, sizeof outcome->reason, "%s", reason);
    return false;
}

static bool set_options(webhook_sink *sink, const sink_settings *settings)
{
    CURL *curl = sink->curl;
    long timeout_ms = (long)settings->values[OPTION_TIMEOUT].u.i;
    bool fine = curl_easy_setopt(curl, CURLOPT_URL, settings->texts[OPTION_URL]) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, timeout_ms) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, sink) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop_body) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_WRITEDATA, sink) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, check_give_up) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_XFERINFODATA, sink) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, sink->error) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_USERAGENT, "egret/" EGRET_VERSION) == CURLE_OK;
    fine &= curl_easy_setopt(curl, CURLOPT_POST, 1L) == CURLE_OK;
    return fine;
}

static bool open_webhook(void *self, const sink_settings *settings, const sink_env *env, sink_outcome *outcome)
{
    webhook_sink *sink = self;
    sink->env = env;
    sink->headers = settings->texts[OPTION_HEADERS];
    const char *url = settings->texts[OPTION_URL];
    const char *secret = settings->texts[OPTION_SECRET];
    int64_t timeout_ms = settings->values[OPTION_TIMEOUT].u.i;
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        return say(outcome, "option 'url' must begin with http:// or https://");
    if (timeout_ms < 100 || timeout_ms > 60000) return say(outcome, "option 'timeout' goes from 100ms to 1m");
    sink->is_signed = secret != NULL;
    if (secret && !webhook_key_read(&sink->key, secret))
        return say(outcome, "option 'secret' must be whsec_ followed by base64 of 24 to 64 bytes; `openssl rand -base64 32` makes one");
    sink->allow_private = settings->values[OPTION_ALLOW_PRIVATE].u.i != 0;
    sink->curl = curl_easy_init();
    return (sink->curl && set_options(sink, settings)) || say(outcome, "libcurl gave no handle");
}

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

/* The headers of one try; NULL: no memory. */
static struct curl_slist *make_headers(const webhook_sink *sink, const sink_message *message)
{
    struct curl_slist *headers = NULL;
    char line[256], signature[WEBHOOK_SIGNATURE_SIZE];
    int64_t now_s = sink->env->now_ms(sink->env->now_user) / 1000;
    bool fine = add_header(&headers, "Content-Type: application/json") && add_header(&headers, "Expect:") &&
                add_written_headers(&headers, sink->headers);
    snprintf(line, sizeof line, "webhook-id: %s", message->id);
    fine = fine && add_header(&headers, line);
    snprintf(line, sizeof line, "webhook-timestamp: %" PRId64, now_s);
    fine = fine && add_header(&headers, line);
    if (fine && sink->is_signed) {
        fine = webhook_sign(&sink->key, message->id, now_s, message->bytes, message->len, signature);
        if (fine) {
            snprintf(line, sizeof line, "webhook-signature: %s", signature);
            fine = add_header(&headers, line);
        }
    }
    if (fine) return headers;
    curl_slist_free_all(headers);
    return NULL;
}

static sink_result judge_status(webhook_sink *sink, long status, sink_outcome *outcome)
{
    if (status >= 200 && status < 300) return SINK_SENT;
    snprintf(outcome->reason, sizeof outcome->reason, "the receiver answered %ld", status);
    if (status == 410) return SINK_GONE;
    if (status >= 400 && status < 500 && status != 408 && status != 425 && status != 429) return SINK_REFUSED;
    curl_off_t seconds = 0;
    if (curl_easy_getinfo(sink->curl, CURLINFO_RETRY_AFTER, &seconds) == CURLE_OK && seconds > 0)
        outcome->retry_after_ms = (int64_t)(seconds > 86400 ? 86400 : seconds) * 1000;
    return SINK_RETRY;
}

static sink_result judge(webhook_sink *sink, CURLcode code, sink_outcome *outcome)
{
    long status = 0;
    curl_easy_getinfo(sink->curl, CURLINFO_RESPONSE_CODE, &status);
    /* Too long an answer was cut by us: its status still counts. */
    if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && status >= 200)) return judge_status(sink, status, outcome);
    if (sink->was_private) {
        say(outcome, "the address is not public; `allow_private: true` on the sink allows it");
        return SINK_RETRY;
    }
    say(outcome, sink->error[0] ? sink->error : curl_easy_strerror(code));
    return SINK_RETRY;
}

static sink_result send_webhook(void *self, const sink_message *message, sink_outcome *outcome)
{
    webhook_sink *sink = self;
    struct curl_slist *headers = make_headers(sink, message);
    if (!headers) {
        say(outcome, "no memory");
        return SINK_RETRY;
    }
    sink->was_private = false;
    sink->received = 0;
    sink->give_up = message->give_up;
    sink->error[0] = '\0';
    curl_easy_setopt(sink->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(sink->curl, CURLOPT_POSTFIELDS, message->bytes);
    curl_easy_setopt(sink->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)message->len);
    sink_result result = judge(sink, curl_easy_perform(sink->curl), outcome);
    curl_easy_setopt(sink->curl, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(sink->curl, CURLOPT_POSTFIELDS, NULL);
    curl_slist_free_all(headers);
    return result;
}

static void close_webhook(void *self)
{
    webhook_sink *sink = self;
    if (sink->curl) curl_easy_cleanup(sink->curl);
}

const sink_kind sink_kind_webhook = {
    .name = "webhook",
    .summary = "a signed HTTP POST per alert (Standard Webhooks)",
    .options = options,
    .size = sizeof(webhook_sink),
    .open = open_webhook,
    .send = send_webhook,
    .close = close_webhook,
};
