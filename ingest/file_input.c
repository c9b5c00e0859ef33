/*
 * file_input.c: see file_input.h. What a file is shows in its first bytes; a file that is empty when it is opened is looked at again until it has some.
 * gzip members and zstd frames that follow each other are one text, as their tools see it.
 */
#include "ingest/file_input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { PACKED_BUFFER = 64 * 1024, MAGIC = 4 };

typedef enum packing { UNKNOWN, PLAIN, GZIP, ZSTD } packing;

struct file_input {
    int fd;
    bool regular;
    packing packing;
    uint64_t offset;            /* of the next byte given */
    uint64_t raw_offset;        /* bytes read of the file */
    unsigned char *packed;      /* owned; [begin, end) is read and not unpacked */
    size_t begin, end;
    z_stream gzip;
    ZSTD_DStream *zstd;
    bool inside;                /* of a member or frame */
    unsigned char head[INGEST_FILE_HEAD];   /* packed files: the first bytes unpacked */
    size_t head_len;
};

static egret_status unpack_begin(file_input *input)
{
    free(input->packed);
    input->packed = malloc(PACKED_BUFFER);
    if (input->packed == NULL)
        return EGRET_NO_MEMORY;
    if (input->packing == GZIP)
        return inflateInit2(&input->gzip, 15 + 16) == Z_OK ? EGRET_OK : EGRET_NO_MEMORY;
    input->zstd = ZSTD_createDStream();
    return input->zstd != NULL ? EGRET_OK : EGRET_NO_MEMORY;
}

static void unpack_end(file_input *input)
{
    if (input->packing == GZIP)
        inflateEnd(&input->gzip);
    ZSTD_freeDStream(input->zstd);
    free(input->packed);
    memset(&input->gzip, 0, sizeof input->gzip);
    input->zstd = NULL;
    input->packed = NULL;
    input->packing = UNKNOWN;
    input->begin = input->end = 0;
    input->inside = false;
}

/* Pipes and the like are plain. */
static egret_status look_at_magic(file_input *input)
{
    static const unsigned char gzip[] = { 0x1f, 0x8b }, zstd[] = { 0x28, 0xb5, 0x2f, 0xfd };
    unsigned char magic[MAGIC];
    ssize_t n = input->regular ? pread(input->fd, magic, sizeof magic, 0) : 0;
    if (n < 0) {
        input->packing = PLAIN;     /* reading it will say what is wrong */
        return EGRET_OK;
    }
    if (input->regular && (n == 0 || (n < MAGIC && memcmp(magic, n < 2 ? gzip : zstd, (size_t)n < sizeof gzip ? (size_t)n : sizeof gzip) == 0)))
        return EGRET_OK;    /* not known yet */
    input->packing = n >= 2 && memcmp(magic, gzip, sizeof gzip) == 0 ? GZIP : n == MAGIC && memcmp(magic, zstd, MAGIC) == 0 ? ZSTD : PLAIN;
    return input->packing == PLAIN ? EGRET_OK : unpack_begin(input);
}

egret_status file_input_open(const char *path, file_input **out)
{
    struct stat info;
    file_input *input = calloc(1, sizeof *input);
    if (input == NULL)
        return EGRET_NO_MEMORY;
    egret_status status = EGRET_OK;
    input->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (input->fd < 0 || fstat(input->fd, &info) != 0)
        status = EGRET_IO;
    else if (S_ISDIR(info.st_mode)) {
        errno = EISDIR;
        status = EGRET_IO;
    } else {
        input->regular = S_ISREG(info.st_mode);
        if (input->regular)
            (void)posix_fadvise(input->fd, 0, 0, POSIX_FADV_SEQUENTIAL);    /* advice only */
        status = look_at_magic(input);
    }
    if (status == EGRET_OK) {
        *out = input;
        return EGRET_OK;
    }
    int why = errno;
    file_input_close(input);
    errno = why;
    return status;
}

void file_input_close(file_input *input)
{
    if (input == NULL)
        return;
    unpack_end(input);
    if (input->fd >= 0)
        close(input->fd);
    free(input);
}

/* ---- reading ---- */

static egret_status read_raw(file_input *input, void *ptr, size_t room, size_t *got)
{
    for (;;) {
        ssize_t n = read(input->fd, ptr, room);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return EGRET_IO;
        input->raw_offset += (uint64_t)n;
        *got = (size_t)n;
        return EGRET_OK;
    }
}

