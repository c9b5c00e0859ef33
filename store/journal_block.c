/*
 * journal_block.c: see journal_block.h. Whole numbers are varints (seven bits a byte, low ones first), signed ones zigzag.
 *
 * Reading trusts nothing: every length is checked against what is left, although the checksum has been checked before.
 */
#include "store/journal_block.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { CODEC_PLAIN = 0, CODEC_ZSTD = 1, VERSION = 2, LEVEL = 1, SMALL = 256, IN_RAW = 0x80 };
static const char MAGIC[4] = { 'E', 'J', 'B', '\n' };
static const uint32_t MAX_RAW = UINT32_C(1) << 30;

_Static_assert(sizeof(journal_head) == 64, "the head of a block has 64 bytes");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "numbers are written as they lie");

/* ---- numbers ---- */

static void put_number(egret_text *out, uint64_t n)
{
    char own[10];
    bool room = out->capacity - out->len >= sizeof own && !out->failed;    /* nearly always: a few of these stand in each value */
    char *bytes = room ? out->ptr + out->len : own;
    size_t len = 0;
    for (; n >= 0x80; n >>= 7)
        bytes[len++] = (char)(n | 0x80);
    bytes[len++] = (char)n;
    if (room)
        out->len += len;
    else
        egret_text_put(out, bytes, len);
}

static void put_signed(egret_text *out, int64_t n)
{
    put_number(out, (uint64_t)n << 1 ^ (n < 0 ? UINT64_MAX : 0));
}

static void put_byte(egret_text *out, unsigned byte)
{
    char c = (char)byte;
    if (out->len < out->capacity && !out->failed)
        out->ptr[out->len++] = c;
    else
        egret_text_put(out, &c, 1);
}

static void put_fixed(egret_text *out, uint64_t n)
{
    egret_text_put(out, (const char *)&n, sizeof n);
}

static void put_string(egret_text *out, egret_str text)
{
    put_number(out, text.len);
    egret_text_put(out, text.ptr, text.len);
}

/* What is read; `bad` is sticky, and all reads give zero then. */
typedef struct reading { const char *at, *end; bool bad; } reading;

static uint64_t get_number(reading *in)
{
    uint64_t n = 0;
    for (unsigned shift = 0; shift < 64 && in->at < in->end; shift += 7) {
        uint64_t byte = (unsigned char)*in->at++;
        n |= (byte & 0x7F) << shift;
        if (byte < 0x80)
            return n;
    }
    in->bad = true;
    return 0;
}

static int64_t get_signed(reading *in)
{
    uint64_t n = get_number(in);
    return (int64_t)(n >> 1 ^ (~(n & 1) + 1));
}

static const char *get_bytes(reading *in, size_t len)
{
    if (in->bad || (size_t)(in->end - in->at) < len) {
        in->bad = true;
        return "";
    }
    in->at += len;
    return in->at - len;
}

static unsigned get_byte(reading *in)
{
    const char *at = get_bytes(in, 1);
    return in->bad ? 0 : (unsigned char)*at;
}

static uint64_t get_fixed(reading *in)
{
    uint64_t n = 0;
    const char *at = get_bytes(in, sizeof n);
    if (!in->bad)
        memcpy(&n, at, sizeof n);
    return n;
}

static egret_str get_string(reading *in)
{
    uint64_t len = get_number(in);
    if (len > UINT32_MAX)
        in->bad = true;
    const char *ptr = get_bytes(in, in->bad ? 0 : (size_t)len);
    return (egret_str){ ptr, in->bad ? 0 : (uint32_t)len };
}

void journal_passed_put(egret_text *out, uint64_t step)
{
    put_number(out, step);
}

bool journal_passed_next(egret_str *rest, uint64_t *step)
{
    reading in = { rest->ptr, rest->ptr + rest->len, false };
    if (rest->len == 0)
        return false;
    *step = get_number(&in);
    *rest = (egret_str){ in.at, (uint32_t)(in.end - in.at) };
    return !in.bad;
}

/* ---- writing ---- */

void journal_pack_init(journal_pack *pack)
{
    *pack = (journal_pack){ .last_stream = UINT32_MAX };
    egret_text_init(&pack->names, egret_mem_of(NULL));
    egret_text_init(&pack->body, egret_mem_of(NULL));
}

