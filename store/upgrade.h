/*
 * upgrade.h: a folder of an older format becomes one of today's, in one transaction: all of it or nothing.
 */
#ifndef EGRET_STORE_UPGRADE_H
#define EGRET_STORE_UPGRADE_H

#include "store/store_internal.h"

/* Within s->write, when all tables of today are open. */
int store_upgrade(store *s, uint32_t from);

#endif
