/*
 * csv.h: splits CSV text (RFC 4180) into records and cells; knows nothing of columns or types.
 *
 *     egret_csv csv;
 *     egret_csv_init(&csv, mem, text, len);
 *     while ((got = egret_csv_next(&csv)) == EGRET_CSV_RECORD)
 *         ... csv.cells[0 .. csv.n_cells), csv.line ...
 *     egret_csv_deinit(&csv);
 *
 * Quoted cells may hold separators, doubled quotes and line ends. Lines end with LF or CRLF, the last one may end with the text.
 * A byte order mark at the start of the text and empty lines are skipped. Pure: no I/O, no globals.
 */
#ifndef EGRET_COMPILER_CSV_H
#define EGRET_COMPILER_CSV_H

#include "compiler/arena.h"

typedef enum egret_csv_result {
    EGRET_CSV_RECORD,       /* cells, line, start and end say which */
    EGRET_CSV_END,          /* nothing is left */
    EGRET_CSV_MORE,         /* the last record is not complete and `final` is false: nothing was taken */
    EGRET_CSV_BAD,          /* error and line say what is wrong; the record is passed over, the next call goes on behind it */
    EGRET_CSV_NO_MEMORY
} egret_csv_result;

/* One cell without its quotes. Borrows the text (or the reader's own memory when quotes had to be undoubled) until the next call. */
typedef struct egret_csv_cell {
    const char *ptr;
    uint32_t len;
    bool quoted;            /* was written in quotes: "" is an empty string, an empty cell without them is none */
} egret_csv_cell;

typedef struct egret_csv {
    /* Set before the first call, or left as egret_csv_init makes them. */
    char separator;         /* ',' */
    bool final;             /* true: no text follows `len`; false: an unfinished last record gives EGRET_CSV_MORE */
    /* Read after each call. */
    egret_csv_cell *cells;
    uint32_t n_cells;
    uint32_t line;          /* line on which the record begins, from 1; after EGRET_CSV_BAD the line of the error */
    size_t start, end;      /* the record's bytes in the text, without its line end */
    const char *error;      /* after EGRET_CSV_BAD; a constant text */
    /* The reader's own. */
    egret_mem mem;
    const char *text;
    size_t len, pos;
    uint32_t next_line, capacity;
    char *scratch;
    size_t scratch_capacity;
} egret_csv;

/* text is borrowed until deinit (or the next egret_csv_feed). */
void egret_csv_init(egret_csv *csv, egret_mem mem, const char *text, size_t len);
void egret_csv_deinit(egret_csv *csv);
/* For text that comes in pieces: goes on at text[0], which must be the byte at the old `pos`. Lines count on. */
void egret_csv_feed(egret_csv *csv, const char *text, size_t len, bool final);
egret_csv_result egret_csv_next(egret_csv *csv);

#endif
