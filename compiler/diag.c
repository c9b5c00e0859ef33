/*
 * diag.c: collecting what the compiler has to say.
 *
 * Everyone who finds a fault in a rule adds a diagnostic and goes on; nobody prints. The collector keeps them in
 * order of arrival, at most KEPT_MAX of them: a broken megabyte must not become gigabytes of messages. What is not
 * kept is still counted, so that "are there errors" has the right answer even when memory has run out.
 * The words "did you mean" come from here too: the nearest name by edit distance.
 */
#include "compiler/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { KEPT_MAX = 1000, SOURCE_MAX_BYTES = 16 * 1024 * 1024, WORD_MAX = 64 };

void egret_diags_init(egret_diags *diags, egret_arena *arena)
{
    *diags = (egret_diags){ .arena = arena };
}

/* Makes room for one more source. The array is doubled at powers of two, so its capacity need not be kept. */
static bool sources_grow(egret_diags *diags)
{
    uint32_t n = diags->n_sources;
    if (n != 0 && (n & (n - 1)) != 0)
        return true;
    size_t capacity = n == 0 ? 1 : (size_t)n * 2;
    egret_source *grown = egret_arena_alloc(diags->arena, capacity * sizeof *grown);
    if (grown == NULL)
        return false;
    if (n > 0)
        memcpy(grown, diags->sources, n * sizeof *grown);
    diags->sources = grown;
    return true;
}

static void refuse_length(egret_diags *diags, uint32_t number)
{
    egret_diag *diag = egret_diag_add(diags, EGRET_DIAG_ERROR, 111, (egret_span){ number, 0, 0 }, "the rule text is larger than 16 MB");
    egret_diag_help(diags, diag, "split it into several files; long lists of values belong into a list or table file");
}

uint32_t egret_diags_add_source(egret_diags *diags, const char *name, const char *text, size_t len)
{
    bool too_long = len > SOURCE_MAX_BYTES;
    egret_str name_copy = egret_arena_str(diags->arena, name, strlen(name));
    egret_str text_copy = egret_arena_str(diags->arena, text, too_long ? 0 : len);
    if (diags->arena->failed || diags->n_sources == UINT32_MAX - 1 || !sources_grow(diags)) {
        diags->n_errors++;
        return UINT32_MAX;
    }
    uint32_t number = diags->n_sources++;
    diags->sources[number] = (egret_source){ name_copy.ptr, text_copy.ptr, text_copy.len };
    if (too_long)
        refuse_length(diags, number);
    return number;
}

void egret_diags_set_sources(egret_diags *diags, const egret_source *sources, uint32_t n)
{
    egret_source *own = egret_arena_alloc(diags->arena, (n + (size_t)1) * sizeof *own);
    if (own == NULL)
        return;
    diags->sources = own;
    diags->n_sources = n;
    for (uint32_t i = 0; i < n; i++) {
        own[i] = sources[i];
        if (own[i].len <= SOURCE_MAX_BYTES)
            continue;
        own[i].text = "";
        own[i].len = 0;
        refuse_length(diags, i);
    }
}

void egret_diags_add_content(egret_diags *diags, const char *path, const char *text, size_t len)
{
    uint32_t n = diags->n_contents;
    egret_str copy = egret_arena_str(diags->arena, path, strlen(path));
    if (n == 0 || (n & (n - 1)) == 0) {
        egret_source *grown = egret_arena_alloc(diags->arena, (n == 0 ? 1 : (size_t)n * 2) * sizeof *grown);
        if (grown == NULL)
            return;
        if (n > 0)
            memcpy(grown, diags->contents, n * sizeof *grown);
        diags->contents = grown;
    }
    if (!diags->arena->failed)
        diags->contents[diags->n_contents++] = (egret_source){ copy.ptr, text, (uint32_t)len };
}

/* vsnprintf into the arena; "" when there is no memory. */
static const char *format_text(egret_arena *arena, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    char *out = len < 0 ? NULL : egret_arena_alloc(arena, (size_t)len + 1);
    if (out != NULL)
        vsnprintf(out, (size_t)len + 1, format, again);
    va_end(again);
    return out != NULL ? out : "";
}

static void keep(egret_diags *diags, egret_diag *diag)
{
    diag->next = NULL;
    if (diags->last == NULL)
        diags->first = diag;
    else
        diags->last->next = diag;
    diags->last = diag;
    diags->n_kept++;
}

