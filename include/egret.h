/*
 * egret.h: the one public header of libegret, the Egret engine as a library.
 *
 * The engine is a pure function over data: text of rules goes in, events go in, time goes in, alerts come out.
 * It starts no threads, opens no files (but those that rule text names, through egret_rules_load_file), reads no
 * clock, keeps no globals, never calls exit() or abort() on input and never writes to a standard stream.
 *
 * Thread rule: an egret_engine and everything taken from it belong to one thread at a time. Different engines
 * are independent. An egret_rules is immutable once loaded and may be shared by engines of different threads.
 */
#ifndef EGRET_H
#define EGRET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EGRET_VERSION "0.1.0"
#define EGRET_API __attribute__((visibility("default")))

/* Outcome of a call. Zero is good; every other value has a text (egret_status_text). */
typedef enum egret_status {
    EGRET_OK = 0,
    EGRET_NO_MEMORY = -1,   /* the allocator said no; the object is unchanged and usable */
    EGRET_BAD_RULES = -2,   /* the rules have errors: see egret_rules_diagnostics */
    EGRET_BAD_EVENT = -3,   /* unknown stream or field, or a value of the wrong type */
    EGRET_LATE = -4,        /* the event's time is below the engine's clock; it was not evaluated */
    EGRET_BAD_USE = -5,     /* arguments out of order: a programming error of the caller */
    EGRET_IO = -6           /* a file could not be read */
} egret_status;

EGRET_API const char *egret_status_text(egret_status status);

/* ---- values ---- */

typedef enum egret_type {
    EGRET_NULL = 0,
    EGRET_BOOL,
    EGRET_INT,      /* 64-bit signed */
    EGRET_NUMBER,   /* IEEE double, never NaN or infinite */
    EGRET_DECIMAL,  /* i * 10^-scale, exact; scale 0..18 */
    EGRET_STRING,   /* UTF-8, len bytes, not terminated; borrowed */
    EGRET_TIME,     /* ms since 1970-01-01T00:00:00Z */
    EGRET_DURATION  /* ms */
} egret_type;

/* A plain value of 16 bytes. A string borrows its bytes: until when is said where a value is passed or taken. */
typedef struct egret_value {
    union {
        int64_t i;      /* BOOL (0/1), INT, DECIMAL (mantissa), TIME, DURATION */
        double d;       /* NUMBER */
        const char *s;  /* STRING */
    } u;
    uint32_t len;       /* STRING: bytes */
    uint8_t type;       /* egret_type */
    uint8_t scale;      /* DECIMAL: digits after the point */
    uint16_t reserved;
} egret_value;

/* ---- hooks ---- */

/* All memory comes through this. size 0 frees; ptr NULL allocates; else grows or shrinks. NULL means "no". */
typedef void *(*egret_alloc_fn)(void *user, void *ptr, size_t old_size, size_t new_size);
/* Lines for people; level 0 error, 1 warning, 2 information. text is borrowed for the call. */
typedef void (*egret_log_fn)(void *user, int level, const char *text);

typedef struct egret_options {
    size_t size;            /* sizeof(egret_options), for later growth */
    egret_alloc_fn alloc;   /* NULL: realloc and free */
    void *alloc_user;
    egret_log_fn log;       /* NULL: silence */
    void *log_user;
} egret_options;

/* ---- rules ---- */

typedef struct egret_rules egret_rules;

/* Compiles rule text. Always gives *out (but for EGRET_NO_MEMORY), also with errors, so that diagnostics can be read.
 * name stands for the text in diagnostics; relative names of lists and tables are looked for beside it. */
EGRET_API egret_status egret_rules_load_text(const egret_options *options, const char *name, const char *text,
                                             size_t len, egret_rules **out);
EGRET_API egret_status egret_rules_load_files(const egret_options *options, const char *const *paths, size_t n,
                                              egret_rules **out);
/* All diagnostics as text with carets, NUL-terminated, owned by rules; "" when there are none. */
EGRET_API const char *egret_rules_diagnostics(const egret_rules *rules);
EGRET_API void egret_rules_free(egret_rules *rules); /* NULL is allowed; engines that use it must be closed first */

