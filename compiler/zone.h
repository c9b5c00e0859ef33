/*
 * zone.h: time zones: files of /usr/share/zoneinfo to rows of offsets in the plan, so that the engine reads no file.
 */
#ifndef EGRET_COMPILER_ZONE_H
#define EGRET_COMPILER_ZONE_H

#include "compiler/check.h"

/* The number of the zone in the plan, read at its first use; PLAN_NONE: there is none of that name, or its file is of no use (*why says so;
 * nothing is reported). "UTC" needs no file. */
uint32_t zone_find(check *c, egret_str name, const char **why);
/* check_time.c: the same; when there is none that is reported. */
uint32_t zone_or_error(check *c, egret_str name, egret_span span);
/* Zones that are looked up by name while rules run: those in the columns of tables and in the constants of
 * which their names are made. Names that are
 * no zones are left out. Puts the names of all zones in order. */
void zone_gather(check *c);
/* The bytes of a TZif file to rows; false: *why. For tests, too. */
bool zone_parse(check *c, const uint8_t *bytes, size_t len, plan_zone *out, const char **why);

#endif
