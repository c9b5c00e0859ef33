/*
 * json_record.c: puts a record that came from outside into a line of ours without trusting it.
 *
 * The decoder looks only at the fields that rules read, so a record that it took may still be malformed elsewhere; and a record may span
 * lines. A strict walk over its bytes decides: well-formed objects go in as they are, less the white space between tokens when there is a
 * newline; everything else goes in as a string, so that the line is always one line of valid JSON.
 */
#include "alerting/json_write.h"

#include "compiler/text.h"

#include <string.h>

enum { MAX_NESTING = 64 };

typedef struct scan {
    const char *at, *end;
} scan;

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void skip_space(scan *s)
{
    while (s->at < s->end && is_space(*s->at)) s->at++;
}

static bool take(scan *s, char c)
{
    if (s->at >= s->end || *s->at != c) return false;
    s->at++;
    return true;
}

/* Four hexadecimal digits; -1: they are not. */
static int take_hex4(scan *s)
{
    static const char digits[] = "0123456789abcdef";
    int code = 0;
    if (s->end - s->at < 4) return -1;
    for (int i = 0; i < 4; i++) {
        char c = *s->at++;
        const char *digit = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + ('a' - 'A') : c) : NULL;
        if (!digit) return -1;
        code = code * 16 + (int)(digit - digits);
    }
    return code;
}

static bool is_surrogate(int code, int half)
{
    return (code & 0xfc00) == half;
}

/* What follows the backslash. Half of a surrogate pair is grammatical, but many readers refuse it, so we do. */
static bool take_escape(scan *s)
{
    if (s->at >= s->end || !*s->at || !strchr("\"\\/bfnrtu", *s->at)) return false;
    if (*s->at++ != 'u') return true;
    int code = take_hex4(s);
    if (!is_surrogate(code, 0xd800)) return code >= 0 && !is_surrogate(code, 0xdc00);
    return take(s, '\\') && take(s, 'u') && is_surrogate(take_hex4(s), 0xdc00);
}

static bool take_string(scan *s)
{
    if (!take(s, '"')) return false;
    while (s->at < s->end) {
        unsigned char c = (unsigned char)*s->at;
        if (c == '"') {
            s->at++;
            return true;
        }
        if (c < 0x20) return false;
        if (c == '\\') {
            s->at++;
            if (!take_escape(s)) return false;
            continue;
        }
        size_t n = c < 0x80 ? 1 : egret_utf8_length(s->at, (size_t)(s->end - s->at));
        if (n == 0) return false;
        s->at += n;
    }
    return false;
}

static bool take_digits(scan *s)
{
    const char *start = s->at;
    while (s->at < s->end && is_digit(*s->at)) s->at++;
    return s->at > start;
}

/* 1e400 is grammatical, but no number of most readers; only an exponent or very many digits lead there. */
static bool take_number(scan *s)
{
    const char *start = s->at;
    double ignored;
    bool has_exponent = false;
    take(s, '-');
    if (!take(s, '0') && !take_digits(s)) return false;
    if (take(s, '.') && !take_digits(s)) return false;
    if (take(s, 'e') || take(s, 'E')) {
        has_exponent = true;
        if (!take(s, '+')) take(s, '-');
        if (!take_digits(s)) return false;
    }
    size_t len = (size_t)(s->at - start);
    return (!has_exponent && len < 300) || egret_parse_number(start, len, &ignored);
}

static bool take_word(scan *s, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(s->end - s->at) < len || memcmp(s->at, word, len) != 0) return false;
    s->at += len;
    return true;
}

static bool take_scalar(scan *s)
{
    if (s->at >= s->end) return false;
    switch (*s->at) {
    case '"': return take_string(s);
    case 't': return take_word(s, "true");
    case 'f': return take_word(s, "false");
    case 'n': return take_word(s, "null");
    default: return take_number(s);
    }
}

/* "name" : — before a value inside an object. */
static bool take_name(scan *s)
{
    skip_space(s);
    if (!take_string(s)) return false;
    skip_space(s);
    return take(s, ':');
}

/* After a value: closes what ends here, then takes a comma and, in an object, the next name. False: malformed. */
static bool take_after_value(scan *s, char *open, int *depth)
{
    skip_space(s);
    while (*depth > 0 && s->at < s->end && *s->at == (open[*depth - 1] == '{' ? '}' : ']')) {
        s->at++;
        --*depth;
        skip_space(s);
    }
    if (*depth == 0) return true;
    if (!take(s, ',')) return false;
    return open[*depth - 1] != '{' || take_name(s);
}

bool jsonw_is_object(const char *ptr, size_t len)
{
    scan s = {ptr, ptr + len};
    char open[MAX_NESTING];
    int depth = 0;
    skip_space(&s);
    if (s.at >= s.end || *s.at != '{') return false;
    do {
        skip_space(&s);
        if (s.at < s.end && (*s.at == '{' || *s.at == '[')) {
            if (depth == MAX_NESTING) return false;
            char bracket = *s.at++;
            open[depth++] = bracket;
            skip_space(&s);
            bool empty = s.at < s.end && *s.at == (bracket == '{' ? '}' : ']');
            if (!empty) {
                if (bracket == '{' && !take_name(&s)) return false;
                continue;
            }
        } else if (!take_scalar(&s)) {
            return false;
        }
        if (!take_after_value(&s, open, &depth)) return false;
    } while (depth > 0);
    return s.at == s.end;
}

/* Copies a well-formed record without the white space between its tokens. */
static void put_squeezed(json_writer *w, const char *ptr, size_t len)
{
    bool in_string = false;
    size_t run = 0;
    for (size_t i = 0; i < len; i++) {
        if (in_string && ptr[i] == '\\') {
            i++;
        } else if (ptr[i] == '"') {
            in_string = !in_string;
        } else if (!in_string && is_space(ptr[i])) {
            jsonw_raw(w, ptr + run, i - run);
            run = i + 1;
        }
    }
    jsonw_raw(w, ptr + run, len - run);
}

void jsonw_record(json_writer *w, const char *ptr, size_t len)
{
    while (len > 0 && is_space(*ptr)) ptr++, len--;
    while (len > 0 && is_space(ptr[len - 1])) len--;
    if (!jsonw_is_object(ptr, len)) {
        jsonw_string(w, ptr, len);
        return;
    }
    if (w->comma) jsonw_raw(w, ",", 1);
    w->comma = true;
    if (memchr(ptr, '\n', len) || memchr(ptr, '\r', len)) put_squeezed(w, ptr, len);
    else jsonw_raw(w, ptr, len);
}
