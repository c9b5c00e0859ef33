/*
 * diag.h: what the compiler has to say to the writer of a rule.
 *
 * A diagnostic has a stable code (E0214), a span in a source, one sentence, and where it helps a note at another
 * place and a suggestion. The collector keeps all of them; rendering (text with caret, JSON) comes last and is the
 * only part that knows lines and columns.
 */
#ifndef EGRET_COMPILER_DIAG_H
#define EGRET_COMPILER_DIAG_H

#include "compiler/arena.h"

/* Where something stands: bytes [start, end) of source number `source`. 12 bytes, kept on every token and node. */
typedef struct egret_span {
    uint32_t source;
    uint32_t start;
    uint32_t end;
} egret_span;

typedef struct egret_source {
    const char *name;   /* as shown: the path as given */
    const char *text;   /* NUL-terminated copy, owned by the arena */
    uint32_t len;
} egret_source;

typedef enum egret_severity_level { EGRET_DIAG_ERROR = 0, EGRET_DIAG_WARNING = 1 } egret_severity_level;

typedef struct egret_diag {
    struct egret_diag *next;
    egret_severity_level level;
    uint16_t code;          /* printed as E0214 or W0214 */
    egret_span span;
    const char *message;    /* "unknown field 'amout'" */
    const char *help;       /* NULL or "did you mean 'amount'?" */
    egret_span note_span;   /* used when note is not NULL */
    const char *note;
} egret_diag;

typedef struct egret_diags {
    egret_arena *arena;
    egret_source *sources;
    uint32_t n_sources;
    /* Files of lists and tables, by the path they are opened by: those that were read, so that a host can keep them; or, when contents_given is set,
     * all there are, and no file is opened. */
    egret_source *contents;
    uint32_t n_contents;
    bool contents_given;
    egret_diag *first, *last;
    uint32_t n_errors, n_warnings;
    uint32_t n_kept;        /* in the list: after the first 1000 they are counted only */
    egret_diag spare;       /* handed out when a diagnostic is not kept */
} egret_diags;

void egret_diags_init(egret_diags *diags, egret_arena *arena);
/* Registers a source (text is copied); gives its number. A text over 16 MB is refused with an error and registered
 * empty; without memory the number is UINT32_MAX and arena->failed is set. */
uint32_t egret_diags_add_source(egret_diags *diags, const char *name, const char *text, size_t len);
/* Registers all sources at once, with numbers of the caller's; texts are borrowed. In place of the former, and before anything else. */
void egret_diags_set_sources(egret_diags *diags, const egret_source *sources, uint32_t n);
/* Registers the content of a list or table; the text is borrowed. Without memory arena->failed is set. */
void egret_diags_add_content(egret_diags *diags, const char *path, const char *text, size_t len);
/* Adds a diagnostic; the returned one may be given a help or a note. Never NULL: without memory it is the spare one,
 * which is counted but not kept. */
egret_diag *egret_diag_add(egret_diags *diags, egret_severity_level level, uint16_t code, egret_span span,
                           const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Adds all that another collector has; texts are borrowed. */
void egret_diags_add_all(egret_diags *diags, const egret_diags *from);
void egret_diag_help(egret_diags *diags, egret_diag *diag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void egret_diag_note(egret_diags *diags, egret_diag *diag, egret_span span, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Nearest of n candidates by edit distance, or NULL when none is near enough to propose. */
const char *egret_diag_nearest(egret_str word, const char *const *candidates, size_t n);

/* Sorted by source and position. NUL-terminated, owned by the arena. */
const char *egret_diags_text(egret_diags *diags);
const char *egret_diags_json(egret_diags *diags);   /* {"errors":n,"warnings":n,"diagnostics":[{…}]} */

/* The story behind a code for `egret explain --code E0214`: what it means and what to write instead, one paragraph.
 * code is the number without its letter (214). NULL: no such code. */
const char *egret_code_story(unsigned code);
const char *egret_code_title(unsigned code);
/* All codes in ascending order: the i-th one, 0 past the end. */
unsigned egret_code_at(size_t i);

/* 1-based line and column (in code points) of a byte offset. */
void egret_source_position(const egret_source *source, uint32_t offset, uint32_t *line, uint32_t *column);

#endif
