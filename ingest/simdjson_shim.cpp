/*
 * simdjson_shim.cpp: simdjson's on-demand reader behind a C interface; the product's only C++ file.
 *
 * Idea. Producers write the keys of their records in the same order every time. So instead of asking for each field by name (a search
 * per field), the object is walked once in document order, and each key is first compared with the key that followed the
 * previous one last time: one masked 16-byte comparison for usual names. Only when that fails the key is looked for in a small
 * hash table. Keys nobody asked for are remembered, too (to a cap), so that they are passed by as cheaply.
 *
 * A shape is a tree: a node for each object on some path, in it an entry for each key, with the tokens to fill and the node below.
 *
 * Strings without a backslash are given as slices of the record: simdjson has already checked their UTF-8 and their ends.
 *
 * Invariants: an entry's `next` is an entry of the same node or NONE; the recursion of walk is as deep as the paths, never as the record.
 * No exceptions are used: simdjson's error codes become faults.
 */
#include <cstdlib>
#include <cstring>
#include <new>

extern "C" {    // the compiler's headers are plain C
#include "compiler/text.h"
}
#include "ingest/simdjson_shim.h"

#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>

using namespace simdjson;

namespace {

constexpr uint32_t NONE = UINT32_MAX;
constexpr uint32_t MAX_STRANGERS = 64;  // keys not asked for that a node remembers
constexpr uint32_t BUCKETS = 64;
constexpr size_t SHORT_KEY = 16;        // with its closing quote
constexpr size_t MAX_RECORD = size_t(1) << 31;

struct entry {
    uint64_t head[2];       // first bytes of the key and its closing quote
    uint64_t mask[2];
    char *key;              // with the closing quote
    uint32_t len;           // with it
    uint32_t next;          // entry that followed last time
    uint32_t chain;         // next entry of the bucket
    uint32_t first_target;  // into targets; NONE: not asked for as a value
    uint32_t node;          // node below; NONE
    uint64_t stamp;         // record in which it was seen, so that the first of equal keys counts
};

struct node {
    entry *entries;
    uint32_t n_entries, capacity, strangers;
    uint32_t first;         // entry that came first last time
    uint32_t wanted;        // entries asked for
    uint32_t bucket[BUCKETS];
};

struct target {
    uint32_t slot, next;    // token to fill, and the next one for the same path
};

uint32_t bucket_of(const char *key, size_t len)
{
    return (uint32_t(len) * 7U + uint32_t(uint8_t(key[0])) * 3U + uint32_t(uint8_t(key[len - 1]))) % BUCKETS;
}

} // namespace

struct ingest_shape {
    node *nodes;
    uint32_t n_nodes, n_paths;
    target *targets;
    uint64_t stamp;         // number of the record being read
};

struct ingest_json {
    ondemand::parser parser;
    dom::parser checker;
    ondemand::document doc;
    const char *ptr;
    size_t len;
    char *copy;
    size_t copy_capacity;
    bool begun;
};

// ---- shapes ----

