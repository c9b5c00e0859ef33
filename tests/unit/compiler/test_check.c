/*
 * Tests of compiler/check*.c and lower*.c by what they refuse: a text, the code it gives and where. Each text has one mistake and must
 * give one diagnostic: what follows from a mistake stays silent. Every code of the checker has a row, or a test of its own.
 */
#include "compiler/plan.h"
#include "front_end.h"

/* Stands before each text, on line 1. */
#define PRELUDE \
    "stream a { k: string  v: int  d: decimal?  s: string?  n: number  ok: bool  t: duration  at: time } with time at " \
    "stream b { k: string  v: int  x: string  at: time } with time at " \
    "stream c { q: string  v: string  at: time } with time at " \
    "list l: \"l.txt\" table m: \"m.csv\" key id { id: string  r: number  o: string? }\n"

typedef struct row { unsigned code; const char *at, *text; } row;

static const row ROWS[] = {
    { 301, "2:16", "rule r { match zz by k }" },
    { 301, "2:16", "rule r { watch aa by k }" },
    { 302, "2:22", "rule r { match x: a [vv > 1] by k }" },
    { 302, "2:34", "stream e { k: string } with time k2" },
    { 303, "2:37", "rule r { match x: a by k alert { m: foo } }" },
    { 303, "2:37", "rule r { match x: a by k alert { m: v } }" },
    { 304, "2:8", "stream a { k: string }" },
    { 304, "2:6", "rule a { match x: b by k }" },
    { 304, "2:8", "stream alert { k: string }" },
    { 305, "2:23", "stream e { k: string  k: int }" },
    { 305, "2:40", "rule r { match x: a by k let y = 1 let y = 2 }" },
    { 305, "2:39", "rule r { match x: a by k alert { m: 1 m: 2 } }" },
    { 306, "2:27", "rule r { match x: a [s in ll] by k }" },
    { 306, "2:27", "rule r { match x: a [s in m] by k }" },
    { 306, "2:22", "rule r { match x: a [zz[s].r > 1] by k }" },
    { 306, "2:37", "rule r { match not a for 1m by k in mm }" },
    { 307, "2:22", "rule r { match x: a [lenght(k) > 1] by k }" },
    { 308, "2:32", "rule r { match x: a then y: b [xx.v > 1] by k }" },
    { 308, "2:51", "rule r { match x: a then y: b by k unless b after z }" },
    { 308, "2:62", "rule r { match x: a then y: b by k after match skip to first z }" },
    { 309, "2:27", "rule r { match x: a [m[k].rr > 1] by k }" },
    { 309, "3:24", "profile p { from a by k n: count() }\nrule r { match x: a [p.m > 1] by k }" },
    { 310, "2:8", "define y = z > 1\ndefine z = y" },
    { 310, "2:30", "rule r { match x: a by k let y = z let z = y }" },
    { 310, "2:34", "rule r { match x: a by k alert { y: \"{z}\" z: \"{y}\" } }" },
    { 310, "2:9", "profile p { from a [p.n > 1] by k n: count() }" },
    { 311, "2:29", "rule r { match x: a by k to desk }" },
    { 312, "2:15", "stream e { k: strin }" },
    { 313, "2:6", "test q { at 0s nothing }" },
    { 314, "2:37", "rule r { match x: a by k alert { m: x } }" },
    { 314, "2:22", "rule r { match x: a [l] by k }" },
    { 314, "2:22", "rule r { match x: a [m.r > 1] by k }" },
    { 314, "2:22", "rule r { match x: a [m[k] is null] by k }" },
    { 314, "2:46", "rule r { watch x: a | y: b by k over 1m when x.v > 1 }" },
    { 315, "2:22", "rule r { match x: a [y.v > 1] then y: b by k }" },
    { 315, "2:22", "rule r { match x: a [z] by k let z = x.v > 2 }" },
    { 315, "2:31", "rule r { match x: a by k when changed(x.v) }" },
    { 315, "2:22", "rule r { match x: a [env(\"X\") == \"a\"] by k }" },
    { 316, "2:43", "rule r { match x: a | b by k alert { m: x.s } }" },
    { 316, "2:55", "rule r { match x: b | c by k = b.k | c.q alert { m: x.v } }" },
    { 401, "2:22", "rule r { match x: a [k + 1 == \"a\"] by k }" },
    { 401, "2:22", "rule r { match x: a [at + 5 > at] by k }" },
    { 402, "2:22", "rule r { match x: a [v == \"1\"] by k }" },
    { 402, "2:22", "rule r { match x: a [k == 1] by k }" },
    { 402, "2:22", "rule r { match x: a [t > 5] by k }" },
    { 402, "2:22", "rule r { match x: a [ok > true] by k }" },
    { 403, "2:22", "rule r { match x: a [v] by k }" },
    { 403, "2:32", "rule r { match x: a [v > 1 and k] by k }" },
    { 404, "2:22", "rule r { match x: a [abs(v, 1) > 1] by k }" },
    { 404, "2:22", "rule r { match x: a [changed() ] by k }" },
    { 405, "2:26", "rule r { match x: a [abs(k) > 1] by k }" },
    { 405, "2:31", "rule r { match x: a [least(k, v) > 1] by k }" },
    { 405, "2:26", "rule r { match x: a [new(prev(k))] by k }" },
    { 406, "2:22", "rule r { match x: a [s != null] by k }" },
    { 406, "2:22", "rule r { match x: a [s == null] by k }" },
    { 407, "2:22", "rule r { match x: a [v like \"1*\"] by k }" },
    { 306, "2:27", "rule r { match x: a [k in v] by k }" },
    { 408, "2:33", "rule r { match x: a [k in l and v in l] by k }" },
    { 408, "2:27", "rule r { match x: a [k in \"abc\"] by k }" },
    { 409, "2:52", "rule r { watch a by k over 1m when count() > 1 for 5 }" },
    { 410, "2:27", "rule r { match x: a [at > \"yesterday\"] by k }" },
    { 411, "2:37", "rule r { match x: a [k matches r\"a(b\"] by k }" },
    { 413, "2:24", "rule r { match x: a [m[v].r > 1] by k }" },
    { 413, "2:22", "rule r { match x: a [m[k, k].r > 1] by k }" },
    { 414, "2:40", "rule r { match x: a {2,} by k when sum(x) > 1 }" },
    { 414, "2:42", "rule r { match x: a {2,} by k when count(x.v) > 1 }" },
    { 414, "2:36", "rule r { match x: a {2,} by k when sum(v) > 1 }" },
    { 414, "2:40", "rule r { match x: a {2,} by k when sum(x.k) > 1 }" },
    { 414, "2:42", "rule r { watch a by k over 1m when count(v) > 1 }" },
    { 414, "2:40", "rule r { watch a by k over 1m when sum(k) > 1 }" },
    { 415, "2:19", "rule r { watch a [count() > 1] by k }" },
    { 416, "2:65", "rule r { watch a by k over 1m when count() > 1 alert { w: which(count() > 1) } }" },
    { 418, "2:22", "rule r { match x: a [abs(v over 5m) > 1] by k }" },
    { 418, "2:49", "rule r { match x: a {2,} by k when count(x over 5m) > 1 }" },
    { 501, "2:6", "rule r { by k }" },
    { 501, "2:21", "rule r { match x: a watch b by k }" },
    { 503, "2:26", "rule r { match x: a by k over 5m }" },
    { 503, "2:23", "rule r { watch a by k within 5m }" },
    { 503, "2:43", "rule r { match x: a by k when x.v > 1 for 5m }" },
    { 503, "2:34", "rule r { match not a for 1m by k within 5m }" },
    { 504, "2:26", "rule r { match x: a then x: b by k }" },
    { 505, "2:21", "rule r { match x: a {0} by k }" },
    { 505, "2:21", "rule r { match x: a {200000} by k }" },
    { 506, "2:16", "rule r { match x: a * by k }" },
    { 507, "2:26", "rule r { match x: a then not b by k }" },
    { 508, "2:16", "rule r { match not b by k }" },
    { 509, "2:21", "rule r { match x: a next not b by k }" },
    { 509, "2:33", "rule r { match x: a then within 5m not b by k }" },
    { 510, "2:34", "rule r { match x: a then y: c by k }" },
    { 510, "3:22", "profile p { from c by q n: count() }\nrule r { match x: a [p.n > 1] by k }" },
    { 511, "2:44", "rule r { match x: a then y: b by k = a.v | b.k }" },
    { 511, "2:28", "rule r { match x: a by k = zz }" },
    { 511, "2:52", "rule r { match x: a then y: b by k = coalesce(a.k, b.k) }" },
    { 512, "2:37", "rule r { match not a for 1m by v in m }" },
    { 513, "2:28", "rule r { watch a by k over 0s when count() > 1 }" },
    { 513, "2:36", "rule r { match x: a then not b for 0s by k }" },
    { 513, "2:45", "rule r { watch a by k over hopping 1m every 5m when count() > 1 }" },
    { 513, "2:45", "rule r { watch a by k over hopping 1m every 0s when count() > 1 }" },
    { 513, "2:37", "rule r { watch a by k over tumbling 7h in \"Europe/Berlin\" when count() > 1 }" },
    { 513, "2:28", "rule r { watch a by k over last 0 when count() > 1 }" },
    { 514, "2:56", "rule r { watch a by k over tumbling 1m when count(over hopping 5m every 1m) > 1 }" },
    { 514, "2:39", "profile p { from a by k n: count(over hopping 5m every 1m) }" },
    { 518, "2:61", "rule r { watch a by k limits { values: 10 } when count(over last 11) > 1 }" },
    { 534, "2:48", "rule r { watch a by k over 5m when count() > 1 early }" },
    { 534, "2:40", "rule r { watch a by k over tumbling 5m early }" },
    { 613, "2:43", "rule r { watch a by k over tumbling 1h in \"Berlin\" when count() > 1 }" },
    { 515, "2:61", "rule r { watch a by k over tumbling 1m when count() > 1 for 5m }" },
    { 303, "2:35", "rule r { match x: a by k severity hihg }" },
    { 516, "2:35", "rule r { match x: a by k severity \"bad\" }" },
    { 516, "2:35", "rule r { match x: a by k escalate worse on b }" },
    { 517, "2:31", "rule r { match x: a by k mode on }" },
    { 518, "2:45", "rule r { match x: a by k limits { attempts: 0 } }" },
    { 518, "2:35", "rule r { match x: a by k limits { tries: 5 } }" },
    { 519, "2:48", "rule r { match (x: a then y: b within 5m) by k within 6m }" },
    { 520, "2:40", "rule r { match x: a by k alert { m: \"a {x.v\" } }" },
    { 520, "2:40", "rule r { match x: a by k alert { m: \"a } b\" } }" },
    { 520, "2:40", "rule r { match x: a by k alert { m: \"a {} b\" } }" },
    { 523, "2:23", "rule r { match x: a | y: b by k }" },
    { 524, "2:36", "rule r { watch a by k over 5m when duration() > 1m }" },
    { 525, "2:26", "rule r { match x: a by k resolve when 1 == 1 }" },
    { 526, "2:22", "rule r { match x: a [x.v > 1] by k }" },
    { 310, "2:46", "rule r { match x: a by k resolve on b except open(r) }" },
    { 310, "2:46", "rule r { match x: a by k resolve on b except open(q) }\nrule q { match x: a [not open(r)] by k resolve on b }" },
    { 310, "3:18", "rule r { match x: q by k }\nprofile p { from r by k n: count() }\nrule q { match x: a [p.n > 1] by k }" },
    { 310, "2:16", "rule r { watch r by k }" },
    { 313, "2:38", "rule r { match x: a by k except open(rr) }" },
    { 404, "2:33", "rule r { match x: a by k except open(1) }" },
    { 315, "2:21", "profile p { from a [open(r)] by k n: count() }\nrule r { match x: a by k resolve on b }" },
    { 529, "3:38", "rule q { match x: a by k }\nrule r { match x: a by k except open(q) }" },
    { 530, "3:33", "rule q { match x: a by v resolve on b }\nrule r { match x: a by k except open(q) }" },
    { 531, "2:26", "rule r { match x: a by k repeat 5m }" },
    { 513, "2:46", "rule r { match x: a by k resolve on b repeat 0s }" },
    { 532, "2:33", "rule r { match x: a [during(at, \"22-06\")] by k }" },
    { 532, "2:33", "rule r { match x: a [during(at, \"24:01-06:00\")] by k }" },
    { 404, "2:22", "rule r { match x: a [during(at)] by k }" },
    { 405, "2:29", "rule r { match x: a [during(k, \"22:00-06:00\")] by k }" },
    { 405, "2:31", "rule r { match x: a [hour(at, v) > 1] by k }" },
    { 613, "2:31", "rule r { match x: a [hour(at, \"Europe/Berlinn\") > 1] by k }" },
    { 613, "2:31", "rule r { match x: a [hour(at, \"../passwd\") > 1] by k }" },
    { 533, "2:13", "calendar z: \"Monday\"" },
    { 533, "2:13", "calendar z: \"Europe/Berlin\"" },
    { 533, "2:13", "calendar z: \"2026-02-30\"" },
    { 533, "2:13", "calendar z: \"Mon 08:00-18:00 UTC x\"" },
    { 613, "2:13", "calendar z: \"Mon 08:00-18:00 x\"" },
    { 533, "2:33", "rule r { match x: a by k active \"08-18\" }" },
    { 408, "3:22", "calendar z: \"Mon\"\nrule r { match x: a [v in z] by k }" },
    { 528, "2:16", "rule r { match not a then y: b by k }" },
    { 540, "2:36", "rule r { match x: a by k within 5m on timeout alert { m: x.v } }" },
    { 540, "2:44", "rule r { match x: a then not b for 5m by k on timeout alert { m: x.v } }" },
    { 541, "2:21", "rule r { match x: a ? until [v > 3] then within 5m y: b by k }" },
    { 301, "2:33", "rule r { match x: a {2,3} until zz then within 5m y: b by k }" },
    { 315, "2:36", "rule r { match x: a then not b for y.v * 1s then y: a by k within 1h }" },
    { 509, "2:36", "rule r { match x: a next not b for 5m then y: a by k within 1h }" },
    { 528, "2:28", "rule r { match x: a ? then not b for 5m then y: a by k within 1h }" },
    { 528, "2:34", "rule r { match not a for 5m then not b for 5m by k }" },
    { 542, "2:26", "rule r { match x: a then not b then y: a ? by k within 1h }" },
    { 409, "2:36", "rule r { match x: a then not b for x.v then y: a by k within 1h }" },
    { 513, "2:36", "rule r { match x: a then not b for 0s then y: a by k within 1h }" },
    { 808, "2:54", "rule r { match x: a then not b for 5m then within 5m y: b by k }" },
    { 315, "2:40", "rule r { match x: a [count(x where v > y.v) > 1] {2,} then within 5m y: b by k }" },
    { 503, "2:34", "rule r { match not a for 5m by k on timeout alert { m: k } }" },
    { 513, "2:34", "rule r { match x: a by k warm up 0s }" },
    { 409, "3:43", "define w = m[k].r\nrule r { match x: a then y: b by k within w }" },
    { 315, "3:41", "define w = m[x.s].r * 1s\nrule r { match x: a then y: b by k idle w }" },
    { 550, "3:42", "sink d: stdout {}\nrule r { match x: a by k signal { m: 1 } to d }" },
    { 551, "3:24", "rule r { match x: a by k signal { m: 1 } }\ntest r { at 0s nothing expect alert at 0s }" },
    { 601, "2:11", "source s: kafak { stream: a }" },
    { 602, "2:38", "source s: file { path: \"x\" stream: a folow: true }" },
    { 603, "2:8", "source s: file { path: \"x\" }" },
    { 604, "2:24", "source s: file { path: 5 stream: a }" },
    { 604, "2:38", "source s: file { path: \"x\" stream: a format: \"xml\" }" },
    { 604, "2:37", "sink s: webhook { url: \"x\" timeout: 5 }" },
    { 605, "2:36", "source s: file { path: \"x\" stream: a, b }" },
    { 605, "2:54", "source s: file { path: \"x\" stream: a when f == 1 and f == \"a\", b }" },
    { 606, "2:34", "stream e { k: string } with time k" },
    { 606, "2:34", "stream e { at: time? } with time at" },
    { 608, "2:25", "stream e { k: string in ms }" },
    { 608, "2:24", "stream e { at: time in minutes }" },
    { 611, "2:22", "table z: \"z.csv\" key i { id: string }" },
    { 611, "2:22", "table z: \"z.csv\" key id { id: string? }" },
    { 701, "3:16", "rule r { match x: b by k }\ntest r { at 0s b { k: \"1\" v: 1 } }" },
    { 702, "3:31", "rule r { match x: b by k alert { total: 1 } }\ntest r { expect alert at 0s { totl: 1 } }" },
    { 703, "3:30", "rule r { match x: b by k }\ntest r { at 0s b { k: \"1\" v: \"1\" x: \"\" } }" },
    { 703, "3:23", "rule r { match x: b by k }\ntest r { at 0s b { k: null v: 1 x: \"\" } }" },
    { 703, "3:19", "rule r { match x: b [v in l] by k }\ntest r { given l: \"x\" }" },
    { 704, "3:16", "rule r { match x: b by k }\ntest r { given ll: \"x\" }" },
    { 705, "3:16", "rule r { match x: b by k }\ntest r { start \"noon\" }" },
    { 706, "3:38", "rule r { match x: b by k }\ntest r { at 0s b { k: \"1\" v: 1 x: \"\" at: \"2026-01-01T00:00:00Z\" } }" },
    { 707, "3:10", "rule r { match x: b by k }\ntest r { at 0s every 1s 2000000 times b { k: \"1\" v: 1 x: \"\" } }" },
    { 801, "2:22", "rule r { match x: a [not (d > 5)] by k }" },
    { 802, "2:34", "rule r { match x: a by k = a.k | b.k }" },
    { 803, "2:29", "rule r { match x: a by k in m }" },
    { 804, "2:16", "rule r { match (x: a within 5m) then within 5m y: b by k }" },
    { 805, "2:30", "rule r { match x: a then not z: b for 5m by k }" },
    { 806, "2:35", "rule r { match x: a by k limits { values: 5 } }" },
    { 807, "2:32", "rule r { match x: a [v > 5 and v < 5] by k }" },
    { 808, "2:48", "rule r { match x: a {1,} greedy then within 5m y: a [v > 3] by k }" },
    { 809, "2:21", "rule r { match x: a then y: b by k }" },
    { 810, "2:31", "rule r { watch a by k let n = distinct(v over ever) }" },
    { 820, "3:16", "rule r { match x: a by k mode shadow }\nrule q { watch r by k }" },
    { 820, "3:16", "rule r { match x: a by k mode off }\nrule q { watch r by k mode shadow }" },
    { 820, "3:18", "rule r { match x: a by k mode shadow }\nprofile p { from r by k n: count() }" },
    { 820, "3:16", "rule r { match x: a then y: b by k within 5m on timeout alert { m: 1 } }\nrule q { watch r by k }" },
    { 820, "3:33", "rule r { match x: a by k resolve on b mode shadow }\nrule q { match x: a by k except open(r) }" },
    { 812, "2:45", "rule r { match x: a by k escalate high on b within 5m }" },
    { 811, "2:28", "rule r { watch a by k when count() > 5 }" },
    { 541, "2:40", "rule r { match x: a then (y: b or z: a {1} until [v > 3]) by k within 1h }" },
    { 543, "2:35", "rule r { match x: a then (y: b or not a) by k within 1h }" },
    { 543, "2:42", "rule r { match x: a then any 1 of (y: b, not a) by k within 1h }" },
    { 507, "2:37", "rule r { match x: a then (y: b then not a) then z: b by k within 1h }" },
    { 509, "2:41", "rule r { match x: a then (y: b or z: a) next not b by k within 1h }" },
    { 509, "2:36", "rule r { match x: a next not b for 5m then (y: b or z: a) by k within 1h }" },
    { 528, "2:17", "rule r { match (not b for 5m or x: a) then y: b by k within 1h }" },
    { 528, "2:28", "rule r { match x: a ? then not b for 5m then (y: b or z: a) by k within 1h }" },
    { 542, "2:46", "rule r { match x: a then (y: b or z: a) then not b then w: a ? by k within 1h }" },
    { 315, "2:46", "rule r { match x: a then (y: b or not a [v > y.v] for 5m) by k within 1h }" },
    { 505, "2:26", "rule r { match x: a then any 3 of (y: b, z: a) by k within 1h }" },
    { 506, "2:35", "rule r { match x: a then (y: b or z: a ?) by k within 1h }" },
    { 506, "2:26", "rule r { match x: a then (y: b ? then z: a ?) {2} by k within 1h }" },
    { 315, "2:46", "rule r { match x: a then (y: b and z: a [v > y.v]) by k within 1h }" },
    { 809, "2:21", "rule r { match x: a then (y: b or z: a) by k }" },
    { 528, "2:34", "rule r { match not a for 5m then not b then y: b by k }" },
    { 413, "3:24", "profile p { from a by k n: count() }\nrule r { match x: a [p[v].n > 1] by k }" },
    { 413, "3:22", "profile p { from a by k, v n: count() }\nrule r { match x: a [p[k].n > 1] by k }" },
    { 544, "3:55", "define w = m[\"a\"].r * 1s\nrule r { match x: a then within 5m y: b by k throttle w }" },
    { 315, "2:52", "rule r { watch a over 1h by k when count() > 1 for (first(at over 1h) - first(at over 1h)) }" },
    { 409, "2:52", "rule r { watch a over 1h by k when count() > 1 for m[k].r }" },
    { 535, "2:59", "rule r { match x: a {2,} by k when count(b over 5m before y) > 1 }" },
    { 535, "2:36", "rule r { match x: a {2,} by k when count(over 5m before x) > 1 }" },
    { 535, "2:57", "rule r { watch a by k over 1h when count(over 5m before a) > 1 }" },
    { 418, "2:36", "rule r { match x: a {2,} by k when abs(1 before x) > 1 }" },
    { 514, "2:49", "rule r { match x: a {2,} by k when count(b over hopping 5m every 1m before x) > 1 }" },
};

