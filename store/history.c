/*
 * history.c: writes the history: entries, the state of their heads, the index; drops what is old.
 */
#include "store/history.h"

#include "store/history_internal.h"

#include <errno.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* ---- names ---- */

static const char *const kinds[HISTORY_KINDS] = { "alert", "resolved", "escalated", "timeout", "repeated", "acknowledged", "closed", "reopened" };
static const char *const states[] = { "", "open", "acknowledged", "resolved" };
static const char *const severities[] = { "info", "low", "medium", "high", "critical" };

const char *history_kind_name(history_kind kind)
{
    return kind < HISTORY_KINDS ? kinds[kind] : "";
}

const char *history_state_name(history_state state)
{
    return state >= HISTORY_OPEN && state <= HISTORY_IS_RESOLVED ? states[state] : "";
}

const char *history_severity_name(unsigned severity)
{
    return severity < sizeof severities / sizeof severities[0] ? severities[severity] : "";
}

int history_severity_of(const char *name)
{
    for (int i = 0; i < (int)(sizeof severities / sizeof severities[0]); i++)
        if (strcmp(severities[i], name) == 0)
            return i;
    return -1;
}

int history_state_of(const char *name)
{
    for (int i = HISTORY_OPEN; i <= HISTORY_IS_RESOLVED; i++)
        if (strcmp(states[i], name) == 0)
            return i;
    return -1;
}

/* ---- keys of the index ---- */

history_key history_key_make(char tag, uint64_t hash, int64_t time_ms, uint64_t position)
{
    history_key key;
    key.bytes[0] = (unsigned char)tag;
    store_put_u64(key.bytes + 1, hash);
    store_put_u64(key.bytes + 9, (uint64_t)time_ms ^ UINT64_C(1) << 63);
    store_put_u64(key.bytes + 17, position);
    return key;
}

int64_t history_key_time(const history_key *key)
{
    return (int64_t)(store_get_u64(key->bytes + 9) ^ UINT64_C(1) << 63);
}

uint64_t history_key_position(const history_key *key)
{
    return store_get_u64(key->bytes + 17);
}

uint64_t history_hash_text(const char *text)
{
    return XXH3_64bits(text, strlen(text));
}

uint64_t history_hash_part(const history_part *part)
{
    return XXH3_64bits_withSeed(part->value, strlen(part->value), history_hash_text(part->name));
}

void history_id_key(unsigned char out[HISTORY_ID_KEY_BYTES], const char *id)
{
    XXH128_hash_t hash = XXH3_128bits(id, strlen(id));
    out[0] = 'i';
    store_put_u64(out + 1, hash.high64);
    store_put_u64(out + 9, hash.low64);
}

int history_head_of(const store *s, MDB_txn *txn, const char *id, uint64_t *position)
{
    unsigned char bytes[HISTORY_ID_KEY_BYTES];
    history_id_key(bytes, id);
    MDB_val key = store_val(bytes, sizeof bytes), value;
    int code = mdb_get(txn, s->table[STORE_HISTORY_INDEX], &key, &value);
    if (code == MDB_NOTFOUND || (code == 0 && value.mv_size != sizeof *position))
        return HISTORY_NONE;
    if (code == 0)
        memcpy(position, value.mv_data, sizeof *position);
    return code;
}

/* ---- state of a head ---- */

typedef struct now_image {
    uint64_t check;             /* of all that follows */
    uint64_t newest;
    int64_t changed_ms;
    uint32_t n_entries;
    uint8_t state, severity, unused[2];
} now_image;

bool history_now_write(egret_text *out, const history_now *now)
{
    now_image image = { .newest = now->newest, .changed_ms = now->changed_ms, .n_entries = now->n_entries, .state = (uint8_t)now->state,
                        .severity = (uint8_t)now->severity };
    out->len = 0;
    out->failed = false;
    egret_text_put(out, (const char *)&image, sizeof image);
    egret_text_put(out, now->who, strlen(now->who) + 1);
    egret_text_put(out, now->reason, strlen(now->reason) + 1);
    if (out->failed)
        return false;
    image.check = XXH3_64bits(out->ptr + sizeof image.check, out->len - sizeof image.check);
    memcpy(out->ptr, &image.check, sizeof image.check);
    return true;
}

