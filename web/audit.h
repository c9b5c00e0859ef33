/*
 * audit.h: the trail of changes: who, when, what, and what came of it: one JSON object a line in `audit.ndjson` of the data folder.
 *
 * A change is noted twice: before it is made ("begun", with what was asked) and when it is known what came of it ("done", with status and, where
 * there is one, the difference). So one that a crash cut off is there, too. Both are synced. A file that has grown beyond its bound becomes
 * `audit.1.ndjson`, and the one before that goes.
 *
 * From any thread.
 */
#ifndef EGRET_WEB_AUDIT_H
#define EGRET_WEB_AUDIT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct web_audit web_audit;

enum { AUDIT_SHOWN_BYTES = 8192 };      /* of what was asked, and of a difference: the rest is cut */

web_audit *web_audit_open(const char *dir);     /* NULL: errno */
void web_audit_close(web_audit *audit);         /* NULL is allowed */
/* Gives the change's number; 0: it could not be written (errno), and the change must not be made. */
uint64_t web_audit_begin(web_audit *audit, const char *who, const char *method, const char *path, const char *body, size_t len);
/* difference may be NULL. */
void web_audit_end(web_audit *audit, uint64_t number, unsigned status, const char *difference);
/* Changes with numbers below `before` (0: all), newest first, at most `most`: an array; NULL: no memory, or it cannot be read. */
json_t *web_audit_read(web_audit *audit, uint64_t before, size_t most);

#endif