void journal_pack_deinit(journal_pack *pack)
{
    egret_text_deinit(&pack->names);
    egret_text_deinit(&pack->body);
    free(pack->name);
    pack->name = NULL;
    ZSTD_freeCCtx(pack->zstd);
    pack->zstd = NULL;
}

static void empty(journal_pack *pack)
{
    pack->names.len = pack->body.len = 0;
    pack->n_names = pack->n_records = pack->n_events = 0;
    pack->last_stream = UINT32_MAX;
    pack->timed = false;
}

void journal_pack_forget(journal_pack *pack)
{
    if (pack->failed || pack->names.failed || pack->body.failed) {
        journal_pack_deinit(pack);
        journal_pack_init(pack);
    } else {
        empty(pack);
    }
}

/* The number of a name in this block. */
static uint32_t name_number(journal_pack *pack, egret_str name, uint64_t layout)
{
    for (uint32_t i = 0; i < pack->n_names; i++)
        if (pack->name[i].layout == layout && egret_str_eq(pack->name[i].name, name))
            return i;
    if (pack->n_names == pack->cap_names) {
        uint32_t cap = pack->cap_names ? pack->cap_names * 2 : 16;
        journal_name *grown = realloc(pack->name, cap * sizeof *grown);
        if (!grown) {
            pack->failed = true;
            return 0;
        }
        pack->name = grown;
        pack->cap_names = cap;
    }
    pack->name[pack->n_names] = (journal_name){ name, layout };
    put_string(&pack->names, name);
    put_fixed(&pack->names, layout);
    return pack->n_names++;
}

static void begin_record(journal_pack *pack, journal_kind kind)
{
    put_byte(&pack->body, kind);
    pack->n_records++;
}

static void note_time(journal_pack *pack, int64_t wall_ms)
{
    if (!pack->timed || wall_ms < pack->first_ms)
        pack->first_ms = wall_ms;
    if (!pack->timed || wall_ms > pack->last_ms)
        pack->last_ms = wall_ms;
    pack->timed = true;
}

void journal_pack_start(journal_pack *pack, const journal_start *start)
{
    begin_record(pack, JOURNAL_START);
    note_time(pack, start->wall_ms);
    put_string(&pack->body, start->version);
    put_fixed(&pack->body, start->rules);
    put_signed(&pack->body, start->wall_ms);
    put_signed(&pack->body, start->idle_ms);
    put_string(&pack->body, start->files);
}

void journal_pack_batch(journal_pack *pack, const journal_batch *batch)
{
    begin_record(pack, JOURNAL_BATCH);
    pack->n_records -= batch->continued;
    note_time(pack, batch->arrival_ms);
    put_number(&pack->body, name_number(pack, batch->source, 0));
    put_signed(&pack->body, batch->arrival_ms);
    put_byte(&pack->body, (batch->ends_source ? 1u : 0) | (batch->continued ? 2u : 0) | (unsigned)batch->standing << 2);
}

static void put_text_value(egret_text *out, const egret_value *v, egret_str raw)
{
    uintptr_t at = (uintptr_t)v->u.s, begin = (uintptr_t)raw.ptr;
    bool in_raw = raw.ptr != NULL && at >= begin && at - begin <= raw.len && v->len <= raw.len - (at - begin);
    put_byte(out, EGRET_STRING | (in_raw ? IN_RAW : 0));
    if (in_raw)
        put_number(out, at - begin);
    put_number(out, v->len);
    if (!in_raw)
        egret_text_put(out, v->u.s, v->len);
}

static void put_value(egret_text *out, const egret_value *v, egret_str raw)
{
    if (v->type == EGRET_STRING) {
        put_text_value(out, v, raw);
        return;
    }
    put_byte(out, v->type);
    switch ((egret_type)v->type) {
    case EGRET_NULL: case EGRET_STRING: break;
    case EGRET_BOOL: put_byte(out, v->u.i != 0); break;
    case EGRET_DECIMAL: put_byte(out, v->scale); put_signed(out, v->u.i); break;
    case EGRET_INT: case EGRET_TIME: case EGRET_DURATION: put_signed(out, v->u.i); break;
    case EGRET_NUMBER: egret_text_put(out, (const char *)&v->u.d, sizeof v->u.d); break;
    }
}

/* Events come in runs of one stream; its name, borrowed, is at one address. */
static uint32_t stream_number(journal_pack *pack, const journal_event *event)
{
    uint32_t last = pack->last_stream;
    if (last == UINT32_MAX || pack->name[last].name.ptr != event->stream.ptr || pack->name[last].layout != event->layout)
        last = pack->last_stream = name_number(pack, event->stream, event->layout);
    return last;
}