enum { N_ROWS = sizeof ROWS / sizeof ROWS[0] };

static const plan *compile(front *fr, const char *text)
{
    egret_parse(&fr->diags, fr->source, &fr->file);
    if (fr->diags.n_errors != 0)
        fail_msg("does not parse:\n%s%s", text, front_lines(fr));
    return egret_plan_make(&fr->diags, &fr->file, false);
}

static const plan *compile_rules(front *fr, const char *rules)
{
    char text[8192];
    snprintf(text, sizeof text, "%s%s", PRELUDE, rules);
    front_init(fr, text);
    return compile(fr, text);
}

static void mistakes(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_ROWS; i++) {
        front fr;
        const plan *made = compile_rules(&fr, ROWS[i].text);
        const egret_diag *diag = fr.diags.first;
        char got[64] = "nothing";
        if (diag != NULL) {
            uint32_t line, column;
            egret_source_position(&fr.diags.sources[0], diag->span.start, &line, &column);
            snprintf(got, sizeof got, "E%04u %u:%u", diag->code, line, column);
        }
        char want[64];
        snprintf(want, sizeof want, "E%04u %s", ROWS[i].code, ROWS[i].at);
        if (strcmp(got, want) != 0 || diag->next != NULL)
            fail_msg("%s\nshould give %s alone, gave:\n%s", ROWS[i].text, want, front_lines(&fr));
        if (diag->help == NULL && ROWS[i].code < 900)
            fail_msg("%s\nshould say how to mend it:\n%s", ROWS[i].text, front_lines(&fr));
        bool warning = ROWS[i].code / 100 == 8;
        assert_int_equal(diag->level, warning ? EGRET_DIAG_WARNING : EGRET_DIAG_ERROR);
        assert_int_equal(made != NULL, warning);
        front_deinit(&fr);
    }
}

