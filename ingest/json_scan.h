/*
 * json_scan.h: how far the plain bytes of a JSON string reach: printable ASCII without quote and backslash.
 *
 * Sixteen bytes at a time where the processor compares them in one step, else eight at a time in a word. Both look beyond the end they are
 * given, by less than one step: what lies there must be readable, and its content does not matter to who checks the place found.
 */
#ifndef EGRET_INGEST_JSON_SCAN_H
#define EGRET_INGEST_JSON_SCAN_H

#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "bytes of a word are counted from its low end");

/* The first byte from p on that is not plain; or a place at or behind `stop`. */
static inline const char *json_scan_words(const char *p, const char *stop)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones << 7;
    for (; p < stop; p += 8) {
        uint64_t word;
        memcpy(&word, p, sizeof word);
        uint64_t quotes = word ^ ones * '"', slashes = word ^ ones * '\\';
        /* A byte's high bit marks it. Borrows make false marks only above a true one, and the lowest mark is what counts. */
        uint64_t marks = (((quotes - ones) & ~quotes) | ((slashes - ones) & ~slashes) | (word - ones * ' ') | word) & highs;
        if (marks != 0)
            return p + __builtin_ctzll(marks) / 8;
    }
    return p;
}

#ifdef __SSE2__
static inline const char *json_scan_plain(const char *p, const char *stop)
{
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), space = _mm_set1_epi8(' ');
    for (; p < stop; p += 16) {
        __m128i text = _mm_loadu_si128((const __m128i *)(const void *)p);
        /* Bytes are signed here, so those beyond ASCII are below the space, too. */
        __m128i odd = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(text, quote), _mm_cmpeq_epi8(text, slash)), _mm_cmplt_epi8(text, space));
        unsigned marks = (unsigned)_mm_movemask_epi8(odd);
        if (marks != 0)
            return p + __builtin_ctz(marks);
    }
    return p;
}
#else
static inline const char *json_scan_plain(const char *p, const char *stop)
{
    return json_scan_words(p, stop);
}
#endif

#endif
