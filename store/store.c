/*
 * store.c: opens the environment, its tables and its format; transactions; what an error means.
 *
 * LMDB's default mode: a commit is on the disk when it returns. The file is made by us with a synced folder, which LMDB does not do.
 * A commit that fails because there is no room leaves everything as it was, and LMDB calls it an I/O error when the write was cut short; then
 * a write beside it tells whether there is room. A real I/O error leaves pages of which nobody knows whether they are on the disk, so that it is no use to try again: the process must end and
 * see at its next start what is there.
 */
#include "store/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

static const uint64_t DEFAULT_MAX_BYTES = UINT64_C(1) << STORE_MAP_BITS, DEFAULT_DEAD_BYTES = UINT64_C(1) << 30;
enum { PROBE_BYTES = 4 << 20, OLD_TABLES = 4 };

static const struct { const char *name; unsigned flags; } tables[STORE_TABLES] = {
    [STORE_META] = { "meta", 0 },
    [STORE_JOURNAL] = { "journal", MDB_INTEGERKEY },
    [STORE_QUARANTINE] = { "quarantine", MDB_INTEGERKEY },
    [STORE_CONTENTS] = { "contents", 0 },
    [STORE_PLACES] = { "places", 0 },
    [STORE_CHECKPOINT] = { "checkpoint", 0 },
    [STORE_ROWS] = { "rows", 0 },
    [STORE_SINKS] = { "sinks", 0 },
    [STORE_HISTORY] = { "history", MDB_INTEGERKEY },
    [STORE_HISTORY_NOW] = { "history-now", MDB_INTEGERKEY },
    [STORE_HISTORY_INDEX] = { "history-index", 0 },
    [STORE_DELIVERIES] = { "deliveries", 0 },
    [STORE_DEAD] = { "dead", MDB_INTEGERKEY },
    [STORE_RETURNS] = { "returns", MDB_INTEGERKEY },
    [STORE_RULES] = { "rules", 0 },
};

/* LMDB gives up for good when it could not write the pages that say which tree holds: whatever the reason was, also a full disk. */
const char *store_text(int code)
{
    if (code == MDB_PANIC)
        return "the head of the store could not be written before (a full or failing disk), so it must be opened anew, as the next start does";
    return mdb_strerror(code);
}

/* ---- transactions ---- */

/* What is not there yet is as at the beginning. Not 0: it could not be read, and nothing may be written. */
static int read_state(store *s, MDB_txn *txn)
{
    int code = store_meta_read(s, txn, "journal", &s->pending, sizeof s->pending);
    if (code == 0 || code == MDB_NOTFOUND)
        code = store_meta_read(s, txn, "counts", &s->counts, sizeof s->counts);
    if (code == MDB_NOTFOUND)
        s->counts = (store_counts){ .history_first = 1, .history_next = 1, .next_row = 1, .dead_next = 1 };
    return code == MDB_NOTFOUND ? 0 : code;
}

/* What another process may have changed since the last transaction is read anew. */
int store_begin(store *s)
{
    int code = mdb_txn_begin(s->env, NULL, 0, &s->write);
    if (code != 0) {
        s->write = NULL;
        return code;
    }
    code = read_state(s, s->write);
    if (code != 0)
        store_abort(s);
    return code;
}

void store_abort(store *s)
{
    if (s->outer.write)
        (void)store_part_end(s, false);
    if (s->write)
        mdb_txn_abort(s->write);
    s->write = NULL;
    s->pending = s->journal;
}

int store_commit(store *s)
{
    int code = store_meta_put(s, "journal", &s->pending, sizeof s->pending);
    if (code == 0)
        code = store_meta_put(s, "counts", &s->counts, sizeof s->counts);
    if (code != 0) {
        store_abort(s);
        return code;
    }
    code = mdb_txn_commit(s->write);
    s->write = NULL;
    if (code == 0)
        s->journal = s->pending;
    return code;
}

int store_part_begin(store *s)
{
    MDB_txn *part;
    int code = mdb_txn_begin(s->env, s->write, 0, &part);
    if (code != 0)
        return code;
    s->outer.write = s->write;
    s->outer.pending = s->pending;
    s->outer.counts = s->counts;
    s->write = part;
    return 0;
}

