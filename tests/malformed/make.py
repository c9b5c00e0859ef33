#!/usr/bin/env python3
"""Writes the malformed rule texts of cases/ and the list cases.txt of what is wrong with each.

Two kinds of text:
- By hand: (name, code, text). The sign § stands where the error must be reported; it is not part of the text.
- By mutation of a good text (GOOD): cut off after a token, a bracket dropped, a name replaced by a reserved word, a character
  that means nothing put in. Each of these is wrong whatever the tokens are; only that an error with a place inside the
  text comes is expected ("any").

Run it after changing it, and commit what it writes: python3 tests/malformed/make.py
"""
import os
import re
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = os.path.join(HERE, "cases")

GOOD = '''stream payment { id: string  card: string  amount: decimal  lat: number? from "geo.lat"  at: time } with time at, lateness 5s
source api: http { stream: payment when type == "pay", login  follow: true }
table shops: "shops.csv" key id { id: string  risk: number }
profile spending { from payment [status == "ok"] by card  n: count()  mean: avg(amount over 24h) }
define risky = country in blocked or shops[shop].risk > 0.8
rule takeover "text" {
  severity if(n > 5, high, medium)
  match (f: failed {3,} within 15m) then within 15m ok: login [new(device over 90d)] then any x | y until [z] then not q for 5m
  by account, device = login.device | failed.device
  let n = count(f where a not in (1, 2) before ok)
  when n >= 3 and not a.b is null for 2m
  unless passed after ok
  after match skip to first ok
  alert { message: "{n} failures"  n: n }
  throttle 1h per account
  escalate critical within 5m on other [a like "x*"]
  to desk, pager
}
test takeover "text" {
  start "2026-01-05T09:00:00Z"
  given blocked: "a", "b"
  at 0s every 10s 20 times failed { account: "a" }
  expect alert of takeover at 1m { n: 3 }
  expect no more alerts
}
'''

# What is open where a rule is written around a part: in RULE the part is a row of clauses, in WHEN an expression, in MATCH a pattern.
RULE = "rule r {\n  %s\n}\n"
WHEN = "rule r {\n  watch a\n  when %s\n}\n"
MATCH = "rule r {\n  match %s\n  by k\n}\n"
TEST = "test r {\n  %s\n}\n"

