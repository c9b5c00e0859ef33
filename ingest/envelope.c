/*
 * envelope.c: see envelope.h. Values are found by their ends, not read; what is odd inside of them is for the decoder to say.
 */
#include "ingest/envelope.h"

#include "ingest/members.h"
#include "ingest/simdjson_shim.h"

#include <string.h>

typedef ingest_span span;

static bool is_named(span name, const char *text)
{
    return name.len == strlen(text) && memcmp(name.ptr, text, name.len) == 0;
}

static bool is_object(span value)
{
    return value.len > 0 && value.ptr[0] == '{';
}

static bool is_null(span value)
{
    return value.len == 4 && memcmp(value.ptr, "null", 4) == 0;
}

enum { OP, BEFORE, AFTER, SOURCE, TS, PARTS };
static const char *const PART_NAMES[PARTS] = {"op", "before", "after", "source", "ts_ms"};

/* The parts of an envelope; payload: of one that stands in another. False: it is broken. */
static bool find_parts(const char *ptr, size_t len, span parts[PARTS], span *payload)
{
    const char *end = ptr + len, *at = ingest_skip_space(ptr, end);
    span name, value;
    memset(parts, 0, PARTS * sizeof *parts);
    *payload = (span){0};
    if (at == end || *at != '{') return false;
    for (at++; ingest_next_member(&at, end, &name, &value);) {
        for (unsigned i = 0; i < PARTS; i++)
            if (is_named(name, PART_NAMES[i])) parts[i] = value;
        if (is_named(name, "payload")) *payload = value;
    }
    return at != NULL;
}

/* The columns of a row, but for those whose names are taken. */
static void put_columns(egret_text *out, span row)
{
    const char *end = row.ptr + row.len, *at = row.ptr + 1;
    span name, value;
    while (ingest_next_member(&at, end, &name, &value)) {
        bool taken = false;
        for (unsigned i = 0; i < PARTS && !taken; i++) taken = is_named(name, PART_NAMES[i]);
        if (taken) continue;
        egret_text_put(out, name.ptr - 1, name.len + 2);
        egret_text_put(out, ":", 1);
        egret_text_put(out, value.ptr, value.len);
        egret_text_put(out, ",", 1);
    }
}

static void put_flat(egret_text *out, const span parts[PARTS])
{
    static const char padding[INGEST_JSON_PADDING];
    egret_text_put(out, "{", 1);
    if (is_object(parts[AFTER])) put_columns(out, parts[AFTER]);
    else if (is_object(parts[BEFORE])) put_columns(out, parts[BEFORE]);
    for (unsigned i = 0; i < PARTS; i++) {
        if (parts[i].len == 0) continue;
        egret_text_printf(out, "%s\"%s\":", i > OP ? "," : "", PART_NAMES[i]);
        egret_text_put(out, parts[i].ptr, parts[i].len);
    }
    egret_text_put(out, "}", 1);
    size_t len = out->len;
    egret_text_put(out, padding, sizeof padding);
    if (!out->failed) out->len = len;
}

envelope_got ingest_envelope_open(const char *ptr, size_t len, egret_text *out)
{
    span parts[PARTS], payload;
    out->len = 0;
    while (len > 0 && ingest_skip_space(ptr, ptr + 1) != ptr) ptr++, len--;
    while (len > 0 && ingest_skip_space(ptr + len - 1, ptr + len) == ptr + len) len--;
    if (is_null((span){ptr, len})) return ENVELOPE_EMPTY;
    bool fine = find_parts(ptr, len, parts, &payload);
    if (fine && parts[OP].len == 0 && is_null(payload)) return ENVELOPE_EMPTY;
    if (fine && parts[OP].len == 0 && is_object(payload)) fine = find_parts(payload.ptr, payload.len, parts, &payload);
    if (!fine || parts[OP].len == 0) return ENVELOPE_NONE;
    put_flat(out, parts);
    return ENVELOPE_FLAT;
}
