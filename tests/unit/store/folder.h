/*
 * folder.h: a folder of its own for each test of the store.
 */
#ifndef EGRET_TESTS_STORE_FOLDER_H
#define EGRET_TESTS_STORE_FOLDER_H

#include "store/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct folder { char dir[64]; } folder;

static inline void folder_make(folder *f)
{
    strcpy(f->dir, "/tmp/egret-store-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
}

static inline void folder_remove(folder *f)
{
    char path[96];
    static const char *const names[] = { "store.mdb", "store.mdb-lock" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", f->dir, names[i]);
        unlink(path);
    }
    rmdir(f->dir);
}

static inline store *folder_open(const folder *f)
{
    char reason[256] = "";
    store *s = store_open(&(store_options){ .dir = f->dir, .max_bytes = UINT64_C(1) << 30 }, reason, sizeof reason);
    if (!s)
        fail_msg("%s", reason);
    return s;
}

#endif