/* Codes that need more than a line of text: see the tests below and test_content.c. */
static bool has_own_test(unsigned code)
{
    return code == 412 || code == 813 || code == 522 || code == 609 || code == 610 || code == 612;
}

static void every_code_has_a_row(void **state)
{
    (void)state;
    unsigned n = 0;
    for (size_t i = 0; egret_code_at(i) != 0; i++) {
        unsigned code = egret_code_at(i);
        if (code < 300 || has_own_test(code))
            continue;
        bool found = false;
        for (size_t k = 0; k < N_ROWS; k++)
            found = found || ROWS[k].code == code;
        if (!found)
            fail_msg("no row for E%04u", code);
        n++;
    }
    assert_true(n > 90);
}

/* ---- what is said beside the message ---- */

static void helps(void **state)
{
    (void)state;
    static const struct { const char *text, *lines; } TEXTS[] = {
        { "rule r { match x: a by kk }",
          "E0510 2:24 stream 'a' has no field 'kk' to be the key | say what it is called there: by kk = a.ok\n" },
        { "rule r { match x: a then y: c by k }",
          "E0510 2:34 stream 'c' has no field 'k' to be the key | say what it is called there: by k = a.k | c.field\n" },
        { "rule r { match fail: a {2,} by k when count(fial) > 2 }",
          "E0414 2:39 count() of which step? | did you mean 'fail'?\n" },
        { "rule r { match x: a by k alert { m: \"{v}\" } }",
          "E0303 2:39 unknown name 'v' | at the end of a sequence a field is asked of a step: x.v\n" },
        { "rule r { match x: a [lenght(k) == 1] by k }", "E0307 2:22 unknown function 'lenght' | did you mean 'length'?\n" },
        { "rule r { match x: a by k severity hihg }", "E0303 2:35 unknown name 'hihg' | did you mean 'high'?\n" },
    };
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++) {
        front fr;
        compile_rules(&fr, TEXTS[i].text);
        assert_string_equal(front_lines(&fr), TEXTS[i].lines);
        front_deinit(&fr);
    }
}

