/*
 * damage.c: see damage.h. A handler may do next to nothing: it compares addresses, writes a line that was made before, and ends.
 *
 * A store is watched from before it is opened: then its range is not known yet, and a bus error can only be of it, as nothing else maps files that
 * could be too short.
 */
#include "app/damage.h"

#include "app/command.h"
#include "store/store.h"

#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

static const char LINE[] = "egret: the data folder's store.mdb cannot be read where something of it should stand: it is damaged or cut short, or its disk "
                           "fails; look at the disk, then restore a backup (egret restore)\n";

static void end_here(void)
{
    (void)!write(STDERR_FILENO, LINE, sizeof LINE - 1);
    _exit(APP_TROUBLE);
}

/* What is not ours is done as without us: the instruction fails again. */
static void on_fault(int number, siginfo_t *info, void *context)
{
    (void)context;
    if (store_covers(info->si_addr) || (number == SIGBUS && store_is_opening())) end_here();
    signal(number, SIG_DFL);
}

void damage_watch(void)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO;
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, NULL);
    sigaction(SIGSEGV, &action, NULL);
    store_on_damage(end_here);
}
