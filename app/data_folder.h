/*
 * data_folder.h: the data folder as files: one user at a time, copies of it.
 */
#ifndef EGRET_APP_DATA_FOLDER_H
#define EGRET_APP_DATA_FOLDER_H

#include "app/command.h"

/* Makes the folder and locks it; gives the lock's descriptor, which holds until it is closed or the process ends. -1: said why. */
int data_lock(const app_args *args, const char *dir);
/* Makes the folder; one that holds anything is refused. False: said why. */
bool data_make_empty(const app_args *args, const char *dir);
/* Copies all files of a folder but the store and the lock into another, folders within too, each synced. *n: how many. False: said why. */
bool data_copy_files(const app_args *args, const char *from, const char *to, unsigned *n);
bool data_sync(const app_args *args, const char *dir);

#endif