namespace {

// Finds a key of `len` bytes; text need not have a closing quote.
uint32_t find_entry(const node &n, const char *key, size_t len)
{
    if (len == 0)
        return NONE;
    for (uint32_t i = n.bucket[bucket_of(key, len)]; i != NONE; i = n.entries[i].chain)
        if (n.entries[i].len == len + 1 && memcmp(n.entries[i].key, key, len) == 0)
            return i;
    return NONE;
}

uint32_t add_entry(node &n, const char *key, size_t len)
{
    if (n.n_entries == n.capacity) {
        uint32_t capacity = n.capacity == 0 ? 16 : n.capacity * 2;
        entry *grown = static_cast<entry *>(realloc(n.entries, capacity * sizeof(entry)));
        if (grown == nullptr)
            return NONE;
        n.entries = grown;
        n.capacity = capacity;
    }
    char *copy = static_cast<char *>(malloc(len + 1));
    if (copy == nullptr)
        return NONE;
    memcpy(copy, key, len);
    copy[len] = '"';
    entry &e = n.entries[n.n_entries];
    memset(&e, 0, sizeof e);
    e.key = copy;
    e.len = uint32_t(len + 1);
    e.next = e.first_target = e.node = NONE;
    size_t head = e.len < SHORT_KEY ? e.len : SHORT_KEY;
    memcpy(e.head, copy, head);
    memset(e.mask, 0xFF, head);
    uint32_t &bucket = n.bucket[bucket_of(key, len)];
    e.chain = bucket;
    bucket = n.n_entries;
    return n.n_entries++;
}

uint32_t add_node(ingest_shape &shape)
{
    node &n = shape.nodes[shape.n_nodes];
    memset(&n, 0, sizeof n);
    memset(n.bucket, 0xFF, sizeof n.bucket);
    n.first = NONE;
    return shape.n_nodes++;
}

// Adds one dotted path; false: no memory.
bool add_path(ingest_shape &shape, const egret_str &path, uint32_t slot)
{
    uint32_t at = 0;
    for (size_t begin = 0;;) {
        const char *dot = static_cast<const char *>(memchr(path.ptr + begin, '.', path.len - begin));
        size_t end = dot == nullptr ? path.len : size_t(dot - path.ptr);
        uint32_t found = find_entry(shape.nodes[at], path.ptr + begin, end - begin);
        if (found == NONE) {
            if (end == begin)
                return true;    // an empty name matches nothing: the field is always absent
            found = add_entry(shape.nodes[at], path.ptr + begin, end - begin);
            if (found == NONE)
                return false;
            shape.nodes[at].wanted++;
        }
        entry &e = shape.nodes[at].entries[found];
        if (dot == nullptr) {
            shape.targets[slot] = { slot, e.first_target };
            e.first_target = slot;
            return true;
        }
        if (e.node == NONE)
            e.node = add_node(shape);
        at = e.node;
        begin = end + 1;
    }
}

} // namespace

ingest_shape *ingest_shape_new(const egret_str *paths, uint32_t n_paths)
{
    ingest_shape *shape = static_cast<ingest_shape *>(calloc(1, sizeof(ingest_shape)));
    if (shape == nullptr)
        return nullptr;
    size_t n_nodes = 1;     // at most one more for each dot
    for (uint32_t i = 0; i < n_paths; i++)
        for (uint32_t k = 0; k < paths[i].len; k++)
            n_nodes += paths[i].ptr[k] == '.';
    shape->nodes = static_cast<node *>(calloc(n_nodes, sizeof(node)));
    shape->targets = static_cast<target *>(calloc(size_t(n_paths) + 1, sizeof(target)));
    shape->n_paths = n_paths;
    bool good = shape->nodes != nullptr && shape->targets != nullptr;
    if (good)
        add_node(*shape);
    for (uint32_t i = 0; good && i < n_paths; i++)
        good = add_path(*shape, paths[i], i);
    if (good)
        return shape;
    ingest_shape_free(shape);
    return nullptr;
}

void ingest_shape_free(ingest_shape *shape)
{
    if (shape == nullptr)
        return;
    for (uint32_t i = 0; i < shape->n_nodes; i++) {
        for (uint32_t k = 0; k < shape->nodes[i].n_entries; k++)
            free(shape->nodes[i].entries[k].key);
        free(shape->nodes[i].entries);
    }
    free(shape->nodes);
    free(shape->targets);
    free(shape);
}

// ---- reading ----

