/*
 * page_pool.h: memory for what is made anew at each change of the rules (a compiled set, an engine), as the change before gave it back.
 *
 * A set of ten thousand rules and its engine are some thirty megabytes in big pieces of the same few sizes. Given back to the system and asked for
 * again, they cost more time in page faults than in writing to them. So pieces of 64 KB and more are kept, up to PAGE_POOL_MOST bytes together.
 */
#ifndef EGRET_APP_PAGE_POOL_H
#define EGRET_APP_PAGE_POOL_H

#include "compiler/arena.h"

enum { PAGE_POOL_LEAST = 64 * 1024, PAGE_POOL_MOST = 96 * 1024 * 1024 };

egret_mem page_pool_mem(void);      /* any thread; one pool for the process */
size_t page_pool_kept(void);        /* bytes in it now */
void page_pool_empty(void);         /* gives all it keeps back to the system */

#endif
