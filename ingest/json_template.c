/*
 * json_template.c: records as a tree of what was seen.
 *
 * Producers write their records with a program, so what stands between the values of two records - keys, colons, commas, brackets, white space - is
 * mostly the same, byte for byte. A record is seen here as pieces in turn, such a text ("glue") and a scalar:
 *
 *     {"id":   "p1"   ,"amount":   12.50   ,"at":   "2026-01-05T09:00:00Z"   }
 *     glue     value  glue         value   glue     value                    end
 *
 * A step is a glue and what to do with the scalar behind it. Steps form a tree: below a step are those that were seen to follow it. So reading is
 * comparing a few words with what came next last time and looking for the end of a value, field by field; keys are not looked up, brackets
 * not counted, nothing is indexed, and the values are converted where they stand.
 *
 * Why that is right: what the long way does depends on the tokens of a record, and on the text of the values asked for. Glue that is the same, with one scalar
 * token wherever the learned record had one, makes the same tokens. So the step knows for good which field a value is for: equal keys, nested
 * objects and values nobody asked for were settled by the long way when it read the record the step was learned from.
 *
 * Declined, besides what was never seen: strings with escapes or control characters or not UTF-8, numbers and words that are oddly written, values that
 * do not fit their field (the long way words the reason).
 *
 * Invariants: glue begins behind a scalar, so never with a byte of a number; it has no line end and no backslash; the steps that may follow one
 * are in descending order of glue length, so that one that goes on is asked before one that ends where it does. All is read at most 60 bytes beyond
 * `stop`: a step begins before it, and takes 32 bytes of glue and 26 of a value at most before it is looked at again.
 */
#include "ingest/json_template.h"

#include <stdlib.h>

#include "compiler/text.h"
#include "ingest/json_scan.h"

enum { GLUE_BYTES = 32, GLUE_WORDS = GLUE_BYTES / 8, MAX_STEPS = 1024, MAX_LESSONS = 4096 };

typedef enum step_kind {
    STEP_END,           /* the record ends behind the glue */
    STEP_MORE,          /* more glue follows */
    STEP_SKIP,          /* a scalar nobody asked for */
    STEP_STRING,        /* the field's type, where there is a short way; what is not written so is read as STEP_OTHER */
    STEP_DECIMAL,
    STEP_TIME,
    STEP_OTHER
} step_kind;

typedef struct step {
    uint64_t glue[GLUE_WORDS], mask[GLUE_WORDS];
    struct step *below;     /* first of the steps that may follow */
    struct step *other;     /* the next one beside this */
    const plan_field *field;
    uint32_t slot;
    uint8_t len;            /* of the glue */
    uint8_t kind;
    bool null_is_good;
    uint32_t n_absent;      /* STEP_END: slots of fields such a record does not have */
    uint32_t absent[];
} step;

struct json_template {
    json_template_fields fields;
    step *first;
    uint32_t n_steps;
    uint32_t lessons;   /* taken so far: records that teach nothing new must not be studied for ever */
};

json_template *json_template_new(json_template_fields fields)
{
    json_template *template = calloc(1, sizeof *template);
    if (template == NULL)
        return NULL;
    template->fields = fields;
    return template;
}

void json_template_free(json_template *template)
{
    if (template == NULL)
        return;
    /* Steps below one are put before those beside it, so what is left is always one list. */
    for (step *at = template->first; at != NULL;) {
        step *done = at, **last = &done->below;
        while (*last != NULL)
            last = &(*last)->other;
        *last = at->other;
        at = done->below;
        free(done);
    }
    free(template);
}

/* ---- reading ---- */

