/*
 * decode.h: bytes in, events out: splits what a source delivers into records, finds each record's stream, reads its fields.
 *
 *     ingest_decoder_feed(decoder, ptr, len, readable, final)
 *     while ((got = ingest_decoder_next(decoder, &record)) is RECORD or REJECTED) …
 *     keep the bytes from ingest_decoder_taken(decoder) on; put more behind them; feed again
 *
 * JSON may be one object a line, an array of objects, or objects over several lines: the first bytes tell. CSV has a header line; its
 * columns are matched with the fields by path or name; an empty cell without quotes is null.
 *
 * The stream is fixed, or chosen by the routes of a source (their fields are read first, then the stream's, from one index of the
 * record), or named by a field of the record.
 *
 * A decoder belongs to one thread at a time. It borrows the plan and the engine, which must outlive it.
 */
#ifndef EGRET_INGEST_DECODE_H
#define EGRET_INGEST_DECODE_H

#include "compiler/text.h"
#include "ingest/stats.h"
#include "nfa/engine.h"

/* DEBEZIUM: JSON; each record is an envelope (envelope.h), and what is given is the flat record in it. Such a record cannot be read again from the source. */
typedef enum ingest_format { INGEST_FORMAT_JSON, INGEST_FORMAT_CSV, INGEST_FORMAT_DEBEZIUM } ingest_format;

typedef struct ingest_decoder_options {
    const plan *plan;
    uint32_t stream;            /* all records are of this stream; PLAN_NONE: see below */
    const plan_edge *source;    /* stream PLAN_NONE: its routes choose; NULL: the field named by name_field does */
    egret_str name_field;       /* dotted path; empty: "type" */
    nfa_engine *engine;         /* evaluates conditions of routes; may be NULL when there are none */
    ingest_format format;
    uint32_t max_record;        /* bytes of one record; 0: 1 MiB */
    bool unlearned;             /* for tests: each record is read as if it were the first of its kind */
} ingest_decoder_options;

typedef struct ingest_decoder ingest_decoder;

/* Borrowed from what was fed and from the decoder, until the next call of next, feed or reset. */
typedef struct ingest_record {
    uint32_t stream;            /* PLAN_NONE when rejected before it was known */
    const egret_value *slots;   /* n_slots of the stream; NULL when rejected */
    const char *raw;            /* the record's text */
    size_t raw_len;
    uint64_t offset;            /* of raw, from the first byte fed since new or reset; rejected: raw's too */
    uint64_t line;              /* from 1; in an array or with objects over several lines: the record's number from 1 */
    ingest_reason reason;       /* NONE, or why it was rejected */
    const char *text;           /* of the reason, for people; names the byte in the record for syntax errors */
    bool lent;                  /* strings of slots may lie outside the text (they were unescaped) */
} ingest_record;

typedef enum ingest_got {
    INGEST_GOT_RECORD,
    INGEST_GOT_REJECTED,
    INGEST_GOT_MORE,            /* nothing complete is left: feed more */
    INGEST_GOT_END,             /* after feeding `final`: all is read */
    INGEST_GOT_NO_MEMORY
} ingest_got;

/* NULL: no memory. */
ingest_decoder *ingest_decoder_new(const ingest_decoder_options *options);
void ingest_decoder_free(ingest_decoder *decoder);      /* NULL is allowed */
/* Begins another file or body: header, format of JSON, lines and offsets start anew. What was learned of keys stays. */
void ingest_decoder_reset(ingest_decoder *decoder);
/* Says that the bytes fed next are at this place of the source (following a file from where it was left). The header line of CSV
 * must have been read, or is expected there; the layout of JSON, where it was not seen before, is taken to be lines. */
void ingest_decoder_seek(ingest_decoder *decoder, uint64_t offset, uint64_t lines_before);

/* ptr[0] is the first byte not taken yet. readable >= len: bytes from ptr on that may be read, whatever they hold; records with
 * INGEST_JSON_PADDING readable bytes behind them are not copied. final: nothing comes after these. */
void ingest_decoder_feed(ingest_decoder *decoder, const char *ptr, size_t len, size_t readable, bool final);
ingest_got ingest_decoder_next(ingest_decoder *decoder, ingest_record *record);
/* Slots of the records that follow go there, where there is room for ingest_decoder_slots values; NULL: to memory of the decoder. */
void ingest_decoder_place(ingest_decoder *decoder, egret_value *slots);
uint32_t ingest_decoder_slots(const ingest_decoder *decoder);
size_t ingest_decoder_taken(const ingest_decoder *decoder);     /* bytes of what was fed that are done with */

/* Writes a record's text, kept from earlier, as JSON: JSON as it is if it is valid (else as a JSON string), a CSV row as an object
 * named by this decoder's header. May be called between records and while one is at hand. */
void ingest_decoder_render(ingest_decoder *decoder, const char *raw, size_t raw_len, egret_text *out);

/* Length of the record that begins at ptr[0], one of this decoder's format that was accepted before; 0: it goes beyond len. final:
 * nothing follows len. */
size_t ingest_decoder_extent(const ingest_decoder *decoder, const char *ptr, size_t len, bool final);

/* records, rejected (by reason), unrouted; the rest stays zero. */
const ingest_stats *ingest_decoder_stats(const ingest_decoder *decoder);

/* "json", "csv", "debezium". False: there is no such format. */
bool ingest_format_named(const char *name, size_t len, ingest_format *out);
/* By the ending of a file's name: ".csv" is CSV, all else JSON. */
ingest_format ingest_format_of_path(const char *path);

#endif