int store_part_end(store *s, bool keep)
{
    int code = 0;
    if (keep)
        code = mdb_txn_commit(s->write);
    else
        mdb_txn_abort(s->write);
    if (!keep || code != 0) {
        s->pending = s->outer.pending;
        s->counts = s->outer.counts;
    }
    s->write = s->outer.write;
    s->outer.write = NULL;
    return code;
}

int store_read(const store *s, MDB_txn **out)
{
    return mdb_txn_begin(s->env, NULL, MDB_RDONLY, out);
}

int store_put(store *s, store_table table, MDB_val key, MDB_val value, unsigned flags)
{
    return mdb_put(s->write, s->table[table], &key, &value, flags);
}

int store_del(store *s, store_table table, MDB_val key)
{
    int code = mdb_del(s->write, s->table[table], &key, NULL);
    return code == MDB_NOTFOUND ? 0 : code;
}

int store_meta_put(store *s, const char *name, const void *bytes, size_t len)
{
    return store_put(s, STORE_META, store_val(name, strlen(name)), store_val(bytes, len), 0);
}

int store_meta_read(const store *s, MDB_txn *txn, const char *name, void *bytes, size_t len)
{
    MDB_val key = store_val(name, strlen(name)), value;
    int code = mdb_get(txn, s->table[STORE_META], &key, &value);
    if (code != 0 || value.mv_size != len)
        return code != 0 ? code : MDB_CORRUPTED;
    memcpy(bytes, value.mv_data, len);
    return 0;
}

bool store_meta_get(const store *s, MDB_txn *txn, const char *name, void *bytes, size_t len)
{
    return store_meta_read(s, txn, name, bytes, len) == 0;
}

/* ---- troubles ---- */

static bool means_no_room(int code)
{
    return code == ENOSPC || code == EDQUOT || code == EFBIG;
}

