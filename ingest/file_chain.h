/*
 * file_chain.h: the files behind one path in the order in which they were written: a log and what it was rotated to, or what a pattern names.
 *
 * A path with * ? [ that is no file's name is a pattern: its files follow each other by their names. Any other path is followed by nothing; before it come the files
 * beside it that a rotation made of it: its name, then . - or _, digits (and more of these), then perhaps .gz or .zst, by their times of writing.
 */
#ifndef EGRET_INGEST_FILE_CHAIN_H
#define EGRET_INGEST_FILE_CHAIN_H

#include "ingest/source.h"

bool file_chain_is_pattern(const char *path);
/* All give an owned path, or NULL: there is none (or no memory). */
char *file_chain_first(const char *path);       /* where reading begins that was never begun */
/* The file written after this one (by device and inode). One that is not there any more is followed by the oldest that was written to after it; of a
 * pattern by nothing. */
char *file_chain_next(const char *path, const ingest_file_identity *file);
/* Where the file of this identity is now: itself under whatever name, or a copy of at least `offset` bytes that begins as it does. */
char *file_chain_find(const char *path, const ingest_file_identity *file, uint64_t offset);

#endif
