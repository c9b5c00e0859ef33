/*
 * egret_h.c: include/egret.h alone, as C11 and as C++, with warnings on.
 *
 * Compiled, never run: the public header must not need an include before it, nor a compiler extension beyond
 * visibility, and its plain values must have the sizes it states.
 */
#include "egret.h"

#ifdef __cplusplus
#define SIZE_IS(type, size) static_assert(sizeof(type) == (size), "the size of " #type)
#else
#define SIZE_IS(type, size) _Static_assert(sizeof(type) == (size), "the size of " #type)
#endif

SIZE_IS(egret_value, 16);

egret_status status_of(egret_engine *engine);

egret_status status_of(egret_engine *engine)
{
    return engine == NULL ? EGRET_BAD_USE : egret_advance(engine, 0);
}
