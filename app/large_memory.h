/*
 * large_memory.h: the memory of engines.
 */
#ifndef EGRET_APP_LARGE_MEMORY_H
#define EGRET_APP_LARGE_MEMORY_H

#include "compiler/arena.h"

/* Pieces of 1 MB and more lie in pages of 2 MB where the system has them (Linux: transparent huge pages, "madvise" or "always"); smaller ones come
 * from malloc. Any thread. */
egret_mem app_large_memory(void);

#endif
