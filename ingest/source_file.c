/*
 * source_file.c: files and standard input as sources.
 *
 * A buffer is read into in large pieces. Lines are decoded where they lie; what the decoder did not take (a record cut by the end of the
 * buffer) is moved to the front, of this buffer or of another, and the next piece is read behind it. A record larger than the buffer makes it grow; the
 * decoder's limit on records bounds that.
 *
 * A followed file is asked again by its owner. Three things can happen to it meanwhile:
 *  - It was moved away and another stands under its name (rotation). It is read to its end, and a few looks longer, as its writer may not know
 *    yet; then what follows it is read (ingest/file_chain.h).
 *  - It was cut (copytruncate). The rest that was not read is in the copy beside it: that is found by its first bytes and read on from there.
 *  - It became longer: most of the time.
 *
 * Invariants: buffer[begin .. end) is what is not taken; offset is the place of buffer[begin] in the file; PADDING bytes behind end are
 * readable.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "ingest/file_chain.h"
#include "ingest/file_input.h"
#include "ingest/simdjson_shim.h"
#include "ingest/source.h"

enum {
    FIRST_BUFFER = 128 * 1024,      /* what is read is decoded while it is still in the cache of one core */
    LINGER = 10,                    /* looks at a file that was moved away, after its end … */
    LINGER_S = 2                    /* … unless the next one has been there, untouched, for so long */
};
static const size_t MAX_BUFFER = (size_t)1 << 30;

struct ingest_source {
    file_input *input;          /* NULL: standard input; or a followed file that is not there yet */
    bool follow, ended;
    char *path;                 /* as declared; NULL: standard input */
    ingest_file_identity then;  /* of the file at hand, when it was looked at last */
    bool has_then;
    unsigned lingered;
    bool finished;              /* the file at hand: its end was given, the next one begins */
    ingest_buffer buffer;
    size_t begin, end;
    uint64_t offset;
};

static void close_source(ingest_source *source)
{
    if (source == NULL)
        return;
    file_input_close(source->input);
    free(source->path);
    free(source->buffer.ptr);
    free(source);
}

/* Another file is at hand, at its beginning; the buffer is empty. */
static void take_input(ingest_source *source, file_input *input)
{
    file_input_close(source->input);
    source->input = input;
    source->begin = source->end = 0;
    source->offset = 0;
    source->lingered = 0;
    source->finished = false;
    source->has_then = file_input_identity(input, &source->then);
}

static egret_status open_path(ingest_source *source, const char *path)
{
    file_input *input;
    egret_status status = file_input_open(path, &input);
    if (status == EGRET_OK)
        take_input(source, input);
    return status;
}

/* The first file there is; a followed one may come later. */
static egret_status open_first(ingest_source *source)
{
    char *first = file_chain_first(source->path);
    if (first == NULL)
        errno = ENOENT;
    egret_status status = first == NULL ? EGRET_IO : open_path(source, first);
    free(first);
    return status == EGRET_IO && errno == ENOENT && source->follow ? EGRET_OK : status;
}

static egret_status open_file(const char *target, bool follow, ingest_source **out)
{
    ingest_source *source = calloc(1, sizeof *source);
    if (source == NULL)
        return EGRET_NO_MEMORY;
    source->follow = follow;
    source->path = strdup(target);
    egret_status status = source->path == NULL ? EGRET_NO_MEMORY : open_first(source);
    if (status == EGRET_OK) {
        *out = source;
        return EGRET_OK;
    }
    int why = errno;
    close_source(source);
    errno = why;
    return status;
}

static egret_status open_stdin(const char *target, bool follow, ingest_source **out)
{
    (void)target, (void)follow;
    *out = calloc(1, sizeof **out);
    return *out != NULL ? EGRET_OK : EGRET_NO_MEMORY;
}

/* ---- the buffer ---- */