/* ---- engine ---- */

typedef struct egret_engine egret_engine;

EGRET_API egret_status egret_open(const egret_options *options, const egret_rules *rules, egret_engine **out);
EGRET_API void egret_close(egret_engine *engine); /* NULL is allowed */

typedef struct egret_field {
    const char *name;   /* as declared in the stream */
    egret_value value;  /* strings borrowed for the call */
} egret_field;

typedef struct egret_event {
    size_t size;                /* sizeof(egret_event) */
    const char *stream;
    int64_t time_ms;            /* event time; events come in order of time, ties in order of pushing */
    uint64_t ref;               /* the caller's own name of the event; comes back as evidence */
    const egret_field *fields;  /* fields left out are null; fields no rule reads cost nothing */
    size_t n_fields;
} egret_event;

/* Evaluates one event. Timers due before its time act first. EGRET_LATE when time_ms is below the clock. */
EGRET_API egret_status egret_push(egret_engine *engine, const egret_event *event);
/* Says that no event before time_ms will come any more: what waits for a deadline before time_ms acts. */
EGRET_API egret_status egret_advance(egret_engine *engine, int64_t time_ms);

/* The engine's state as bytes, in pieces, in order: to be kept, and brought back into an engine of the same rules. Between two calls; alerts not
 * taken are not in it. write says false to give up (EGRET_IO). */
typedef bool (*egret_write_fn)(void *user, const void *bytes, size_t len);
EGRET_API egret_status egret_checkpoint(egret_engine *engine, egret_write_fn write, void *user);
/* Into an engine just opened. EGRET_BAD_USE: these are not the bytes of a checkpoint under these rules by this version. After an error the
 * engine is only to be closed. */
EGRET_API egret_status egret_restore(egret_engine *engine, const void *bytes, size_t len);

/* ---- alerts ---- */

typedef enum egret_alert_kind {
    EGRET_ALERT = 0,
    EGRET_RESOLVED,
    EGRET_ESCALATED,
    EGRET_TIMEOUT
} egret_alert_kind;

typedef struct egret_evidence {
    const char *step;    /* name of the step or label; "" when it has none */
    const char *stream;
    int64_t time_ms;
    uint64_t ref;        /* as pushed; of an alert nothing */
    uint64_t identity;   /* a hash of what the event is */
    /* The stream is what a rule tells: the id of its alert or signal (32 hex digits), and the events behind it, as far as they are still
     * known. NULL: an event that was pushed. */
    const char *alert;
    const struct egret_evidence *events;
    size_t n_events;
    uint64_t n_events_total;
} egret_evidence;

typedef struct egret_named_value {
    const char *name;
    egret_value value;
} egret_named_value;

typedef struct egret_alert {
    size_t size;
    egret_alert_kind kind;
    char id[33];                /* 32 hex digits; the same evidence gives the same id */
    const char *rule;
    const char *severity;       /* info low medium high critical */
    int64_t time_ms;            /* event time of the match */
    int64_t started_ms;         /* event time of its first event */
    const egret_named_value *key;
    size_t n_key;
    const egret_named_value *fields;    /* the alert block, then every let */
    size_t n_fields;
    const egret_evidence *events;       /* the bound events in order, to the rule's cap */
    size_t n_events;
    uint64_t n_events_total;            /* how many were bound in all */
    uint64_t held_back;                 /* alerts throttled since the last one that was delivered */
    bool limited;                       /* a limit has dropped older state of this key */
    uint64_t repeat;                    /* 0: the alert itself; n: told for the n-th time again, as it is still open */
    const char *reason;                 /* why it ended, when neither an event nor its rule says so; else NULL */
} egret_alert;

/* Gives the next alert, or NULL. It and all it points to live until the next call of take, push or advance. */
EGRET_API const egret_alert *egret_take(egret_engine *engine);

#ifdef __cplusplus
}
#endif
#endif