static inline uint64_t word_at(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

static inline bool glue_is_here(const step *s, const char *p)
{
    uint64_t odd = ((word_at(p) ^ s->glue[0]) & s->mask[0]) | ((word_at(p + 8) ^ s->glue[1]) & s->mask[1]);
    if (s->len > 16)
        odd |= ((word_at(p + 16) ^ s->glue[2]) & s->mask[2]) | ((word_at(p + 24) ^ s->glue[3]) & s->mask[3]);
    return odd == 0;
}

/* What reads a value gives the place behind it. One that is declined seems to go to `stop`: no record ends with a value, so the reading ends there. */

/* The closing quote of the string whose first byte is at p; stop: it has an escape, a control character, bad UTF-8, or no end before stop. */
static inline const char *string_end(const char *p, const char *stop)
{
    for (;;) {
        p = json_scan_plain(p, stop);
        if (*p == '"')
            return p;
        size_t more = p < stop && (unsigned char)*p >= 0x80 ? egret_utf8_length(p, (size_t)(stop - p)) : 0;
        if (more == 0)
            return stop;
        p += more;
    }
}

static bool is_of_number(char c)
{
    return (unsigned char)(c - '0') <= 9 || c == '.' || c == '-' || c == '+' || c == 'e' || c == 'E';
}

/* The scalar at p as a token. */
static const char *read_scalar(const char *p, const char *stop, ingest_token *token)
{
    const char *end = p;
    switch (*p) {
    case '"':
        end = string_end(p + 1, stop);
        *token = (ingest_token){ p + 1, (uint32_t)(end - p - 1), INGEST_TOKEN_STRING };
        return end < stop ? end + 1 : stop;
    case 't':
        *token = (ingest_token){ p, 4, INGEST_TOKEN_TRUE };
        return memcmp(p, "true", 4) == 0 ? p + 4 : stop;
    case 'f':
        *token = (ingest_token){ p, 5, INGEST_TOKEN_FALSE };
        return memcmp(p, "false", 5) == 0 ? p + 5 : stop;
    case 'n':
        *token = (ingest_token){ p, 4, INGEST_TOKEN_NULL };
        return memcmp(p, "null", 4) == 0 ? p + 4 : stop;
    case '-': case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
        while (end < stop && is_of_number(*end))
            end++;
        *token = (ingest_token){ p, (uint32_t)(end - p), INGEST_TOKEN_NUMBER };
        return end;
    }
    return stop;
}

/* Any value into its slot, by way of its token. */
static __attribute__((noinline)) const char *take_other(const step *s, ingest_date_cache *dates, const char *p, const char *stop, egret_value *slot)
{
    ingest_token token;
    const char *end = read_scalar(p, stop, &token);
    if (end >= stop || !ingest_convert(dates, &token, s->field, slot) || (slot->type == EGRET_NULL && !s->null_is_good))
        return stop;
    return end;
}

static inline const char *take_string(const step *s, ingest_date_cache *dates, const char *p, const char *stop, egret_value *slot)
{
    if (*p != '"')
        return take_other(s, dates, p, stop, slot);
    const char *end = string_end(p + 1, stop);
    slot->u.s = p + 1;      /* one by one: compilers put the small parts together the long way */
    slot->len = (uint32_t)(end - p - 1);
    slot->type = EGRET_STRING;
    slot->scale = 0;
    slot->reserved = 0;
    return end + 1;
}

/* The end of a run of digits, at most 18 of them counted into *number from what it is. */
static inline const char *take_digits(const char *p, const char *last, uint64_t *number)
{
    uint64_t sum = *number;
    unsigned digit;
    for (; p < last && (digit = (unsigned char)(*p - '0')) <= 9; p++)
        sum = sum * 10 + digit;
    *number = sum;
    return p;
}

/* A number of at most 17 digits, without exponent, as JSON writes them. */
static inline const char *take_decimal(const step *s, ingest_date_cache *dates, const char *p, const char *stop, egret_value *slot)
{
    const char *first = p + (*p == '-'), *last = first + 18;
    uint64_t number = 0;
    const char *end = take_digits(first, last, &number);
    unsigned scale = 0;
    bool good = end > first && (*first != '0' || end == first + 1);
    if (good && *end == '.') {
        const char *fraction = end + 1;
        end = take_digits(fraction, last, &number);
        scale = (unsigned)(end - fraction);
        good = scale > 0;
    }
    if (!good || end == last || is_of_number(*end))
        return take_other(s, dates, p, stop, slot);
    int64_t mantissa = (int64_t)number;
    *slot = (egret_value){ .u.i = first > p ? -mantissa : mantissa, .type = EGRET_DECIMAL, .scale = (uint8_t)scale };
    return end;
}

/* "YYYY-MM-DDTHH:MM:SS.mmmZ" or without fraction: what converts has no quote or backslash in it. */
static inline const char *take_time(const step *s, ingest_date_cache *dates, const char *p, const char *stop, egret_value *slot)
{
    if (*p == '"') {
        uint32_t len = p[25] == '"' ? 24 : 20;
        int64_t ms;
        if (p[len + 1] == '"' && ingest_convert_time(dates, p + 1, len, &ms)) {
            *slot = (egret_value){ .u.i = ms, .type = EGRET_TIME };
            return p + len + 2;
        }
    }
    return take_other(s, dates, p, stop, slot);
}

const char *json_template_read(const json_template *template, ingest_date_cache *dates, const char *ptr, const char *stop, egret_value *slots)
{
    const char *p = ptr;
    ingest_token unread;
    for (const step *s = template->first; s != NULL && p < stop;) {
        if (!glue_is_here(s, p)) {
            s = s->other;
            continue;
        }
        p += s->len;
        if (s->kind == STEP_STRING) {       /* most are, so before all others */
            p = take_string(s, dates, p, stop, &slots[s->slot]);
            s = s->below;
            continue;
        }
        switch ((step_kind)s->kind) {
        case STEP_END:
            for (uint32_t i = 0; i < s->n_absent; i++)
                slots[s->absent[i]] = (egret_value){ .type = EGRET_NULL };
            return p <= stop ? p : NULL;
        case STEP_MORE: break;
        case STEP_SKIP: p = read_scalar(p, stop, &unread); break;
        case STEP_STRING: break;
        case STEP_DECIMAL: p = take_decimal(s, dates, p, stop, &slots[s->slot]); break;
        case STEP_TIME: p = take_time(s, dates, p, stop, &slots[s->slot]); break;
        case STEP_OTHER: p = take_other(s, dates, p, stop, &slots[s->slot]); break;
        }
        s = s->below;
    }
    return NULL;
}

/* ---- learning ---- */

/* A record while it is studied. */
typedef struct lesson {
    json_template *template;
    const char *raw, *end;
    const ingest_token *tokens;
    uint32_t n_found;           /* fields whose value was met */
    step **below;               /* where the next step hangs, or is to hang */
} lesson;

static void set_glue(step *s, const char *glue, size_t len)
{
    char mask[GLUE_BYTES];
    memset(mask, 0, sizeof mask);
    memset(mask, 0xFF, len);
    memcpy(s->mask, mask, sizeof mask);
    memset(s->glue, 0, sizeof s->glue);
    memcpy(s->glue, glue, len);
    s->len = (uint8_t)len;
}

static bool is_same_step(const step *a, const step *b)
{
    return a->len == b->len && a->kind == b->kind && memcmp(a->glue, b->glue, sizeof a->glue) == 0;
}

/* The slots of fields without a value. */
static void list_absent(const lesson *l, step *end)
{
    for (uint32_t i = 0; i < l->template->fields.n; i++)
        if (l->tokens[i].kind == INGEST_TOKEN_ABSENT)
            end->absent[end->n_absent++] = l->template->fields.slot[i];
}

/* Goes on to the step that is as `wanted`, made if there is none. False: no memory, or there are too many. */
static bool go_on(lesson *l, const step *wanted)
{
    step **link = l->below;
    for (; *link != NULL && (*link)->len >= wanted->len; link = &(*link)->other)
        if (is_same_step(*link, wanted)) {
            l->below = &(*link)->below;
            return true;
        }
    size_t n_absent = wanted->kind == STEP_END ? l->template->fields.n : 0;
    step *made = l->template->n_steps < MAX_STEPS ? malloc(sizeof *made + n_absent * sizeof *made->absent) : NULL;
    if (made == NULL)
        return false;
    *made = *wanted;
    made->other = *link;
    *link = made;
    l->below = &made->below;
    l->template->n_steps++;
    if (made->kind == STEP_END)
        list_absent(l, made);
    return true;
}

/* Steps for a glue of any length, the last of them of this kind. */
static bool add_glue(lesson *l, const char *glue, const char *end, step last)
{
    while (end - glue > GLUE_BYTES) {
        step more = { .kind = STEP_MORE };
        set_glue(&more, glue, GLUE_BYTES);
        if (!go_on(l, &more))
            return false;
        glue += GLUE_BYTES;
    }
    set_glue(&last, glue, (size_t)(end - glue));
    return go_on(l, &last);
}

static step_kind kind_of(const plan_field *field)
{
    switch ((egret_type)field->type) {
    case EGRET_STRING: return STEP_STRING;
    case EGRET_DECIMAL: return STEP_DECIMAL;
    case EGRET_TIME: return STEP_TIME;
    case EGRET_NULL: case EGRET_BOOL: case EGRET_INT: case EGRET_NUMBER: case EGRET_DURATION: break;
    }
    return STEP_OTHER;
}

/* What to do with the scalar whose token would begin at ptr. False: two fields want it. */
static bool step_for(lesson *l, const char *ptr, step *out)
{
    const json_template_fields *fields = &l->template->fields;
    *out = (step){ .kind = STEP_SKIP };
    for (uint32_t i = 0; i < fields->n; i++) {
        if (l->tokens[i].kind == INGEST_TOKEN_ABSENT || l->tokens[i].ptr != ptr)
            continue;
        if (out->field != NULL)
            return false;
        out->field = fields->fields[i];
        out->slot = fields->slot[i];
        out->kind = (uint8_t)kind_of(out->field);
        out->null_is_good = out->field->optional || !fields->strict;
        l->n_found++;
    }
    return true;
}

/* Whether the string that ends before p is a key. */
static bool is_key(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    return p < end && *p == ':';
}

/* One piece after the other. False: it cannot be learned. */
static bool study(lesson *l)
{
    const char *glue = l->raw, *p = l->raw;
    while (p < l->end) {
        ingest_token token;
        if (memchr("{}[],: \t", *p, 8) != NULL) {
            p++;
            continue;
        }
        const char *end = read_scalar(p, l->end, &token);
        if (end >= l->end)
            return false;
        if (token.kind != INGEST_TOKEN_STRING || !is_key(end, l->end)) {
            step s;
            if (p == glue || !step_for(l, token.ptr, &s) || !add_glue(l, glue, p, s))
                return false;
            glue = end;
        }
        p = end;
    }
    uint32_t present = 0;
    for (uint32_t i = 0; i < l->template->fields.n; i++)
        present += l->tokens[i].kind != INGEST_TOKEN_ABSENT;
    return present == l->n_found && glue < l->end && add_glue(l, glue, l->end, (step){ .kind = STEP_END });
}

void json_template_learn(json_template *template, const char *raw, size_t len, const ingest_token *tokens)
{
    lesson l = { .template = template, .raw = raw, .end = raw + len, .tokens = tokens, .below = &template->first };
    if (template->lessons == MAX_LESSONS || memchr(raw, '\\', len) != NULL || memchr(raw, '\n', len) != NULL)
        return;
    template->lessons++;
    (void)study(&l);    /* steps of a record that could not be learned to its end lead nowhere, and decline */
}