/* Makes a buffer larger until `left` bytes fill no more than half of it. */
static egret_status grow(ingest_buffer *buffer, size_t left)
{
    while (buffer->capacity == 0 || left + INGEST_JSON_PADDING > buffer->capacity / 2) {
        if (buffer->capacity >= MAX_BUFFER)
            return left + INGEST_JSON_PADDING < buffer->capacity ? EGRET_OK : EGRET_NO_MEMORY;
        size_t capacity = buffer->capacity == 0 ? FIRST_BUFFER : buffer->capacity * 2;
        char *grown = realloc(buffer->ptr, capacity);
        if (grown == NULL)
            return EGRET_NO_MEMORY;
        memset(grown + buffer->capacity, 0, capacity - buffer->capacity);
        *buffer = (ingest_buffer){ grown, capacity };
    }
    return EGRET_OK;
}

/* Moves what is left to the front of the buffer, or of the spare one, with room behind it. */
static egret_status make_room(ingest_source *source, ingest_buffer *spare)
{
    size_t left = source->end - source->begin;
    egret_status status = grow(spare != NULL ? spare : &source->buffer, left);
    if (status != EGRET_OK)
        return status;
    if (spare != NULL) {
        ingest_buffer before = source->buffer;
        if (left > 0)
            memcpy(spare->ptr, before.ptr + source->begin, left);
        source->buffer = *spare;
        *spare = before;
    } else if (source->begin > 0) {
        memmove(source->buffer.ptr, source->buffer.ptr + source->begin, left);
    }
    source->begin = 0;
    source->end = left;
    return EGRET_OK;
}

static egret_status read_stdin(char *ptr, size_t room, size_t *got)
{
    for (;;) {
        ssize_t n = read(STDIN_FILENO, ptr, room);
        if (n < 0 && errno == EINTR)
            continue;
        *got = n > 0 ? (size_t)n : 0;
        return n < 0 ? EGRET_IO : EGRET_OK;
    }
}

/* Reads once, as much as there is room for. */
static egret_status read_piece(ingest_source *source, size_t *fresh)
{
    char *ptr = source->buffer.ptr + source->end;
    size_t room = source->buffer.capacity - INGEST_JSON_PADDING - source->end;
    egret_status status = source->path == NULL ? read_stdin(ptr, room, fresh) : file_input_read(source->input, ptr, room, fresh);
    source->end += status == EGRET_OK ? *fresh : 0;
    return status;
}

/* ---- what becomes of files ---- */

/* The file at hand was cut: its rest is read from a copy, if there is one; else the file is read from its beginning. */
static egret_status after_cut(ingest_source *source, ingest_batch *batch)
{
    char *copy = file_chain_find(source->path, &source->then, source->offset);
    file_input *input = NULL;
    uint64_t offset = source->offset;
    bool found = copy != NULL && file_input_open(copy, &input) == EGRET_OK;
    free(copy);
    if (found) {
        take_input(source, input);
        source->offset = offset;
        return file_input_seek(input, offset);
    }
    batch->restarted = batch->gap = true;
    egret_status status = file_input_seek(source->input, 0);
    source->begin = source->end = 0;
    source->offset = 0;
    source->has_then = file_input_identity(source->input, &source->then);
    return status;
}

/* The path of the file behind the one at hand; NULL: it is the last one. Owned. */
static char *next_path(const ingest_source *source)
{
    ingest_file_identity now;
    if (source->path == NULL || !file_input_identity(source->input, &now))
        return NULL;
    return file_chain_next(source->path, &now);
}

/* May somebody still write to the file at hand, who does not know yet that `next` follows it? Not when that one was moved away as well. */
static bool may_grow(ingest_source *source, const char *next)
{
    struct stat info;
    return (strcmp(next, source->path) == 0 || file_chain_is_pattern(source->path)) && source->follow && source->lingered++ < LINGER && stat(next, &info) == 0 && time(NULL) - info.st_mtim.tv_sec < LINGER_S;
}

/* The end of the file at hand was given: goes to the one behind it. */
static egret_status begin_next(ingest_source *source, ingest_batch *batch)
{
    char *next = next_path(source);
    file_input *input;
    if (next == NULL)
        return EGRET_OK;        /* it was moved on again: the next look finds it */
    egret_status status = file_input_open(next, &input);
    free(next);
    if (status == EGRET_IO && errno == ENOENT)
        return EGRET_OK;
    if (status != EGRET_OK)
        return status;
    take_input(source, input);
    batch->restarted = true;
    return read_piece(source, &batch->fresh);
}