static void all_mistakes_of_a_rule_are_reported(void **state)
{
    (void)state;
    front fr;
    compile_rules(&fr, "rule r { match x: a [vv > 1] then y: b [k == 5] by k\n alert { m: zz } to desk }");
    assert_string_equal(front_lines(&fr), "E0302 2:22 stream 'a' has no field 'vv' | known here: k, v, d, s, n, ok, t, at\n"
                                          "E0402 2:41 cannot compare string with int | write the value in quotes: \"5\"\n"
                                          "E0303 3:13 unknown name 'zz' | known here: k, m\n"
                                          "E0311 3:21 there is no sink 'desk' | declare it: sink desk: webhook { url: \"https://…\" }\n");
    front_deinit(&fr);
}

static void a_mistake_under_two_keys_is_reported_once(void **state)
{
    (void)state;
    front fr;
    compile_rules(&fr, "rule r { match x: a [vv > 1] by k by v alert { m: \"{x.v +}\" } }");
    assert_int_equal(fr.diags.n_errors, 2);
    front_deinit(&fr);
}

static void what_waits_longer_than_the_journal_keeps_is_told(void **state)
{
    (void)state;
    static const struct { const char *rule; int64_t keep_ms; unsigned n; } ROWS_KEPT[] = {
        { "rule r { match x: a then y: b by k within 8d }", INT64_C(8) * 86400000, 0 },
        { "rule r { match x: a then y: b by k within 8d }", INT64_C(8) * 86400000 - 1, 1 },
        { "rule r { match x: a then within 8d (y: b or z: a) by k within 9d }", 86400000, 1 },
        { "define long = 8d\nrule r { match (x: a then within long y: b) {2} then z: a by k idle 1h }", 86400000, 1 },
        { "rule r { watch a over 30d by k when count() > 3 }", 86400000, 0 },
    };
    for (size_t i = 0; i < sizeof ROWS_KEPT / sizeof ROWS_KEPT[0]; i++) {
        front fr;
        assert_non_null(compile_rules(&fr, ROWS_KEPT[i].rule));
        egret_plan_warn_kept(&fr.diags, &fr.file, ROWS_KEPT[i].keep_ms);
        assert_int_equal(fr.diags.n_warnings, ROWS_KEPT[i].n);
        assert_true(ROWS_KEPT[i].n == 0 || (fr.diags.first->code == 813 && fr.diags.first->help != NULL));
        front_deinit(&fr);
    }
}