namespace {

egret_status fail(ingest_fault *fault, const char *text, size_t offset)
{
    fault->text = text;
    fault->offset = offset;
    return EGRET_BAD_EVENT;
}

// simdjson's word for what is wrong, in ours.
const char *fault_text(error_code error)
{
    switch (error) {
    case EMPTY: return "the record is empty";
    case UTF8_ERROR: return "not valid UTF-8";
    case UNCLOSED_STRING: return "a string is not closed";
    case UNESCAPED_CHARS: return "a control character inside a string";
    case INCORRECT_TYPE: return "the record is not a JSON object";
    case INCOMPLETE_ARRAY_OR_OBJECT: return "the record ends too early: a bracket is not closed";
    case CAPACITY: return "the record is too long";
    case STRING_ERROR: return "a broken escape in a string";
    default: return "not valid JSON";
    }
}

// The quote of a string that is never closed, or the control character inside a string; 0: there is neither.
size_t find_bad_string(const char *ptr, size_t len, bool control)
{
    size_t open = 0;
    bool inside = false;
    for (size_t at = 0; at < len; at++) {
        if (ptr[at] == '"') {
            inside = !inside;
            open = at;
        } else if (inside && ptr[at] == '\\') {
            at++;
        } else if (inside && control && uint8_t(ptr[at]) < ' ') {
            return at;
        }
    }
    return inside ? open : 0;
}

// Where the indexing of a record failed; the indexer itself does not say.
size_t find_bad_byte(const char *ptr, size_t len, error_code error)
{
    if (error != UTF8_ERROR)
        return error == UNCLOSED_STRING || error == UNESCAPED_CHARS ? find_bad_string(ptr, len, error == UNESCAPED_CHARS) : 0;
    for (size_t at = 0; at < len;) {
        size_t n = uint8_t(ptr[at]) < 0x80 ? 1 : egret_utf8_length(ptr + at, len - at);
        if (n == 0)
            return at;
        at += n;
    }
    return 0;
}

bool same_key(const entry &e, const char *raw)
{
    uint64_t got[2];
    memcpy(got, raw, sizeof got);   // padding makes this readable
    if ((((got[0] ^ e.head[0]) & e.mask[0]) | ((got[1] ^ e.head[1]) & e.mask[1])) != 0)
        return false;
    return e.len <= SHORT_KEY || memcmp(raw + SHORT_KEY, e.key + SHORT_KEY, e.len - SHORT_KEY) == 0;
}

bool has_backslash(const char *ptr, size_t len)
{
    constexpr uint64_t ones = 0x0101010101010101U, slashes = 0x5C5C5C5C5C5C5C5CU;
    for (size_t i = 0; i + 8 <= len; i += 8) {
        uint64_t word;
        memcpy(&word, ptr + i, sizeof word);
        word ^= slashes;
        if (((word - ones) & ~word & (ones << 7)) != 0)
            return true;
    }
    for (size_t i = len & ~size_t(7); i < len; i++)
        if (ptr[i] == '\\')
            return true;
    return false;
}

ingest_token string_token(ondemand::value value, const char *ptr, size_t len)
{
    // ptr is at the opening quote; len goes to the closing one.
    if (!has_backslash(ptr + 1, len - 2))
        return { ptr + 1, uint32_t(len - 2), INGEST_TOKEN_STRING };
    std::string_view text;
    if (value.get_string().get(text) != SUCCESS)
        return { ptr, uint32_t(len), INGEST_TOKEN_BAD };
    return { text.data(), uint32_t(text.size()), INGEST_TOKEN_STRING };
}

ingest_token scalar_token(ondemand::value value)
{
    std::string_view raw = value.raw_json_token();
    const char *ptr = raw.data();
    size_t len = raw.size();
    while (len > 1 && (ptr[len - 1] == ' ' || ptr[len - 1] == '\t' || ptr[len - 1] == '\n' || ptr[len - 1] == '\r'))
        len--;
    uint8_t kind = INGEST_TOKEN_BAD;
    switch (ptr[0]) {
    case '"':
        return len >= 2 ? string_token(value, ptr, len) : ingest_token{ ptr, uint32_t(len), INGEST_TOKEN_BAD };
    case '{': kind = INGEST_TOKEN_OBJECT; break;
    case '[': kind = INGEST_TOKEN_ARRAY; break;
    case 't': kind = len == 4 && memcmp(ptr, "true", 4) == 0 ? INGEST_TOKEN_TRUE : INGEST_TOKEN_BAD; break;
    case 'f': kind = len == 5 && memcmp(ptr, "false", 5) == 0 ? INGEST_TOKEN_FALSE : INGEST_TOKEN_BAD; break;
    case 'n': kind = len == 4 && memcmp(ptr, "null", 4) == 0 ? INGEST_TOKEN_NULL : INGEST_TOKEN_BAD; break;
    default:
        if (ptr[0] == '-' || (ptr[0] >= '0' && ptr[0] <= '9'))
            kind = INGEST_TOKEN_NUMBER;
    }
    return { ptr, uint32_t(len), kind };
}

// Finds the entry of a key that was not the expected one; remembers strangers. NONE: not asked for. Only a broken escape is an error.
error_code look_up(node &n, ondemand::field &field, const char *raw, const char *end, uint32_t *out)
{
    const char *quote = static_cast<const char *>(memchr(raw, '"', size_t(end - raw)));
    size_t len = quote == nullptr ? 0 : size_t(quote - raw);
    *out = NONE;
    if (has_backslash(raw, len)) {
        std::string_view key;
        error_code error = field.unescaped_key().get(key);
        if (error != SUCCESS)
            return error;
        *out = find_entry(n, key.data(), key.size());
        return SUCCESS;
    }
    *out = find_entry(n, raw, len);
    if (*out == NONE && len > 0 && n.strangers < MAX_STRANGERS) {
        *out = add_entry(n, raw, len);
        n.strangers += *out != NONE;
    }
    return SUCCESS;
}

struct walk_state {
    ingest_shape *shape;
    ingest_token *tokens;
    const char *end;    // of the record
};

error_code walk(walk_state &state, uint32_t at, ondemand::object &object);

// Fills what entry e asks for from this value.
error_code take_value(walk_state &state, const entry &e, ondemand::value value)
{
    uint32_t below = e.node;
    if (e.first_target != NONE) {
        ingest_token token = scalar_token(value);
        for (uint32_t t = e.first_target; t != NONE; t = state.shape->targets[t].next)
            state.tokens[t] = token;
    }
    if (below == NONE)
        return SUCCESS;
    ondemand::object object;
    if (value.raw_json_token()[0] != '{' || value.get_object().get(object) != SUCCESS)
        return SUCCESS;     // not an object: the fields in it are absent
    return walk(state, below, object);
}

error_code walk(walk_state &state, uint32_t at, ondemand::object &object)
{
    node &n = state.shape->nodes[at];
    uint32_t wanted = n.wanted, previous = NONE, expected = n.first;
    ondemand::object_iterator it, end;
    error_code error = object.begin().get(it);
    if (error != SUCCESS || (error = object.end().get(end)) != SUCCESS)
        return error;
    for (; it != end; ++it) {
        ondemand::field field;
        if ((error = (*it).get(field)) != SUCCESS)
            return error;
        const char *raw = field.key().raw();
        uint32_t found = expected;
        if (found == NONE || !same_key(n.entries[found], raw)) {
            if ((error = look_up(n, field, raw, state.end, &found)) != SUCCESS)
                return error;
            (previous == NONE ? n.first : n.entries[previous].next) = found;
        }
        previous = expected = NONE;
        if (found == NONE)
            continue;
        entry &e = n.entries[found];
        previous = found;
        expected = e.next;
        if ((e.first_target == NONE && e.node == NONE) || e.stamp == state.shape->stamp)
            continue;
        e.stamp = state.shape->stamp;
        if ((error = take_value(state, e, field.value())) != SUCCESS)
            return error;
        if (--wanted == 0)
            return SUCCESS;
    }
    return SUCCESS;
}

} // namespace

