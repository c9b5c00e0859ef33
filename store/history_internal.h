/*
 * history_internal.h: what history.c (writing) and history_read.c (reading) share: the state of heads and the index as bytes.
 *
 * Keys of the index sort by what is looked for, then event time, then position:
 *
 *   'a' 0                  all heads
 *   'u' 0                  those that are not resolved
 *   'r' hash of the rule
 *   'k' hash of one part of a key, name and value
 *   'i' hash of the id (16 bytes) alone: its value is the position of the head
 */
#ifndef EGRET_STORE_HISTORY_INTERNAL_H
#define EGRET_STORE_HISTORY_INTERNAL_H

#include "store/history_entry.h"
#include "store/store_internal.h"

enum { HISTORY_KEY_BYTES = 25, HISTORY_PREFIX_BYTES = 9, HISTORY_ID_KEY_BYTES = 17 };

typedef struct history_key { unsigned char bytes[HISTORY_KEY_BYTES]; } history_key;

history_key history_key_make(char tag, uint64_t hash, int64_t time_ms, uint64_t position);
int64_t history_key_time(const history_key *key);
uint64_t history_key_position(const history_key *key);
uint64_t history_hash_text(const char *text);
uint64_t history_hash_part(const history_part *part);

/* The position of the head of that id, as of the transaction; HISTORY_NONE. */
int history_head_of(const store *s, MDB_txn *txn, const char *id, uint64_t *position);
void history_id_key(unsigned char out[HISTORY_ID_KEY_BYTES], const char *id);

/* State of a head; texts point into the bytes. False: broken. */
bool history_now_read(history_now *now, const void *bytes, size_t len);
bool history_now_write(egret_text *out, const history_now *now);

#endif