HAND = [
    # ---- characters ----
    ("at sign", 101, "§@rule r { }"),
    ("dollar in name", 101, "rule r§$x { watch a }"),
    ("backslash outside string", 101, WHEN % "a §\\ b"),
    ("backquote", 101, "list §`x`: \"y\""),
    ("caret operator", 101, WHEN % "a §^ 2 > 5"),
    ("tilde", 101, WHEN % "§~a"),
    ("accented name", 101, "stream §é { x: int }"),
    ("chinese name", 101, "rule §規則 { watch a }"),
    ("control character", 101, "rule r {§\x01 watch a }"),
    ("nul byte", 101, "rule r {§\x00 watch a }"),
    ("nul byte in comment", 101, "# a §\x00 b\nlist l: \"x\"\n"),
    ("nul byte in string", 101, "list l: \"a§\x00\"\n"),
    ("single ampersand", 101, WHEN % "a §& b"),
    ("double ampersand", 102, WHEN % "a §&& b"),
    ("double bar", 102, WHEN % "a §|| b"),
    ("exclamation not", 102, WHEN % "§!a"),
    ("less greater", 102, WHEN % "a §<> b"),
    ("triple equals", 102, WHEN % "a §=== b"),
    ("not triple equals", 102, WHEN % "a §!== b"),
    ("semicolon after clause", 102, RULE % "watch a§;"),
    ("semicolon after declaration", 102, "list l: \"x\"§;\n"),
    ("slash comment", 102, "§// a comment\nlist l: \"x\""),
    ("block comment", 102, "§/* a comment */ list l: \"x\""),
    ("single quotes", 113, WHEN % "a == §'x'"),
    ("curly quotes", 113, WHEN % "a == §“x”"),
    ("space that does not break", 113, "rule§\u00a0r { watch a }"),
    ("zero width space", 113, "rule r { watch§\u200b a }"),
    ("byte order mark inside", 113, "rule r {§\ufeff watch a }"),
    # ---- strings ----
    ("string without end", 103, "list l: §\"x"),
    ("string without end in rule", 103, "rule r {\n  alert { message: §\"abc }\n}\nrule s {\n  watch b\n}\n"),
    ("string without end before string", 103, "list l: §\"x\nlist m: \"y\"\n"),
    ("string ends in backslash", 103, "list l: §\"x\\"),
    ("string with escaped end", 103, "list l: §\"x\\\""),
    ("unknown escape", 108, "list l: \"a§\\d\""),
    ("escape of a quote sign", 108, "list l: \"a§\\'b\""),
    ("short unicode escape", 109, "list l: \"§\\u12\""),
    ("unicode escape not hexadecimal", 109, "list l: \"§\\u12x4\""),
    ("unicode escape zero", 109, "list l: \"§\\u0000\""),
    ("lone high surrogate", 109, "list l: \"§\\ud83d\""),
    ("lone low surrogate", 109, "list l: \"§\\ude00\""),
    ("regex without end", 112, WHEN % "a matches §r\"^x"),
    # ---- numbers and durations ----
    ("minutes spelt out", 104, RULE % "within §15min"),
    ("seconds spelt out", 104, RULE % "idle §30seconds"),
    ("year", 104, RULE % "within §1y"),
    ("upper case unit", 104, RULE % "within §5M"),
    ("fraction of an hour", 104, RULE % "within §1.5h"),
    ("name begins with digit", 104, "stream s { §2fa: string }"),
    ("hexadecimal", 104, WHEN % "a == §0xff"),
    ("underscore in fraction", 104, WHEN % "a > §1.000_000"),
    ("int too large", 105, WHEN % "a > §9223372036854775808"),
    ("int much too large", 105, WHEN % ("a > §" + "9" * 400)),
    ("duration too long", 106, RULE % "within §99999999999999999w"),
    ("float too large", 107, WHEN % "a > §1e400"),
    ("point without digits before", 214, WHEN % "a > §.5"),
    ("point without digits after", 205, WHEN % "a > 5. §and b"),
    ("address not in quotes", 202, WHEN % "ip == 10.0.§0.1"),
    # ---- declarations ----
    ("misspelt declaration", 201, "§rul r { watch a }"),
    ("upper case declaration", 201, "§Rule r { watch a }"),
    ("let outside", 220, "§let x = 5"),
    ("import", 201, "§import \"other.egret\""),
    ("number first", 202, "§5"),
    ("string first", 202, "§\"rule\""),
    ("brace alone", 217, "§}"),
    ("brace too many", 217, "rule r { watch a }\n§}\n"),
    ("clause outside", 220, "rule r { watch a }\n§throttle 1h\n"),
    ("rule without name", 202, "rule §{ watch a }"),
    ("rule with string name", 202, "rule §\"r\" { watch a }"),
    ("rule with reserved name", 205, "rule §in { watch a }"),
    ("rule without brace", 202, "rule r §watch a }"),
    ("rule with colon", 202, "rule r§: { watch a }"),
    ("rule with two texts", 202, "rule r \"a\" §\"b\" { watch a }"),
    ("rule cut off", 204, "rule r { watch §a"),
    ("rule only", 202, "§rule"),
    ("rule not closed before rule", 204, "rule r {\n  watch a\n§rule s {\n  watch b\n}\n"),
    ("stream without name", 202, "stream §{ x: int }"),
    ("stream without braces", 202, "stream §s"),
    ("stream field without type", 202, "stream s { a §}"),
    ("stream field without colon", 202, "stream s { a §int }"),
    ("stream field with equals", 202, "stream s { a §= int }"),
    ("stream field type is a string", 202, "stream s { a: §\"int\" }"),
    ("stream field type is reserved", 205, "stream s { a: §null }"),
    ("stream field is reserved", 205, "stream s { §or: int }"),
    ("stream field in quotes", 202, "stream s { §\"a\": int }"),
    ("stream field unit missing", 202, "stream s { a: time in §}"),
    ("stream field from without quotes", 202, "stream s { a: int from §geo.lat }"),
    ("stream field question twice", 202, "stream s { a: int?§? }"),
    ("stream two commas", 202, "stream s { a: int,§, b: int }"),
    ("stream not closed", 204, "stream s { a: int\n§stream t { b: int }\n"),
    ("stream with nothing", 202, "stream s { a: int } §with"),
    ("stream with unknown option", 202, "stream s { a: int } with §clock a"),
    ("stream time is a string", 202, "stream s { a: int } with time §\"a\""),
    ("stream lateness without unit", 208, "stream s { a: int } with lateness §5"),
    ("stream lateness negative", 202, "stream s { a: int } with lateness §-5s"),
    ("stream lateness is a name", 202, "stream s { a: int } with lateness §d"),
    ("stream identity within without unit", 208, "stream s { a: int } with identity a within §1"),
    ("stream option comma at end", 202, "stream s { a: int } with time a, \n§list l: \"x\""),
    ("stream time twice", 207, "stream s { a: int } with time a, §time b"),
    ("stream lateness twice", 207, "stream s { a: int } with lateness 5s, §lateness 6s"),
    ("stream identity twice", 207, "stream s { a: int } with identity a, §identity b"),
    ("source without kind", 202, "source s: §{ a: 1 }"),
    ("source without colon", 202, "source s §kafka { a: 1 }"),
    ("source with quoted kind", 202, "source s: §\"kafka\" { a: 1 }"),
    ("source without value", 214, "source s: kafka { a: §}"),
    ("source when without condition", 214, "source s: kafka { a: b when §}"),
    ("source with equals", 202, "source s: kafka { a §= 1 }"),
    ("source not closed", 204, "source s: kafka { a: 1\n§list l: \"x\"\n"),
    ("sink map not closed", 204, "sink s: webhook { headers: { \"a\": \"b\"\n§sink t: stdout { }\n"),
    ("sink map without colon", 202, "sink s: webhook { headers: { \"a\" §\"b\" } }"),
    ("sink map with number key", 202, "sink s: webhook { headers: { §5: \"b\" } }"),
    ("list without colon", 202, "list l §\"x\""),
    ("list without quotes", 202, "list l: §x"),
    ("list with brackets", 202, "list l: §[\"a\", \"b\"]"),
    ("list of two files", 202, "list l: \"a\"§, \"b\""),
    ("table without key", 202, "table t: \"t.csv\" §{ a: int }"),
    ("table key in brackets", 202, "table t: \"t.csv\" key §(a) { a: int }"),
    ("table key comma at end", 202, "table t: \"t.csv\" key a, §{ a: int }"),
    ("table field with from", 202, "table t: \"t.csv\" key a { a: int from §\"b\" }"),
    ("table without fields", 202, "table t: \"t.csv\" key §a"),
    ("calendar without quotes", 202, "calendar c: §Mon"),
    ("calendar comma at end", 202, "calendar c: \"Mon 08:00-09:00\", \n§list l: \"x\""),
    ("profile without from", 202, "profile p { §payment by card }"),
    ("profile without by", 202, "profile p { from payment §n: count() }"),
    ("profile by nothing", 202, "profile p { from payment by §}"),
    ("profile value without colon", 202, "profile p { from payment by card n §= count() }"),
    ("profile value missing", 214, "profile p { from payment by card n: §}"),
    ("define without value", 214, "define x =§\n".replace("=§", "§=")),
    ("define with colon", 202, "define x§: 5"),
    ("define with two equals", 211, "define x §== 5"),
    ("define of reserved word", 205, "define §true = 5"),
    # ---- clauses ----
    ("misspelt clause", 206, RULE % "§trottle 1h"),
    ("clause of another language", 206, RULE % "§where a == 1"),
    ("clause with colon", 202, RULE % "by§: k"),
    ("for as clause", 206, RULE % "watch a\n  §for 5m"),
    ("condition as clause", 202, RULE % "watch a\n  by k\n  §[x == 1]"),
    ("stray or", 202, RULE % "when (a)\n  §) or b"),
    ("match twice", 207, RULE % "match a\n  §match b"),
    ("watch twice", 207, RULE % "watch a\n  §watch b"),
    ("when twice", 207, RULE % "watch a\n  when x\n  §when y"),
    ("over twice", 207, RULE % "over 5m\n  §over 6m"),
    ("within twice", 207, RULE % "within 5m\n  §within 6m"),
    ("within behind match and as clause", 207, RULE % "match a within 5m\n  by k\n  §within 6m"),
    ("alert twice", 207, RULE % "alert {}\n  §alert {}"),
    ("alert and signal", 207, RULE % "alert {}\n  §signal {}"),
    ("resolve twice", 207, RULE % "resolve on a\n  §resolve when b"),
    ("throttle twice", 207, RULE % "throttle 5m\n  §throttle 5m"),
    ("severity twice", 207, RULE % "severity high\n  §severity low"),
    ("tags twice", 207, RULE % "tags a\n  §tags b"),
    ("early twice", 207, RULE % "early\n  §early"),
    ("mode twice", 207, RULE % "mode shadow\n  §mode off"),
    ("limits twice", 207, RULE % "limits {}\n  §limits {}"),
    ("on timeout twice", 207, RULE % "on timeout alert {}\n  §on timeout alert {}"),
    ("after match twice", 207, RULE % "after match no skip\n  §after match no skip"),
    ("within without unit", 208, RULE % "within §15"),
    ("within fraction", 208, RULE % "within §1.5"),
    ("within string", 202, RULE % "within §\"15m\""),
    ("within negative", 202, RULE % "within §-15m"),
    ("within nothing", 202, "rule r { within §}"),
    ("idle without unit", 208, RULE % "idle §30"),
    ("throttle without unit", 208, RULE % "throttle §1"),
    ("throttle per nothing", 214, "rule r { throttle 1h per §}"),
    ("repeat without unit", 208, RULE % "repeat §30"),
    ("warm without up", 202, RULE % "warm §24h"),
    ("warm up without unit", 208, RULE % "warm up §24"),
    ("let without name", 202, RULE % "let §= 5"),
    ("let with colon", 202, RULE % "let x§: 5"),
    ("let with two equals", 211, RULE % "let x §== 5"),
    ("let reserved", 205, RULE % "let §like = 5"),
    ("let without value", 214, "rule r { let x = §}"),
    ("by nothing", 202, "rule r { by §}"),
    ("by number", 202, RULE % "by §5"),
    ("by string", 202, RULE % "by §\"card\""),
    ("by comma at end", 202, "rule r { by a, §}"),
    ("by with two equals", 211, RULE % "by a §== b"),
    ("by in nothing", 202, "rule r { by a in §}"),
    ("by in string", 202, RULE % "by a in §\"t\""),
    ("by bar at end", 214, "rule r { by a = b | §}"),
    ("over nothing", 202, "rule r { over §}"),
    ("over without unit", 208, RULE % "over §5"),
    ("over last nothing", 202, RULE % "over last §x"),
    ("over last duration", 202, RULE % "over last §5m"),
    ("over tumbling without unit", 208, RULE % "over tumbling §1"),
    ("over tumbling zone without quotes", 202, RULE % "over tumbling 1h in §Berlin"),
    ("over hopping without every", 202, RULE % "over hopping 1h §by 5m"),
    ("over hopping every without unit", 208, RULE % "over hopping 1h every §5"),
    ("when nothing", 214, "rule r { when §}"),
    ("when for nothing", 214, "rule r { when a for §}"),
    ("unless nothing", 202, "rule r { unless §}"),
    ("unless after nothing", 202, "rule r { unless a after §}"),
    ("except nothing", 214, "rule r { except §}"),
    ("after without match", 202, RULE % "after §skip to next"),
    ("after match nothing", 202, "rule r { after match §}"),
    ("skip past first", 202, RULE % "after match skip past §first"),
    ("skip to nothing", 202, "rule r { after match skip to §}"),
    ("skip to first nothing", 202, "rule r { after match skip to first §}"),
    ("skip without to", 202, RULE % "after match skip §next"),
    ("no without skip", 202, RULE % "after match no §more"),
    ("severity nothing", 214, "rule r { severity §}"),
    ("tags nothing", 202, "rule r { tags §}"),
    ("tags comma at end", 202, "rule r { tags a, §}"),
    ("tags number", 202, RULE % "tags §5"),
    ("alert without brace", 202, RULE % "alert §\"message\""),
    ("alert pair without colon", 202, RULE % "alert { message §\"x\" }"),
    ("alert pair with equals", 202, RULE % "alert { message §= \"x\" }"),
    ("alert pair quoted", 202, RULE % "alert { §\"message\": \"x\" }"),
    ("alert pair reserved", 205, RULE % "alert { §not: \"x\" }"),
    ("alert pair without value", 214, "rule r { alert { a: §} }"),
    ("alert two commas", 202, RULE % "alert { a: 1,§, b: 2 }"),
    ("alert not closed", 204, "rule r {\n  alert { a: 1\n  §to desk\n}\n"),
    ("alert not closed at end", 204, "rule r {\n  alert { a: §1\n"),
    ("on something else", 202, RULE % "on §failure alert {}"),
    ("on timeout without alert", 202, RULE % "on timeout §{}"),
    ("resolve nothing", 202, "rule r { resolve §}"),
    ("resolve if", 202, RULE % "resolve §if a"),
    ("escalate without severity", 202, RULE % "escalate §\"critical\" on a"),
    ("escalate without on", 202, RULE % "escalate critical §a"),
    ("escalate within without unit", 208, RULE % "escalate critical within §5 on a"),
    ("active without quotes", 202, RULE % "active §Mon"),
    ("mode in quotes", 202, RULE % "mode §\"shadow\""),
    ("to nothing", 202, "rule r { to §}"),
    # ---- patterns ----
    ("match nothing", 202, "rule r { match §}"),
    ("match begins with then", 202, MATCH % "§then (a)"),
    ("match ends with then", 202, "rule r { match a then §}"),
    ("then twice", 206, "rule r { match a then then §b }"),
    ("and mixed with or", 210, MATCH % "a and b §or c"),
    ("or mixed with and", 210, MATCH % "a or b §and c"),
    ("or at end", 202, "rule r { match a or §}"),
    ("group not closed", 204, "rule r {\n  match (a then b\n  §by k\n}\n"),
    ("group empty", 202, MATCH % "(§)"),
    ("group closed twice", 202, MATCH % "(a)§)"),
    ("condition not closed", 204, "rule r { watch a [x == 1 §}"),
    ("condition empty", 214, MATCH % "a [§]"),
    ("condition twice", 202, MATCH % "a [x] §[y]"),
    ("condition in round brackets", 202, "rule r { watch a §(x == 1) }"),
    ("condition before stream", 202, MATCH % "§[x == 1] a"),
    ("label without stream", 202, MATCH % "a: §[x]"),
    ("label twice", 202, MATCH % "a: b§: c"),
    ("label in quotes", 202, MATCH % "§\"a\": b"),
    ("stream reserved", 205, MATCH % "a then §is"),
    ("bar at end", 202, "rule r { match a | §}"),
    ("watch with sequence", 206, RULE % "watch a §then b"),
    ("watch with quantifier", 206, RULE % "watch a §{3,}"),
    ("quantifier without lower bound", 213, MATCH % "a {§,3}"),
    ("quantifier reversed", 213, MATCH % "a §{5,3}"),
    ("quantifier empty", 202, MATCH % "a {§}"),
    ("quantifier negative", 202, MATCH % "a {§-1}"),
    ("quantifier fraction", 202, MATCH % "a {§1.5}"),
    ("quantifier with a name", 202, MATCH % "a {§n}"),
    ("quantifier three numbers", 202, MATCH % "a {1,2§,3}"),
    ("quantifier dots", 202, MATCH % "a {1§..3}"),
    ("quantifier twice", 213, MATCH % "a {3} §{4}"),
    ("plus and star", 213, MATCH % "a+§*"),
    ("quantifier on absence", 213, MATCH % "a then not b §{3}"),
    ("quantifier on any of", 213, MATCH % "any 2 of (a, b) §{3}"),
    ("strict twice", 207, MATCH % "a {3} strict §strict"),
    ("strict without quantifier", 206, "rule r { match a §strict }"),
    ("until nothing", 202, "rule r { match a+ until §}"),
    ("until number", 202, MATCH % "a+ until §5"),
    ("absence of a group", 202, MATCH % "a then not §(b or c)"),
    ("absence of nothing", 202, "rule r { match not §}"),
    ("absence twice", 205, MATCH % "not §not a"),
    ("absence for nothing", 214, "rule r { match not a for §}"),
    ("then within without unit", 208, MATCH % "a then within §5 b"),
    ("then after within", 206, MATCH % "a within 5m §then b"),
    ("any of without number list", 202, MATCH % "any 2 of §a, b"),
    ("any without of", 202, MATCH % "any 2 §(a, b)"),
    ("any of empty", 202, MATCH % "any 2 of (§)"),
    ("any of not closed", 204, "rule r {\n  match any 2 of (a, b\n  §by k\n}\n"),
    ("comma in sequence", 202, MATCH % "a§, b"),
    ("arrow for then", 202, MATCH % "a §-> b"),
    # ---- expressions ----
    ("equals for comparison", 211, WHEN % "a §= 5"),
    ("chain of less", 209, WHEN % "1 <= a §< 5"),
    ("chain of equal", 209, WHEN % "a == b §== c"),
    ("chain with equals", 209, WHEN % "a == b §= c"),
    ("chain after in", 209, WHEN % "a in b §== c"),
    ("chain after is null", 209, WHEN % "a is null §== true"),
    ("chain of like", 209, WHEN % "a like \"x\" §like \"y\""),
    ("operator at end", 214, "rule r { when a + §}"),
    ("operator at end of line", 214, "rule r {\n  when a >\n  §by x\n}\n"),
    ("operator twice", 214, WHEN % "a + §* b"),
    ("plus sign", 214, WHEN % "a > §+5"),
    ("and at end", 214, "rule r { when a and §}"),
    ("and first", 205, WHEN % "§and a"),
    ("or twice", 205, WHEN % "a or §or b"),
    ("not at end", 214, "rule r { when not §}"),
    ("not before operator", 202, WHEN % "a not §== b"),
    ("not behind name", 202, WHEN % "a not §b"),
    ("is value", 202, WHEN % "a is §5"),
    ("is not value", 202, WHEN % "a is not §\"x\""),
    ("is at end", 202, "rule r { when a is §}"),
    ("in square brackets", 218, WHEN % "a in §[1, 2]"),
    ("in braces", 218, WHEN % "a in §{1, 2}"),
    ("in nothing", 214, WHEN % "a in (§)"),
    ("in comma at end", 214, WHEN % "a in (1, §)"),
    ("in not closed", 204, "rule r { when a in (1, 2 §}"),
    ("matches string", 212, WHEN % "a matches §\"x\""),
    ("matches name", 212, WHEN % "a matches §b"),
    ("regex alone", 214, WHEN % "§r\"x\""),
    ("regex compared", 214, WHEN % "a == §r\"x\""),
    ("bracket not closed", 204, "rule r { when (a or b §}"),
    ("bracket closed twice", 202, WHEN % "(a)§)"),
    ("bracket empty", 214, WHEN % "(§)"),
    ("bracket with list", 202, WHEN % "(a§, b)"),
    ("wrong bracket", 204, WHEN % "(a§]"),
    ("member without name", 202, WHEN % "a. §> 5"),
    ("member number", 202, WHEN % "a.§5 > 5"),
    ("member reserved", 205, WHEN % "a.§in > 5"),
    ("index empty", 214, WHEN % "a[§]"),
    ("index not closed", 204, "rule r { when a[1 §}"),
    ("call not closed", 204, "rule r { when f(1, 2 §}"),
    ("call comma at end", 214, WHEN % "f(1, §)"),
    ("call two commas", 214, WHEN % "f(1, §, 2)"),
    ("call without comma", 202, WHEN % "f(a §b)"),
    ("call where nothing", 214, WHEN % "count(where §)"),
    ("call over nothing", 202, WHEN % "count(over §)"),
    ("call over without unit", 208, WHEN % "count(over §5)"),
    ("call before nothing", 202, WHEN % "count(before §)"),
    ("call where after over", 202, WHEN % "count(over 5m §where x)"),
    ("call argument named", 202, WHEN % "f(a§: 1)"),
    ("call of a number", 202, WHEN % "5§(a)"),
    ("question operator", 202, WHEN % "a §? b : c"),
    ("list literal", 214, WHEN % "§[1, 2] == a"),
    ("map in expression", 214, WHEN % "a == §{ b: 1 }"),
    ("increment", 214, WHEN % "a + §+ + b"),
    ("two values", 202, WHEN % "a §5"),
    ("assignment in alert", 211, RULE % "alert { a: b §= c }"),
    # ---- tests ----
    ("test without name", 202, "test §{ }"),
    ("test unknown step", 215, TEST % "§wait 5s"),
    ("test misspelt step", 215, TEST % "§expct no more alerts"),
    ("test step is a number", 202, TEST % "§5s a {}"),
    ("start without quotes", 202, TEST % "start §2026"),
    ("start nothing", 202, "test r { start §}"),
    ("given nothing", 202, "test r { given l §}"),
    ("given with equals", 202, TEST % "given l §= \"a\""),
    ("given comma at end", 202, "test r { given l: \"a\", §}"),
    ("given row cut off", 204, "test r {\n  given t { a: 1\n  §at 5s a {}\n}\n"),
    ("at without unit", 208, TEST % "at §5 a {}"),
    ("at clock time", 208, TEST % "at §09:00 a {}"),
    ("at without event", 202, "test r { at 5s §}"),
    ("at event without braces", 202, "test r { at 5s a §}"),
    ("at every without times", 202, TEST % "at 0s every 5s §a {}"),
    ("at every number without times", 202, TEST % "at 0s every 5s 3 §a {}"),
    ("at every without unit", 208, TEST % "at 0s every §5 3 times a {}"),
    ("expect nothing", 202, "test r { expect §}"),
    ("expect none", 202, TEST % "expect §none"),
    ("expect alert without at", 202, TEST % "expect alert §5s"),
    ("expect alert without unit", 208, TEST % "expect alert at §5"),
    ("expect alert of nothing", 202, TEST % "expect alert of §5s"),
    ("expect no alerts", 202, TEST % "expect no §alerts"),
    ("expect misspelt", 202, TEST % "expect §alarm at 5s"),
    ("test not closed", 204, "test r {\n  at 5s a {}\n§rule r { watch a }\n"),
    # ---- too deep ----
    ("brackets too deep", 203, WHEN % ("(" * 200 + "§(" + "a" + ")" * 201)),
    ("minus too deep", 203, WHEN % ("-" * 199 + "§--a")),
    ("groups too deep", 203, MATCH % ("(" * 200 + "§(a" + ")" * 201)),
    ("sum too long", 203, WHEN % ("a" + " + a" * 499 + " + §a" + " + a" * 20)),
]

