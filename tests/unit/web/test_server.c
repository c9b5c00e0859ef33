/*
 * test_server.c: the HTTP server over real sockets: routes, limits, kept connections, and clients that take for ever.
 */
#include "web/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

enum { MAX_BODY = 1000, LONG_MS = 60000 };

static void echo(void *app, const web_request *request, web_response *response)
{
    char text[2 * MAX_BODY];
    (void)app;
    for (size_t i = 0; i < WEB_BODY_PADDING; i++) assert_int_equal(request->body[request->body_len + i], 0);
    int n = snprintf(text, sizeof text, "%s|%s|%.*s", request->argument, request->content_type, (int)request->body_len, request->body);
    web_response_text(response, 200, "text/plain", text, (size_t)n);
}

static void later(void *app, const web_request *request, web_response *response)
{
    (void)app, (void)request;
    web_response_problem(response, 429, "full");
    response->retry_after_s = 7;
}

/* A stream that says what `word` says, once. */
static const char *word;

static bool say_word(void *said, egret_text *out)
{
    (void)said;
    const char *now = __atomic_exchange_n(&word, NULL, __ATOMIC_ACQ_REL);
    if (now) egret_text_puts(out, now);
    return true;
}

static void follow(void *app, const web_request *request, web_response *response)
{
    (void)app, (void)request;
    response->content_type = "text/event-stream";
    response->stream = (web_stream){.fill = say_word};
}

static const web_route first_table[] = {{.method = "POST", .path = "/echo/{what}", .handler = echo}, {.method = "GET", .path = "/echo", .handler = echo},
                                        {.method = "GET", .path = "/follow", .handler = follow}, {0}};
static const web_route second_table[] = {{.method = "POST", .path = "/later", .handler = later}, {0}};
static const web_route *const tables[] = {first_table, second_table, NULL};

static web_server *start_with(int64_t deadline_ms, int64_t ping_ms)
{
    char reason[256];
    web_server_options options;
    web_server_defaults(&options);
    options.port = 0;
    options.tables = tables;
    options.max_body_bytes = MAX_BODY;
    assert_int_equal(options.ping_ms, 15000);
    options.request_deadline_ms = deadline_ms;
    options.ping_ms = ping_ms;
    web_server *server = web_server_open(&options, reason, sizeof reason);
    if (!server) fail_msg("%s", reason);
    assert_int_not_equal(web_server_port(server), 0);
    return server;
}

static web_server *start(int64_t deadline_ms)
{
    return start_with(deadline_ms, LONG_MS);
}

static int connect_to(const web_server *server)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(web_server_port(server))};
    struct timeval patience = {.tv_sec = 60};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void send_text(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Reads one response: headers, and a body of Content-Length bytes. */
static void receive(int fd, char *out, size_t size)
{
    size_t n = 0, wanted = 0;
    while (wanted == 0 || n < wanted) {
        ssize_t got = recv(fd, out + n, wanted ? wanted - n : 1, 0);
        if (got <= 0) fail_msg("the connection ended after '%.*s'", (int)n, out);
        n += (size_t)got;
        assert_true(n < size);
        out[n] = '\0';
        if (wanted == 0 && n >= 4 && strcmp(out + n - 4, "\r\n\r\n") == 0) {
            const char *length = strstr(out, "Content-Length: ");
            assert_non_null(length);
            wanted = n + (size_t)atoi(length + 16);
        }
    }
}

static void exchange(int fd, const char *request, const char *status_line, const char *body)
{
    char answer[4096];
    send_text(fd, request);
    receive(fd, answer, sizeof answer);
    if (strncmp(answer, status_line, strlen(status_line)) != 0) fail_msg("%s\n->\n%s", request, answer);
    if (body) assert_string_equal(strstr(answer, "\r\n\r\n") + 4, body);
}

static void requests_find_their_routes_on_one_connection(void **state)
{
    (void)state;
    web_server *server = start(LONG_MS);
    int fd = connect_to(server);
    exchange(fd, "GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 200", "||");
    exchange(fd, "POST /echo/x%20y HTTP/1.1\r\nHost: 127.0.0.1:99\r\nContent-Type: a/b\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 200",
             "x y|a/b|abc");
    exchange(fd, "POST /echo/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 404", NULL);
    exchange(fd, "POST /echo/a/b HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 404", NULL);
    exchange(fd, "POST /echo/z HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
             "HTTP/1.1 200", "z||abc");
    close(fd);
    web_server_close(server);
}

/* Reads on until the text has come; `before` must not have come with it. Ticks meanwhile, as the daemon does. */
static void read_until(web_server *server, int fd, const char *text, const char *before)
{
    char got[8192] = "";
    size_t n = 0;
    struct timeval moment = {.tv_usec = 10000};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof moment), 0);
    for (int tries = 0; !strstr(got, text); tries++) {
        if (tries > 6000) fail_msg("'%s' has not come: '%s'", text, got);
        web_server_tick(server);
        ssize_t more = recv(fd, got + n, sizeof got - 1 - n, 0);
        assert_true(more != 0);
        n += more > 0 ? (size_t)more : 0;
        got[n] = '\0';
    }
    if (before && strstr(got, before)) fail_msg("'%s' came before '%s': '%s'", before, text, got);
}

