/*
 * members.c: see members.h. Values are found by their ends; what is odd inside of them is for whoever reads them to say.
 */
#include "ingest/members.h"

#include "ingest/split.h"

const char *ingest_skip_space(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r')) at++;
    return at;
}

/* Behind the string that begins at `at`; NULL: it does not end. */
static const char *behind_string(const char *at, const char *end)
{
    for (at++; at < end; at++) {
        if (*at == '\\') at++;
        else if (*at == '"') return at + 1;
    }
    return NULL;
}

/* Behind the value that begins at `at`; NULL: there is none. */
static const char *behind_value(const char *at, const char *end)
{
    size_t len;
    if (at == end) return NULL;
    if (*at == '"') return behind_string(at, end);
    if (*at == '{' || *at == '[') return ingest_split_value(at, (size_t)(end - at), &len) == INGEST_SPLIT_DONE ? at + len : NULL;
    const char *begin = at;
    while (at < end && *at != ',' && *at != '}' && *at != ']' && *at != ' ' && *at != '\t' && *at != '\n' && *at != '\r') at++;
    return at > begin ? at : NULL;
}

bool ingest_next_member(const char **at, const char *end, ingest_span *name, ingest_span *value)
{
    const char *p = ingest_skip_space(*at, end);
    if (p < end && *p == ',') p = ingest_skip_space(p + 1, end);
    *at = p;
    if (p < end && *p == '}') return false;
    *at = NULL;
    const char *name_end = p < end && *p == '"' ? behind_string(p, end) : NULL;
    if (!name_end) return false;
    *name = (ingest_span){p + 1, (size_t)(name_end - p) - 2};
    p = ingest_skip_space(name_end, end);
    if (p == end || *p != ':') return false;
    p = ingest_skip_space(p + 1, end);
    const char *value_end = behind_value(p, end);
    if (!value_end) return false;
    *value = (ingest_span){p, (size_t)(value_end - p)};
    *at = value_end;
    return true;
}
