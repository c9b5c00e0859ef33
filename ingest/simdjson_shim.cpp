/*
 * simdjson_shim.cpp: simdjson behind a C interface; the product's only C++ file.
 *
 * simdjson's first stage finds, 64 bytes at a time, where the tokens of a text begin, and checks UTF-8 and strings. It is run over a whole block of
 * lines at once; because a raw line end inside a string is an error, each line then owns a piece of the index. When a block has an
 * error each of its lines is indexed by itself, so that a bad line costs that line.
 *
 * Reading walks the tokens of one object once, in document order. Producers write their keys in the same order every time. So each key is
 * first compared, quotes and colon included, with the key that followed the previous one last time: one masked 16-byte comparison for usual names. Only when
 * that fails it is looked for in a small hash table. Keys nobody asked for are remembered, too (to a cap), so that they are passed by
 * as cheaply. Why not simdjson's own on-demand walk: it checks each step for uses we do not make, and costs three times as much.
 *
 * A shape is a tree: a node for each object on some path, in it an entry for each key, with the tokens to fill and the node below.
 *
 * Strings without a backslash are given as slices of the record.
 *
 * Invariants: an entry's `next` is an entry of the same node or NONE; the recursion of walk is as deep as the paths, never as the record;
 * no token at or behind the end of the record is ever looked at. No exceptions are used: simdjson's error codes become faults.
 */
#include <cstdlib>
#include <cstring>
#include <memory>
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
constexpr size_t SHORT_KEY = 16;        // with its quotes and the colon
constexpr size_t AROUND_KEY = 3;        // the quotes and the colon
constexpr size_t MAX_RECORD = size_t(1) << 31;

// What a key is asked for: nothing; its value; also, or only, what is inside its value.
enum asked : uint32_t { NOT_ASKED, ASKED_VALUE, ASKED_INSIDE };

