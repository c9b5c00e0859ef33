/*
 * faults.c: each allocation, each call of the store's library and each file call of ours fails, one after the other, in one scenario: a daemon (in
 * steps, tests/simulation) that starts, takes events, alerts, keeps its state, delivers. However it takes it, then or after another start:
 * nothing that was accepted is lost, nothing is doubled, nothing leaks, and when it ended it said why.
 *
 *     faults [--kind memory|store|file] [--from N] [--stride N] [--for N] [--seed N]
 *
 * The linker puts the functions below in the place of the real ones (--wrap), in all code of ours. --for: so many calls fail in a row.
 */
#include "tests/simulation/fakes.h"
#include "tests/simulation/world.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <lmdb.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

typedef enum fault_kind { FAULT_NONE, FAULT_MEMORY, FAULT_STORE, FAULT_FILE, FAULT_KINDS } fault_kind;

static const char *const kind_names[] = {"", "memory", "store", "file"};

static struct {
    bool armed;
    fault_kind kind;
    uint64_t count[FAULT_KINDS];
    uint64_t at, until;
    const char *what;       /* failed first */
} faults;

static bool fails(fault_kind kind, const char *what)
{
    if (!faults.armed) return false;
    uint64_t n = ++faults.count[kind];
    if (kind != faults.kind || n < faults.at || n >= faults.until) return false;
    if (!faults.what) faults.what = what;
    return true;
}

static void disarm(void)
{
    faults.armed = false;
}

/* ---- memory ---- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *ptr, size_t size);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t n);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *ptr, size_t size);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t n);
int __wrap_asprintf(char **out, const char *format, ...) __attribute__((format(printf, 2, 3)));

void *__wrap_malloc(size_t size)
{
    return fails(FAULT_MEMORY, "malloc") ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails(FAULT_MEMORY, "calloc") ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *ptr, size_t size)
{
    return fails(FAULT_MEMORY, "realloc") ? NULL : __real_realloc(ptr, size);
}

char *__wrap_strdup(const char *text)
{
    return fails(FAULT_MEMORY, "strdup") ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t n)
{
    return fails(FAULT_MEMORY, "strndup") ? NULL : __real_strndup(text, n);
}

int __wrap_asprintf(char **out, const char *format, ...)
{
    va_list list;
    *out = NULL;
    if (fails(FAULT_MEMORY, "asprintf")) return -1;
    va_start(list, format);
    int n = vasprintf(out, format, list);
    va_end(list);
    return n;
}

/* ---- the store's library ---- */

