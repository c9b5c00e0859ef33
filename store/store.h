/*
 * store.h: the data folder: one LMDB environment that holds all that must survive: the journal, the places of sources, alerts on
 * their way, the texts of rules, checkpoints.
 *
 * One write transaction at a time, in one thread: store_begin, puts of the other headers, store_commit. Whatever is put between them is
 * there together or not at all. Reading needs no transaction of the caller's and may happen in any thread beside it. Another process may
 * write what is not the journal's meanwhile (a tool, for a moment): store_begin waits for it.
 *
 * Errors are LMDB's codes or errno: 0 is good, store_text says them in words, store_judge says what to do.
 */
#ifndef EGRET_STORE_STORE_H
#define EGRET_STORE_STORE_H

#include "compiler/arena.h"

/* Files are mapped where there are addresses for this much, whatever they hold. The thread sanitizer leaves little room between its own. */
#if defined(__SANITIZE_THREAD__)
enum { STORE_MAP_BITS = 34 };
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
enum { STORE_MAP_BITS = 34 };
#else
enum { STORE_MAP_BITS = 40 };
#endif
#else
enum { STORE_MAP_BITS = 40 };
#endif

enum { STORE_FORMAT = 3 };      /* of the folder; a newer one is refused, an older one is upgraded */

typedef struct store store;

typedef struct store_options {
    const char *dir;            /* exists */
    bool read_only;             /* for tools: the folder is left as it is, and may be in use */
    bool shared;                /* for tools that write beside a daemon: a folder of an older format is refused, not upgraded */
    uint64_t max_bytes;         /* address space for the file, which grows as needed; 0: 1 TiB. Not used when reading only */
} store_options;

/* NULL: a sentence in `reason`. A folder of a newer format is refused there. The caller sees to it that nobody else writes. */
store *store_open(const store_options *options, char *reason, size_t reason_size);
void store_close(store *s);                 /* NULL is allowed */

int store_begin(store *s);
int store_commit(store *s);                 /* synced. Not 0: nothing of it happened, and the transaction is over */
void store_abort(store *s);
/* A part of the transaction that may fail by itself: begun after store_begin, ended before store_commit; dropped unless `keep`. */
int store_part_begin(store *s);
int store_part_end(store *s, bool keep);

typedef enum store_trouble {
    STORE_FINE,
    STORE_FULL,         /* no room on the disk, or it is read-only, for now: the same again later */
    STORE_LOST          /* what was written may or may not be there (I/O error): end the process, start anew, look */
} store_trouble;
store_trouble store_judge(const store *s, int code);
const char *store_text(int code);

/* Writes the store as it is now to a new file, without its free pages, and syncs it. From any thread; who writes goes on meanwhile. */
int store_copy(const store *s, const char *path);

/* For whoever handles faults of memory; from a handler too. Is the address in the map of a store that is open? Is one being opened? */
bool store_covers(const void *address);
bool store_is_opening(void);
void store_on_damage(void (*end)(void));    /* called, and not to return, when LMDB finds its pages senseless. Without one it aborts */

uint64_t store_file_bytes(const store *s);  /* of the file, pages used and free */
const char *store_uuid(const store *s);     /* 32 hex digits, made with the folder */
uint32_t store_format(const store *s);      /* of the folder as it was opened */

#endif
