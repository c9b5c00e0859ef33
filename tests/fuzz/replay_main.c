/*
 * replay_main.c: runs a libFuzzer entry over files without libFuzzer.
 *
 * Each argument is a file or a folder of files. So a corpus is a regression test with any compiler. Files of a folder
 * are taken in the order of their names, and each is named before it runs, for the sake of one that crashes.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILE_MAX_BYTES = 16 * 1024 * 1024, PATH_MAX_BYTES = 4096 };

static unsigned n_run;

static int run_file(const char *path, size_t size)
{
    if (size > FILE_MAX_BYTES) {
        fprintf(stderr, "%s: larger than %d bytes\n", path, FILE_MAX_BYTES);
        return 1;
    }
    FILE *file = fopen(path, "rb");
    uint8_t *data = malloc(size > 0 ? size : 1);    /* exactly as large as the input, so that reading past it is seen */
    int failed = 1;
    if (file != NULL && data != NULL && fread(data, 1, size, file) == size) {
        fprintf(stderr, "%s\n", path);
        LLVMFuzzerTestOneInput(data, size);
        n_run++;
        failed = 0;
    } else {
        fprintf(stderr, "%s: cannot be read\n", path);
    }
    free(data);
    if (file != NULL)
        fclose(file);
    return failed;
}

static int run_path(const char *path);

static int not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int run_folder(const char *folder)
{
    struct dirent **entries;
    int n = scandir(folder, &entries, not_hidden, alphasort);
    if (n < 0) {
        fprintf(stderr, "%s: cannot be read\n", folder);
        return 1;
    }
    int failed = 0;
    for (int i = 0; i < n; i++) {
        char path[PATH_MAX_BYTES];
        int len = snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        failed |= len < 0 || (size_t)len >= sizeof path ? 1 : run_path(path);
        free(entries[i]);
    }
    free(entries);
    return failed;
}

static int run_path(const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0) {
        fprintf(stderr, "%s: does not exist\n", path);
        return 1;
    }
    return S_ISDIR(info.st_mode) ? run_folder(path) : run_file(path, (size_t)info.st_size);
}

int main(int argc, char **argv)
{
    int failed = 0;
    for (int i = 1; i < argc; i++)
        failed |= run_path(argv[i]);
    fprintf(stderr, "%u inputs\n", n_run);
    return failed != 0 || n_run == 0 ? 1 : 0;
}