#define WRAP(name, declared, used)                                                                                                             \
    int __real_##name declared;                                                                                                                \
    int __wrap_##name declared;                                                                                                                \
    int __wrap_##name declared                                                                                                                 \
    {                                                                                                                                          \
        return fails(FAULT_STORE, #name) ? (faults.at % 2 ? EIO : ENOSPC) : __real_##name used;                                                  \
    }

WRAP(mdb_env_create, (MDB_env **env), (env))
WRAP(mdb_env_open, (MDB_env *env, const char *path, unsigned flags, mdb_mode_t mode), (env, path, flags, mode))
WRAP(mdb_txn_begin, (MDB_env *env, MDB_txn *parent, unsigned flags, MDB_txn **txn), (env, parent, flags, txn))
WRAP(mdb_dbi_open, (MDB_txn *txn, const char *name, unsigned flags, MDB_dbi *dbi), (txn, name, flags, dbi))
WRAP(mdb_get, (MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *value), (txn, dbi, key, value))
WRAP(mdb_put, (MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *value, unsigned flags), (txn, dbi, key, value, flags))
WRAP(mdb_del, (MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *value), (txn, dbi, key, value))
WRAP(mdb_cursor_open, (MDB_txn *txn, MDB_dbi dbi, MDB_cursor **cursor), (txn, dbi, cursor))
WRAP(mdb_cursor_get, (MDB_cursor *cursor, MDB_val *key, MDB_val *value, MDB_cursor_op op), (cursor, key, value, op))
WRAP(mdb_cursor_del, (MDB_cursor *cursor, unsigned flags), (cursor, flags))

int __real_mdb_txn_commit(MDB_txn *txn);
int __wrap_mdb_txn_commit(MDB_txn *txn);
int __wrap_mdb_txn_commit(MDB_txn *txn)
{
    if (!fails(FAULT_STORE, "mdb_txn_commit")) return __real_mdb_txn_commit(txn);
    mdb_txn_abort(txn);     /* it is over in any case */
    return faults.at % 2 ? EIO : ENOSPC;
}

/* ---- files ---- */

#define WRAP_FILE(type, name, declared, used, answer)                                                                                          \
    type __real_##name declared;                                                                                                               \
    type __wrap_##name declared;                                                                                                               \
    type __wrap_##name declared                                                                                                                \
    {                                                                                                                                          \
        if (!fails(FAULT_FILE, #name)) return __real_##name used;                                                                               \
        errno = faults.at % 2 ? EIO : ENOSPC;                                                                                                   \
        return answer;                                                                                                                         \
    }

WRAP_FILE(ssize_t, write, (int fd, const void *bytes, size_t len), (fd, bytes, len), -1)
WRAP_FILE(ssize_t, read, (int fd, void *bytes, size_t len), (fd, bytes, len), -1)
WRAP_FILE(FILE *, fopen, (const char *path, const char *mode), (path, mode), NULL)
WRAP_FILE(int, rename, (const char *from, const char *to), (from, to), -1)

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
    va_list list;
    va_start(list, flags);
    int mode = flags & O_CREAT ? va_arg(list, int) : 0;
    va_end(list);
    if (!fails(FAULT_FILE, "open")) return __real_open(path, flags, mode);
    errno = faults.at % 2 ? EIO : EMFILE;
    return -1;
}

/* ---- the sweep ---- */

typedef struct sweep {
    uint64_t seed, from, stride, row;
    uint64_t runs, bad, ended;
} sweep;

/* What a run tells its parent. */
typedef struct report {
    uint64_t count[FAULT_KINDS];
    bool reached, ended;
    char what[32], fault[4096];
} report;

static report *told;        /* shared with the child that runs */

static void run_inside(world *w, const sweep *s, fault_kind kind, uint64_t at)
{
    if (!world_make(w, s->seed)) exit(2);
    memset(&faults, 0, sizeof faults);
    faults.kind = kind;
    faults.at = at;
    faults.until = at + s->row;
    w->calm = true;
    w->steps = 250;
    w->mended = disarm;
    faults.armed = true;
    world_run(w);
    disarm();
    memcpy(told->count, faults.count, sizeof told->count);
    told->reached = at == 0 || faults.what != NULL;
    snprintf(told->what, sizeof told->what, "%s", faults.what ? faults.what : "none");
    told->ended = w->deaths > 0;
    world_check(w);
    snprintf(told->fault, sizeof told->fault, "%s", w->fault);
    w->fault[0] = '\0';
    world_free(w);
#ifdef __SANITIZE_ADDRESS__
    if (__lsan_do_recoverable_leak_check() && !told->fault[0]) snprintf(told->fault, sizeof told->fault, "something leaked");
#endif
}

/* One run in which call number `at` fails; 0: none does. In a process of its own: whatever becomes of it, the others run. False: there were not so many
 * calls. */
static bool run(world *w, sweep *s, fault_kind kind, uint64_t at)
{
    int status = 0;
    memset(told, 0, sizeof *told);
    fflush(stdout);
    pid_t child = fork();
    if (child < 0) exit(2);
    if (child == 0) {
        run_inside(w, s, kind, at);
        _exit(0);
    }
    if (waitpid(child, &status, 0) != child) exit(2);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) snprintf(told->fault, sizeof told->fault, "it crashed (status %d)", status);
    if (told->fault[0]) printf("%s %" PRIu64 " (%s): %s\n", kind_names[kind], at, told->what, told->fault);
    s->bad += told->fault[0] != '\0';
    s->runs++;
    s->ended += told->ended;
    return told->reached || (told->fault[0] && !told->what[0]);
}

static void sweep_kind(world *w, sweep *s, fault_kind kind)
{
    uint64_t before = s->runs, ended = s->ended, n = s->from;
    while (run(w, s, kind, n)) n += s->stride;
    printf("%s: %" PRIu64 " runs up to call %" PRIu64 ", the daemon ended in %" PRIu64 "\n", kind_names[kind], s->runs - before, n, s->ended - ended);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    sweep s = {.seed = 7, .from = 1, .stride = 1, .row = 1};
    fault_kind only = FAULT_NONE;
    for (int i = 1; i + 1 < argc; i += 2) {
        uint64_t n = strtoull(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--from") == 0) s.from = n;
        else if (strcmp(argv[i], "--stride") == 0) s.stride = n;
        else if (strcmp(argv[i], "--for") == 0) s.row = n;
        else if (strcmp(argv[i], "--seed") == 0) s.seed = n;
        else
            for (fault_kind kind = FAULT_MEMORY; kind < FAULT_KINDS; kind++)
                if (strcmp(argv[i], "--kind") == 0 && strcmp(argv[i + 1], kind_names[kind]) == 0) only = kind;
    }
    world *w = malloc(sizeof *w);
    told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (!w || told == MAP_FAILED || s.stride == 0 || s.from == 0) return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    (void)run(w, &s, FAULT_NONE, 0);
    printf("without faults: %" PRIu64 " allocations, %" PRIu64 " calls of the store's library, %" PRIu64 " file calls\n",
           told->count[FAULT_MEMORY], told->count[FAULT_STORE], told->count[FAULT_FILE]);
    for (fault_kind kind = FAULT_MEMORY; kind < FAULT_KINDS; kind++)
        if (only == FAULT_NONE || only == kind) sweep_kind(w, &s, kind);
    free(w);
    printf("%" PRIu64 " runs: %" PRIu64 " bad\n", s.runs, s.bad);
    return s.bad > 0;
}
