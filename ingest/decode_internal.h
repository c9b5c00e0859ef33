/*
 * decode_internal.h: the decoder's insides, shared by decode.c (streams and fields), decode_json.c and decode_csv.c (records).
 */
#ifndef EGRET_INGEST_DECODE_INTERNAL_H
#define EGRET_INGEST_DECODE_INTERNAL_H

#include "compiler/csv.h"
#include "ingest/convert.h"
#include "ingest/decode.h"
#include "ingest/json_template.h"
#include "ingest/simdjson_shim.h"

enum { DECODE_REASON_CAP = 320, DECODE_DEFAULT_MAX_RECORD = 1 << 20 };

/* Fields to read together: of one stream (those that have a slot), or of a source's routes. Field i goes to slot[i]. */
typedef struct decode_spec {
    const plan_field **fields;
    uint32_t *slot;
    uint32_t n_fields;
    ingest_shape *shape;        /* JSON */
    json_template *template;    /* JSON: how its records were written so far; NULL: nothing is learned */
    uint32_t *column;           /* CSV: column of each field; PLAN_NONE: the file has none */
} decode_spec;

/* Streams chosen lately, by the texts that decided: a source has a few kinds of records, and their conditions need not be evaluated for each
 * record anew. Only where one string decides, and nothing that may change behind it. */
enum { DECODE_MEMO_ENTRIES = 64, DECODE_MEMO_TEXT = 28 };
typedef struct decode_memo_entry {
    uint8_t len;                /* 0: free */
    char text[DECODE_MEMO_TEXT];
    uint32_t stream;            /* PLAN_NONE: no route wants it */
} decode_memo_entry;

typedef enum decode_layout { DECODE_UNKNOWN, DECODE_LINES, DECODE_ARRAY, DECODE_VALUES } decode_layout;

struct ingest_decoder {
    ingest_decoder_options options;
    decode_spec *specs;         /* per stream of the plan; fields NULL: this decoder never feeds it */
    decode_spec choice;         /* route fields, or the one field that names the stream */
    plan_field name_field;
    bool chooses;               /* choice must be read first */
    bool remembers;             /* memo may be used */
    decode_memo_entry memo[DECODE_MEMO_ENTRIES];
    ingest_token *tokens;
    egret_value *slots;         /* of the record at hand: own_slots, or where somebody wants them */
    egret_value *own_slots;
    egret_value *choice_slots;
    uint32_t most_slots;
    ingest_date_cache dates;
    ingest_stats stats;
    char reason[DECODE_REASON_CAP];

    const char *ptr;            /* as fed */
    size_t len, readable, pos;
    bool final;
    uint64_t base;              /* offset of ptr[0] */
    uint64_t line;              /* lines (or records) before pos */

    ingest_json *json;
    decode_layout layout;
    bool array_done;
    bool skipping;              /* inside a line that is too long */
    size_t block_end;           /* of the block of lines at hand, which may be indexed */
    uint32_t declined;          /* lines of it that no template fitted */

    egret_text flat;            /* of a change record */

    egret_csv csv;
    bool has_header, started;
    egret_text header;          /* its cells, one after the other */
    uint32_t *header_end;       /* end of each in header */
    uint32_t n_columns;
};

/* decode_json.c, decode_csv.c: the next record of what was fed. */
ingest_got decode_next_json(ingest_decoder *decoder, ingest_record *record);
ingest_got decode_next_csv(ingest_decoder *decoder, ingest_record *record);
void decode_render_csv(ingest_decoder *decoder, const char *raw, size_t raw_len, egret_text *out);
void decode_forget_header(ingest_decoder *decoder);

/* decode_choice.c: the stream of a record, from choice_slots. RECORD: record->stream is set; MORE: no route wants it; REJECTED. */
bool decode_may_remember(const ingest_decoder *decoder);
ingest_got decode_choose(ingest_decoder *decoder, ingest_record *record);

/* decode.c: the stream and fields of one record whose text is set. RECORD, REJECTED, MORE (unrouted: go on), NO_MEMORY. */
ingest_got decode_fields_json(ingest_decoder *decoder, ingest_record *record, size_t readable);
/* The usual way: reads the line that begins at record->raw as lines before it were written. Padding must be behind what was fed. False: declined; else
 * record->raw_len is set, and *got as of decode_fields_json. */
bool decode_known_line(ingest_decoder *decoder, ingest_record *record, ingest_got *got);
ingest_got decode_fields_csv(ingest_decoder *decoder, ingest_record *record);
ingest_got decode_reject(ingest_decoder *decoder, ingest_record *record, ingest_reason reason, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