bool history_now_read(history_now *now, const void *bytes, size_t len)
{
    now_image image;
    if (len < sizeof image + 2)
        return false;
    memcpy(&image, bytes, sizeof image);
    if (XXH3_64bits((const char *)bytes + sizeof image.check, len - sizeof image.check) != image.check)
        return false;
    const char *who = (const char *)bytes + sizeof image, *end = (const char *)bytes + len;
    const char *reason = memchr(who, '\0', (size_t)(end - who));
    if (!reason || end[-1] != '\0' || reason + 1 >= end || image.state < HISTORY_OPEN || image.state > HISTORY_IS_RESOLVED)
        return false;
    *now = (history_now){ .state = (history_state)image.state, .severity = image.severity, .n_entries = image.n_entries, .newest = image.newest,
                          .changed_ms = image.changed_ms, .who = who, .reason = reason + 1 };
    return true;
}

static int put_now(store *s, uint64_t head, const history_now *now)
{
    egret_text text;
    size_t number = head;
    egret_text_init(&text, egret_mem_of(NULL));
    int code = ENOMEM;
    if (history_now_write(&text, now))
        code = store_put(s, STORE_HISTORY_NOW, store_val(&number, sizeof number), store_val(text.ptr, text.len), 0);
    egret_text_deinit(&text);
    return code;
}

/* ---- index ---- */

static int index_key(store *s, history_key key, bool put)
{
    MDB_val bytes = store_val(key.bytes, sizeof key.bytes);
    return put ? store_put(s, STORE_HISTORY_INDEX, bytes, store_val("", 0), 0) : store_del(s, STORE_HISTORY_INDEX, bytes);
}

static int index_unresolved(store *s, const history_entry *head, bool put)
{
    return index_key(s, history_key_make('u', 0, head->time_ms, head->position), put);
}

/* All keys of a head but 'u'. */
static int index_head(store *s, const history_entry *head, bool put)
{
    unsigned char id[HISTORY_ID_KEY_BYTES];
    uint64_t known;
    history_id_key(id, head->id);
    int code = index_key(s, history_key_make('a', 0, head->time_ms, head->position), put);
    if (code == 0)
        code = index_key(s, history_key_make('r', history_hash_text(head->rule), head->time_ms, head->position), put);
    for (unsigned i = 0; i < head->n_key && code == 0; i++)
        code = index_key(s, history_key_make('k', history_hash_part(&head->key[i]), head->time_ms, head->position), put);
    if (code == 0 && put)
        return store_put(s, STORE_HISTORY_INDEX, store_val(id, sizeof id), store_val(&head->position, sizeof head->position), 0);
    if (code == 0 && history_head_of(s, s->write, head->id, &known) == 0 && known == head->position)
        code = store_del(s, STORE_HISTORY_INDEX, store_val(id, sizeof id));
    return code;
}

/* ---- putting ---- */

static int put_entry(store *s, const history_entry *entry)
{
    egret_text text;
    size_t number = entry->position;
    egret_text_init(&text, egret_mem_of(NULL));
    int code = ENOMEM;
    if (history_entry_write(&text, entry))
        code = store_put(s, STORE_HISTORY, store_val(&number, sizeof number), store_val(text.ptr, text.len), MDB_APPEND);
    if (code == 0) {
        s->counts.history_next = entry->position + 1;
        s->counts.history_count++;
        s->counts.history_bytes += text.len;
    }
    egret_text_deinit(&text);
    return code;
}

static int get_number(const store *s, MDB_txn *txn, store_table table, uint64_t number, MDB_val *value)
{
    size_t n = number;
    MDB_val key = store_val(&n, sizeof n);
    int code = mdb_get(txn, s->table[table], &key, value);
    return code == MDB_NOTFOUND ? HISTORY_NONE : code;
}

