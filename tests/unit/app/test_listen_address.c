/*
 * test_listen_address.c: addresses with ports, and which of them only this machine can reach.
 */
#include "app/listen_address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void addresses_are_read(void **state)
{
    (void)state;
    static const struct { const char *text, *host; uint16_t port; bool loopback; } cases[] = {
        {"127.0.0.1:8080", "127.0.0.1", 8080, true}, {"localhost:0", "127.0.0.1", 0, true}, {"[::1]:65535", "::1", 65535, true},
        {"127.8.9.10:1", "127.8.9.10", 1, true}, {"0.0.0.0:80", "0.0.0.0", 80, false}, {"[::]:80", "::", 80, false},
        {"192.168.1.2:80", "192.168.1.2", 80, false},
        {"", NULL, 0, false}, {"8080", NULL, 0, false}, {":8080", NULL, 0, false}, {"127.0.0.1", NULL, 0, false},
        {"127.0.0.1:", NULL, 0, false}, {"127.0.0.1:65536", NULL, 0, false}, {"127.0.0.1:-1", NULL, 0, false},
        {"127.0.0.1:80x", NULL, 0, false}, {"::1:80", NULL, 0, false}, {"[127.0.0.1]:80", NULL, 0, false}, {"example.org:80", NULL, 0, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        listen_address address;
        if (listen_address_read(&address, cases[i].text) != (cases[i].host != NULL)) fail_msg("%s", cases[i].text);
        if (!cases[i].host) continue;
        assert_string_equal(address.host, cases[i].host);
        assert_int_equal(address.port, cases[i].port);
        assert_int_equal(address.loopback, cases[i].loopback);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(addresses_are_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
