/*
 * block_image.h: blocks as bytes outside of the store, to be kept and brought back; and which of them have changed.
 *
 * Blocks go in packs: pack p holds those numbered 64 p to 64 p + 63, whatever they are now. A watched store knows the packs of which a block was
 * touched since the last cut. A cut is the state between two events: its packs are given one by one while evaluation goes on; a
 * pack that is about to be touched before its turn is written out first. So a cut costs nobody more than one pack at a time.
 *
 * A pack brought back gives its blocks the numbers they had. It must be read by a build whose sections look the same: the shapes stand in the head of a checkpoint.
 */
#ifndef EGRET_NFA_BLOCK_IMAGE_H
#define EGRET_NFA_BLOCK_IMAGE_H

#include "compiler/text.h"
#include "nfa/block.h"

enum { NFA_PACK_BLOCKS = 64 };

typedef struct nfa_pack {
    uint32_t number;
    const char *bytes;      /* good until the next call; len 0: there is no block in it any more */
    size_t len;
} nfa_pack;

/* From here on changes are noted; all counts as changed. false: no memory. */
bool nfa_store_watch(nfa_store *store);
void nfa_store_unwatch(nfa_store *store);
/* The state as it is now counts as kept (it has just been brought back). */
void nfa_store_kept(nfa_store *store);
/* Begins a cut: of the packs touched since the last, or of all. false: no memory, or one is on its way. */
bool nfa_cut_begin(nfa_store *store, bool all);
/* The next pack of the cut. false: there is none left, and the cut is over. */
bool nfa_cut_next(nfa_store *store, nfa_pack *out);
bool nfa_cut_is_open(const nfa_store *store);
/* A pack could not be written out for want of memory: the cut is not to be used. Ends it; its packs count as changed. */
bool nfa_cut_failed(const nfa_store *store);
void nfa_cut_drop(nfa_store *store);

/* Into a store without blocks, whose section shapes are known (nfa_store_learn): how many numbers there were, then packs, then the end. */
bool nfa_restore_numbers(nfa_store *store, uint32_t limit);
/* EGRET_BAD_USE: these are no bytes of a pack. */
egret_status nfa_restore_pack_of(nfa_store *store, uint32_t number, const char *bytes, size_t len);
void nfa_restore_numbers_end(nfa_store *store);

/* One block as a pack has it, for a move to another store. */
typedef struct nfa_image {
    uint32_t group;             /* id */
    const void *key;
    uint32_t key_len;
    size_t size;                /* of the image, from where it was looked at */
} nfa_image;

void nfa_block_export(nfa_store *store, uint32_t block, egret_text *out);      /* appends */
/* The first block of these bytes. false: there is none that is whole. */
bool nfa_image_look(const char *bytes, size_t len, nfa_image *out);
/* Into a store that has no block of that key and knows the shapes of its sections; it gets a number of its own. EGRET_BAD_USE: these are no such bytes. */
egret_status nfa_block_import(nfa_store *store, const char *bytes, size_t len, uint32_t *block);

#endif