struct entry {
    uint64_t head[2];       // first bytes of the key, as it is usually written
    uint64_t mask[2];
    char *key;              // "key": with its quotes and the colon
    uint32_t len;           // with them
    uint32_t next;          // entry that followed last time
    uint32_t chain;         // next entry of the bucket
    uint32_t first_target;  // into targets; NONE: not asked for as a value
    uint32_t second_target; // the next one, of equal paths
    uint32_t node;          // node below; NONE
    asked kind;
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

struct padded_copy {
    char *ptr;
    size_t capacity;
};

struct ingest_json {
    std::unique_ptr<internal::dom_parser_implementation> indexer;
    ondemand::parser unescaper;
    dom::parser checker;
    const char *block;          // what is indexed
    size_t block_len;
    bool indexed;               // the index is of `block`, which holds several records
    bool clean;                 // no backslash in `block`
    const uint32_t *at;         // first token of the record
    const uint32_t *next;       // where to look for the next record's
    const char *ptr;            // the record
    size_t len;
    bool begun;
    padded_copy record_copy;    // of a record without padding behind it
    padded_copy check_copy;     // of a text to validate: tokens of the record at hand stay good
    uint8_t *strings;           // unescaped strings of the record
    size_t strings_capacity;
    uint8_t *strings_end;       // NULL: none yet
};

// ---- shapes ----

namespace {

// Finds a key of `len` bytes; text need not have a closing quote.
uint32_t find_entry(const node &n, const char *key, size_t len)
{
    if (len == 0)
        return NONE;
    for (uint32_t i = n.bucket[bucket_of(key, len)]; i != NONE; i = n.entries[i].chain)
        if (n.entries[i].len == len + AROUND_KEY && memcmp(n.entries[i].key + 1, key, len) == 0)
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
    char *copy = static_cast<char *>(malloc(len + AROUND_KEY));
    if (copy == nullptr)
        return NONE;
    copy[0] = '"';
    memcpy(copy + 1, key, len);
    memcpy(copy + 1 + len, "\":", 2);
    entry &e = n.entries[n.n_entries];
    memset(&e, 0, sizeof e);
    e.key = copy;
    e.len = uint32_t(len + AROUND_KEY);
    e.next = e.first_target = e.second_target = e.node = NONE;
    size_t head = e.len < SHORT_KEY ? e.len : SHORT_KEY;
    memset(e.mask, 0xFF, head);
    // A key with a backslash is never written like that; with a head of zeros no text is taken for it.
    if (memchr(key, '\\', len) == nullptr)
        memcpy(e.head, copy, head);
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
            e.second_target = e.first_target;
            e.first_target = slot;
            e.kind = e.node == NONE ? ASKED_VALUE : ASKED_INSIDE;
            return true;
        }
        if (e.node == NONE)
            e.node = add_node(shape);
        e.kind = ASKED_INSIDE;
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

static_assert(INGEST_TOKEN_STRING == INGEST_TOKEN_NUMBER + 1, "take_usual counts on it");

inline uint64_t word_at(const char *ptr)
{
    uint64_t word;
    memcpy(&word, ptr, sizeof word);
    return word;
}

// Whether the text at the quote `raw` is this key, its quotes and a colon. `left`: what is left of the record; padding makes 32 bytes readable.
inline bool same_key(const entry &e, const char *raw, size_t left)
{
    if ((((word_at(raw) ^ e.head[0]) & e.mask[0]) | ((word_at(raw + 8) ^ e.head[1]) & e.mask[1])) != 0)
        return false;
    if (e.len <= SHORT_KEY)
        return true;
    if (e.len > 2 * SHORT_KEY)
        return e.len <= left && memcmp(raw, e.key, e.len) == 0;
    const char *rest = raw + e.len - SHORT_KEY, *key = e.key + e.len - SHORT_KEY;
    return ((word_at(rest) ^ word_at(key)) | (word_at(rest + 8) ^ word_at(key + 8))) == 0;
}

// Whether there is a backslash in ptr[0 .. len); up to 8 bytes behind are read.
inline bool has_backslash(const char *ptr, size_t len)
{
    static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "bytes of a word are counted from its low end");
    constexpr uint64_t ones = 0x0101010101010101U, slashes = 0x5C5C5C5C5C5C5C5CU;
    uint64_t word, found = 0;
    size_t i = 0;
    for (; i + 8 < len; i += 8) {
        memcpy(&word, ptr + i, sizeof word);
        word ^= slashes;
        found |= (word - ones) & ~word;
    }
    memcpy(&word, ptr + i, sizeof word);
    word ^= slashes;
    uint64_t last = (word - ones) & ~word & (ones << 7);
    // Only bytes before len count; the lowest mark is exact, marks above a true one may be false.
    return (found & (ones << 7)) != 0 || (last != 0 && len > i && size_t(__builtin_ctzll(last)) / 8 < len - i);
}

// The record being read.
struct walk_state {
    ingest_json *json;
    ingest_shape *shape;
    ingest_token *tokens;
    ingest_fault *fault;
    const char *base;       // of the index
    const uint32_t *at;     // next token
    uint32_t end;           // of the record, from base
    bool clean;             // no backslash in what is indexed
    bool out_of_memory;
};

bool broken(walk_state &state, const char *text, size_t at)
{
    state.fault->text = text;
    state.fault->offset = at - size_t(state.json->ptr - state.base);
    return false;
}

bool ends_early(walk_state &state)
{
    return broken(state, "the record ends too early: a bracket is not closed", state.end);
}

// The character of the next token; 0 when the record has none.
inline char peek(const walk_state &state)
{
    return *state.at < state.end ? state.base[*state.at] : '\0';
}

// Takes one token that must be c.
bool expect(walk_state &state, char c)
{
    if (peek(state) != c)
        return *state.at < state.end ? broken(state, "not valid JSON", *state.at) : ends_early(state);
    state.at++;
    return true;
}

bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

// Where the scalar or key that begins at token `at` ends: before the next token, without white space.
const char *scalar_end(const walk_state &state, const uint32_t *at)
{
    const char *begin = state.base + at[0];
    const char *end = state.base + (at[1] < state.end ? at[1] : state.end);
    while (end > begin + 1 && is_space(end[-1]))
        end--;
    return end;
}

// Steps over a value, whatever is in it.
bool skip_value(walk_state &state)
{
    size_t depth = 0;
    do {
        switch (peek(state)) {
        case '\0':
            return ends_early(state);
        case '{': case '[':
            depth++;
            break;
        case '}': case ']':
            if (depth == 0)
                return broken(state, "not valid JSON", *state.at);
            depth--;
            break;
        case ',': case ':':
            if (depth == 0)
                return broken(state, "not valid JSON", *state.at);
            break;
        }
        state.at++;
    } while (depth > 0);
    return true;
}

// Room for all strings of the record: an unescaped string is not longer than it was. Not moved while tokens borrow from it.
bool make_string_room(ingest_json *json)
{
    size_t wanted = json->len + 2 * INGEST_JSON_PADDING;
    if (json->strings_capacity < wanted) {
        uint8_t *grown = static_cast<uint8_t *>(realloc(json->strings, wanted));
        if (grown == nullptr)
            return false;
        json->strings = grown;
        json->strings_capacity = wanted;
    }
    json->strings_end = json->strings;
    return json->unescaper.capacity() > 0 || json->unescaper.allocate(INGEST_JSON_PADDING) == SUCCESS;
}

// Unescapes the string whose first byte (behind the quote) is at ptr. BAD: a broken escape, or no memory.
ingest_token unescape(walk_state &state, const char *ptr, size_t len)
{
    ingest_json *json = state.json;
    std::string_view text;
    if (json->strings_end == nullptr && !make_string_room(json)) {
        state.out_of_memory = true;
        return { ptr, uint32_t(len), INGEST_TOKEN_BAD };
    }
    ondemand::raw_json_string raw(reinterpret_cast<const uint8_t *>(ptr));
    if (json->unescaper.unescape(raw, json->strings_end).get(text) != SUCCESS)
        return { ptr, uint32_t(len), INGEST_TOKEN_BAD };
    return { text.data(), uint32_t(text.size()), INGEST_TOKEN_STRING };
}

// The token of the value at hand, without stepping over it.
ingest_token value_token(walk_state &state)
{
    const char *ptr = state.base + *state.at, *end = scalar_end(state, state.at);
    size_t len = size_t(end - ptr);
    uint8_t kind = INGEST_TOKEN_BAD;
    switch (ptr[0]) {
    case '"':
        if (len < 2 || end[-1] != '"')
            break;
        if (has_backslash(ptr + 1, len - 2))
            return unescape(state, ptr + 1, len - 2);
        return { ptr + 1, uint32_t(len - 2), INGEST_TOKEN_STRING };
    case '{': kind = INGEST_TOKEN_OBJECT; break;
    case '[': kind = INGEST_TOKEN_ARRAY; break;
    case 't': kind = len == 4 && memcmp(ptr, "true", 4) == 0 ? INGEST_TOKEN_TRUE : INGEST_TOKEN_BAD; break;
    case 'f': kind = len == 5 && memcmp(ptr, "false", 5) == 0 ? INGEST_TOKEN_FALSE : INGEST_TOKEN_BAD; break;
    case 'n': kind = len == 4 && memcmp(ptr, "null", 4) == 0 ? INGEST_TOKEN_NULL : INGEST_TOKEN_BAD; break;
    case '-': case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
        kind = INGEST_TOKEN_NUMBER;
    }
    return { ptr, uint32_t(len), kind };
}

// Finds the entry of the key at hand, which is not the expected one; remembers strangers. NONE: not asked for. False: no memory.
bool look_up(walk_state &state, node &n, uint32_t *out)
{
    const char *ptr = state.base + *state.at + 1, *end = scalar_end(state, state.at);
    size_t len = end - ptr >= 1 && end[-1] == '"' ? size_t(end - ptr) - 1 : 0;
    *out = NONE;
    if (has_backslash(ptr, len)) {
        ingest_token key = unescape(state, ptr, len);
        if (key.kind == INGEST_TOKEN_STRING)
            *out = find_entry(n, key.ptr, key.len);
        return !state.out_of_memory;
    }
    *out = find_entry(n, ptr, len);
    if (*out == NONE && len > 0 && n.strangers < MAX_STRANGERS) {
        *out = add_entry(n, ptr, len);
        n.strangers += *out != NONE;
    }
    return true;
}

// Says what is wrong with the field at hand: its key, its colon, or that the record ends.
bool bad_field(walk_state &state)
{
    if (!expect(state, '"') || !expect(state, ':'))
        return false;
    return *state.at < state.end ? broken(state, "not valid JSON", *state.at) : ends_early(state);
}

// Steps over what is left of an object, from a comma or the closing bracket on.
bool finish_object(walk_state &state)
{
    size_t depth = 1;
    do {
        char c = peek(state);
        if (c == '\0')
            return ends_early(state);
        depth += c == '{' || c == '[';
        depth -= c == '}' || c == ']';
        state.at++;
    } while (depth > 0);
    return true;
}

bool walk(walk_state &state, uint32_t below);

// Fills what entry e asks for from the value at hand, and steps over it.
bool take_value(walk_state &state, const entry &e)
{
    uint32_t below = e.node;
    if (e.first_target != NONE) {
        ingest_token token = value_token(state);
        for (uint32_t t = e.first_target; t != NONE; t = state.shape->targets[t].next)
            state.tokens[t] = token;
    }
    if (below != NONE && peek(state) == '{')
        return walk(state, below);
    return skip_value(state);
}

bool is_structure(char c)
{
    return c == '{' || c == '}' || c == '[' || c == ']' || c == ',' || c == ':' || c == '\0';
}

// Where a walk through an object is.
struct progress {
    uint32_t wanted;        // entries asked for and not seen yet
    uint32_t previous;      // entry of the last key that has one; NONE
    uint32_t expected;      // entry that followed it last time; NONE
};

// Whether the text between two tokens is a string without escapes (its quotes with it), or a number, and nothing behind it.
inline bool is_plain(bool clean, const char *ptr, const char *end)
{
    if (*ptr == '"')
        return end[-1] == '"' && end - ptr >= 2 && (clean || !has_backslash(ptr + 1, size_t(end - ptr) - 2));
    return uint8_t(*ptr - '0') <= 9 && !is_space(end[-1]);
}

// Takes fields as long as they are as usual: the key expected, not seen before, a colon right behind it, a plain value, another token in the
// record. True: stands behind a value that no comma follows, or that was the last one wanted; false: before a field for take_field.
//
// Tokens ascend, and the index ends with two that lie behind the record, and a zero. So when the first is inside and the fourth is between it and the
// end, so are those between them. Where the text is the key expected, its quotes and a colon, those are two tokens, as the key has no backslash.
bool take_usual(walk_state &state, const node &n, progress &p)
{
    entry *const entries = n.entries;
    ingest_token *const tokens = state.tokens;
    const target *const targets = state.shape->targets;
    const uint64_t stamp = state.shape->stamp;
    const char *const base = state.base;
    const bool clean = state.clean;
    const uint32_t end = state.end, *at = state.at;
    progress now = p;
    bool behind_value = false;
    while (now.expected != NONE && at[0] < end && at[3] > at[0] && at[3] < end) {
        entry &e = entries[now.expected];
        const char *ptr = base + at[2], *behind = base + at[3];
        if (!same_key(e, base + at[0], end - at[0]) || e.stamp == stamp)
            break;
        if (e.kind == ASKED_VALUE) {
            if (!is_plain(clean, ptr, behind))
                break;
            uint32_t quote = *ptr == '"';
            const ingest_token token = { ptr + quote, uint32_t(behind - ptr) - 2 * quote, uint8_t(INGEST_TOKEN_NUMBER + quote) };
            e.stamp = stamp;
            tokens[e.first_target] = token;
            for (uint32_t t = e.second_target; t != NONE; t = targets[t].next)
                tokens[t] = token;
            now.wanted--;
        } else if (e.kind == ASKED_INSIDE || (*ptr != '"' && is_structure(*ptr))) {
            break;
        }
        now.previous = now.expected;
        now.expected = e.next;
        behind_value = *behind != ',' || now.wanted == 0;
        at += behind_value ? 3 : 4;
        if (behind_value)
            break;
    }
    state.at = at;
    p = now;
    return behind_value;
}

// Takes the field at hand, whatever it is.
bool take_field(walk_state &state, node &n, progress &p)
{
    const uint32_t *at = state.at;
    if (at[0] >= state.end || at[2] >= state.end || state.base[at[0]] != '"' || state.base[at[1]] != ':')
        return bad_field(state);
    uint32_t found = p.expected;
    if (found == NONE || !same_key(n.entries[found], state.base + at[0], state.end - at[0])) {
        if (!look_up(state, n, &found))
            return false;
        (p.previous == NONE ? n.first : n.entries[p.previous].next) = found;
    }
    state.at = at + 2;
    p.expected = NONE;
    if (found == NONE)
        return skip_value(state);
    entry *e = &n.entries[found];
    p.previous = found;
    p.expected = e->next;
    if (e->kind == NOT_ASKED || e->stamp == state.shape->stamp)
        return skip_value(state);
    e->stamp = state.shape->stamp;
    p.wanted--;
    return take_value(state, *e);
}

// Walks the object whose opening bracket is at hand, and steps over it.
bool walk(walk_state &state, uint32_t below)
{
    node &n = state.shape->nodes[below];
    progress p = { n.wanted, NONE, n.first };
    state.at++;
    if (peek(state) == '}') {
        state.at++;
        return true;
    }
    for (;;) {
        if (!take_usual(state, n, p) && !take_field(state, n, p))
            return false;
        char c = peek(state);
        if (c == ',' && p.wanted > 0)
            state.at++;
        else
            return c == '}' || c == ',' ? finish_object(state) : expect(state, ',');
    }
}

// Runs the first stage over a text.
error_code make_index(ingest_json *json, const char *ptr, size_t len)
{
    json->indexed = false;
    if (json->indexer == nullptr || json->indexer->capacity() < len) {
        // Room that grows by halves, not anew for each record that is a little longer than the longest so far.
        size_t capacity = len + len / 2 + 1024;
        error_code error = json->indexer == nullptr
                               ? get_active_implementation()->create_dom_parser_implementation(capacity, 1, json->indexer)
                               : json->indexer->set_capacity(capacity);
        if (error != SUCCESS) {
            json->indexer.reset();
            return MEMALLOC;
        }
    }
    error_code error = json->indexer->stage1(reinterpret_cast<const uint8_t *>(ptr), len, stage1_mode::regular);
    json->block = ptr;
    json->block_len = len;
    json->clean = memchr(ptr, '\\', len) == nullptr;
    json->at = json->next = json->indexer->structural_indexes.get();
    return error;
}

} // namespace

