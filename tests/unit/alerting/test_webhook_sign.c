/*
 * test_webhook_sign.c: the signature against a published vector of Standard Webhooks, and what is no key.
 */
#include "alerting/webhook_sign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

static const char body[] = "{\"test\": 2432232314}";

static void the_published_vector_holds(void **state)
{
    (void)state;
    static const char *const secrets[] = {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"};
    for (size_t i = 0; i < 2; i++) {
        webhook_key key;
        char signature[WEBHOOK_SIGNATURE_SIZE];
        assert_true(webhook_key_read(&key, secrets[i]));
        assert_int_equal(key.len, 24);
        assert_true(webhook_sign(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body, strlen(body), signature));
        assert_string_equal(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}

static void everything_signed_matters(void **state)
{
    (void)state;
    webhook_key key;
    char first[WEBHOOK_SIGNATURE_SIZE], other[WEBHOOK_SIGNATURE_SIZE];
    assert_true(webhook_key_read(&key, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
    assert_true(webhook_sign(&key, "a", 1, body, strlen(body), first));
    assert_true(webhook_sign(&key, "b", 1, body, strlen(body), other));
    assert_string_not_equal(first, other);
    assert_true(webhook_sign(&key, "a", 2, body, strlen(body), other));
    assert_string_not_equal(first, other);
    assert_true(webhook_sign(&key, "a", 1, body, strlen(body) - 1, other));
    assert_string_not_equal(first, other);
}

static void keys_have_24_to_64_bytes(void **state)
{
    (void)state;
    static const struct { const char *secret; size_t len; } cases[] = {
        {"", 0}, {"whsec_", 0}, {"whsec_####", 0}, {"whsec_AAAA", 0}, {"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==", 0},
        {"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 24}, {"whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", 32},
        {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==", 64},
        {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", 0},
        {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        webhook_key key = {0};
        assert_int_equal(webhook_key_read(&key, cases[i].secret), cases[i].len > 0);
        if (cases[i].len > 0) assert_int_equal(key.len, cases[i].len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_vector_holds),
        cmocka_unit_test(everything_signed_matters),
        cmocka_unit_test(keys_have_24_to_64_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