/* Is there room for PROBE_BYTES in a file as long as ours (disk, quota, limit of the process)? The probe is gone afterwards. */
static bool is_room(const store *s)
{
    static const char bytes[4096];
    char path[sizeof s->dir + 16];
    snprintf(path, sizeof path, "%s/probe", s->dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return !means_no_room(errno);
    bool room = true;
    off_t at = (off_t)store_file_bytes(s);
    for (off_t end = at + PROBE_BYTES; room && at < end; at += (off_t)sizeof bytes) {
        ssize_t done = pwrite(fd, bytes, sizeof bytes, at);
        room = done == (ssize_t)sizeof bytes || (done < 0 && !means_no_room(errno));
    }
    close(fd);
    unlink(path);
    return room;
}

store_trouble store_judge(const store *s, int code)
{
    switch (code) {
    case 0: return STORE_FINE;
    case ENOSPC: case EDQUOT: case EFBIG: case MDB_MAP_FULL: case ENOMEM: return STORE_FULL;
    case EROFS: return STORE_FULL;      /* a write that was refused whole; a sync that fails, or the head, says something else */
    case EIO: return is_room(s) ? STORE_LOST : STORE_FULL;
    default: return STORE_LOST;
    }
}

int store_copy(const store *s, const char *path)
{
    int code = mdb_env_copy2(s->env, path, MDB_CP_COMPACT);
    int fd = code == 0 ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (code == 0 && (fd < 0 || fsync(fd) != 0))
        code = errno;
    if (fd >= 0)
        close(fd);
    return code;
}

uint32_t store_format(const store *s)
{
    return s->format;
}

uint64_t store_file_bytes(const store *s)
{
    MDB_envinfo info;
    MDB_stat stat;
    if (mdb_env_info(s->env, &info) != 0 || mdb_env_stat(s->env, &stat) != 0)
        return 0;
    return ((uint64_t)info.me_last_pgno + 1) * stat.ms_psize;
}

const char *store_uuid(const store *s)
{
    return s->uuid;
}

/* ---- maps ---- */

enum { MAPS = 4 };      /* a command that copies has two stores open; more are not watched */

static struct { _Atomic(uintptr_t) begin, end; } maps[MAPS];
static atomic_int opening;
static void (*_Atomic on_damage)(void);

bool store_covers(const void *address)
{
    uintptr_t at = (uintptr_t)address;
    for (int i = 0; i < MAPS; i++)
        if (at >= atomic_load(&maps[i].begin) && at < atomic_load(&maps[i].end))
            return true;
    return false;
}

bool store_is_opening(void)
{
    return atomic_load(&opening) > 0;
}

void store_on_damage(void (*end)(void))
{
    atomic_store(&on_damage, end);
}

static void fail_assertion(MDB_env *env, const char *text)
{
    void (*end)(void) = atomic_load(&on_damage);
    (void)env, (void)text;
    if (end)
        end();
}

/* What the kernel says of the mapping that contains an address. LMDB itself tells where its map is only when it was asked to put it somewhere. */
static bool find_mapping(const void *inside, uintptr_t *begin, uintptr_t *end)
{
    FILE *file = fopen("/proc/self/maps", "re");
    char line[PATH_MAX + 128];
    bool found = false;
    while (file && !found && fgets(line, sizeof line, file))
        found = sscanf(line, "%" SCNxPTR "-%" SCNxPTR, begin, end) == 2 && (uintptr_t)inside >= *begin && (uintptr_t)inside < *end;
    if (file)
        fclose(file);
    return found;
}

/* Without /proc nothing is watched. What is read of the table, its format, is only there to have an address in the map. */
static void watch_map(store *s)
{
    MDB_txn *txn = NULL;
    MDB_val key = store_val("format", strlen("format")), value;
    uintptr_t begin, end;
    if (mdb_txn_begin(s->env, NULL, MDB_RDONLY, &txn) != 0)
        return;
    bool found = mdb_get(txn, s->table[STORE_META], &key, &value) == 0 && find_mapping(value.mv_data, &begin, &end);
    mdb_txn_abort(txn);
    for (int i = 0; i < MAPS && found && s->map == 0; i++) {
        uintptr_t none = 0;
        if (!atomic_compare_exchange_strong(&maps[i].begin, &none, begin))
            continue;
        s->map = begin;
        atomic_store(&maps[i].end, end);
    }
}

static void forget_map(const store *s)
{
    for (int i = 0; i < MAPS && s->map != 0; i++) {
        if (atomic_load(&maps[i].begin) != s->map)
            continue;
        atomic_store(&maps[i].end, 0);
        atomic_store(&maps[i].begin, 0);
    }
}

/* ---- opening ---- */

static int open_tables(store *s, MDB_txn *txn)
{
    for (int i = 0; i < STORE_TABLES; i++) {
        int code = mdb_dbi_open(txn, tables[i].name, tables[i].flags | (s->read_only ? 0 : (unsigned)MDB_CREATE), &s->table[i]);
        s->has[i] = code == 0;
        if (code != 0 && !(s->read_only && code == MDB_NOTFOUND))
            return code;
    }
    return 0;
}

static bool make_uuid(char out[33])
{
    unsigned char bytes[16];
    if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
        return false;
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
    return true;
}

static bool put_format(store *s)
{
    uint32_t format = STORE_FORMAT;
    return store_meta_put(s, "format", &format, sizeof format) == 0 && store_meta_put(s, "counts", &s->counts, sizeof s->counts) == 0;
}

/* A folder of an older format is made one of today's. */
static bool upgrade(store *s, MDB_txn *txn, uint32_t format, char *reason, size_t size)
{
    s->write = txn;
    int code = read_state(s, txn);
    if (code == 0)
        code = store_upgrade(s, format);
    if (code == 0 && !put_format(s))
        code = EIO;
    s->write = NULL;
    if (code != 0)
        snprintf(reason, size, "%s has format %u, and could not be brought to format %d: %s", s->dir, format, STORE_FORMAT, store_text(code));
    return code == 0;
}

/* A new folder gets its format and its name; an old one is looked at. False: a sentence in reason. */
static bool settle_format(store *s, MDB_txn *txn, bool shared, char *reason, size_t size)
{
    uint32_t format = 0;
    int code = s->has[STORE_META] ? store_meta_read(s, txn, "format", &format, sizeof format) : MDB_NOTFOUND;
    if (code != 0 && code != MDB_NOTFOUND) {
        snprintf(reason, size, "%s: its format cannot be read: %s", s->dir, store_text(code));
        return false;
    }
    if (code == 0) {
        store_meta_get(s, txn, "uuid", s->uuid, sizeof s->uuid);
        s->format = format;
        if (format == STORE_FORMAT || (format < STORE_FORMAT && s->read_only))
            return true;
        if (format < STORE_FORMAT && !shared)
            return upgrade(s, txn, format, reason, size);
        snprintf(reason, size, format > STORE_FORMAT ? "%s has format %u, made by a newer egret; this one knows formats up to %d"
                                                     : "%s has format %u, made by an older egret; start this one's daemon on it once, which brings it to format %d",
                 s->dir, format, STORE_FORMAT);
        return false;
    }
    if (s->read_only || shared) {
        snprintf(reason, size, "%s holds no journal", s->dir);
        return false;
    }
    s->write = txn;
    bool fine = read_state(s, txn) == 0 && make_uuid(s->uuid) && put_format(s) && store_meta_put(s, "uuid", s->uuid, sizeof s->uuid) == 0;
    s->write = NULL;
    if (!fine)
        snprintf(reason, size, "%s: the format could not be written", s->dir);
    return fine;
}

static bool sync_folder(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool fine = fsync(fd) == 0;
    close(fd);
    return fine;
}

static bool set_up(store *s, bool shared, char *reason, size_t size)
{
    MDB_txn *txn = NULL;
    int code = mdb_txn_begin(s->env, NULL, s->read_only ? MDB_RDONLY : 0, &txn);
    if (code == 0)
        code = open_tables(s, txn);
    if (code == 0 && !settle_format(s, txn, shared, reason, size)) {
        mdb_txn_abort(txn);
        return false;
    }
    if (code == 0)
        code = read_state(s, txn);
    if (code == 0) {
        s->journal = s->pending;
        code = mdb_txn_commit(txn);
        txn = NULL;
    }
    if (txn)
        mdb_txn_abort(txn);
    if (code == 0 && !s->read_only && !sync_folder(s->dir))
        code = errno;
    if (code != 0)
        snprintf(reason, size, "%s/store.mdb: %s", s->dir, store_text(code));
    return code == 0;
}

static store *open_it(const store_options *options, char *reason, size_t reason_size)
{
    char path[sizeof ((store *)0)->dir + 16];
    store *s = calloc(1, sizeof *s);
    if (!s || strlen(options->dir) >= sizeof s->dir) {
        snprintf(reason, reason_size, "%s", s ? "the folder's name is too long" : "no memory");
        free(s);
        return NULL;
    }
    strcpy(s->dir, options->dir);
    s->read_only = options->read_only;
    s->keep_dead_bytes = DEFAULT_DEAD_BYTES;
    snprintf(path, sizeof path, "%s/store.mdb", s->dir);
    int code = mdb_env_create(&s->env);
    if (code == 0)
        code = mdb_env_set_maxdbs(s->env, STORE_TABLES + OLD_TABLES);
    if (code == 0 && !options->read_only)
        code = mdb_env_set_mapsize(s->env, (size_t)(options->max_bytes ? options->max_bytes : DEFAULT_MAX_BYTES));
    unsigned flags = MDB_NOSUBDIR | MDB_NOTLS | MDB_NORDAHEAD | (options->read_only ? (unsigned)MDB_RDONLY : 0);
    if (code == 0)
        code = mdb_env_set_assert(s->env, fail_assertion);
    if (code == 0)
        code = mdb_env_open(s->env, path, flags, 0640);
    int stale;
    if (code == 0 && !options->read_only)
        (void)mdb_reader_check(s->env, &stale);
    if (code != 0)
        snprintf(reason, reason_size, "%s: %s", path, store_text(code));
    if (code == 0 && set_up(s, options->shared, reason, reason_size)) {
        watch_map(s);
        return s;
    }
    store_close(s);
    return NULL;
}

store *store_open(const store_options *options, char *reason, size_t reason_size)
{
    atomic_fetch_add(&opening, 1);
    store *s = open_it(options, reason, reason_size);
    atomic_fetch_sub(&opening, 1);
    return s;
}

void store_close(store *s)
{
    if (!s)
        return;
    store_abort(s);
    if (s->env) {
        forget_map(s);
        mdb_env_close(s->env);
    }
    free(s);
}