static void defines_that_multiply_are_refused(void **state)
{
    (void)state;
    char text[4096] = "define d0 = not (v > 1 or ok) ";
    front fr;
    for (int i = 1; i <= 40; i++) {
        size_t at = strlen(text);
        snprintf(text + at, sizeof text - at, "define d%d = not (d%d and not d%d) ", i, i - 1, i - 1);
    }
    size_t at = strlen(text);
    snprintf(text + at, sizeof text - at, "rule r { match x: a [d40] by k }");
    compile_rules(&fr, text);
    assert_true(fr.diags.n_errors >= 1);
    assert_int_equal(fr.diags.last->code, 412);     /* behind warnings: d and not d never holds */
    front_deinit(&fr);
}

/* Each let is small, but evaluating the last one would walk them all, one inside the other. */
static void lets_that_pile_up_are_refused(void **state)
{
    (void)state;
    enum { N = 1000 };
    char *text = malloc(N * 40 + 100);
    assert_non_null(text);
    size_t at = (size_t)sprintf(text, "%srule r { match x: a by k let l0 = x.v ", PRELUDE);
    for (int i = 1; i < N; i++)
        at += (size_t)sprintf(text + at, "let l%d = l%d + 1 ", i, i - 1);
    strcpy(text + at, "}");
    front fr;
    front_init(&fr, text);
    assert_null(compile(&fr, text));
    assert_int_equal(fr.diags.n_errors, 1);
    assert_int_equal(fr.diags.first->code, 412);
    front_deinit(&fr);
    free(text);
}

