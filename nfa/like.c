/*
 * like.c: x like "*.exe".
 *
 * No recursion and no table: when what follows the last * does not fit, that * takes one character more. Earlier ones need not be
 * asked again, as the last one can take over anything they might have taken. So the work is at most text times pattern.
 */
#include "nfa/functions.h"

static char folded(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* The bytes of the character at i: at least one, then what continues it. */
static uint32_t character(egret_value text, uint32_t i)
{
    uint32_t end = i + 1;
    while (end < text.len && ((unsigned char)text.u.s[end] & 0xC0) == 0x80)
        end++;
    return end - i;
}

bool nfa_like(egret_value text, egret_value pattern)
{
    if (text.type != EGRET_STRING || pattern.type != EGRET_STRING)
        return false;
    uint32_t t = 0;
    uint32_t p = 0;
    uint32_t retry_t = 0;
    uint32_t retry_p = UINT32_MAX;      /* behind the last *; none yet */
    while (t < text.len) {
        if (p < pattern.len && pattern.u.s[p] == '*') {
            retry_p = ++p;
            retry_t = t;
        } else if (p < pattern.len && pattern.u.s[p] == '?') {
            t += character(text, t);
            p++;
        } else if (p < pattern.len && folded(pattern.u.s[p]) == folded(text.u.s[t])) {
            t++;
            p++;
        } else if (retry_p != UINT32_MAX) {
            retry_t += character(text, retry_t);
            t = retry_t;
            p = retry_p;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.u.s[p] == '*')
        p++;
    return p == pattern.len;
}