egret_diag *egret_diag_add(egret_diags *diags, egret_severity_level level, uint16_t code, egret_span span,
                           const char *format, ...)
{
    if (level == EGRET_DIAG_ERROR)
        diags->n_errors++;
    else
        diags->n_warnings++;
    egret_diag *diag = NULL;
    if (diags->n_kept < KEPT_MAX)
        diag = egret_arena_alloc(diags->arena, sizeof *diag);
    if (diag == NULL) {
        diags->spare = (egret_diag){ .level = level, .code = code, .span = span, .message = "" };
        return &diags->spare;
    }
    va_list args;
    va_start(args, format);
    *diag = (egret_diag){ .level = level, .code = code, .span = span };
    diag->message = format_text(diags->arena, format, args);
    va_end(args);
    keep(diags, diag);
    return diag;
}

void egret_diags_add_all(egret_diags *diags, const egret_diags *from)
{
    diags->n_errors += from->n_errors;
    diags->n_warnings += from->n_warnings;
    for (const egret_diag *said = from->first; said != NULL && diags->n_kept < KEPT_MAX; said = said->next) {
        egret_diag *copy = egret_arena_alloc(diags->arena, sizeof *copy);
        if (copy == NULL)
            return;
        *copy = *said;
        keep(diags, copy);
    }
}

void egret_diag_help(egret_diags *diags, egret_diag *diag, const char *format, ...)
{
    if (diag == &diags->spare)
        return;
    va_list args;
    va_start(args, format);
    diag->help = format_text(diags->arena, format, args);
    va_end(args);
}

void egret_diag_note(egret_diags *diags, egret_diag *diag, egret_span span, const char *format, ...)
{
    if (diag == &diags->spare)
        return;
    va_list args;
    va_start(args, format);
    diag->note = format_text(diags->arena, format, args);
    diag->note_span = span;
    va_end(args);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static unsigned smallest(unsigned a, unsigned b, unsigned c)
{
    unsigned ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Insertions, deletions, replacements and swaps of neighbours that turn a into b; letter case is not looked at. */
static unsigned edit_distance(egret_str a, egret_str b)
{
    unsigned rows[3][WORD_MAX + 1];     /* the row before the last one, the last, the current: rotated */
    for (unsigned j = 0; j <= b.len; j++)
        rows[1][j] = j;
    unsigned *before = rows[0], *above = rows[1], *row = rows[2];
    for (unsigned i = 1; i <= a.len; i++) {
        row[0] = i;
        for (unsigned j = 1; j <= b.len; j++) {
            char ca = lower(a.ptr[i - 1]), cb = lower(b.ptr[j - 1]);
            row[j] = smallest(above[j] + 1, row[j - 1] + 1, above[j - 1] + (ca == cb ? 0 : 1));
            if (i > 1 && j > 1 && ca == lower(b.ptr[j - 2]) && lower(a.ptr[i - 2]) == cb && before[j - 2] + 1 < row[j])
                row[j] = before[j - 2] + 1;
        }
        unsigned *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[b.len];
}

static uint32_t common_prefix(egret_str a, const char *b)
{
    uint32_t n = 0;
    while (n < a.len && b[n] != '\0' && lower(a.ptr[n]) == lower(b[n]))
        n++;
    return n;
}

/* Of equally near words the one that begins alike is meant: mistakes are rare in the first letters. */
const char *egret_diag_nearest(egret_str word, const char *const *candidates, size_t n)
{
    if (word.len < 2 || word.len > WORD_MAX)    /* one letter is near to everything */
        return NULL;
    unsigned allowed = word.len <= 3 ? 1 : word.len <= 6 ? 2 : 3;
    const char *best = NULL;
    unsigned best_distance = allowed + 1;
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(candidates[i]);
        if (len == 0 || len > WORD_MAX || egret_str_is(word, candidates[i]))
            continue;
        unsigned distance = edit_distance(word, (egret_str){ candidates[i], (uint32_t)len });
        size_t shorter = len < word.len ? len : word.len;
        bool nearer = distance < best_distance || (best != NULL && distance == best_distance &&
                                                   common_prefix(word, candidates[i]) > common_prefix(word, best));
        /* Half of a short word may be wrong when it begins right: 'card' is no slip for 'warm'. */
        bool alike = word.len > 4 || distance < 2 || common_prefix(word, candidates[i]) > 0;
        if (nearer && alike && distance < shorter) {
            best = candidates[i];
            best_distance = distance;
        }
    }
    return best;
}

void egret_source_position(const egret_source *source, uint32_t offset, uint32_t *line, uint32_t *column)
{
    if (offset > source->len)
        offset = source->len;
    const char *at = source->text, *end = source->text + offset;
    uint32_t l = 1, c = 1;
    for (const char *newline; (newline = memchr(at, '\n', (size_t)(end - at))) != NULL; at = newline + 1)
        l++;
    for (; at < end; at++)
        if (((unsigned char)*at & 0xC0) != 0x80)
            c++;
    *line = l;
    *column = c;
}
