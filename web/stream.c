/*
 * stream.c: server-sent events: answers without an end.
 *
 * The library asks for more bytes on its thread; when there are none the connection is suspended, and resumed by a wake: from whoever has something
 * new, or by the tick when the stream has been silent for long (then it says a comment, so that both sides see that the other is there). A
 * wake that comes while a client is not suspended is noted, so that none is lost between the last look and the suspension.
 */
#include "web/server_internal.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 16 * 1024 };

/* Under the lock. */
static void wake(stream_client *client)
{
    client->woken = true;
    if (!client->suspended) return;
    client->suspended = false;
    MHD_resume_connection(client->mhd);
}

void stream_wake_all(web_server *server, bool to_end, int64_t silent_since_ms)
{
    pthread_mutex_lock(&server->lock);
    if (to_end) server->closing = true;
    for (stream_client *client = server->streams; client; client = client->next)
        if (client->spoke_ms <= silent_since_ms) wake(client);
    pthread_mutex_unlock(&server->lock);
}

/* What the stream says now is pending then. False: it has ended. */
static bool ask(stream_client *client)
{
    int64_t now_ms = server_monotonic_ms();
    bool go_on = client->stream.fill(client->stream.state, &client->pending) && !client->pending.failed;
    bool silent = client->pending.len == 0 && now_ms - client->spoke_ms >= client->server->options.ping_ms;
    if (go_on && silent) egret_text_puts(&client->pending, ": ping\n\n");
    pthread_mutex_lock(&client->server->lock);
    if (client->pending.len > 0) client->spoke_ms = now_ms;
    pthread_mutex_unlock(&client->server->lock);
    return go_on;
}

/* Nothing is pending: asks, and suspends when there is nothing. False: the stream has ended. */
static bool find_more(stream_client *client)
{
    web_server *server = client->server;
    client->pending.len = client->sent = 0;
    pthread_mutex_lock(&server->lock);
    client->woken = false;
    bool closing = server->closing;
    pthread_mutex_unlock(&server->lock);
    if (closing || !ask(client)) return client->pending.len > 0 && !closing;
    if (client->pending.len > 0) return true;
    pthread_mutex_lock(&server->lock);
    if (!client->woken && !server->closing) {
        client->suspended = true;
        MHD_suspend_connection(client->mhd);
    }
    pthread_mutex_unlock(&server->lock);
    return true;
}

static ssize_t read_more(void *user, uint64_t position, char *out, size_t size)
{
    stream_client *client = user;
    (void)position;
    if (client->sent == client->pending.len && !find_more(client)) return MHD_CONTENT_READER_END_OF_STREAM;
    size_t n = client->pending.len - client->sent;
    if (n > size) n = size;
    if (n > 0) memcpy(out, client->pending.ptr + client->sent, n);
    client->sent += n;
    return (ssize_t)n;
}

static void free_client(void *user)
{
    stream_client *client = user;
    web_server *server = client->server;
    pthread_mutex_lock(&server->lock);
    *client->link = client->next;
    if (client->next) client->next->link = client->link;
    server->n_streams--;
    pthread_mutex_unlock(&server->lock);
    if (client->stream.free) client->stream.free(client->stream.state);
    egret_text_deinit(&client->pending);
    free(client);
}

static void add_client(stream_client *client)
{
    web_server *server = client->server;
    connection *c = server_connection(client->mhd);
    pthread_mutex_lock(&server->lock);
    client->next = server->streams;
    client->link = &server->streams;
    if (client->next) client->next->link = &client->next;
    server->streams = client;
    server->n_streams++;
    if (c) c->streams = true;
    pthread_mutex_unlock(&server->lock);
}

struct MHD_Response *stream_open(web_server *server, struct MHD_Connection *mhd, web_stream *stream)
{
    stream_client *client = calloc(1, sizeof *client);
    if (!client) {
        if (stream->free) stream->free(stream->state);
        return NULL;
    }
    *client = (stream_client){.server = server, .mhd = mhd, .stream = *stream, .spoke_ms = server_monotonic_ms()};
    egret_text_init(&client->pending, egret_mem_of(NULL));
    /* The headers leave with the first bytes: so there are some at once. */
    egret_text_puts(&client->pending, ": hello\n\n");
    add_client(client);
    struct MHD_Response *r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_more, client, free_client);
    if (!r) free_client(client);
    return r;
}

void web_server_wake(web_server *server)
{
    stream_wake_all(server, false, INT64_MAX);
}

uint64_t web_server_answers(web_server *server, unsigned status)
{
    bool counted = status >= SERVER_FIRST_STATUS && status < SERVER_FIRST_STATUS + SERVER_STATUSES;
    return counted ? atomic_load(&server->answers[status - SERVER_FIRST_STATUS]) : 0;
}

unsigned web_server_streams(web_server *server)
{
    pthread_mutex_lock(&server->lock);
    unsigned n = server->n_streams;
    pthread_mutex_unlock(&server->lock);
    return n;
}
