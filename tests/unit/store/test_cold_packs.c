/*
 * test_cold_packs.c: what was put comes back as it was put last, whatever its size; nothing is left in the folder.
 */
#include "store/cold_packs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MOST = 300000 };

/* The n-th version of a pack: some are large, some hard to compress. */
static size_t fill(char *bytes, uint32_t pack, uint32_t version)
{
    uint32_t random = pack * 7919u + version;
    size_t len = pack % 50 == 0 ? MOST : 100 + pack % 1000;
    for (size_t i = 0; i < len; i++) {
        random = random * 1664525u + 1013904223u;
        bytes[i] = pack % 3 == 0 ? (char)(random >> 24) : (char)('a' + (random >> 24) % 4);
    }
    return len;
}

static unsigned files_in(const char *dir)
{
    unsigned n = 0;
    DIR *folder = opendir(dir);
    assert_non_null(folder);
    for (const struct dirent *entry; (entry = readdir(folder)) != NULL;) n += entry->d_name[0] != '.';
    closedir(folder);
    return n;
}

static void the_newest_comes_back(void **state)
{
    (void)state;
    char dir[] = "/tmp/egret-cold-XXXXXX", reason[256];
    char *bytes = malloc(MOST);
    egret_text out;
    egret_text_init(&out, egret_mem_of(NULL));
    assert_non_null(mkdtemp(dir));
    cold_packs *packs = cold_packs_open(dir, reason, sizeof reason);
    assert_non_null(packs);
    assert_int_equal(files_in(dir), 0);
    nfa_cold_host host = cold_packs_host(packs);
    for (uint32_t i = 0; i < 400; i++) assert_true(host.put(host.user, i, bytes, fill(bytes, i, 1)));
    for (uint32_t i = 0; i < 400; i += 2) assert_true(host.put(host.user, i, bytes, fill(bytes, i, 2)));
    for (uint32_t i = 0; i < 400; i++) {
        size_t len = fill(bytes, i, i % 2 == 0 ? 2 : 1);
        out.len = 0;
        assert_true(host.get(host.user, i, &out));
        assert_int_equal(out.len, len);
        assert_memory_equal(out.ptr, bytes, len);
    }
    assert_false(host.get(host.user, 400, &out));
    assert_true(cold_packs_bytes(packs) > 0);
    cold_packs_close(packs);
    assert_int_equal(files_in(dir), 0);
    rmdir(dir);
    egret_text_deinit(&out);
    free(bytes);
}

static void without_a_folder_there_is_a_sentence(void **state)
{
    (void)state;
    char reason[256] = "";
    assert_null(cold_packs_open("/nowhere/at/all", reason, sizeof reason));
    assert_non_null(strstr(reason, "/nowhere/at/all"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_comes_back),
        cmocka_unit_test(without_a_folder_there_is_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
