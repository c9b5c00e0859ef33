/*
 * damage.h: what becomes of a store whose pages are damaged. LMDB keeps no checksums of its own pages and reads them where the file is mapped: a page
 * that should be there and is not, or that leads astray, is a signal or a failed assertion. For all commands: then the program ends with one line
 * and 3, not with a core. What was committed is as safe as it was: nothing is written on such an end.
 */
#ifndef EGRET_APP_DAMAGE_H
#define EGRET_APP_DAMAGE_H

void damage_watch(void);        /* once, at the beginning of the program */

#endif