void journal_pack_event(journal_pack *pack, const journal_event *event)
{
    egret_text *out = &pack->body;
    begin_record(pack, JOURNAL_EVENT);
    pack->n_events++;
    put_number(out, stream_number(pack, event));
    put_number(out, event->line);
    put_number(out, event->offset);
    put_string(out, event->raw);
    put_number(out, event->n_slots);
    for (uint32_t i = 0; i < event->n_slots; i++)
        put_value(out, &event->slots[i], event->raw);
}

void journal_pack_epoch(journal_pack *pack, const journal_epoch *epoch)
{
    begin_record(pack, JOURNAL_EPOCH);
    note_time(pack, epoch->wall_ms);
    put_signed(&pack->body, epoch->clock_ms);
    put_signed(&pack->body, epoch->wall_ms);
    put_number(&pack->body, epoch->n_alerts);
    put_fixed(&pack->body, epoch->alerts);
    put_byte(&pack->body, epoch->told);
    if (!epoch->told)
        return;
    put_signed(&pack->body, epoch->reached_ms);
    put_number(&pack->body, epoch->n_events);
    put_string(&pack->body, epoch->passed);
}

void journal_pack_control(journal_pack *pack, const journal_control *control)
{
    begin_record(pack, JOURNAL_CONTROL);
    note_time(pack, control->wall_ms);
    put_byte(&pack->body, control->whole);
    put_signed(&pack->body, control->wall_ms);
    put_string(&pack->body, control->who);
    put_string(&pack->body, control->note);
    put_string(&pack->body, control->lines);
    put_byte(&pack->body, control->warms);
    if (control->warms)
        put_number(&pack->body, control->warm_from);
}

size_t journal_pack_bytes(const journal_pack *pack)
{
    return pack->names.len + pack->body.len;
}

static uint64_t checksum(const journal_head *head, const char *payload)
{
    return XXH3_64bits_withSeed(payload, head->stored_bytes, XXH3_64bits(head, offsetof(journal_head, check)));
}

/* Puts the payload behind the head that is in `out` already, compressed when that makes it smaller. False: no memory. */
static bool put_payload(journal_pack *pack, egret_text *out, journal_head *head, const char *raw, size_t len)
{
    size_t bound = ZSTD_compressBound(len);
    char *packed = len >= SMALL ? malloc(bound) : NULL;
    if (len >= SMALL && !packed)
        return false;
    if (pack->zstd == NULL)
        pack->zstd = ZSTD_createCCtx();     /* its tables are larger than a block: worth keeping */
    size_t got = packed && pack->zstd ? ZSTD_compressCCtx(pack->zstd, packed, bound, raw, len, LEVEL) : len;
    bool use = packed && !ZSTD_isError(got) && got < len;
    head->codec = use ? CODEC_ZSTD : CODEC_PLAIN;
    head->stored_bytes = (uint32_t)(use ? got : len);
    egret_text_put(out, use ? packed : raw, head->stored_bytes);
    free(packed);
    return !out->failed;
}

bool journal_pack_seal(journal_pack *pack, uint64_t first_lsn, uint64_t first_event, egret_text *out)
{
    egret_text raw;
    egret_text_init(&raw, egret_mem_of(NULL));
    put_number(&raw, pack->n_names);
    egret_text_put(&raw, pack->names.ptr, pack->names.len);
    egret_text_put(&raw, pack->body.ptr, pack->body.len);
    bool fine = !raw.failed && !pack->failed && !pack->names.failed && !pack->body.failed && raw.len <= MAX_RAW;
    journal_head head = { .version = VERSION, .raw_bytes = (uint32_t)raw.len, .n_records = pack->n_records, .n_events = pack->n_events,
                          .first_lsn = first_lsn, .first_event = first_event, .first_ms = pack->first_ms, .last_ms = pack->last_ms };
    memcpy(head.magic, MAGIC, sizeof MAGIC);
    out->len = 0;
    egret_text_put(out, (const char *)&head, sizeof head);
    fine = fine && !out->failed && put_payload(pack, out, &head, raw.ptr, raw.len);
    if (fine) {
        head.check = checksum(&head, out->ptr + sizeof head);
        memcpy(out->ptr, &head, sizeof head);
        empty(pack);
    }
    egret_text_deinit(&raw);
    return fine;
}

/* ---- reading ---- */

