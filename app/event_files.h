/*
 * event_files.h: files of events as a command line names them: NAME=FILE, of a stream or of a declared source, with their formats.
 */
#ifndef EGRET_APP_EVENT_FILES_H
#define EGRET_APP_EVENT_FILES_H

#include "app/command.h"
#include "ingest/replay.h"

/* Fills n files; their format is by --format, the source, the file's name and its first line. The exit code; a mistake has been said. */
int event_files_name(const app_args *args, const plan *p, egret_arena *arena, ingest_replay_file *files, const char *const *events, uint32_t n);

#endif
