/*
 * revise.h: the plan of rules of which a few are others than those of a plan that is there.
 *
 * What did not change is not looked at again: arrays of the plan before are copied, the rules that are new or have another text are checked and
 * lowered into the copy, and take their places. The result is the plan that compiling all of them would give, but for numbers nobody keeps.
 *
 * That is not done for everything. Whatever could change what other declarations mean, or leave something in the plan that nobody needs any more, is
 * left to egret_plan_make: rules that look at rules or are looked at, rules that are taken out, fields and lists nobody has read so far, and so on.
 */
#ifndef EGRET_COMPILER_REVISE_H
#define EGRET_COMPILER_REVISE_H

#include "compiler/plan.h"

/* A rule of now beside the one of that name before (NULL: there was none). */
typedef struct plan_change {
    const ast_decl *was, *is;
    bool moved;                 /* the same text in another place */
} plan_change;

/* The copy goes to `bulk`; what was made for the changed rules goes to the arena of diags, which must live as long as any plan that was made of this one,
 * with the trees and texts of `is`, and all that `before` lives by but its own bulk. `before` is only read: several threads may do so.
 * NULL: there are errors, or no memory (arena.failed), or neither: then all is to be compiled. In each case nothing that was added to diags counts. */
const plan *egret_plan_revise(egret_diags *diags, egret_arena *bulk, const plan *before, const plan_change *changes, uint32_t n);

#endif
