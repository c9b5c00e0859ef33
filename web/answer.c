/*
 * answer.c: from a whole request to its response: at once, by a worker, or when something outside allows it.
 *
 * An answer that waits is kept in its exchange and the connection suspended; web_later_done, from another thread, resumes it, and the
 * library then calls the access handler once more. It may come before the connection is suspended. A request for a worker is suspended first
 * and given to it then: what belongs to a suspended connection is touched by nobody else.
 */
#include "web/server_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char no_content[] = "default-src 'none'; frame-ancestors 'none'";

static void add_headers(struct MHD_Response *r, const web_response *response, const char *allow)
{
    char seconds[16];
    if (response->content_type) MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, response->content_type);
    MHD_add_response_header(r, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(r, "Content-Security-Policy", response->policy ? response->policy : no_content);
    MHD_add_response_header(r, "Referrer-Policy", "no-referrer");
    if (allow) MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, allow);
    if (response->etag[0]) MHD_add_response_header(r, MHD_HTTP_HEADER_ETAG, response->etag);
    if (response->status == 401) MHD_add_response_header(r, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer realm=\"egret\"");
    if (response->retry_after_s > 0) {
        snprintf(seconds, sizeof seconds, "%u", response->retry_after_s);
        MHD_add_response_header(r, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    }
}

static struct MHD_Response *make_body(web_response *response)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(response->body_len, response->body,
                                                             response->body ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
    if (!r) free(response->body);
    return r;
}

/* Clients of streams hold a connection each for as long as they like: there may be so many. */
static void bound_streams(web_server *server, web_response *response)
{
    if (!response->stream.fill || web_server_streams(server) < server->options.max_streams) return;
    if (response->stream.free) response->stream.free(response->stream.state);
    response->stream = (web_stream){0};
    web_response_problem(response, 503, "as many clients as there may be follow the feed already");
    response->retry_after_s = 5;
}

enum MHD_Result answer_queue(web_server *server, struct MHD_Connection *mhd, web_response *response, const char *allow)
{
    bound_streams(server, response);
    if (response->status >= SERVER_FIRST_STATUS && response->status < SERVER_FIRST_STATUS + SERVER_STATUSES)
        atomic_fetch_add(&server->answers[response->status - SERVER_FIRST_STATUS], 1);
    struct MHD_Response *r = response->stream.fill ? stream_open(server, mhd, &response->stream) : make_body(response);
    if (!r) return MHD_NO;
    add_headers(r, response, allow);
    enum MHD_Result result = MHD_queue_response(mhd, response->status, r);
    MHD_destroy_response(r);
    return result;
}

void web_later_done(web_later *later, const char *trouble)
{
    web_server *server = later->server;
    pthread_mutex_lock(&server->lock);
    later->done = true;
    later->trouble = trouble;
    if (later->suspended) MHD_resume_connection(later->mhd);
    pthread_mutex_unlock(&server->lock);
}

enum MHD_Result answer_later(web_server *server, struct MHD_Connection *mhd, exchange *x)
{
    pthread_mutex_lock(&server->lock);
    const char *trouble = x->later.trouble;
    bool done = x->later.done;
    pthread_mutex_unlock(&server->lock);
    if (!done) return MHD_YES;
    x->waits = false;
    server_works(server, mhd, false);
    if (trouble) {
        free(x->response.body);
        x->response = (web_response){.status = 200};
        web_response_problem(&x->response, 503, trouble);
        x->response.retry_after_s = 1;
    }
    return answer_queue(server, mhd, &x->response, NULL);
}

static enum MHD_Result answer_refusal(web_server *server, struct MHD_Connection *mhd, const exchange *x)
{
    web_response response = {.status = 200, .retry_after_s = x->retry_after_s};
    web_response_problem(&response, x->status, x->detail);
    if (x->status == 503) response.retry_after_s = 1;
    return answer_queue(server, mhd, &response, x->status == 405 ? x->match.allow : NULL);
}

static const char *header(struct MHD_Connection *mhd, const char *name)
{
    return MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, name);
}

static void fill_request(struct MHD_Connection *mhd, exchange *x, const char *path)
{
    const char *type = header(mhd, MHD_HTTP_HEADER_CONTENT_TYPE);
    x->request = (web_request){.path = path, .argument = x->match.arguments[0], .second = x->match.arguments[1],
                               .content_type = type ? type : "", .if_match = header(mhd, MHD_HTTP_HEADER_IF_MATCH),
                               .last_event_id = header(mhd, "Last-Event-ID"), .who = x->who, .query = x->query, .n_query = x->n_query,
                               .body = x->body, .body_len = x->len};
}

/* ---- by a worker ---- */

static void work(void *user)
{
    exchange *x = user;
    x->match.route->handler(x->server->options.app, &x->request, &x->response);
    web_later_done(&x->later, NULL);
}

static enum MHD_Result answer_by_worker(web_server *server, struct MHD_Connection *mhd, exchange *x)
{
    x->waits = true;
    x->response = (web_response){.status = 200};
    x->later = (web_later){.server = server, .mhd = mhd, .suspended = true};
    server_works(server, mhd, true);
    MHD_suspend_connection(mhd);
    if (!worker_pool_put(server->workers, work, x)) web_later_done(&x->later, "too many requests at once; try again soon");
    return MHD_YES;
}

/* ---- at once, or later ---- */

static enum MHD_Result answer_here(web_server *server, struct MHD_Connection *mhd, exchange *x)
{
    web_response response = {.status = 200};
    x->later = (web_later){.server = server, .mhd = mhd};
    x->request.later = &x->later;
    x->match.route->handler(server->options.app, &x->request, &response);
    if (!response.waits) return answer_queue(server, mhd, &response, NULL);
    x->waits = true;
    x->response = response;
    server_drop_body(server, x);
    pthread_mutex_lock(&server->lock);
    x->later.suspended = !x->later.done;
    if (x->later.suspended) MHD_suspend_connection(mhd);
    pthread_mutex_unlock(&server->lock);
    return x->later.suspended ? MHD_YES : answer_later(server, mhd, x);
}

enum MHD_Result answer_request(web_server *server, struct MHD_Connection *mhd, exchange *x, const char *path)
{
    if (x->status != 0) return answer_refusal(server, mhd, x);
    if (!server_grow_body(server, x, 0)) return MHD_NO;
    fill_request(mhd, x, path);
    return x->match.route->flags & WEB_BLOCKS ? answer_by_worker(server, mhd, x) : answer_here(server, mhd, x);
}