ingest_json *ingest_json_new(void)
{
    ingest_json *json = new (std::nothrow) ingest_json();
    return json;
}

void ingest_json_free(ingest_json *json)
{
    if (json == nullptr)
        return;
    free(json->record_copy.ptr);
    free(json->check_copy.ptr);
    free(json->strings);
    delete json;
}

static bool make_copy(padded_copy *copy, const char *ptr, size_t len)
{
    size_t wanted = len + INGEST_JSON_PADDING;
    if (copy->capacity < wanted) {
        wanted += wanted / 2;
        char *grown = static_cast<char *>(realloc(copy->ptr, wanted));
        if (grown == nullptr)
            return false;
        copy->ptr = grown;
        copy->capacity = wanted;
    }
    if (len > 0)
        memcpy(copy->ptr, ptr, len);
    memset(copy->ptr + len, ' ', INGEST_JSON_PADDING);
    return true;
}

bool ingest_json_index(ingest_json *json, const char *ptr, size_t len)
{
    static_assert(INGEST_JSON_PADDING >= SIMDJSON_PADDING, "records are padded for simdjson");
    json->begun = false;
    json->indexed = len <= MAX_RECORD && make_index(json, ptr, len) == SUCCESS;
    return json->indexed;
}

void ingest_json_forget(ingest_json *json)
{
    json->begun = json->indexed = false;
}