ingest_json *ingest_json_new(void)
{
    ingest_json *json = new (std::nothrow) ingest_json();
    if (json != nullptr) {
        json->ptr = nullptr;
        json->len = json->copy_capacity = 0;
        json->copy = nullptr;
        json->begun = false;
    }
    return json;
}

void ingest_json_free(ingest_json *json)
{
    if (json == nullptr)
        return;
    free(json->copy);
    delete json;
}

static bool copy_record(ingest_json *json, const char *ptr, size_t len)
{
    size_t wanted = len + INGEST_JSON_PADDING;
    if (json->copy_capacity < wanted) {
        wanted += wanted / 2;
        char *grown = static_cast<char *>(realloc(json->copy, wanted));
        if (grown == nullptr)
            return false;
        json->copy = grown;
        json->copy_capacity = wanted;
    }
    if (len > 0)
        memcpy(json->copy, ptr, len);
    memset(json->copy + len, ' ', INGEST_JSON_PADDING);
    return true;
}

egret_status ingest_json_begin(ingest_json *json, const char *ptr, size_t len, size_t readable, ingest_fault *fault)
{
    static_assert(INGEST_JSON_PADDING >= SIMDJSON_PADDING, "records are padded for simdjson");
    json->begun = false;
    if (len > MAX_RECORD)
        return fail(fault, fault_text(CAPACITY), 0);
    json->len = len;
    json->ptr = ptr;
    if (readable < len || readable - len < INGEST_JSON_PADDING) {
        if (!copy_record(json, ptr, len))
            return EGRET_NO_MEMORY;
        json->ptr = json->copy;
    }
    // Room that grows by halves: simdjson would make room anew for each record that is a little longer than the longest so far.
    if (json->parser.capacity() < len && json->parser.allocate(len + len / 2 + 1024) != SUCCESS)
        return EGRET_NO_MEMORY;
    error_code error = json->parser.iterate(padded_string_view(json->ptr, len, len + SIMDJSON_PADDING)).get(json->doc);
    if (error == MEMALLOC)
        return EGRET_NO_MEMORY;
    if (error != SUCCESS)
        return fail(fault, fault_text(error), find_bad_byte(json->ptr, len, error));
    json->begun = true;
    return EGRET_OK;
}

