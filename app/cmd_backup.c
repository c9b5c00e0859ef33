/*
 * cmd_backup.c: `egret backup` and `egret restore`: a data folder as it is at one moment, into another folder.
 *
 * The store is copied as of one transaction, so all in it belongs together, whatever a daemon writes meanwhile. It gets its name when all of it is
 * on the disk: a backup that was cut short has no store.mdb, and cannot be restored. What was copied is read through before it is called good.
 */
#include "app/command.h"
#include "app/data_folder.h"

#include "store/history.h"
#include "store/journal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char FORMS[] = "store.mdb.new";

static store *open_reading(const app_args *args, const char *dir)
{
    char reason[512];
    store *s = store_open(&(store_options){.dir = dir, .read_only = true}, reason, sizeof reason);
    if (!s) app_trouble(args, "%s", reason);
    return s;
}

/* Every block of the journal can be read, and none is missing. */
static bool check_journal(const app_args *args, const store *s, const char *dir)
{
    journal_state now = journal_now(s);
    journal_block block;
    uint64_t lsn = now.first_lsn, expected = now.first_lsn;
    int code = 0;
    bool fine = true, more = true;
    journal_block_init(&block);
    while (fine && more) {
        switch (journal_read(s, &lsn, &block, &code)) {
        case JOURNAL_GOT_BLOCK:
            fine = block.head.first_lsn == expected || journal_quarantined(s) > 0;
            expected = lsn;
            break;
        case JOURNAL_GOT_END:
            fine = expected == now.next_lsn || now.blocks == 0;
            more = false;
            break;
        case JOURNAL_GOT_BROKEN:
        case JOURNAL_GOT_ERROR:
            fine = false;
            break;
        }
    }
    journal_block_deinit(&block);
    if (!fine) app_trouble(args, "%s: the journal cannot be read at %" PRIu64 "; see egret journal verify --data %s", dir, expected, dir);
    return fine;
}

static void tell(const store *s, const char *what, const char *dir, unsigned files)
{
    journal_state now = journal_now(s);
    history_bounds history = history_now_kept(s);
    printf("%s %s: journal to record %" PRIu64 ", %" PRIu64 " entries of alerts, %" PRIu64 " bytes, %u other files\n", what, dir, now.next_lsn,
           history.count, store_file_bytes(s), files);
}

/* Looks at the copy under its own name. */
static bool check_copy(const app_args *args, const char *what, const char *dir, unsigned files)
{
    store *s = open_reading(args, dir);
    bool fine = s && check_journal(args, s, dir);
    if (fine) tell(s, what, dir, files);
    store_close(s);
    return fine;
}

/* The store with a name that is not its own, the other files, then its name. */
static bool copy_all(const app_args *args, const store *s, const char *from, const char *to)
{
    char *forming = NULL, *named = NULL;
    unsigned files = 0;
    bool fine = asprintf(&forming, "%s/%s", to, FORMS) >= 0 && asprintf(&named, "%s/store.mdb", to) >= 0;
    int code = fine ? store_copy(s, forming) : ENOMEM;
    if (code != 0) {
        app_trouble(args, "%s: %s", forming ? forming : to, store_text(code));
        if (forming) unlink(forming);
        fine = false;
    }
    fine = fine && data_copy_files(args, from, to, &files);
    if (fine && rename(forming, named) != 0) {
        app_trouble(args, "%s: %s", named, strerror(errno));
        fine = false;
    }
    fine = fine && data_sync(args, to);
    free(forming);
    free(named);
    return fine && check_copy(args, args->command->name[0] == 'b' ? "backed up to" : "restored to", to, files);
}

static int run_backup(app_args *args)
{
    const char *data = app_args_one(args, "data"), *to = app_args_one(args, "to");
    if (!data) return app_usage(args, "--data is needed");
    if (!to) return app_usage(args, "--to is needed");
    store *s = open_reading(args, data);
    bool fine = s && data_make_empty(args, to) && copy_all(args, s, data, to);
    store_close(s);
    return fine ? APP_FINE : APP_TROUBLE;
}

static int run_restore(app_args *args)
{
    const char *from = app_args_one(args, "from"), *data = app_args_one(args, "data");
    if (!from) return app_usage(args, "--from is needed");
    if (!data) return app_usage(args, "--data is needed");
    store *s = open_reading(args, from);
    bool fine = s && check_journal(args, s, from);
    int lock = fine ? data_lock(args, data) : -1;
    fine = lock >= 0 && data_make_empty(args, data) && copy_all(args, s, from, data);
    if (lock >= 0) close(lock);
    store_close(s);
    return fine ? APP_FINE : APP_TROUBLE;
}

static const app_option backup_options[] = {
    {"data", APP_ONE, "DIR", NULL, "the data folder; a daemon may use it meanwhile"},
    {"to", APP_ONE, "DIR", NULL, "where the backup goes: an empty folder, or one that is not there"},
    {0},
};

static const app_option restore_options[] = {
    {"from", APP_ONE, "DIR", NULL, "the backup"},
    {"data", APP_ONE, "DIR", NULL, "the data folder: an empty one, or one that is not there"},
    {0},
};

const app_command app_cmd_backup = {
    .name = "backup",
    .summary = "Copies a data folder as it is at one moment, also while a daemon uses it",
    .options = backup_options,
    .notes = "The copy is read through before it is called good. It is a data folder itself: egret journal and egret deadletters can look into it.",
    .run = run_backup,
};

const app_command app_cmd_restore = {
    .name = "restore",
    .summary = "Makes a data folder of a backup",
    .options = restore_options,
    .notes = "The next egret run goes on from the moment of the backup. Files are read on from where they were read then. Alerts that were delivered\n"
             "after it may be delivered again, with the same ids.",
    .run = run_restore,
};