static void a_silent_stream_pings(void **state)
{
    (void)state;
    web_server *server = start_with(LONG_MS, 1);
    int fd = connect_to(server);
    send_text(fd, "GET /follow HTTP/1.1\r\nHost: localhost\r\n\r\n");
    read_until(server, fd, ": hello\n\n", NULL);
    read_until(server, fd, ": ping\n\n", NULL);
    read_until(server, fd, ": ping\n\n", NULL);      /* and again */
    close(fd);
    web_server_close(server);
}

static void a_stream_that_was_heard_does_not_ping(void **state)
{
    (void)state;
    web_server *server = start(LONG_MS);
    int fd = connect_to(server);
    send_text(fd, "GET /follow HTTP/1.1\r\nHost: localhost\r\n\r\n");
    read_until(server, fd, ": hello\n\n", ": ping");
    for (int i = 0; i < 100; i++) web_server_tick(server);      /* its time has not come */
    __atomic_store_n(&word, "data: word\n\n", __ATOMIC_RELEASE);
    web_server_wake(server);
    read_until(server, fd, "data: word\n\n", ": ping");
    close(fd);
    web_server_close(server);
}

static void headers_of_refusals(void **state)
{
    (void)state;
    char answer[4096];
    web_server *server = start(LONG_MS);
    int fd = connect_to(server);
    send_text(fd, "POST /later HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    receive(fd, answer, sizeof answer);
    assert_non_null(strstr(answer, "\r\nRetry-After: 7\r\n"));
    assert_non_null(strstr(answer, "\r\nContent-Type: application/problem+json\r\n"));
    assert_non_null(strstr(answer, "{\"type\":\"about:blank\",\"title\":\"Too Many Requests\",\"status\":429,\"detail\":\"full\"}\n"));
    send_text(fd, "GET /later HTTP/1.1\r\nHost: localhost\r\n\r\n");
    receive(fd, answer, sizeof answer);
    assert_non_null(strstr(answer, "HTTP/1.1 405"));
    assert_non_null(strstr(answer, "\r\nAllow: POST\r\n"));
    close(fd);
    web_server_close(server);
}

static void bodies_are_bounded(void **state)
{
    (void)state;
    char request[4096], body[2001];
    static const struct { size_t len; const char *status_line; } cases[] = {
        {MAX_BODY, "HTTP/1.1 200"}, {MAX_BODY + 1, "HTTP/1.1 413"}, {2000, "HTTP/1.1 413"},
    };
    web_server *server = start(LONG_MS);
    int fd = connect_to(server);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memset(body, 'x', cases[i].len);
        body[cases[i].len] = '\0';
        snprintf(request, sizeof request, "POST /echo/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n%s", cases[i].len, body);
        exchange(fd, request, cases[i].status_line, NULL);
    }
    close(fd);
    web_server_close(server);
}