static egret_status fail_here(ingest_json *json, error_code error, ingest_fault *fault)
{
    const char *at = nullptr;
    size_t offset = json->len;
    if (error != INCOMPLETE_ARRAY_OR_OBJECT && json->doc.current_location().get(at) == SUCCESS && at >= json->ptr && at < json->ptr + json->len)
        offset = size_t(at - json->ptr);
    return fail(fault, fault_text(error), offset);
}

egret_status ingest_json_read(ingest_json *json, ingest_shape *shape, ingest_token *tokens, ingest_fault *fault)
{
    if (!json->begun)
        return EGRET_BAD_USE;
    for (uint32_t i = 0; i < shape->n_paths; i++)
        tokens[i] = { nullptr, 0, INGEST_TOKEN_ABSENT };
    shape->stamp++;
    json->doc.rewind();
    ondemand::object object;
    error_code error = json->doc.get_object().get(object);
    if (error != SUCCESS)
        return fail_here(json, error, fault);
    walk_state state = { shape, tokens, json->ptr + json->len };
    if (shape->nodes[0].wanted > 0 && (error = walk(state, 0, object)) != SUCCESS)
        return fail_here(json, error, fault);
    // Steps over what is left, to see that the object ends and that it ends the record.
    if (object.raw_json().error() != SUCCESS)
        return fail_here(json, INCOMPLETE_ARRAY_OR_OBJECT, fault);
    const char *at = nullptr;
    if (json->doc.current_location().get(at) == SUCCESS && at < json->ptr + json->len)
        return fail(fault, "something stands behind the object", size_t(at - json->ptr));
    return EGRET_OK;
}

bool ingest_json_valid(ingest_json *json, const char *ptr, size_t len)
{
    json->begun = false;
    if (len > MAX_RECORD || !copy_record(json, ptr, len))
        return false;
    if (json->checker.allocate(len, 512) != SUCCESS)
        return false;
    return json->checker.parse(json->copy, len, false).error() == SUCCESS;
}

bool ingest_utf8_valid(const char *ptr, size_t len)
{
    return simdjson::validate_utf8(ptr, len);
}
