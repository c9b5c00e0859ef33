/*
 * places.h: where each source is read on after a restart; and the texts of rules by their hash.
 */
#ifndef EGRET_STORE_PLACES_H
#define EGRET_STORE_PLACES_H

#include "compiler/text.h"
#include "store/store.h"

/* A place in a file: which file it was, and how far it has been taken. */
typedef struct store_place {
    uint64_t device, inode;
    uint64_t offset;        /* of the first byte not taken */
    uint64_t line;          /* lines (records) before it */
    uint64_t head, head_len;    /* hash of the file's first bytes, and of how many; 0, 0: not known */
} store_place;

int store_place_put(store *s, const char *source, const store_place *place);    /* within a transaction */
bool store_place_get(const store *s, const char *source, store_place *out);     /* false: there is none */

enum { STORE_HASH_DIGITS = 32 };
/* The hash of a text, in hex with a NUL. */
void store_hash(const char *text, size_t len, char out[STORE_HASH_DIGITS + 1]);
int store_content_put(store *s, const char *text, size_t len);      /* within a transaction */
/* Appends the text; false: there is none, or it is not what its hash says. */
bool store_content_get(const store *s, const char hash[STORE_HASH_DIGITS + 1], egret_text *out);

#endif
