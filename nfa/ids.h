/*
 * ids.h: the numbers by which blocks name what does not stand in them: streams, key groups, sections. They stay when the rules change.
 *
 * The numbers of a plan follow its order and change with each rule that comes or goes; blocks of a million keys cannot be rewritten then. So
 * what is written into blocks are ids from a dictionary by definition: a stream by its name, a group by its hash, a section by the hash of
 * its definition and the shape of its bytes. An engine that comes after another takes its dictionary over and adds to it; ids are
 * never used for anything else again. Thus a section whose definition is the same is found where it was, whatever stands around it in the
 * plan, and one whose definition is gone is nobody's: the sweep drops it. A definition that comes back after it was gone has a new id: what it knew is old.
 *
 * A dictionary is made with its engine and never changes.
 */
#ifndef EGRET_NFA_IDS_H
#define EGRET_NFA_IDS_H

#include "compiler/text.h"
#include "nfa/shard.h"

typedef struct nfa_ids {
    egret_str *streams;         /* by id: names */
    uint64_t *groups;           /* by id: definitions */
    uint64_t *sections;         /* by id: definitions with their shapes */
    uint32_t n_streams, n_groups, n_sections;
} nfa_ids;

/* Gives ids to all that was laid out, those of `before` (NULL: nothing was) where it knows them. false: no memory. Also for an engine that has ids
 * already and no block yet: then all get new ones. slots_before: what stands behind the sections of `before` where it is at work, NULL: all of them may
 * stand for something. An id behind which nothing stands is not given again, not even to the same definition. */
bool nfa_ids_make(nfa_engine *engine, const nfa_ids *before, const nfa_slot *slots_before);

/* Do all ids stand for the same? */
bool nfa_ids_same(const nfa_ids *a, const nfa_ids *b);

/* The dictionary as bytes, with the shapes of all sections; and back: *ids lives in the arena, and the store learns the shapes. EGRET_BAD_USE:
 * these are no such bytes. */
void nfa_ids_save(const nfa_engine *engine, egret_text *out);
egret_status nfa_ids_load(nfa_ids *ids, egret_arena *arena, nfa_store *store, const char *bytes, size_t len);

#endif