/* Unpacks from the buffer; *made bytes. EGRET_IO: damaged. */
static egret_status unpack(file_input *input, char *ptr, size_t room, size_t *made)
{
    unsigned char *from = input->packed + input->begin;
    size_t len = input->end - input->begin;
    if (len == 0 && !input->inside) {
        *made = 0;
        return EGRET_OK;
    }
    if (input->packing == ZSTD) {
        ZSTD_inBuffer in = { from, len, 0 };
        ZSTD_outBuffer out = { ptr, room, 0 };
        size_t code = ZSTD_decompressStream(input->zstd, &out, &in);
        if (ZSTD_isError(code)) {
            errno = EBADMSG;
            return EGRET_IO;
        }
        input->inside = code != 0;
        input->begin += in.pos;
        *made = out.pos;
        return EGRET_OK;
    }
    if (!input->inside && inflateReset(&input->gzip) != Z_OK)
        return EGRET_NO_MEMORY;
    input->gzip.next_in = from;
    input->gzip.avail_in = (uInt)len;
    input->gzip.next_out = (Bytef *)ptr;
    input->gzip.avail_out = room > UINT32_MAX ? UINT32_MAX : (uInt)room;
    uInt before = input->gzip.avail_out;
    int code = inflate(&input->gzip, Z_NO_FLUSH);
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
        errno = EBADMSG;
        return EGRET_IO;
    }
    input->begin += len - input->gzip.avail_in;
    input->inside = code != Z_STREAM_END;
    *made = before - input->gzip.avail_out;
    return EGRET_OK;
}

static void keep_head(file_input *input, const char *ptr, size_t n)
{
    size_t room = sizeof input->head - input->head_len;
    if (input->offset != input->head_len || room == 0)
        return;
    memcpy(input->head + input->head_len, ptr, n < room ? n : room);
    input->head_len += n < room ? n : room;
}

static egret_status read_packed(file_input *input, char *ptr, size_t room, size_t *got)
{
    for (;;) {
        egret_status status = unpack(input, ptr, room, got);
        if (status != EGRET_OK || *got > 0)
            return status;
        if (input->begin < input->end)
            continue;           /* a member ended exactly here */
        input->begin = input->end = 0;
        status = read_raw(input, input->packed, PACKED_BUFFER, &input->end);
        if (status != EGRET_OK || input->end == 0)
            return status;
    }
}

egret_status file_input_read(file_input *input, char *ptr, size_t room, size_t *got)
{
    *got = 0;
    if (input->packing == UNKNOWN) {
        egret_status status = look_at_magic(input);
        if (status != EGRET_OK || input->packing == UNKNOWN)
            return status;
    }
    if (input->packing == PLAIN) {
        egret_status status = read_raw(input, ptr, room, got);
        input->offset += *got;
        return status;
    }
    egret_status status = read_packed(input, ptr, room, got);
    keep_head(input, ptr, *got);
    input->offset += *got;
    return status;
}

egret_status file_input_seek(file_input *input, uint64_t offset)
{
    char skipped[4096];
    size_t got;
    if (input->packing == PLAIN) {
        if (lseek(input->fd, (off_t)offset, SEEK_SET) < 0)
            return EGRET_IO;
        input->offset = input->raw_offset = offset;
        return EGRET_OK;
    }
    if (offset < input->offset) {
        if (lseek(input->fd, 0, SEEK_SET) < 0)
            return EGRET_IO;
        unpack_end(input);
        input->offset = input->raw_offset = input->head_len = 0;
    }
    while (input->offset < offset) {
        uint64_t rest = offset - input->offset;
        egret_status status = file_input_read(input, skipped, rest < sizeof skipped ? (size_t)rest : sizeof skipped, &got);
        if (status != EGRET_OK || got == 0)
            return status;
        if (input->packing == PLAIN)
            return file_input_seek(input, offset);
    }
    return EGRET_OK;
}

/* ---- which file it is ---- */

uint64_t ingest_file_head(const char *ptr, size_t len)
{
    return len > 0 ? XXH3_64bits(ptr, len) : 0;
}

static size_t read_head(file_input *input, unsigned char head[INGEST_FILE_HEAD])
{
    if (input->packing == GZIP || input->packing == ZSTD) {
        memcpy(head, input->head, input->head_len);
        return input->head_len;
    }
    ssize_t n = pread(input->fd, head, INGEST_FILE_HEAD, 0);
    return n > 0 ? (size_t)n : 0;
}

bool file_input_identity(file_input *input, ingest_file_identity *out)
{
    struct stat info;
    unsigned char head[INGEST_FILE_HEAD];
    if (!input->regular || fstat(input->fd, &info) != 0)
        return false;
    size_t n = read_head(input, head);
    *out = (ingest_file_identity){ (uint64_t)info.st_dev, (uint64_t)info.st_ino, (uint64_t)info.st_size, ingest_file_head((const char *)head, n), n,
                                  (int64_t)info.st_mtim.tv_sec * 1000000000 + info.st_mtim.tv_nsec };
    return true;
}

bool file_input_was_cut(file_input *input, const ingest_file_identity *then)
{
    struct stat info;
    unsigned char head[INGEST_FILE_HEAD];
    if (!input->regular || fstat(input->fd, &info) != 0)
        return false;
    if ((uint64_t)info.st_size < input->raw_offset)
        return true;
    if (input->packing != PLAIN || then->head_len == 0)
        return false;
    size_t n = read_head(input, head);
    return n < then->head_len || ingest_file_head((const char *)head, then->head_len) != then->head;
}

bool file_input_is_regular(const file_input *input)
{
    return input->regular;
}

bool file_input_is_packed(const file_input *input)
{
    return input->packing == GZIP || input->packing == ZSTD;
}

bool file_input_ends_early(const file_input *input)
{
    return file_input_is_packed(input) && input->inside;
}

int file_input_fd(const file_input *input)
{
    return input->fd;
}
