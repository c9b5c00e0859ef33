/*
 * rule_rows.h: what the program keeps about rules, as short texts by key: which files hold now, what was imported, versions. What the texts say is
 * the program's own; those of one sort have keys with one beginning.
 */
#ifndef EGRET_STORE_RULE_ROWS_H
#define EGRET_STORE_RULE_ROWS_H

#include "compiler/text.h"
#include "store/store.h"

/* Within a transaction. Keys of any length; long ones are told apart by a hash. */
int rule_row_put(store *s, const char *key, const char *text, size_t len);
int rule_row_del(store *s, const char *key);        /* one that is not there is fine */
/* Appends the text; false: there is none. From any thread. */
bool rule_row_get(const store *s, const char *key, egret_text *out);
/* All rows whose keys begin so, in order of keys (as far as they are short), until take says false. Gives 0 or LMDB's code. From any thread. */
int rule_rows_each(const store *s, const char *beginning, bool (*take)(void *user, const char *text, size_t len), void *user);

#endif