/* Nothing is left of the file at hand. */
static egret_status at_end(ingest_source *source, ingest_batch *batch)
{
    char *next = next_path(source);
    bool early = source->input != NULL && file_input_ends_early(source->input);
    if (next == NULL) {
        errno = EBADMSG;
        source->ended = !source->follow && !early;
        return early && !source->follow ? EGRET_IO : EGRET_OK;
    }
    if (!may_grow(source, next)) {
        source->finished = batch->ends_file = true;
        batch->gap = early;
    }
    free(next);
    return EGRET_OK;
}

/* More of the file at hand, or of the one behind it. That it was cut is looked at after reading: what was read then may be of either text, and
 * is read again from where it stands now. */
static egret_status read_on(ingest_source *source, ingest_batch *batch)
{
    egret_status status = EGRET_OK;
    if (source->finished)
        return begin_next(source, batch);
    if (source->path != NULL && source->input == NULL) {
        status = open_first(source);
        if (status != EGRET_OK || source->input == NULL)
            return status;
    }
    status = read_piece(source, &batch->fresh);
    if (status == EGRET_OK && source->follow && source->has_then && file_input_was_cut(source->input, &source->then)) {
        source->end -= batch->fresh;
        status = after_cut(source, batch);
        if (status == EGRET_OK)
            status = read_piece(source, &batch->fresh);
    }
    if (status == EGRET_OK && source->follow && source->has_then && source->then.head_len < INGEST_FILE_HEAD)
        source->has_then = file_input_identity(source->input, &source->then);
    if (status != EGRET_OK)
        return status;
    if (batch->fresh == 0)
        return at_end(source, batch);
    source->lingered = 0;
    return EGRET_OK;
}

static egret_status next_batch(ingest_source *source, size_t taken, ingest_buffer *spare, ingest_batch *batch)
{
    if (taken > source->end - source->begin)
        return EGRET_BAD_USE;
    source->begin += taken;
    source->offset += taken;
    *batch = (ingest_batch){ 0 };
    egret_status status = make_room(source, spare);
    if (status == EGRET_OK && !source->ended)
        status = read_on(source, batch);
    if (status != EGRET_OK)
        return status;
    batch->ptr = source->buffer.ptr + source->begin;
    batch->len = source->end - source->begin;
    batch->readable = batch->len + INGEST_JSON_PADDING;
    batch->offset = source->offset;
    batch->final = source->ended;
    return EGRET_OK;
}

/* ---- places ---- */

static uint64_t position(const ingest_source *source)
{
    return source->offset;
}

static bool identity(const ingest_source *source, ingest_file_identity *out)
{
    return source->input != NULL && file_input_identity(source->input, out);
}

static bool find(ingest_source *source, const ingest_file_identity *file, uint64_t offset)
{
    file_input *input;
    char *path = source->path != NULL ? file_chain_find(source->path, file, offset) : NULL;
    bool found = path != NULL && file_input_open(path, &input) == EGRET_OK;
    free(path);
    if (found)
        take_input(source, input);
    return found;
}

static egret_status seek(ingest_source *source, uint64_t offset)
{
    egret_status status = source->input != NULL ? file_input_seek(source->input, offset) : EGRET_BAD_USE;
    source->begin = source->end = 0;
    source->offset = offset;
    source->finished = source->ended = false;
    return status;
}

static int reread_fd(const ingest_source *source)
{
    bool plain = source->input != NULL && !file_input_is_packed(source->input) && file_input_is_regular(source->input);
    return plain && !source->follow && !file_chain_is_pattern(source->path) ? file_input_fd(source->input) : -1;
}

const ingest_source_kind ingest_source_file = { "file", open_file, next_batch, position, identity, find, seek, reread_fd, close_source };
const ingest_source_kind ingest_source_stdin = { "stdin", open_stdin, next_batch, position, identity, find, seek, reread_fd, close_source };
