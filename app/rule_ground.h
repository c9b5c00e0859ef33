/*
 * rule_ground.h: memory that the plans of several sets of rules live by.
 *
 * A compile of all rules makes one, with all their files; a compile of a few (compiler/revise.h) makes another one for those, and its set keeps them
 * all. So what did not change stays where it is, and goes when the last set that knows it does.
 */
#ifndef EGRET_APP_RULE_GROUND_H
#define EGRET_APP_RULE_GROUND_H

#include "app/rule_file.h"

typedef struct rule_ground {
    unsigned users;             /* atomic */
    egret_arena arena;
    rule_file **files;          /* whose trees and texts the plans borrow */
    size_t n_files;
} rule_ground;

typedef struct rule_grounds {
    rule_ground **list;         /* the last one is that of the set itself */
    size_t n;
    size_t bytes;               /* of all but the first, with their files */
} rule_grounds;

/* Those, if any, and a new one. false: no memory. */
bool rule_grounds_make(rule_grounds *out, const rule_grounds *before);
/* The own one keeps the file. false: no memory. */
bool rule_grounds_keep(rule_grounds *grounds, rule_file *file);
rule_ground *rule_grounds_own(const rule_grounds *grounds);
/* Counts the bytes of the own one, when it is made. */
void rule_grounds_count(rule_grounds *grounds);
void rule_grounds_drop(rule_grounds *grounds);

#endif
