/*
 * file_rotate.h: moves a file that has grown out of the way: FILE becomes FILE.1, FILE.1 becomes FILE.2, and so on.
 */
#ifndef EGRET_ALERTING_FILE_ROTATE_H
#define EGRET_ALERTING_FILE_ROTATE_H

#include <stdbool.h>

/* Keeps the newest `keep` of those that were moved. pack: FILE.1 is packed with gzip (FILE.1.gz) and is whole and synced before the plain one goes.
 * False: errno says why; FILE is then either still there or has become FILE.1. */
bool file_rotate(const char *path, unsigned keep, bool pack);

#endif
