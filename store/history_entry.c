/*
 * history_entry.c: see history_entry.h.
 */
#include "store/history_entry.h"

#include <string.h>
#include <zstd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { CODEC_PLAIN = 0, CODEC_ZSTD = 1, LEVEL = 1, SMALL = 128 };
static const uint64_t MAX_MESSAGE = UINT64_C(1) << 31;

typedef struct entry_head {
    uint64_t check;             /* of what follows, to the end of the strings */
    uint64_t message_check;
    uint64_t head, before, repeat;
    int64_t time_ms, started_ms, wall_ms;
    uint32_t texts_len, raw_len, stored_len;
    uint8_t kind, severity, n_key, n_sinks;
    uint8_t codec, version, unused[6];
} entry_head;

/* ---- writing ---- */

static void put_text(egret_text *out, const char *text)
{
    egret_text_put(out, text ? text : "", text ? strlen(text) + 1 : 1);
}

static void put_texts(egret_text *out, const history_entry *entry)
{
    put_text(out, entry->id);
    put_text(out, entry->message_id);
    put_text(out, entry->rule);
    put_text(out, entry->who);
    put_text(out, entry->reason);
    for (unsigned i = 0; i < entry->n_key; i++) {
        put_text(out, entry->key[i].name);
        put_text(out, entry->key[i].value);
    }
    for (unsigned i = 0; i < entry->n_sinks; i++)
        put_text(out, entry->sinks[i]);
}

static bool reserve(egret_text *out, size_t len)
{
    static const char zeros[4096];
    size_t before = out->len;
    for (size_t left = len; left > 0 && !out->failed;) {
        size_t some = left < sizeof zeros ? left : sizeof zeros;
        egret_text_put(out, zeros, some);
        left -= some;
    }
    out->len = before;
    return !out->failed;
}

static bool put_message(egret_text *out, const history_entry *entry, entry_head *head)
{
    size_t bound = ZSTD_compressBound(entry->len), got = 0;
    head->raw_len = (uint32_t)entry->len;
    if (!reserve(out, bound))
        return false;
    char *at = out->ptr + out->len;
    if (entry->len > SMALL)
        got = ZSTD_compress(at, bound, entry->bytes, entry->len, LEVEL);
    head->codec = entry->len > SMALL && !ZSTD_isError(got) && got < entry->len ? CODEC_ZSTD : CODEC_PLAIN;
    if (head->codec == CODEC_PLAIN) {
        got = entry->len;
        if (got > 0)
            memcpy(at, entry->bytes, got);
    }
    head->stored_len = (uint32_t)got;
    head->message_check = XXH3_64bits(at, got);
    out->len += got;
    return true;
}

bool history_entry_write(egret_text *out, const history_entry *entry)
{
    entry_head head = { .head = entry->head, .before = entry->before, .repeat = entry->repeat, .time_ms = entry->time_ms, .started_ms = entry->started_ms,
                        .wall_ms = entry->wall_ms, .kind = (uint8_t)entry->kind, .severity = (uint8_t)entry->severity,
                        .n_key = (uint8_t)entry->n_key, .n_sinks = (uint8_t)entry->n_sinks };
    if (entry->n_key > HISTORY_MAX_KEYS || entry->n_sinks > HISTORY_MAX_SINKS || entry->len >= MAX_MESSAGE)
        return false;
    out->len = 0;
    out->failed = false;
    egret_text_put(out, (const char *)&head, sizeof head);
    put_texts(out, entry);
    head.texts_len = (uint32_t)(out->len - sizeof head);
    if (out->failed || !put_message(out, entry, &head))
        return false;
    memcpy(out->ptr, &head, sizeof head);
    head.check = XXH3_64bits(out->ptr + sizeof head.check, sizeof head - sizeof head.check + head.texts_len);
    memcpy(out->ptr, &head.check, sizeof head.check);
    return true;
}

/* ---- reading ---- */

static bool read_head(entry_head *head, const void *bytes, size_t len)
{
    if (len < sizeof *head)
        return false;
    memcpy(head, bytes, sizeof *head);
    return len - sizeof *head >= head->texts_len && len - sizeof *head - head->texts_len == head->stored_len &&
           head->kind < HISTORY_KINDS && head->severity < 5 && head->n_key <= HISTORY_MAX_KEYS && head->n_sinks <= HISTORY_MAX_SINKS &&
           XXH3_64bits((const char *)bytes + sizeof head->check, sizeof *head - sizeof head->check + head->texts_len) == head->check;
}

/* The next text; NULL: there is none. */
static const char *next_text(const char **at, const char *end)
{
    const char *text = *at, *nul = *at ? memchr(*at, '\0', (size_t)(end - *at)) : NULL;
    *at = nul ? nul + 1 : NULL;
    return nul ? text : NULL;
}

static bool read_texts(history_entry *entry, const char *at, const char *end)
{
    const char **const fields[] = { &entry->id, &entry->message_id, &entry->rule, &entry->who, &entry->reason };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        *fields[i] = next_text(&at, end);
    for (unsigned i = 0; i < entry->n_key; i++) {
        entry->key[i].name = next_text(&at, end);
        entry->key[i].value = next_text(&at, end);
    }
    for (unsigned i = 0; i < entry->n_sinks; i++)
        entry->sinks[i] = next_text(&at, end);
    return at == end;
}

bool history_entry_read(history_entry *entry, uint64_t position, const void *bytes, size_t len)
{
    entry_head head;
    if (!read_head(&head, bytes, len))
        return false;
    *entry = (history_entry){ .position = position, .head = head.head, .before = head.before, .kind = (history_kind)head.kind,
                              .severity = head.severity, .repeat = head.repeat, .time_ms = head.time_ms, .started_ms = head.started_ms, .wall_ms = head.wall_ms,
                              .n_key = head.n_key, .n_sinks = head.n_sinks };
    const char *texts = (const char *)bytes + sizeof head;
    return read_texts(entry, texts, texts + head.texts_len);
}

bool history_entry_message(history_entry *entry, const void *bytes, size_t len, egret_text *out)
{
    entry_head head;
    if (!read_head(&head, bytes, len))
        return false;
    const char *stored = (const char *)bytes + sizeof head + head.texts_len;
    out->len = 0;
    out->failed = false;
    entry->bytes = NULL;
    entry->len = head.raw_len;
    if (head.raw_len == 0)
        return true;
    if (XXH3_64bits(stored, head.stored_len) != head.message_check || !reserve(out, head.raw_len))
        return false;
    if (head.codec == CODEC_PLAIN && head.stored_len == head.raw_len)
        memcpy(out->ptr, stored, head.raw_len);
    else if (head.codec != CODEC_ZSTD || ZSTD_decompress(out->ptr, head.raw_len, stored, head.stored_len) != head.raw_len)
        return false;
    out->len = head.raw_len;
    entry->bytes = out->ptr;
    return true;
}
