/*
 * checkpoint.h: the engine's state as bytes: a head and packs of blocks (block_image.h), cut between two events and brought back into an engine of
 * the same rules.
 *
 * Writing: nfa_checkpoint_watch once; then, whenever wanted and between events, nfa_checkpoint_begin, and nfa_checkpoint_next until it says that
 * there is none left, with events in between as they come. Only packs that changed since the last cut are given, unless all are wanted: whoever
 * keeps them keeps the newest of each number.
 * Reading: into a new engine, before any event: nfa_restore_begin with the head, nfa_restore_pack for each pack, nfa_restore_end.
 */
#ifndef EGRET_NFA_CHECKPOINT_H
#define EGRET_NFA_CHECKPOINT_H

#include "nfa/block_image.h"
#include "nfa/engine.h"

/* Names how sections lie in blocks: of which rules, in which order, with which parts. Bytes of another layout cannot be brought back. */
uint64_t nfa_layout_hash(const nfa_engine *engine);
/* Goes up when records or roots of sections mean something else than before: then states of older programs are evaluated anew from the journal. */
enum { NFA_LAYOUT = 2 };

bool nfa_checkpoint_watch(nfa_engine *engine);      /* false: no memory */
void nfa_checkpoint_kept(nfa_engine *engine);       /* the state as it is counts as kept: after restoring and watching */
/* Not while something that one rule has told another waits for the clock to go on: it is in no block. */
bool nfa_checkpoint_may(const nfa_engine *engine);
/* Appends the head. false: no memory, or one is on its way, or it may not be. */
bool nfa_checkpoint_begin(nfa_engine *engine, bool all, egret_text *head);
bool nfa_checkpoint_next(nfa_engine *engine, nfa_pack *out);
bool nfa_checkpoint_is_open(const nfa_engine *engine);
bool nfa_checkpoint_failed(const nfa_engine *engine);
void nfa_checkpoint_drop(nfa_engine *engine);

/* EGRET_BAD_USE: the bytes are not those of this engine's rules. After any error the engine is only to be freed. */
egret_status nfa_restore_begin(nfa_engine *engine, const char *head, size_t len);
egret_status nfa_restore_pack(nfa_engine *engine, uint32_t number, const char *bytes, size_t len);
egret_status nfa_restore_end(nfa_engine *engine);

/* All of it in one go, for hosts in no hurry: egret_checkpoint and egret_restore. */
egret_status nfa_checkpoint_write(nfa_engine *engine, egret_write_fn write, void *user);
egret_status nfa_checkpoint_read(nfa_engine *engine, const char *bytes, size_t len);

#endif