LATIN1 = [("latin1 in comment", "# caf\xe9\nlist l: \"x\"\n"), ("latin1 in string", "list l: \"caf\xe9\"\n"),
          ("latin1 in name", "list caf\xe9: \"x\"\n")]

TOKEN = re.compile(r'r?"(?:\\.|[^"\\])*"|(?:\d+(?:ms|s|m|h|d|w))+\b|\d[\d_]*(?:\.\d+)?|\w+|==|!=|<=|>=|\S')
RESERVED = {"and", "or", "not", "in", "is", "like", "matches", "true", "false", "null"}


def declarations():
    """The good text cut into its declarations."""
    lines, part = [], []
    for line in GOOD.splitlines(keepends=True):
        part.append(line)
        if line.startswith("}") or (len(part) == 1 and not line.rstrip().endswith("{")):
            lines.append("".join(part))
            part = []
    return lines


def mutations():
    """(name, text): each is wrong for sure."""
    for decl in declarations():
        word = decl.split()[0]
        tokens = list(TOKEN.finditer(decl))
        step = max(1, len(tokens) // 12)
        last_brace = max((i for i, t in enumerate(tokens) if t.group() == "}"), default=len(tokens) - 1)
        for i in range(1, last_brace if "}" in decl else 0, step):
            yield f"{word} cut off", decl[:tokens[i].start()]
        for i, token in enumerate(tokens):
            if token.group() in ")]}(" or token.group() == "[":
                yield f"{word} without {'closing' if token.group() in ')]}' else 'opening'} bracket", \
                    decl[:token.start()] + " " + decl[token.end():]
        for i in range(0, len(tokens), 2 * step):
            yield f"{word} with a foreign character", decl[:tokens[i].end()] + " @ " + decl[tokens[i].end():]
        names = [t for t in tokens if re.fullmatch(r"[a-z]\w*", t.group()) and t.group() not in RESERVED]
        for token in names[1::max(1, len(names) // 5)]:
            yield f"{word} with a reserved word", decl[:token.start()] + "matches" + decl[token.end():]


def position(text):
    """Line and column of the sign §, counted as editors do."""
    before = text[:text.index("§")]
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def main():
    shutil.rmtree(CASES, ignore_errors=True)
    os.mkdir(CASES)
    rows = []

    def write(name, data, expected):
        file = f"{len(rows) + 1:03d}-{name.replace(' ', '-')}.egret"
        with open(os.path.join(CASES, file), "wb") as out:
            out.write(data)
        rows.append(f"{file} {expected}\n")

    for name, code, text in HAND:
        if text.count("§") != 1:
            sys.exit(f"{name}: the place must be marked once")
        line, column = position(text)
        write(name, text.replace("§", "").encode("utf-8"), f"E{code:04d} {line}:{column}")
    for name, text in LATIN1:
        data = text.encode("latin-1")
        before = data[:data.index(b"\xe9")]
        write(name, data, f"E0110 {before.count(bytes([10])) + 1}:{len(before) + 1}")
    seen = set()
    for name, text in mutations():
        if text not in seen:
            seen.add(text)
            write(name, text.encode("utf-8"), "any")
    with open(os.path.join(HERE, "cases.txt"), "w", encoding="utf-8") as out:
        out.writelines(rows)
    print(f"{len(rows)} texts")


main()