static void other_hosts_and_pages_are_refused(void **state)
{
    (void)state;
    static const struct { const char *headers, *status_line; } cases[] = {
        {"Host: localhost\r\n", "HTTP/1.1 200"}, {"Host: [::1]:80\r\n", "HTTP/1.1 200"}, {"Host: 127.1.2.3\r\n", "HTTP/1.1 200"},
        {"Host: evil.example\r\n", "HTTP/1.1 421"}, {"Host: localhost.evil.example\r\n", "HTTP/1.1 421"},
        {"Host: 127.0.0.1.evil.example\r\n", "HTTP/1.1 421"}, {"Host: localhost\r\nOrigin: http://evil.example\r\n", "HTTP/1.1 403"},
        {"Host: localhost\r\nOrigin: null\r\n", "HTTP/1.1 403"}, {"Host: localhost:1\r\nOrigin: http://localhost:1\r\n", "HTTP/1.1 200"},
        {"Host: localhost:1\r\nOrigin: http://localhost:2\r\n", "HTTP/1.1 403"},
    };
    web_server *server = start(LONG_MS);
    int fd = connect_to(server);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char request[512];
        snprintf(request, sizeof request, "GET /echo HTTP/1.1\r\n%s\r\n", cases[i].headers);
        exchange(fd, request, cases[i].status_line, NULL);
    }
    close(fd);
    web_server_close(server);
}

/* Time passes by ticks alone here: the deadline is over as soon as it has begun. */
static void a_request_that_takes_too_long_is_cut(void **state)
{
    (void)state;
    char byte;
    web_server *server = start(-1);
    int fd = connect_to(server);
    send_text(fd, "POST /echo/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc");
    struct timeval blink = {.tv_usec = 1000};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &blink, sizeof blink), 0);
    ssize_t got = -1;
    for (int i = 0; i < 60000 && got < 0; i++) {
        web_server_tick(server);
        got = recv(fd, &byte, 1, 0);
    }
    assert_int_equal(got, 0);
    close(fd);
    web_server_close(server);
}

static void a_port_that_is_taken_is_a_reason(void **state)
{
    (void)state;
    char reason[256] = "";
    web_server *server = start(LONG_MS);
    web_server_options options;
    web_server_defaults(&options);
    options.tables = tables;
    options.port = web_server_port(server);
    assert_null(web_server_open(&options, reason, sizeof reason));
    assert_non_null(strstr(reason, "in use"));
    options.address = "localhost";
    assert_null(web_server_open(&options, reason, sizeof reason));
    web_server_quiesce(server);
    web_server_close(server);
    web_server_close(NULL);
}

static void loopback_addresses_are_known(void **state)
{
    (void)state;
    assert_true(web_address_is_loopback("127.0.0.1"));
    assert_true(web_address_is_loopback("127.255.255.254"));
    assert_true(web_address_is_loopback("::1"));
    assert_false(web_address_is_loopback("0.0.0.0"));
    assert_false(web_address_is_loopback("10.0.0.1"));
    assert_false(web_address_is_loopback("::"));
    assert_false(web_address_is_loopback("localhost"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_find_their_routes_on_one_connection),
        cmocka_unit_test(a_silent_stream_pings), cmocka_unit_test(a_stream_that_was_heard_does_not_ping), cmocka_unit_test(headers_of_refusals),
        cmocka_unit_test(bodies_are_bounded),
        cmocka_unit_test(other_hosts_and_pages_are_refused),
        cmocka_unit_test(a_request_that_takes_too_long_is_cut),
        cmocka_unit_test(a_port_that_is_taken_is_a_reason),
        cmocka_unit_test(loopback_addresses_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
