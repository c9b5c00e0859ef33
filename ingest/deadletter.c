/*
 * deadletter.c: letters as lines of JSON.
 *
 * Each letter is put together in memory and written with one call in append mode. The file has a bound, because a broken producer must not
 * fill the disk; beyond it letters are only counted. An operator who has read the file may move it away: the next letter
 * opens a new one.
 */
#include "ingest/deadletter.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint64_t DEFAULT_MAX_BYTES = UINT64_C(256) << 20;

struct ingest_letters {
    int fd;
    char *path;
    uint64_t max_bytes, count, unwritten;
    egret_text text;
    bool (*take)(void *user, const ingest_letter *letter);      /* NULL: they go to the file */
    void *user;
};

static int open_log(const char *path)
{
    return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

egret_status ingest_letters_open(const char *path, uint64_t max_bytes, ingest_letters **out)
{
    ingest_letters *letters = calloc(1, sizeof *letters);
    if (letters == NULL)
        return EGRET_NO_MEMORY;
    letters->fd = -1;
    letters->max_bytes = max_bytes == 0 ? DEFAULT_MAX_BYTES : max_bytes;
    egret_text_init(&letters->text, egret_mem_of(NULL));
    egret_status status = EGRET_OK;
    if (path != NULL) {
        letters->path = strdup(path);
        letters->fd = letters->path == NULL ? -1 : open_log(path);
        status = letters->path == NULL ? EGRET_NO_MEMORY : letters->fd < 0 ? EGRET_IO : EGRET_OK;
    }
    if (status == EGRET_OK) {
        *out = letters;
        return EGRET_OK;
    }
    int why = errno;
    ingest_letters_close(letters);
    errno = why;
    return status;
}

egret_status ingest_letters_open_to(bool (*take)(void *user, const ingest_letter *letter), void *user, ingest_letters **out)
{
    egret_status status = ingest_letters_open(NULL, 0, out);
    if (status != EGRET_OK)
        return status;
    (*out)->take = take;
    (*out)->user = user;
    return EGRET_OK;
}

void ingest_letters_close(ingest_letters *letters)
{
    if (letters == NULL)
        return;
    if (letters->fd >= 0)
        close(letters->fd);
    egret_text_deinit(&letters->text);
    free(letters->path);
    free(letters);
}

static void put_letter(egret_text *text, const ingest_letter *letter)
{
    bool cut = letter->record_len > INGEST_DEADLETTER_RECORD_CAP;
    egret_text_puts(text, "{\"source\":");
    egret_text_put_json(text, letter->source, strlen(letter->source));
    if (letter->stream.len > 0) {
        egret_text_puts(text, ",\"stream\":");
        egret_text_put_json(text, letter->stream.ptr, letter->stream.len);
    }
    egret_text_printf(text, ",\"line\":%" PRIu64 ",\"offset\":%" PRIu64 ",\"class\":", letter->line, letter->offset);
    egret_text_put_json(text, letter->kind, strlen(letter->kind));
    egret_text_puts(text, ",\"reason\":");
    egret_text_put_json(text, letter->reason, strlen(letter->reason));
    egret_text_puts(text, cut ? ",\"cut\":true,\"record\":" : ",\"record\":");
    egret_text_put_json(text, letter->record, cut ? INGEST_DEADLETTER_RECORD_CAP : letter->record_len);
    egret_text_puts(text, "}\n");
}

/* Room for `len` bytes more in the file that the path names now. */
static bool has_room(ingest_letters *letters, size_t len)
{
    struct stat info;
    if (fstat(letters->fd, &info) != 0)
        return false;
    if (info.st_nlink == 0 || access(letters->path, F_OK) != 0) {
        int fd = open_log(letters->path);
        if (fd < 0)
            return false;
        close(letters->fd);
        letters->fd = fd;
        if (fstat(fd, &info) != 0)
            return false;
    }
    return (uint64_t)info.st_size + len <= letters->max_bytes;
}

static bool write_line(ingest_letters *letters)
{
    const egret_text *text = &letters->text;
    if (text->failed || letters->fd < 0 || !has_room(letters, text->len))
        return false;
    ssize_t done;
    do
        done = write(letters->fd, text->ptr, text->len);
    while (done < 0 && errno == EINTR);
    return done == (ssize_t)text->len;
}

void ingest_letters_put(ingest_letters *letters, const ingest_letter *letter)
{
    letters->count++;
    if (letters->take != NULL && !letters->take(letters->user, letter))
        letters->unwritten++;
    if (letters->path == NULL)
        return;
    letters->text.len = 0;
    letters->text.failed = false;
    put_letter(&letters->text, letter);
    if (!write_line(letters))
        letters->unwritten++;
}

uint64_t ingest_letters_count(const ingest_letters *letters)
{
    return letters->count;
}

uint64_t ingest_letters_unwritten(const ingest_letters *letters)
{
    return letters->unwritten;
}
