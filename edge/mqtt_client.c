/*
 * mqtt_client.c: see mqtt_client.h. A session as a machine of four states, moved on by mqtt_client_next:
 *
 *   RESTING ──(pause over)──► REACHING ──(link ready: CONNECT)──► GREETING ──(CONNACK: SUBSCRIBE)──► JOINING ──(SUBACK)──► UP
 *                                                                     └──(CONNACK, and it only publishes)────────────────────►
 *      ▲                          │                                  │                                  │                   │
 *      └──────────────────────────┴───────── trouble: a pause that doubles, up to 30 s, less a random part ─────────────────┘
 *
 * Messages come in JOINING already, when the broker has kept the session. What waits for its acknowledgement stands in one queue, `owed`, in the
 * order it came. When the connection ends the queue becomes `carried`: the broker will send these again under the same packet identifiers (they are
 * in use until we acknowledge them), and then they are known.
 */
#include "edge/mqtt_client.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum {
    FIRST_BUFFER = 64 * 1024,
    MAX_BODY = 4 * 1024 * 1024,     /* of a message; a longer one is cut, and is then no record */
    PADDING = 64,                   /* readable bytes behind a payload */
    FIRST_PAUSE_MS = 100, MAX_PAUSE_MS = 30000,
    PATIENCE_MS = 15000,            /* for each answer on the way to UP */
    GOODBYE_MS = 1000,
    IDS = 65536
};

typedef enum client_state { RESTING, REACHING, GREETING, JOINING, UP } client_state;

typedef struct owed_ack {
    uint64_t number;
    uint16_t id;
    uint8_t qos;
} owed_ack;

typedef struct ack_queue {
    owed_ack *items;        /* owned */
    size_t begin, end, capacity;
} ack_queue;

