/*
 * split.c: one pass over the bytes with a depth and an "inside a string" state.
 *
 * Recovery is by lines: JSON strings hold no raw line ends, and a writer that puts an object over several lines indents what is inside. So a
 * line end inside a string, and a line that begins with '{' in its first column while an object is open, mean that the value
 * before was cut off.
 */
#include "ingest/split.h"

#include <stdbool.h>

/* The place behind the closing quote; or of the line end that breaks the string; len when the text ends. */
static size_t string_end(const char *ptr, size_t len, size_t at, bool *broken)
{
    for (at++; at < len; at++) {
        if (ptr[at] == '"')
            return at + 1;
        if (ptr[at] == '\n') {
            *broken = true;
            return at;
        }
        if (ptr[at] == '\\')
            at++;
    }
    return len + 1;
}

static ingest_split scalar_end(const char *ptr, size_t len, size_t *end)
{
    size_t at = 0;
    while (at < len && ptr[at] != ',' && ptr[at] != ']' && ptr[at] != '}' && ptr[at] != ' ' && ptr[at] != '\n' && ptr[at] != '\r' &&
           ptr[at] != '\t')
        at++;
    while (at < len && (at == 0 || ptr[at] == ptr[0]) && ptr[at] != ' ')    /* a stray bracket or comma, however often repeated */
        at++;
    *end = at;
    return at == len ? INGEST_SPLIT_MORE : INGEST_SPLIT_DONE;
}

ingest_split ingest_split_value(const char *ptr, size_t len, size_t *end)
{
    size_t depth = 0, at = 0;
    if (len == 0)
        return INGEST_SPLIT_MORE;
    if (ptr[0] != '{' && ptr[0] != '[' && ptr[0] != '"')
        return scalar_end(ptr, len, end);
    while (at < len) {
        bool broken = false;
        switch (ptr[at]) {
        case '"':
            at = string_end(ptr, len, at, &broken);
            if (at > len)
                return INGEST_SPLIT_MORE;
            break;
        case '{': case '[':
            broken = depth > 0 && ptr[at] == '{' && ptr[at - 1] == '\n';
            depth++;
            at += !broken;
            break;
        case '}': case ']':
            depth -= depth > 0;
            at++;
            break;
        default:
            at++;
            continue;
        }
        *end = at;
        if (broken)
            return INGEST_SPLIT_BROKEN;
        if (depth == 0)
            return INGEST_SPLIT_DONE;
    }
    return INGEST_SPLIT_MORE;
}
