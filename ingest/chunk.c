/*
 * chunk.c: slots from blocks that are handed out front to back. A chunk keeps one block when it is cleared: records of one file are alike, so that
 * is enough for most. Strings that are not in the text are few; each record's have memory of their own.
 */
#include "ingest/chunk.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_VALUES = 6 * 1024 };

typedef struct ingest_chunk_block {
    struct ingest_chunk_block *next;
    size_t n;
    egret_value values[];
} chunk_block;

typedef struct ingest_chunk_strings {
    struct ingest_chunk_strings *next;
    char bytes[];
} chunk_strings;

ingest_chunk *ingest_chunk_new(void)
{
    ingest_chunk *chunk = calloc(1, sizeof *chunk);
    if (chunk != NULL)
        chunk->is_empty = true;
    return chunk;
}

static void free_blocks(chunk_block *block)
{
    while (block != NULL) {
        chunk_block *next = block->next;
        free(block);
        block = next;
    }
}

static void free_strings(ingest_chunk *chunk)
{
    while (chunk->strings != NULL) {
        chunk_strings *next = chunk->strings->next;
        free(chunk->strings);
        chunk->strings = next;
    }
}

void ingest_chunk_free(ingest_chunk *chunk)
{
    if (chunk == NULL)
        return;
    free(chunk->text.ptr);
    free_blocks(chunk->blocks);
    free_strings(chunk);
    free(chunk);
}

void ingest_chunks_free(ingest_chunk *list)
{
    while (list != NULL) {
        ingest_chunk *next = list->next;
        ingest_chunk_free(list);
        list = next;
    }
}

static void begin_block(ingest_chunk *chunk, chunk_block *block)
{
    chunk->blocks = block;
    chunk->place = block->values;
    chunk->end = block->values + block->n;
}

void ingest_chunk_clear(ingest_chunk *chunk)
{
    chunk->is_empty = true;
    chunk->uses = 0;
    chunk->next = NULL;
    free_strings(chunk);
    if (chunk->blocks == NULL)
        return;
    free_blocks(chunk->blocks->next);
    chunk->blocks->next = NULL;
    begin_block(chunk, chunk->blocks);
}

egret_value *ingest_chunk_slots(ingest_chunk *chunk, size_t n)
{
    if (n <= (size_t)(chunk->end - chunk->place))
        return chunk->place;
    size_t size = n < BLOCK_VALUES ? BLOCK_VALUES : n;
    chunk_block *block = malloc(sizeof *block + size * sizeof *block->values);
    if (block == NULL)
        return NULL;
    block->n = size;
    block->next = chunk->blocks;
    begin_block(chunk, block);
    return chunk->place;
}

void ingest_chunk_keep(ingest_chunk *chunk, size_t n)
{
    chunk->place += n;
    chunk->is_empty = false;
}

static bool lies_outside(const egret_value *slot, const char *text, size_t len)
{
    uintptr_t at = (uintptr_t)slot->u.s - (uintptr_t)text;
    return slot->type == EGRET_STRING && slot->len > 0 && (at > len || slot->len > len - at);
}

bool ingest_chunk_own_strings(ingest_chunk *chunk, egret_value *slots, size_t n, const char *text, size_t len)
{
    size_t bytes = 0;
    for (size_t i = 0; i < n; i++)
        bytes += lies_outside(&slots[i], text, len) ? slots[i].len : 0;
    if (bytes == 0)
        return true;
    chunk_strings *made = malloc(sizeof *made + bytes);
    if (made == NULL)
        return false;
    made->next = chunk->strings;
    chunk->strings = made;
    char *to = made->bytes;
    for (size_t i = 0; i < n; i++)
        if (lies_outside(&slots[i], text, len)) {
            slots[i].u.s = memcpy(to, slots[i].u.s, slots[i].len);
            to += slots[i].len;
        }
    return true;
}
