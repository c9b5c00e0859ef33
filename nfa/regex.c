/*
 * regex.c: x matches r"…" over PCRE2, with limits.
 *
 * A regular expression is a small program, and rules may be written by people who do not think of that: so every match has a limit of steps,
 * of heap and of subject length. Where the machine's JIT runs out of its stack, the interpreter decides, so that the answer does
 * not depend on whether there is a JIT. A limit reached is "no match", counted.
 *
 * PCRE2's verbs at the start of a pattern, "(*…)", could lift the limits or change the meaning of the whole pattern: they are refused.
 * So is \C, which matches half a character.
 */
#include "nfa/functions.h"

#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum { MATCH_LIMIT = 100000, HEAP_LIMIT_KIB = 4096, SUBJECT_MAX = 65536, PATTERN_MAX = 4096, HEADER = 16 };

struct nfa_regex {
    egret_mem mem;
    pcre2_general_context *general;
    pcre2_match_context *match;
    pcre2_match_data *data;
    pcre2_code *code;
    bool jit;
};

/* PCRE2 frees without saying how much: the size stands before the memory. */
static void *take(PCRE2_SIZE size, void *user)
{
    const egret_mem *mem = user;
    if (size > SIZE_MAX - HEADER)
        return NULL;
    char *base = egret_mem_alloc(*mem, size + HEADER);
    if (!base)
        return NULL;
    size_t total = size + HEADER;
    memcpy(base, &total, sizeof total);
    return base + HEADER;
}

static void give(void *ptr, void *user)
{
    const egret_mem *mem = user;
    size_t total;
    if (!ptr)
        return;
    char *base = (char *)ptr - HEADER;
    memcpy(&total, base, sizeof total);
    egret_mem_free(*mem, base, total);
}

/* The errors people make, in words that stay; PCRE2 would write them into a buffer. */
static const char *error_text(int code)
{
    switch (code) {
    case PCRE2_ERROR_END_BACKSLASH:
    case PCRE2_ERROR_END_BACKSLASH_C: return "the pattern ends with a backslash";
    case PCRE2_ERROR_UNKNOWN_ESCAPE: return "unknown letter after a backslash";
    case PCRE2_ERROR_QUANTIFIER_OUT_OF_ORDER: return "the numbers in {} are out of order";
    case PCRE2_ERROR_QUANTIFIER_TOO_BIG: return "a number in {} is too large";
    case PCRE2_ERROR_MISSING_SQUARE_BRACKET: return "a [ without its ]";
    case PCRE2_ERROR_CLASS_RANGE_ORDER:
    case PCRE2_ERROR_CLASS_INVALID_RANGE: return "a range in [] is out of order";
    case PCRE2_ERROR_QUANTIFIER_INVALID: return "a quantifier follows nothing that can be repeated";
    case PCRE2_ERROR_MISSING_CLOSING_PARENTHESIS: return "a ( without its )";
    case PCRE2_ERROR_UNMATCHED_CLOSING_PARENTHESIS: return "a ) without its (";
    case PCRE2_ERROR_BAD_SUBPATTERN_REFERENCE: return "a reference to a group that is not there";
    case PCRE2_ERROR_LOOKBEHIND_NOT_FIXED_LENGTH: return "a look-behind must have a fixed length";
    case PCRE2_ERROR_MALFORMED_UNICODE_PROPERTY:
    case PCRE2_ERROR_UNKNOWN_UNICODE_PROPERTY: return "unknown Unicode property";
    case PCRE2_ERROR_UNKNOWN_POSIX_CLASS: return "unknown class in [: :]";
    case PCRE2_ERROR_BACKSLASH_C_CALLER_DISABLED: return "\\C is not allowed";
    case PCRE2_ERROR_PARENTHESES_NEST_TOO_DEEP: return "parentheses are nested too deeply";
    case PCRE2_ERROR_PATTERN_TOO_LARGE: return "the pattern is too large";
    case PCRE2_ERROR_HEAP_FAILED: return "no memory";
    default: return "this is not a regular expression";
    }
}

static bool is_refused(const char *pattern, size_t len, const char **error)
{
    if (len > PATTERN_MAX)
        *error = "a pattern has at most 4096 bytes";
    else if (len >= 2 && memcmp(pattern, "(*", 2) == 0)
        *error = "a pattern may not begin with (*";
    else
        return false;
    return true;
}

static bool compile(nfa_regex *regex, const char *pattern, size_t len, const char **error, size_t *error_offset)
{
    int code = 0;
    PCRE2_SIZE at = 0;
    regex->general = pcre2_general_context_create(take, give, &regex->mem);
    pcre2_compile_context *context = regex->general ? pcre2_compile_context_create(regex->general) : NULL;
    if (!context)
        return false;
    regex->code = pcre2_compile((PCRE2_SPTR)pattern, len, PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C, &code, &at, context);
    pcre2_compile_context_free(context);
    if (!regex->code) {
        *error = error_text(code);
        *error_offset = at;
        return false;
    }
    regex->match = pcre2_match_context_create(regex->general);
    regex->data = pcre2_match_data_create(1, regex->general);
    if (!regex->match || !regex->data)
        return false;
    pcre2_set_match_limit(regex->match, MATCH_LIMIT);
    pcre2_set_heap_limit(regex->match, HEAP_LIMIT_KIB);
    regex->jit = pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE) == 0;
    return true;
}

nfa_regex *nfa_regex_new(egret_mem mem, const char *pattern, size_t len, const char **error, size_t *error_offset)
{
    *error = "no memory";
    *error_offset = 0;
    if (is_refused(pattern, len, error))
        return NULL;
    nfa_regex *regex = egret_mem_alloc(mem, sizeof *regex);
    if (!regex)
        return NULL;
    memset(regex, 0, sizeof *regex);
    regex->mem = mem;
    if (compile(regex, len ? pattern : "", len, error, error_offset))
        return regex;
    nfa_regex_free(regex);
    return NULL;
}

void nfa_regex_free(nfa_regex *regex)
{
    if (!regex)
        return;
    pcre2_match_data_free(regex->data);
    pcre2_match_context_free(regex->match);
    pcre2_code_free(regex->code);
    pcre2_general_context_free(regex->general);
    egret_mem_free(regex->mem, regex, sizeof *regex);
}

bool nfa_regex_match(nfa_regex *regex, egret_value text, uint64_t *limit_hits)
{
    if (text.type != EGRET_STRING)
        return false;
    if (text.len > SUBJECT_MAX) {
        (*limit_hits)++;
        return false;
    }
    PCRE2_SPTR subject = (PCRE2_SPTR)(text.len ? text.u.s : "");
    int rc = pcre2_match(regex->code, subject, text.len, 0, 0, regex->data, regex->match);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
        rc = pcre2_match(regex->code, subject, text.len, 0, PCRE2_NO_JIT, regex->data, regex->match);
    if (rc >= 0)
        return true;
    if (rc != PCRE2_ERROR_NOMATCH)
        (*limit_hits)++;
    return false;
}
