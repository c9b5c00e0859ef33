/*
 * line_write.h: one line into a file descriptor, whole.
 */
#ifndef EGRET_ALERTING_LINE_WRITE_H
#define EGRET_ALERTING_LINE_WRITE_H

#include <stdbool.h>
#include <stddef.h>

/* Writes bytes and a newline, in one call where the system takes it so. False: errno says why; part of the line may have been written. */
bool line_write(int fd, const char *bytes, size_t len);

#endif
