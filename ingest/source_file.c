/*
 * source_file.c: files and standard input as sources.
 *
 * A buffer is read into in large pieces. Lines are decoded where they lie; what the decoder did not take (a record cut by the end of the
 * buffer) is moved to the front, of this buffer or of another, and the next piece is read behind it. A record larger than the buffer makes it grow; the
 * decoder's limit on records bounds that.
 *
 * A followed file is asked again by its owner. If its path names another file now, or it has become shorter than what was read, writing
 * begins anew at 0 (log rotation): first the rest of the old file is read, then the batch is marked `restarted`.
 *
 * Invariants: buffer[begin .. end) is what is not taken; offset is the place of buffer[begin] in the file; PADDING bytes behind end are
 * readable.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ingest/simdjson_shim.h"
#include "ingest/source.h"

enum { FIRST_BUFFER = 128 * 1024 };    /* what is read is decoded while it is still in the cache of one core */
static const size_t MAX_BUFFER = (size_t)1 << 30;

struct ingest_source {
    int fd;
    bool follow, regular, ended;
    char *path;                 /* NULL: standard input */
    ingest_buffer buffer;
    size_t begin, end;
    uint64_t offset;
};

static void close_source(ingest_source *source)
{
    if (source == NULL)
        return;
    if (source->path != NULL && source->fd >= 0)
        close(source->fd);
    free(source->path);
    free(source->buffer.ptr);
    free(source);
}

/* Opens source->path; a directory is not a source. */
static egret_status open_path(ingest_source *source, uint64_t offset)
{
    struct stat info;
    source->fd = open(source->path, O_RDONLY | O_CLOEXEC);
    if (source->fd < 0 || fstat(source->fd, &info) != 0)
        return EGRET_IO;
    if (S_ISDIR(info.st_mode)) {
        errno = EISDIR;
        return EGRET_IO;
    }
    source->regular = S_ISREG(info.st_mode);
    source->offset = offset;
    if (offset > 0 && lseek(source->fd, (off_t)offset, SEEK_SET) < 0)
        return EGRET_IO;
    if (source->regular)
        (void)posix_fadvise(source->fd, 0, 0, POSIX_FADV_SEQUENTIAL);    /* advice only */
    return EGRET_OK;
}

static ingest_source *new_source(void)
{
    ingest_source *source = calloc(1, sizeof *source);
    if (source == NULL)
        return NULL;
    source->fd = -1;
    return source;
}

static egret_status open_file(const char *target, uint64_t offset, bool follow, ingest_source **out)
{
    ingest_source *source = new_source();
    if (source == NULL)
        return EGRET_NO_MEMORY;
    source->follow = follow;
    source->path = strdup(target);
    egret_status status = source->path == NULL ? EGRET_NO_MEMORY : open_path(source, offset);
    if (status == EGRET_OK) {
        *out = source;
        return EGRET_OK;
    }
    int why = errno;
    close_source(source);
    errno = why;
    return status;
}

static egret_status open_stdin(const char *target, uint64_t offset, bool follow, ingest_source **out)
{
    (void)target, (void)offset, (void)follow;
    ingest_source *source = new_source();
    if (source == NULL)
        return EGRET_NO_MEMORY;
    source->fd = STDIN_FILENO;
    *out = source;
    return EGRET_OK;
}

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

/* Reads once, as much as there is room for. */
static egret_status read_piece(ingest_source *source, size_t *fresh)
{
    size_t room = source->buffer.capacity - INGEST_JSON_PADDING - source->end;
    for (;;) {
        ssize_t got = read(source->fd, source->buffer.ptr + source->end, room);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return EGRET_IO;
        source->end += (size_t)got;
        *fresh = (size_t)got;
        return EGRET_OK;
    }
}

/* Whether the path names another file than the one that is open, or this one was cut. */
static bool was_replaced(const ingest_source *source)
{
    struct stat here, there;
    if (fstat(source->fd, &here) != 0 || stat(source->path, &there) != 0)
        return false;
    return here.st_ino != there.st_ino || here.st_dev != there.st_dev || (uint64_t)here.st_size < source->offset + (source->end - source->begin);
}

/* The followed file is at its end and has been replaced: its rest is dropped, the new one begins. */
static egret_status restart(ingest_source *source, ingest_batch *batch)
{
    close(source->fd);
    source->begin = source->end = 0;
    batch->restarted = true;
    egret_status status = open_path(source, 0);
    return status == EGRET_OK ? read_piece(source, &batch->fresh) : status;
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
        status = read_piece(source, &batch->fresh);
    if (status == EGRET_OK && batch->fresh == 0 && source->follow && was_replaced(source))
        status = restart(source, batch);
    if (status != EGRET_OK)
        return status;
    source->ended = batch->fresh == 0 && !source->follow;
    batch->ptr = source->buffer.ptr + source->begin;
    batch->len = source->end - source->begin;
    batch->readable = batch->len + INGEST_JSON_PADDING;
    batch->offset = source->offset;
    batch->final = source->ended;
    return EGRET_OK;
}

static uint64_t position(const ingest_source *source)
{
    return source->offset;
}

static bool identity(const ingest_source *source, ingest_file_identity *out)
{
    struct stat info;
    if (!source->regular || fstat(source->fd, &info) != 0)
        return false;
    *out = (ingest_file_identity){ (uint64_t)info.st_dev, (uint64_t)info.st_ino, (uint64_t)info.st_size };
    return true;
}

static int reread_fd(const ingest_source *source)
{
    return source->regular && !source->follow ? source->fd : -1;
}

const ingest_source_kind ingest_source_file = { "file", open_file, next_batch, position, identity, reread_fd, close_source };
const ingest_source_kind ingest_source_stdin = { "stdin", open_stdin, next_batch, position, identity, reread_fd, close_source };
