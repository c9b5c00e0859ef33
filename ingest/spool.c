/*
 * spool.c: records one after the other in a file: magic with a check of the place (4 bytes), length (4 bytes), bytes. Written through a buffer.
 *
 * A ref is generation * max_bytes + offset, so a ref from before the file began anew is told from one of now. What get reads is checked
 * against the place, so a ref that was never given out finds nothing rather than garbage.
 */
#include "ingest/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER_BYTES = 256 * 1024, HEAD_BYTES = 8 };
static const uint64_t DEFAULT_MAX_BYTES = UINT64_C(4) << 30;

struct ingest_spool {
    int fd;
    uint64_t max_bytes;
    uint64_t generation;
    uint64_t written;       /* bytes in the file */
    char *buffer;           /* what follows them */
    size_t buffered;
};

static uint32_t check_of(uint64_t ref)
{
    return (uint32_t)((ref + 1) * UINT64_C(0x9E3779B97F4A7C15) >> 32);
}

static int open_unnamed(void)
{
    const char *folder = getenv("TMPDIR");
    if (folder == NULL || folder[0] == '\0')
        folder = "/tmp";
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0)
        return fd;
    char path[4096];    /* a file system without O_TMPFILE */
    size_t len = strlen(folder);
    if (len + sizeof "/egret-spool-XXXXXX" > sizeof path)
        return -1;
    memcpy(path, folder, len);
    memcpy(path + len, "/egret-spool-XXXXXX", sizeof "/egret-spool-XXXXXX");
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    return fd;
}

egret_status ingest_spool_open(const char *path, uint64_t max_bytes, ingest_spool **out)
{
    ingest_spool *spool = calloc(1, sizeof *spool);
    if (spool == NULL)
        return EGRET_NO_MEMORY;
    spool->max_bytes = max_bytes == 0 ? DEFAULT_MAX_BYTES : max_bytes;
    spool->buffer = malloc(BUFFER_BYTES);
    spool->fd = path == NULL ? open_unnamed() : open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (spool->fd >= 0 && spool->buffer != NULL) {
        *out = spool;
        return EGRET_OK;
    }
    int why = errno;
    egret_status status = spool->buffer == NULL ? EGRET_NO_MEMORY : EGRET_IO;
    ingest_spool_close(spool);
    errno = why;
    return status;
}

static egret_status write_all(ingest_spool *spool, const char *ptr, size_t len)
{
    while (len > 0) {
        ssize_t done = pwrite(spool->fd, ptr, len, (off_t)spool->written);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return EGRET_IO;
        spool->written += (uint64_t)done;
        ptr += done;
        len -= (size_t)done;
    }
    return EGRET_OK;
}

static egret_status flush(ingest_spool *spool)
{
    size_t before = spool->buffered;
    egret_status status = write_all(spool, spool->buffer, before);
    if (status == EGRET_OK)
        spool->buffered = 0;
    return status;
}

void ingest_spool_close(ingest_spool *spool)
{
    if (spool == NULL)
        return;
    if (spool->fd >= 0) {
        (void)flush(spool);     /* a spool is a convenience: nothing is promised about what is left in it */
        close(spool->fd);
    }
    free(spool->buffer);
    free(spool);
}

static egret_status begin_anew(ingest_spool *spool)
{
    if (ftruncate(spool->fd, 0) != 0)
        return EGRET_IO;
    spool->generation++;
    spool->written = 0;
    spool->buffered = 0;
    return EGRET_OK;
}

egret_status ingest_spool_put(ingest_spool *spool, const char *ptr, size_t len, uint64_t *ref)
{
    if (len > UINT32_MAX || len + HEAD_BYTES > spool->max_bytes)
        return EGRET_BAD_USE;
    egret_status status = EGRET_OK;
    if (spool->written + spool->buffered + HEAD_BYTES + len > spool->max_bytes)
        status = begin_anew(spool);
    if (status == EGRET_OK && spool->buffered + HEAD_BYTES + len > BUFFER_BYTES)
        status = flush(spool);
    if (status != EGRET_OK)
        return status;
    *ref = spool->generation * spool->max_bytes + spool->written + spool->buffered;
    uint32_t head[2] = { check_of(*ref), (uint32_t)len };
    memcpy(spool->buffer + spool->buffered, head, HEAD_BYTES);
    spool->buffered += HEAD_BYTES;
    if (len > BUFFER_BYTES - HEAD_BYTES) {
        status = flush(spool);
        return status == EGRET_OK ? write_all(spool, ptr, len) : status;
    }
    if (len > 0)
        memcpy(spool->buffer + spool->buffered, ptr, len);
    spool->buffered += len;
    return EGRET_OK;
}

static bool read_all(const ingest_spool *spool, uint64_t at, char *to, size_t len)
{
    while (len > 0) {
        ssize_t got = pread(spool->fd, to, len, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += (uint64_t)got;
        to += got;
        len -= (size_t)got;
    }
    return true;
}

egret_status ingest_spool_get(ingest_spool *spool, uint64_t ref, egret_text *out)
{
    uint32_t head[2];
    uint64_t at = ref - spool->generation * spool->max_bytes;
    if (ref < spool->generation * spool->max_bytes || at + HEAD_BYTES > spool->written + spool->buffered)
        return EGRET_BAD_USE;
    egret_status status = flush(spool);
    if (status != EGRET_OK)
        return status;
    if (!read_all(spool, at, (char *)head, HEAD_BYTES) || head[0] != check_of(ref) || at + HEAD_BYTES + head[1] > spool->written)
        return EGRET_BAD_USE;
    char *text = malloc((size_t)head[1] + 1);
    if (text == NULL)
        return EGRET_NO_MEMORY;
    bool good = read_all(spool, at + HEAD_BYTES, text, head[1]);
    if (good)
        egret_text_put(out, text, head[1]);
    free(text);
    return good ? EGRET_OK : EGRET_IO;
}

uint64_t ingest_spool_bytes(const ingest_spool *spool)
{
    return spool->written + spool->buffered;
}