egret_status ingest_json_begin(ingest_json *json, const char *ptr, size_t len, size_t readable, ingest_fault *fault)
{
    json->begun = false;
    json->len = len;
    json->strings_end = nullptr;
    if (json->indexed && ptr >= json->block && ptr + len <= json->block + json->block_len) {
        uint32_t begin = uint32_t(ptr - json->block);
        while (*json->next < begin)
            json->next++;
        json->at = json->next;
        json->ptr = ptr;
        json->begun = true;
        return EGRET_OK;
    }
    if (len > MAX_RECORD)
        return fail(fault, fault_text(CAPACITY), 0);
    json->ptr = ptr;
    if (readable < len || readable - len < INGEST_JSON_PADDING) {
        if (!make_copy(&json->record_copy, ptr, len))
            return EGRET_NO_MEMORY;
        json->ptr = json->record_copy.ptr;
    }
    error_code error = make_index(json, json->ptr, len);
    if (error == MEMALLOC)
        return EGRET_NO_MEMORY;
    if (error != SUCCESS)
        return fail(fault, fault_text(error), find_bad_byte(json->ptr, len, error));
    json->begun = true;
    return EGRET_OK;
}

egret_status ingest_json_read(ingest_json *json, ingest_shape *shape, ingest_token *tokens, ingest_fault *fault)
{
    if (!json->begun)
        return EGRET_BAD_USE;
    static_assert(INGEST_TOKEN_ABSENT == 0, "tokens are made absent by zeroing them");
    memset(static_cast<void *>(tokens), 0, shape->n_paths * sizeof *tokens);
    shape->stamp++;
    json->strings_end = nullptr;
    walk_state state = { json, shape, tokens, fault, json->block, json->at, uint32_t(json->ptr - json->block + ptrdiff_t(json->len)), json->clean, false };
    char first = peek(state);
    if (first != '{')
        return fail(fault, fault_text(first == '\0' ? EMPTY : INCORRECT_TYPE), 0);
    if (!walk(state, 0))
        return state.out_of_memory ? EGRET_NO_MEMORY : EGRET_BAD_EVENT;
    if (state.out_of_memory)
        return EGRET_NO_MEMORY;
    json->next = state.at;
    if (*state.at < state.end)
        return fail(fault, "something stands behind the object", *state.at - size_t(json->ptr - json->block));
    return EGRET_OK;
}

bool ingest_json_valid(ingest_json *json, const char *ptr, size_t len)
{
    if (len > MAX_RECORD || !make_copy(&json->check_copy, ptr, len))
        return false;
    if (json->checker.allocate(len, 512) != SUCCESS)
        return false;
    return json->checker.parse(json->check_copy.ptr, len, false).error() == SUCCESS;
}

bool ingest_utf8_valid(const char *ptr, size_t len)
{
    return simdjson::validate_utf8(ptr, len);
}