static int put_head(store *s, history_entry *entry)
{
    history_state state = entry->kind == HISTORY_RESOLVED ? HISTORY_IS_RESOLVED : HISTORY_OPEN;
    history_now now = { .state = state, .severity = entry->severity, .n_entries = 1, .newest = entry->position, .changed_ms = entry->wall_ms,
                        .who = "", .reason = "" };
    entry->head = entry->position;
    int code = put_entry(s, entry);
    if (code == 0)
        code = index_head(s, entry, true);
    if (code == 0 && state != HISTORY_IS_RESOLVED)
        code = index_unresolved(s, entry, true);
    return code == 0 ? put_now(s, entry->position, &now) : code;
}

/* What an entry makes of the state of its head. */
static history_state state_after(history_state state, history_kind kind)
{
    switch (kind) {
    case HISTORY_RESOLVED: case HISTORY_CLOSED: return HISTORY_IS_RESOLVED;
    case HISTORY_ACKNOWLEDGED: return state == HISTORY_OPEN ? HISTORY_IS_ACKNOWLEDGED : state;
    case HISTORY_REOPENED: return HISTORY_OPEN;
    case HISTORY_ESCALATED: return state == HISTORY_IS_ACKNOWLEDGED ? HISTORY_OPEN : state;
    case HISTORY_ALERT: case HISTORY_TIMEOUT: case HISTORY_REPEATED: case HISTORY_KINDS: break;
    }
    return state;
}

/* The head's state as `now`, with texts that point into the transaction's pages: valid until something is written. */
static int read_head(const store *s, uint64_t head, history_entry *entry, history_now *now)
{
    MDB_val value;
    int code = get_number(s, s->write, STORE_HISTORY, head, &value);
    if (code == 0 && !history_entry_read(entry, head, value.mv_data, value.mv_size))
        code = HISTORY_NONE;
    if (code == 0)
        code = get_number(s, s->write, STORE_HISTORY_NOW, head, &value);
    if (code == 0 && !history_now_read(now, value.mv_data, value.mv_size))
        code = HISTORY_NONE;
    return code;
}

static int put_follower(store *s, history_entry *entry, int64_t head_time_ms, const history_now *before)
{
    history_now now = *before;
    char who[256], reason[1024];
    bool by_hand = entry->kind >= HISTORY_ACKNOWLEDGED;
    strncpy(who, by_hand ? entry->who : before->who, sizeof who - 1);
    strncpy(reason, by_hand ? entry->reason : before->reason, sizeof reason - 1);
    who[sizeof who - 1] = reason[sizeof reason - 1] = '\0';
    now.who = who;
    now.reason = reason;
    now.state = state_after(before->state, entry->kind);
    now.n_entries++;
    entry->before = now.newest;
    now.newest = entry->position;
    if (entry->kind == HISTORY_ESCALATED && entry->severity > now.severity)
        now.severity = entry->severity;
    if (now.state != before->state)
        now.changed_ms = entry->wall_ms;
    history_state was = before->state;
    int code = put_entry(s, entry);     /* `before` is not to be looked at any more */
    history_entry head = { .position = entry->head, .time_ms = head_time_ms };
    bool unresolved = now.state != HISTORY_IS_RESOLVED;
    if (code == 0 && unresolved != (was != HISTORY_IS_RESOLVED))
        code = index_unresolved(s, &head, unresolved);
    return code == 0 ? put_now(s, entry->head, &now) : code;
}

int history_put(store *s, history_entry *entry)
{
    history_entry head;
    history_now now;
    bool begins = entry->kind == HISTORY_ALERT || entry->kind == HISTORY_TIMEOUT;
    entry->position = s->counts.history_next;
    int code = begins ? HISTORY_NONE : history_head_of(s, s->write, entry->id, &entry->head);
    if (code == 0)
        code = read_head(s, entry->head, &head, &now);
    if (code == HISTORY_NONE)
        return put_head(s, entry);
    return code == 0 ? put_follower(s, entry, head.time_ms, &now) : code;
}