void journal_block_init(journal_block *block)
{
    *block = (journal_block){ 0 };
}

void journal_block_deinit(journal_block *block)
{
    free(block->raw);
    free(block->name);
    free(block->slots);
    *block = (journal_block){ 0 };
}

bool journal_head_read(journal_head *head, const void *bytes, size_t len)
{
    if (len < sizeof *head)
        return false;
    memcpy(head, bytes, sizeof *head);
    return memcmp(head->magic, MAGIC, sizeof MAGIC) == 0 && head->version >= 1 && head->version <= VERSION && head->stored_bytes == len - sizeof *head &&
           head->raw_bytes <= MAX_RAW && (head->codec == CODEC_ZSTD || (head->codec == CODEC_PLAIN && head->raw_bytes == head->stored_bytes));
}

static bool fail(journal_block *block, const char *fault)
{
    block->fault = fault;
    block->at = block->len;
    return false;
}

static bool out_of_memory(journal_block *block)
{
    block->no_memory = true;
    return fail(block, "no memory");
}

static bool unpack(journal_block *block, const char *payload)
{
    const journal_head *head = &block->head;
    if (head->raw_bytes > block->cap || !block->raw) {
        char *grown = realloc(block->raw, (size_t)head->raw_bytes + 1);
        if (!grown)
            return out_of_memory(block);
        block->raw = grown;
        block->cap = head->raw_bytes;
    }
    block->len = head->raw_bytes;
    if (head->codec == CODEC_PLAIN)
        memcpy(block->raw, payload, head->raw_bytes);
    else if (ZSTD_decompress(block->raw, head->raw_bytes, payload, head->stored_bytes) != head->raw_bytes)
        return fail(block, "it does not decompress");
    return true;
}

static bool read_names(journal_block *block)
{
    reading in = { block->raw, block->raw + block->len, false };
    uint64_t n = get_number(&in);
    if (n > block->len)
        return fail(block, "its names are broken");
    if (n > block->cap_names) {
        journal_name *grown = realloc(block->name, (size_t)n * sizeof *grown);
        if (!grown)
            return out_of_memory(block);
        block->name = grown;
        block->cap_names = (uint32_t)n;
    }
    block->n_names = (uint32_t)n;
    for (uint32_t i = 0; i < block->n_names; i++) {
        block->name[i].name = get_string(&in);
        block->name[i].layout = get_fixed(&in);
    }
    block->at = (size_t)(in.at - block->raw);
    return in.bad ? fail(block, "its names are broken") : true;
}

bool journal_block_open(journal_block *block, const void *bytes, size_t len)
{
    block->fault = NULL;
    block->no_memory = false;
    block->at = block->len = 0;
    if (!journal_head_read(&block->head, bytes, len))
        return fail(block, "it has no head, or one of a version that is not known");
    const char *payload = (const char *)bytes + sizeof block->head;
    if (checksum(&block->head, payload) != block->head.check)
        return fail(block, "its checksum is wrong");
    block->lsn = block->head.first_lsn;
    block->event = block->head.first_event;
    return unpack(block, payload) && read_names(block);
}

static egret_str get_name(const journal_block *block, reading *in, uint64_t *layout)
{
    uint64_t n = get_number(in);
    if (n >= block->n_names) {
        in->bad = true;
        return (egret_str){ "", 0 };
    }
    if (layout)
        *layout = block->name[n].layout;
    return block->name[n].name;
}

static egret_value get_text_value(reading *in, bool in_raw, egret_str raw)
{
    uint64_t at = in_raw ? get_number(in) : 0;
    egret_value v = { .type = EGRET_STRING };
    if (!in_raw) {
        egret_str text = get_string(in);
        v.u.s = text.ptr;
        v.len = text.len;
        return v;
    }
    uint64_t len = get_number(in);
    if (at > raw.len || len > raw.len - at)
        in->bad = true;
    else
        v = (egret_value){ .u.s = raw.ptr + at, .len = (uint32_t)len, .type = EGRET_STRING };
    return v;
}

