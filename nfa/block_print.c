/*
 * block_print.c: a block in words. Sections are told apart by the shapes the store remembers, so that no plan is needed.
 */
#include "nfa/block_internal.h"

#include <stdarg.h>
#include <stdio.h>

enum { LINE_BYTES = 112, KEY_SHOWN = 64 };

typedef struct printer {
    char *text;
    size_t len, cap;
} printer;

/* cap was reckoned so that everything fits; what would not is cut. */
__attribute__((format(printf, 2, 3))) static void put(printer *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(out->text + out->len, out->cap - out->len, format, args);
    va_end(args);
    if (n > 0)
        out->len += (size_t)n < out->cap - out->len ? (size_t)n : out->cap - out->len - 1;
}

static void put_key(printer *out, const char *key, size_t len)
{
    for (size_t i = 0; i < len && i < KEY_SHOWN; i++) {
        unsigned char c = (unsigned char)key[i];
        if (c >= ' ' && c < 0x7F && c != '\\' && c != '"')
            put(out, "%c", c);
        else
            put(out, "\\x%02x", c);
    }
    if (len > KEY_SHOWN)
        put(out, "…");
}

static void put_part(printer *out, const char *section, const block_shape *shape, unsigned part)
{
    static const char *const kinds[] = {"deque", "bytes", "map"};
    const nfa_part_def *def = &shape->part[part];
    const block_part *p = (const block_part *)(const void *)(section + shape->root_size + (size_t)part * PART_BYTES);
    put(out, "    %s %u: %u", kinds[def->kind], part, p->count);
    if (def->kind == NFA_DEQUE)
        put(out, " records of %u bytes from %u", def->rec_size, p->first);
    else if (def->kind == NFA_BYTES)
        put(out, " bytes from %u", p->first);
    else
        put(out, " entries");
    if (part_spilled(p)) {
        const block_directory *directory = (const block_directory *)(const void *)(section + (size_t)(p->place & 0xFFFF) * 8);
        put(out, ", in %u chunks", directory->n);
    }
    put(out, "\n");
}

static size_t text_bytes(const nfa_store *store, block_head *head)
{
    size_t lines = 2;
    const uint32_t *ids = block_ids(head);
    for (uint32_t i = 0; i < head->n_sections; i++)
        lines += 1u + block_shape_find(store, ids[i])->n_parts;
    return lines * LINE_BYTES + (size_t)KEY_SHOWN * 4;
}

const char *nfa_block_print(const nfa_store *store, uint32_t block, egret_arena *arena)
{
    block_head *head = block_head_of(store, block);
    printer out = {.text = NULL, .len = 0, .cap = text_bytes(store, head)};
    out.text = egret_arena_alloc(arena, out.cap);
    if (!out.text)
        return "";
    uint32_t key_len;
    const char *key = block_key_of(head, &key_len);
    put(&out, "block %u group %u key \"", block, head->group);
    put_key(&out, key, key_len);
    put(&out, "\" %u bytes", head->used);
    if (head->due_ms != NFA_NEVER)
        put(&out, " due %lld", (long long)head->due_ms);
    put(&out, "\n");
    const uint32_t *ids = block_ids(head);
    const uint32_t *offsets = block_offsets(head);
    for (uint32_t i = 0; i < head->n_sections; i++) {
        const block_shape *shape = block_shape_find(store, ids[i]);
        uint32_t end = i + 1u < head->n_sections ? offsets[i + 1] : head->used;
        put(&out, "  section %u: %u bytes, root %u\n", ids[i], end - offsets[i], shape->root_size);
        for (unsigned part = 0; part < shape->n_parts; part++)
            put_part(&out, (const char *)head + offsets[i], shape, part);
    }
    return out.text;
}
