/*
 * file_input.h: one open file as the bytes it says, gzip and zstd unpacked (by their first bytes, not by their names).
 *
 * Offsets are in the unpacked bytes. A packed file is read again from its beginning to get to an offset. One thread.
 */
#ifndef EGRET_INGEST_FILE_INPUT_H
#define EGRET_INGEST_FILE_INPUT_H

#include "ingest/source.h"

typedef struct file_input file_input;

/* EGRET_IO: errno says why. */
egret_status file_input_open(const char *path, file_input **out);
void file_input_close(file_input *input);       /* NULL is allowed */
/* Bytes into ptr[0 .. room); *got 0: it has no more now. EGRET_IO with EBADMSG: packed bytes are damaged. */
egret_status file_input_read(file_input *input, char *ptr, size_t room, size_t *got);
/* Reading goes on there, or at the end when that is nearer. */
egret_status file_input_seek(file_input *input, uint64_t offset);
/* False: it is no regular file. The head is that of what can be read now. */
bool file_input_identity(file_input *input, ingest_file_identity *out);
/* Was it cut, or written anew, since its head was as in `then`? Regular files only. */
bool file_input_was_cut(file_input *input, const ingest_file_identity *then);
bool file_input_is_regular(const file_input *input);
bool file_input_is_packed(const file_input *input);
bool file_input_ends_early(const file_input *input);     /* packed, and the end of the file came within it */
int file_input_fd(const file_input *input);

#endif