int history_act_put(store *s, const history_act *act, uint64_t *position)
{
    history_entry entry = { .kind = act->kind, .who = act->who, .reason = act->reason, .wall_ms = act->wall_ms, .id = act->id, .message_id = "",
                            .rule = "" };
    history_entry head;
    history_now now;
    *position = 0;
    int code = history_head_of(s, s->write, act->id, &entry.head);
    if (code == 0)
        code = read_head(s, entry.head, &head, &now);
    if (code != 0 || state_after(now.state, act->kind) == now.state)
        return code;
    char rule[1024];
    strncpy(rule, head.rule, sizeof rule - 1);
    rule[sizeof rule - 1] = '\0';
    entry.rule = rule;
    entry.severity = now.severity;
    entry.time_ms = head.time_ms;
    entry.started_ms = head.started_ms;
    entry.position = s->counts.history_next;
    code = put_follower(s, &entry, head.time_ms, &now);
    *position = code == 0 ? entry.position : 0;
    return code;
}

/* ---- trimming ---- */

static int drop_deliveries(store *s, uint64_t position)
{
    unsigned char prefix[8];
    MDB_cursor *cursor;
    store_put_u64(prefix, position);
    MDB_val key = store_val(prefix, sizeof prefix), value;
    int code = mdb_cursor_open(s->write, s->table[STORE_DELIVERIES], &cursor);
    if (code != 0)
        return code;
    code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    while (code == 0 && key.mv_size > sizeof prefix && memcmp(key.mv_data, prefix, sizeof prefix) == 0) {
        code = mdb_cursor_del(cursor, 0);
        if (code == 0)
            code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);      /* which is where the deleted one was */
    }
    mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? 0 : code;
}

/* A head that cannot be read leaves its keys in the index; who finds them finds nothing behind them. */
static int drop_entry(store *s, uint64_t position, MDB_val value)
{
    history_entry entry;
    size_t number = position, len = value.mv_size;
    egret_text copy;
    egret_text_init(&copy, egret_mem_of(NULL));
    egret_text_put(&copy, value.mv_data, value.mv_size);    /* pages move while we delete */
    int code = copy.failed ? ENOMEM : 0;
    if (code == 0 && history_entry_read(&entry, position, copy.ptr, copy.len) && entry.head == position) {
        code = index_head(s, &entry, false);
        if (code == 0)
            code = index_unresolved(s, &entry, false);
        if (code == 0)
            code = store_del(s, STORE_HISTORY_NOW, store_val(&number, sizeof number));
    }
    if (code == 0)
        code = drop_deliveries(s, position);
    if (code == 0)
        code = store_del(s, STORE_HISTORY, store_val(&number, sizeof number));
    egret_text_deinit(&copy);
    if (code != 0)
        return code;
    s->counts.history_first = position + 1;
    s->counts.history_count--;
    s->counts.history_bytes -= len < s->counts.history_bytes ? len : s->counts.history_bytes;
    s->counts.history_dropped++;
    return 0;
}

/* The oldest entry; HISTORY_NONE: there is none. */
static int oldest(store *s, uint64_t *position, MDB_val *value)
{
    MDB_cursor *cursor;
    MDB_val key;
    size_t number;
    int code = mdb_cursor_open(s->write, s->table[STORE_HISTORY], &cursor);
    if (code != 0)
        return code;
    code = mdb_cursor_get(cursor, &key, value, MDB_FIRST);
    if (code == 0) {
        memcpy(&number, key.mv_data, sizeof number);
        *position = number;
    }
    mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? HISTORY_NONE : code;
}

int history_trim(store *s, int64_t before_ms, uint64_t keep_bytes, unsigned most, unsigned *dropped)
{
    uint64_t position;
    MDB_val value;
    int code = 0;
    for (*dropped = 0; *dropped < most && s->counts.history_count > 0; ++*dropped) {
        history_entry entry;
        code = oldest(s, &position, &value);
        if (code != 0)
            break;
        bool readable = history_entry_read(&entry, position, value.mv_data, value.mv_size);
        if (readable && entry.wall_ms >= before_ms && s->counts.history_bytes <= keep_bytes)
            break;
        code = drop_entry(s, position, value);
        if (code != 0)
            break;
    }
    return code == HISTORY_NONE ? 0 : code;
}