struct mqtt_client {
    mqtt_client_options options;
    tcp_link *link;
    client_state state;
    int64_t until_ms;       /* monotonic: of the pause, or of patience */
    int64_t pause_ms;
    int64_t keep_alive_ms;  /* of this connection; 0: none */
    int64_t wrote_ms, pinged_ms;    /* pinged 0: no ping is open */
    egret_text out;         /* to be written, from out_at on */
    size_t out_at;
    char *in;               /* owned; [begin, end) is read and not used */
    size_t begin, end, capacity;
    size_t skip;            /* bytes of a message that was cut, still to come */
    bool held, was_up, told;    /* told: that it is down stands in the log */
    bool news;              /* somebody waits to hear of what happened in this call */
    char trouble[300];
    uint16_t receive_max;
    uint64_t next_number;
    ack_queue owed, carried;
    unsigned char unreleased[IDS / 8];      /* QoS 2: PUBREC has left, PUBREL has not come */
    int wake_fd;
    atomic_ullong kept, reconnects, errors;
    atomic_bool connected;
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void say(const mqtt_client *c, int level, const char *what, const char *why)
{
    char text[512];
    snprintf(text, sizeof text, "%s:%s: %s%s%s", c->options.link.host, c->options.link.port, what, why[0] ? ": " : "", why);
    c->options.log(c->options.log_user, level, text);
}

/* ---- queues of acknowledgements ---- */

static bool queue_put(ack_queue *q, owed_ack ack)
{
    if (q->end == q->capacity && q->begin > q->capacity / 2) {
        memmove(q->items, q->items + q->begin, (q->end - q->begin) * sizeof *q->items);
        q->end -= q->begin;
        q->begin = 0;
    }
    if (q->end == q->capacity) {
        size_t capacity = q->capacity ? q->capacity * 2 : 256;
        owed_ack *grown = realloc(q->items, capacity * sizeof *grown);
        if (!grown) return false;
        q->items = grown;
        q->capacity = capacity;
    }
    q->items[q->end++] = ack;
    return true;
}

/* Finds an identifier among what an earlier connection left, and takes it out (number 0 is left behind). */
static bool carried_take(mqtt_client *c, uint16_t id, uint64_t *number)
{
    for (size_t i = c->carried.begin; i < c->carried.end; i++) {
        owed_ack *ack = &c->carried.items[i];
        if (ack->number == 0 || ack->id != id) continue;
        *number = ack->number;
        ack->number = 0;
        return true;
    }
    return false;
}

/* What is owed is not acknowledged on this connection any more. Memory for it is there: the queues are joined by copying into the larger place. */
static void carry(mqtt_client *c)
{
    for (size_t i = c->carried.begin; i < c->carried.end; i++)
        if (c->carried.items[i].number != 0) (void)queue_put(&c->owed, c->carried.items[i]);
    c->carried.begin = c->carried.end = 0;
    ack_queue swap = c->carried;
    c->carried = c->owed;
    c->owed = swap;
}

static bool is_unreleased(const mqtt_client *c, uint16_t id)
{
    return (c->unreleased[id / 8] >> (id % 8)) & 1;
}

static void set_unreleased(mqtt_client *c, uint16_t id, bool on)
{
    if (on) c->unreleased[id / 8] |= (unsigned char)(1 << (id % 8));
    else c->unreleased[id / 8] &= (unsigned char)~(1 << (id % 8));
}

/* ---- coming and going ---- */

static void rest(mqtt_client *c, const char *what, const char *why)
{
    int64_t pause = c->pause_ms;
    uint32_t random = 0;
    (void)!getrandom(&random, sizeof random, 0);
    c->until_ms = now_ms() + pause / 2 + (int64_t)(random % (uint32_t)(pause / 2 + 1));
    c->pause_ms = pause * 2 < MAX_PAUSE_MS ? pause * 2 : MAX_PAUSE_MS;
    snprintf(c->trouble, sizeof c->trouble, "%s%s%s", what, why[0] ? ": " : "", why);
    if (!c->told) say(c, 1, what, why);
    c->told = c->news = true;
    if (c->options.lost) c->options.lost(c->options.user, c->trouble);
    atomic_fetch_add(&c->errors, 1);
    atomic_store(&c->connected, false);
    tcp_link_stop(c->link);
    carry(c);
    c->out.len = c->out_at = c->begin = c->end = c->skip = 0;
    c->state = RESTING;
}

static void flush(mqtt_client *c)
{
    while (c->out_at < c->out.len) {
        ssize_t n = tcp_link_write(c->link, c->out.ptr + c->out_at, c->out.len - c->out_at);
        if (n < 0) {
            rest(c, tcp_link_trouble(c->link), "");
            return;
        }
        if (n == 0) return;
        c->out_at += (size_t)n;
        c->wrote_ms = now_ms();
    }
    c->out.len = c->out_at = 0;
}

static void reach(mqtt_client *c)
{
    tcp_link_start(c->link);
    c->state = REACHING;
    c->until_ms = now_ms() + PATIENCE_MS;
}

static void greet(mqtt_client *c)
{
    mqtt_put_connect(&c->out, &c->options.connect);
    c->state = GREETING;
    c->until_ms = now_ms() + PATIENCE_MS;
    c->keep_alive_ms = (int64_t)c->options.connect.keep_alive_s * 1000;
    c->pinged_ms = 0;
    flush(c);
}

static void rise(mqtt_client *c)
{
    if (c->told || !c->was_up) say(c, 2, "connected", "");
    if (c->was_up) atomic_fetch_add(&c->reconnects, 1);
    c->state = UP;
    c->was_up = c->news = true;
    c->told = false;
    c->pause_ms = FIRST_PAUSE_MS;
    atomic_store(&c->connected, true);
}

static void take_connack(mqtt_client *c, const mqtt_packet *packet)
{
    mqtt_connack answer;
    mqtt_version version = c->options.connect.version;
    if (!mqtt_connack_read(packet, version, &answer)) {
        rest(c, "malformed answer", "");
        return;
    }
    if (answer.code != 0) {
        rest(c, "the broker refuses us", mqtt_code_text(version, answer.code));
        return;
    }
    if (answer.keep_alive_s > 0) c->keep_alive_ms = (int64_t)answer.keep_alive_s * 1000;
    if (!answer.session_present) {
        if (c->was_up && c->options.connect.keep_session) say(c, 1, "the broker has forgotten our session", "what came meanwhile is lost there");
        memset(c->unreleased, 0, sizeof c->unreleased);
        c->carried.begin = c->carried.end = 0;
    }
    c->receive_max = answer.receive_max;
    if (!c->options.filters) {
        rise(c);
        return;
    }
    mqtt_put_subscribe(&c->out, version, 1, c->options.filters, c->options.qos);
    c->state = JOINING;
    c->until_ms = now_ms() + PATIENCE_MS;
}

static void take_suback(mqtt_client *c, const mqtt_packet *packet)
{
    const uint8_t *codes;
    size_t n;
    egret_str filter;
    const char *at = c->options.filters;
    bool lower = false, fine = mqtt_suback_read(packet, c->options.connect.version, &codes, &n);
    for (size_t i = 0; mqtt_filter_next(&at, &filter); i++) {
        uint8_t code = fine && i < n ? codes[i] : 0x80;
        lower = lower || code < c->options.qos;
        if (code < 0x80) continue;
        char what[200];
        snprintf(what, sizeof what, "the broker refuses the subscription to '%.*s'", filter.len < 128 ? (int)filter.len : 128, filter.ptr);
        rest(c, what, mqtt_code_text(c->options.connect.version, code));
        return;
    }
    if (lower) say(c, 1, "the broker gives a lower QoS than asked for", "");
    rise(c);
}

/* ---- acknowledgements ---- */

static void acknowledge(mqtt_client *c, owed_ack ack)
{
    if (ack.qos == 2) set_unreleased(c, ack.id, true);
    mqtt_put_ack(&c->out, ack.qos == 1 ? MQTT_PUBACK : MQTT_PUBREC, ack.id);
}

static void acknowledge_kept(mqtt_client *c)
{
    uint64_t kept = atomic_load(&c->kept);
    while (c->owed.begin < c->owed.end && c->owed.items[c->owed.begin].number <= kept) acknowledge(c, c->owed.items[c->owed.begin++]);
}

/* True: it is to be given to whoever reads. */
static bool take_publish(mqtt_client *c, const mqtt_packet *packet, mqtt_message *out)
{
    if (!mqtt_publish_read(packet, c->options.connect.version, &out->publish)) {
        rest(c, "malformed message", "");
        return false;
    }
    const mqtt_publish *p = &out->publish;
    owed_ack ack = {.number = 0, .id = p->id, .qos = p->qos};
    if (p->qos == 2 && is_unreleased(c, p->id)) {
        mqtt_put_ack(&c->out, MQTT_PUBREC, p->id);
        return false;
    }
    bool known = p->qos > 0 && carried_take(c, p->id, &ack.number);
    if (!known) ack.number = out->number = c->next_number++;
    if (p->qos == 0) return true;
    if (!c->options.keep_first) acknowledge(c, ack);
    else if (!queue_put(&c->owed, ack)) rest(c, "no memory", "");   /* not acknowledged: it will come again */
    return !known;
}

static void take_release(mqtt_client *c, const mqtt_packet *packet)
{
    uint16_t id;
    if (!mqtt_id_read(packet, &id)) return;
    set_unreleased(c, id, false);
    mqtt_put_ack(&c->out, MQTT_PUBCOMP, id);
}

/* What the broker says of what we published. */
static void take_answer(mqtt_client *c, const mqtt_packet *packet)
{
    uint16_t id;
    uint8_t code = mqtt_ack_code(packet);
    if (!mqtt_id_read(packet, &id)) return;
    if (packet->type == MQTT_PUBREC && code < 0x80) {
        mqtt_put_ack(&c->out, MQTT_PUBREL, id);
        return;
    }
    c->news = true;
    if (c->options.acked) c->options.acked(c->options.user, id, code < 0x80 ? 0 : code);
}

/* ---- reading ---- */

/* Uses what is read, up to the first message. True: there is one. */
static bool use_packets(mqtt_client *c, mqtt_message *out)
{
    while (c->state >= GREETING) {
        size_t cut = c->skip < c->end - c->begin ? c->skip : c->end - c->begin, used;
        c->begin += cut;
        c->skip -= cut;
        mqtt_packet packet;
        mqtt_got got = c->skip > 0 ? MQTT_GOT_PART : mqtt_packet_read(c->in + c->begin, c->end - c->begin, MAX_BODY, &packet, &used);
        if (got == MQTT_GOT_BROKEN) rest(c, "malformed packet", "");
        if (got != MQTT_GOT_PACKET) return false;
        c->begin += used;
        c->skip = packet.whole - packet.len;
        if (c->state == GREETING && packet.type != MQTT_CONNACK) rest(c, "this is no MQTT broker", "");
        else if (packet.type == MQTT_CONNACK) take_connack(c, &packet);
        else if (packet.type == MQTT_SUBACK) take_suback(c, &packet);
        else if (packet.type == MQTT_PUBREL) take_release(c, &packet);
        else if (packet.type == MQTT_PUBACK || packet.type == MQTT_PUBREC || packet.type == MQTT_PUBCOMP) take_answer(c, &packet);
        else if (packet.type == MQTT_PINGRESP) c->pinged_ms = 0;
        else if (packet.type == MQTT_DISCONNECT)
            rest(c, "the broker says good-bye", packet.len > 0 ? mqtt_code_text(MQTT_5, (uint8_t)packet.body[0]) : "");
        else if (packet.type == MQTT_PUBLISH && take_publish(c, &packet, out)) {
            out->readable = (size_t)(c->in + c->capacity - out->publish.payload);
            return true;
        }
    }
    return false;
}

/* Room for more behind what is there. */
static bool make_room(mqtt_client *c)
{
    if (c->begin > 0) {
        memmove(c->in, c->in + c->begin, c->end - c->begin);
        c->end -= c->begin;
        c->begin = 0;
    }
    if (c->capacity - c->end > FIRST_BUFFER / 4 + PADDING) return true;
    char *grown = realloc(c->in, c->capacity * 2);
    if (!grown) return false;
    memset(grown + c->capacity, 0, c->capacity);
    c->in = grown;
    c->capacity *= 2;
    return true;
}

/* Reads once, without waiting; 0: there was nothing. -1: no memory. */
static ssize_t read_some(mqtt_client *c)
{
    if (c->state < GREETING) return 0;
    if (!make_room(c)) return -1;
    ssize_t n = tcp_link_read(c->link, c->in + c->end, c->capacity - PADDING - c->end);
    if (n < 0) rest(c, tcp_link_trouble(c->link), "");
    if (n <= 0) return 0;
    c->end += (size_t)n;
    return n;
}

/* Until there is a message, or nothing to read: TLS may hold bytes that poll knows nothing of. */
static mqtt_next read_message(mqtt_client *c, mqtt_message *out)
{
    for (;;) {
        if (use_packets(c, out)) return MQTT_NEXT_MESSAGE;
        ssize_t n = read_some(c);
        if (n <= 0) return n < 0 ? MQTT_NEXT_NO_MEMORY : MQTT_NEXT_NOTHING;
    }
}

/* ---- moving on ---- */

/* What is due by time and by the state of the link. */
static void move_on(mqtt_client *c)
{
    int64_t now = now_ms();
    if (c->state == RESTING && now >= c->until_ms) reach(c);
    if (c->state == REACHING) {
        tcp_link_state link = tcp_link_step(c->link);
        if (link == TCP_LINK_READY) greet(c);
        else if (link == TCP_LINK_DOWN) rest(c, tcp_link_trouble(c->link), "");
    }
    if (c->state > RESTING && c->state < UP && now >= c->until_ms) rest(c, "the broker does not answer", "");
    if (c->state >= JOINING) acknowledge_kept(c);
    if (c->state == UP && c->keep_alive_ms > 0) {
        if (c->pinged_ms > 0 && !c->held && now - c->pinged_ms > c->keep_alive_ms) rest(c, "the broker has gone silent", "");
        else if (c->pinged_ms == 0 && now - c->wrote_ms >= c->keep_alive_ms * 3 / 4) {
            mqtt_put_empty(&c->out, MQTT_PINGREQ);
            c->pinged_ms = now;
        } else if (c->held && now - c->wrote_ms >= c->keep_alive_ms * 3 / 4) {
            mqtt_put_empty(&c->out, MQTT_PINGREQ);      /* its answer waits behind messages */
        }
    }
    if (c->state >= GREETING) flush(c);
}

static void wait_for_something(mqtt_client *c, int timeout_ms)
{
    struct pollfd fds[2] = {{c->wake_fd, POLLIN, 0}, {tcp_link_fd(c->link), 0, 0}};
    uint64_t times;
    if (c->state == REACHING) fds[1].events = tcp_link_events(c->link);
    else if (c->state >= GREETING) fds[1].events = (short)((c->held ? 0 : POLLIN) | (c->out_at < c->out.len ? POLLOUT : 0));
    if (c->held && c->state >= GREETING && fds[1].events == 0) fds[1].fd = -1;     /* or a closed one would wake us for nothing */
    int64_t pause = c->state == RESTING ? c->until_ms - now_ms() : timeout_ms;
    poll(fds, 2, pause < timeout_ms ? (int)(pause > 0 ? pause : 0) : timeout_ms);
    if (fds[0].revents & POLLIN) c->news = read(c->wake_fd, &times, sizeof times) > 0 || c->news;
}

mqtt_next mqtt_client_next(mqtt_client *c, int timeout_ms, mqtt_message *out)
{
    int64_t end = now_ms() + timeout_ms;
    c->news = false;
    for (;;) {
        move_on(c);
        mqtt_next got = c->held ? MQTT_NEXT_NOTHING : read_message(c, out);
        if (got != MQTT_NEXT_NOTHING) return got;
        if (c->state >= GREETING) flush(c);
        int64_t left = end - now_ms();
        if (left <= 0 || c->news) return c->out.failed ? MQTT_NEXT_NO_MEMORY : MQTT_NEXT_NOTHING;
        wait_for_something(c, (int)left);
    }
}

bool mqtt_client_is_up(const mqtt_client *c)
{
    return c->state == UP;
}

uint16_t mqtt_client_receive_max(const mqtt_client *c)
{
    return c->receive_max;
}

const char *mqtt_client_trouble(const mqtt_client *c)
{
    return c->trouble;
}

bool mqtt_client_publish(mqtt_client *c, const mqtt_publish *publish)
{
    mqtt_put_publish(&c->out, c->options.connect.version, publish);
    return !c->out.failed;
}

void mqtt_client_reset(mqtt_client *c, const char *why)
{
    if (c->state != RESTING) rest(c, why, "");
}

void mqtt_client_wake(mqtt_client *c)
{
    static const uint64_t once = 1;
    (void)!write(c->wake_fd, &once, sizeof once);
}

void mqtt_client_hold(mqtt_client *c, bool held)
{
    c->held = held;
    if (!held) c->pinged_ms = 0;
}

void mqtt_client_kept(mqtt_client *c, uint64_t number)
{
    if (number > atomic_load(&c->kept)) atomic_store(&c->kept, number);
    mqtt_client_wake(c);
}

void mqtt_client_count(const mqtt_client *c, mqtt_client_numbers *out)
{
    *out = (mqtt_client_numbers){atomic_load(&c->reconnects), atomic_load(&c->errors), atomic_load(&c->connected)};
}

/* ---- life ---- */

mqtt_client *mqtt_client_new(const mqtt_client_options *options, char *reason, size_t size)
{
    mqtt_client *c = calloc(1, sizeof *c);
    if (!c) {
        snprintf(reason, size, "no memory");
        return NULL;
    }
    c->options = *options;
    c->next_number = 1;
    c->pause_ms = FIRST_PAUSE_MS;
    c->capacity = FIRST_BUFFER;
    c->in = calloc(1, FIRST_BUFFER);
    c->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int why = errno;
    egret_text_init(&c->out, egret_mem_of(NULL));
    c->link = tcp_link_new(&options->link, reason, size);
    if (c->link && c->in && c->wake_fd >= 0) return c;
    if (c->link && c->wake_fd < 0) snprintf(reason, size, "no descriptor to be woken by: %s", strerror(why));
    else if (c->link) snprintf(reason, size, "no memory");
    mqtt_client_free(c);
    return NULL;
}

static void say_goodbye(mqtt_client *c)
{
    int64_t end = now_ms() + GOODBYE_MS;
    acknowledge_kept(c);
    mqtt_put_empty(&c->out, MQTT_DISCONNECT);
    flush(c);
    while (c->state == UP && c->out_at < c->out.len && now_ms() < end) {
        struct pollfd ready = {tcp_link_fd(c->link), POLLOUT, 0};
        poll(&ready, 1, 100);
        flush(c);
    }
}

void mqtt_client_free(mqtt_client *c)
{
    if (!c) return;
    if (c->state == UP) say_goodbye(c);
    tcp_link_free(c->link);
    if (c->wake_fd >= 0) close(c->wake_fd);
    egret_text_deinit(&c->out);
    free(c->owed.items);
    free(c->carried.items);
    free(c->in);
    free(c);
}