static egret_value get_value(reading *in, egret_str raw)
{
    unsigned tag = get_byte(in);
    egret_value v = { .type = (uint8_t)(tag & 0x7F) };
    switch ((egret_type)v.type) {
    case EGRET_NULL: break;
    case EGRET_STRING: return get_text_value(in, (tag & IN_RAW) != 0, raw);
    case EGRET_BOOL: v.u.i = get_byte(in) != 0; break;
    case EGRET_DECIMAL: v.scale = (uint8_t)get_byte(in); v.u.i = get_signed(in); break;
    case EGRET_INT: case EGRET_TIME: case EGRET_DURATION: v.u.i = get_signed(in); break;
    case EGRET_NUMBER: {
        uint64_t bits = get_fixed(in);
        memcpy(&v.u.d, &bits, sizeof bits);
        break;
    }
    default: in->bad = true;
    }
    return v;
}

void journal_value_put(egret_text *out, const egret_value *value)
{
    put_value(out, value, (egret_str){ NULL, 0 });
}

bool journal_value_get(const char **at, const char *end, egret_value *value)
{
    reading in = { *at, end, false };
    *value = get_value(&in, (egret_str){ "", 0 });
    *at = in.at;
    return !in.bad;
}

static bool get_event(journal_block *block, reading *in, journal_event *event)
{
    event->stream = get_name(block, in, &event->layout);
    event->line = get_number(in);
    event->offset = get_number(in);
    event->raw = get_string(in);
    uint64_t n = get_number(in);
    if (in->bad || n > (uint64_t)(in->end - in->at))
        return false;
    if (n > block->cap_slots) {
        egret_value *grown = realloc(block->slots, (size_t)n * sizeof *grown);
        block->no_memory = !grown;
        if (!grown)
            return false;
        block->slots = grown;
        block->cap_slots = (uint32_t)n;
    }
    event->n_slots = (uint32_t)n;
    event->slots = block->slots;
    for (uint32_t i = 0; i < event->n_slots; i++)
        block->slots[i] = get_value(in, event->raw);
    return !in->bad;
}

static bool get_batch(const journal_block *block, reading *in, journal_batch *batch)
{
    batch->source = get_name(block, in, NULL);
    batch->arrival_ms = get_signed(in);
    unsigned flags = get_byte(in);
    batch->ends_source = (flags & 1) != 0;
    batch->continued = (flags & 2) != 0;
    batch->standing = (uint8_t)(flags >> 2 & 3);
    return !in->bad;
}

static bool get_told(const journal_block *block, reading *in, journal_epoch *epoch)
{
    epoch->told = block->head.version > 1 && get_byte(in) != 0;
    if (!epoch->told)
        return !in->bad;
    epoch->reached_ms = get_signed(in);
    epoch->n_events = get_number(in);
    epoch->passed = get_string(in);
    return !in->bad && epoch->n_events <= block->event;
}

static bool get_record(journal_block *block, reading *in, journal_record *record)
{
    switch (record->kind) {
    case JOURNAL_START:
        record->u.start.version = get_string(in);
        record->u.start.rules = get_fixed(in);
        record->u.start.wall_ms = get_signed(in);
        record->u.start.idle_ms = get_signed(in);
        record->u.start.files = get_string(in);
        return !in->bad;
    case JOURNAL_BATCH:
        return get_batch(block, in, &record->u.batch);
    case JOURNAL_EVENT:
        record->event = block->event++;
        return get_event(block, in, &record->u.event);
    case JOURNAL_EPOCH:
        record->u.epoch.clock_ms = get_signed(in);
        record->u.epoch.wall_ms = get_signed(in);
        record->u.epoch.n_alerts = get_number(in);
        record->u.epoch.alerts = get_fixed(in);
        return get_told(block, in, &record->u.epoch);
    case JOURNAL_CONTROL:
        record->u.control.whole = get_byte(in) != 0;
        record->u.control.wall_ms = get_signed(in);
        record->u.control.who = get_string(in);
        record->u.control.note = get_string(in);
        record->u.control.lines = get_string(in);
        record->u.control.warms = block->head.version > 1 && get_byte(in) != 0;
        record->u.control.warm_from = record->u.control.warms ? get_number(in) : 0;
        return !in->bad;
    }
    return false;
}

bool journal_block_next(journal_block *block, journal_record *record)
{
    if (block->at >= block->len)
        return false;
    reading in = { block->raw + block->at, block->raw + block->len, false };
    *record = (journal_record){ .kind = (journal_kind)get_byte(&in), .lsn = block->lsn++ };
    if (!get_record(block, &in, record))
        return fail(block, block->no_memory ? "no memory" : "a record is broken");
    if (record->kind == JOURNAL_BATCH && record->u.batch.continued)
        block->lsn--;
    block->at = (size_t)(in.at - block->raw);
    return true;
}