static void too_many_steps_and_fields_are_refused(void **state)
{
    (void)state;
    char text[4096] = "rule r { match s0: a";
    for (int i = 1; i < 40; i++) {
        size_t at = strlen(text);
        snprintf(text + at, sizeof text - at, " then s%d: a", i);
    }
    strcat(text, " by k }");
    front fr;
    assert_null(compile_rules(&fr, text));
    assert_int_equal(fr.diags.first->code, 522);
    front_deinit(&fr);
}

/* ---- memory ---- */

static long calls_left;

static void *allocate(void *user, void *ptr, size_t old_size, size_t new_size)
{
    (void)user;
    (void)old_size;
    if (new_size == 0) {
        free(ptr);
        return NULL;
    }
    if (calls_left == 0)
        return NULL;
    calls_left--;
    return realloc(ptr, new_size);
}

/* Says no after 0, 1, 2 … allocations until there are enough: never a crash, never a plan that is not whole. */
static void without_memory_there_is_no_plan(void **state)
{
    (void)state;
    const char *text = PRELUDE "define big = v > 5 profile p { from a by k n: count() m: avg(v over 1h) }\n"
                               "rule r { watch x: a [big and p.n > 1] | y: b by k over 5m let z = count(x) > 2 when z and sum(v) > 5 for 1m\n"
                               " alert { m: \"{count()} {v} {which(z)}\" } }\n"
                               "rule q { match x: a {2,} then y: b [v > x.v and changed(v)] by k by v unless b [x == \"1\"] when sum(x.v) > 3 }\n"
                               "test r { at 0s b { k: \"1\" v: i x: \"\" } expect alert at 1s { z: true } }\n";
    bool done = false;
    for (long limit = 0; !done; limit++) {
        assert_true(limit < 1000);
        calls_left = limit;
        const egret_options options = { .size = sizeof options, .alloc = allocate };
        egret_arena arena;
        egret_diags diags;
        ast_file file;
        egret_arena_init(&arena, egret_mem_of(&options));
        egret_diags_init(&diags, &arena);
        ast_file_init(&file);
        uint32_t source = egret_diags_add_source(&diags, "t.egret", text, strlen(text));
        const plan *made = NULL;
        if (source != UINT32_MAX) {
            egret_parse(&diags, source, &file);
            made = egret_plan_make(&diags, &file, false);
        }
        if (!arena.failed && diags.n_errors != 0)
            fail_msg("%ld allocations: %s", limit, egret_diags_text(&diags));
        done = made != NULL;
        assert_int_equal(done, !arena.failed);
        egret_arena_deinit(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes),
        cmocka_unit_test(every_code_has_a_row),
        cmocka_unit_test(helps),
        cmocka_unit_test(all_mistakes_of_a_rule_are_reported),
        cmocka_unit_test(a_mistake_under_two_keys_is_reported_once),
        cmocka_unit_test(what_waits_longer_than_the_journal_keeps_is_told),
        cmocka_unit_test(defines_that_multiply_are_refused),
        cmocka_unit_test(lets_that_pile_up_are_refused),
        cmocka_unit_test(too_many_steps_and_fields_are_refused),
        cmocka_unit_test(without_memory_there_is_no_plan),
    };
    return cmocka_run_group_tests_name("compiler.check", tests, NULL, NULL);
}
