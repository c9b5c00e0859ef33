"""What survives: state, events, places of sources and alerts over ends of every kind; the journal and what shows it."""
import json
import os
import resource
import signal
import unittest

from harness import Daemon, Folder, egret, wait_for

RULES = """\
stream login { user: string  ok: bool  at: time } with time at
rule thrice { match a: login [not ok] then b: login [not ok] then c: login [ok] within 1h  by user  alert { who: user } }
rule failed { watch login [not ok]  by user  alert { who: user } }
"""


def login(user, second, ok=False):
    return {"user": user, "ok": ok, "at": "2026-01-05T09:%02d:%02dZ" % (second // 60, second % 60)}


class Journal(Folder):
    rules = RULES

    def start(self, *args, rules=None, **more):
        self.write("rules/r.egret", rules or self.rules)
        daemon = Daemon(self.path("rules"), self.path("data"), "--idle", "100ms", *args, **more)
        self.addCleanup(daemon.kill)
        return daemon.wait_until_ready()

    def journal(self, verb, *args, code=0):
        done = egret("journal", verb, "--data", self.path("data"), *args)
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout if verb == "verify" else [json.loads(line) for line in done.stdout.splitlines()]

    def kill(self, daemon):
        """Kills it when no alert is on its way: one that is would be sent again."""
        wait_for(lambda: self.journal("outbox") == [], "the alerts to be settled")
        daemon.stop(signal.SIGKILL)

    def events(self):
        return [record["event"] for record in self.journal("export")]


class Restarts(Journal):
    def test_state_survives_both_ends(self):
        for number, how in enumerate((signal.SIGTERM, signal.SIGKILL)):
            user = "u%d" % number
            first = self.start()
            self.assertEqual(first.post("login", [login(user, 10 * number), login(user, 10 * number + 1)])[0], 202)
            first.wait_for_alerts(2)
            wait_for(lambda: self.journal("outbox") == [], "the alerts to be settled")
            first.stop(how)
            second = self.start()
            second.post("login", login(user, 10 * number + 2, ok=True))
            alert = second.wait_for_alerts(1)[0]
            self.assertEqual((alert["rule"], [event["event"] for event in alert["events"]]),
                             ("thrice", [login(user, 10 * number), login(user, 10 * number + 1), login(user, 10 * number + 2, ok=True)]))
            self.assertEqual(second.stop(), 0)
            self.assertEqual(len(second.out), 1)    # what was told before is not told again
            self.assertNotIn("gave other alerts", "".join(second.err))

    def test_what_was_answered_is_there(self):
        sent = []
        for run in range(3):
            daemon = self.start()
            for i in range(20):
                body = [login("u%d" % (i % 3), 100 * run + i), login("v", 100 * run + i)]
                self.assertEqual(daemon.post("login", body)[0], 202)
                sent += body
            daemon.stop(signal.SIGKILL)
        self.assertEqual(self.events(), sent)
        self.assertIn("0 blocks broken, 0 gaps", self.journal("verify"))

    def test_alerts_nobody_has_taken_go_out_after_a_kill(self):
        rules = self.rules.replace("alert { who: user } }\nrule", "alert { who: user } to desk }\nrule")
        rules += 'sink desk: webhook { url: "http://127.0.0.1:9/"  allow_private: true  backoff: 5m }\n'
        daemon = self.start(rules=rules)
        daemon.post("login", [login("ada", 0), login("ada", 1), login("ada", 2, ok=True)])
        daemon.wait_for_alerts(2)
        rows = wait_for(lambda: [row for row in self.journal("outbox") if row["sink"] == "desk"], "the row")
        daemon.stop(signal.SIGKILL)
        again = self.start(rules=rules)
        wait_for(lambda: again.metric('egret_sink_backlog{sink="desk"}') == 1, "the alert in the outbox")
        self.assertEqual(again.stop(), 0)
        self.assertEqual(self.journal("outbox"), rows)

    def test_rules_that_changed_keep_what_is_known(self):
        rule = "rule %s { match a: login [not ok] then b: login [ok] within 1h  by user }\n"
        before = "stream login { user: string  ok: bool  at: time } with time at\n" + rule % "kept"
        first = self.start(rules=before)
        first.post("login", [login("ada", 0), login("ada", 1)])
        self.assertEqual(first.stop(), 0)
        second = self.start(rules=before + rule % "later")      # knows nothing of what was before it
        self.assertIn("files of --rules have changed", "".join(second.err))
        second.post("login", login("ada", 2, ok=True))
        self.assertEqual([alert["rule"] for alert in second.wait_for_alerts(1)], ["kept"])
        self.assertEqual(second.stop(), 0)
        starts = [record for record in self.journal("cat") if record["kind"] == "start"]
        self.assertEqual(len(starts), 2)
        self.assertNotEqual(starts[0]["rules"], starts[1]["rules"])
        self.assertEqual([list(start["files"]) for start in starts], [[self.path("rules/r.egret")]] * 2)

    def test_numbers_count_what_came_since(self):
        first = self.start()
        first.post("login", [login("ada", 0), login("ada", 1)])
        first.wait_for_alerts(2)
        self.kill(first)
        second = self.start()
        self.assertEqual(second.metric('egret_rule_alerts_total{rule="failed",instance="0"}'), 0)
        self.assertEqual(second.metric("egret_engine_keys"), 1)
        second.post("login", login("bob", 2))
        wait_for(lambda: second.metric('egret_rule_alerts_total{rule="failed",instance="0"}') == 1, "the counter")
        self.assertEqual(second.metric('egret_events_accepted_total{stream="login"}'), 1)
        self.assertEqual(second.stop(), 0)


class Lateness(Journal):
    rules = RULES.replace("with time at", "with time at, lateness 1m")

    def test_what_waits_for_order_waits_on(self):
        first = self.start()
        first.post("login", login("ada", 59))
        first.stop(signal.SIGKILL)
        second = self.start("--idle", "1h")
        second.post("login", [login("bob", 30), login("late", 200)])
        self.assertEqual([alert["key"]["user"] for alert in second.wait_for_alerts(2)], ["bob", "ada"])
        self.assertEqual(second.stop(), 0)
        self.assertEqual(len(first.out), 0)


class Files(Journal):
    def append(self, name, text):
        with open(self.path(name), "ab") as file:
            file.write(text.encode())

    def test_a_file_is_read_on(self):
        line = "".join(json.dumps(login("u%d" % i, i)) + "\n" for i in range(3))
        rules = RULES + 'source s: file { path: "in.%s"  stream: login  follow: true }\n'
        rows = "user,ok,at\n" + "".join("u%d,false,2026-01-05T09:00:%02dZ\n" % (i, i) for i in range(3))
        for ending, text, more in (("ndjson", line, json.dumps(login("later", 9)) + "\n"), ("csv", rows, "later,false,2026-01-05T09:00:09Z\n")):
            self.write("rules/in." + ending, text)
            first = self.start(rules=rules % ending)
            first.wait_for_alerts(3)
            self.kill(first)
            self.append("rules/in." + ending, more + "{nonsense")
            second = self.start(rules=rules % ending)
            self.assertEqual([alert["key"]["user"] for alert in second.wait_for_alerts(1)], ["later"])
            self.append("rules/in." + ending, "\n")
            letter = wait_for(self.letters, "the dead letter")[-1]
            self.assertEqual(letter["line"], 5 + (ending == "csv"))
            self.assertEqual(second.stop(), 0)
            third = self.start(rules=rules % ending)
            self.assertEqual(third.stop(), 0)
            self.assertEqual(third.out, [])
            os.rename(self.path("data"), self.path("data." + ending))

    def test_an_array_is_read_on(self):
        rules = RULES + 'source s: file { path: "in.json"  stream: login  follow: true }\n'
        self.write("rules/in.json", "[%s,\n%s" % (json.dumps(login("a", 0)), json.dumps(login("b", 1))))
        first = self.start(rules=rules)
        self.assertEqual([alert["key"]["user"] for alert in first.wait_for_alerts(2)], ["a", "b"])
        self.kill(first)
        self.append("rules/in.json", ", %s]\n" % json.dumps(login("c", 2), indent=1))
        second = self.start(rules=rules)
        self.assertEqual([alert["key"]["user"] for alert in second.wait_for_alerts(1)], ["c"])
        self.assertEqual(second.stop(), 0)
        self.assertEqual(self.letters(), [])

    def test_another_file_of_that_name_is_read_from_its_beginning(self):
        rules = RULES + 'source s: file { path: "in.ndjson"  stream: login }\n'
        self.write("rules/in.ndjson", json.dumps(login("a", 0)) + "\n" + json.dumps(login("b", 1)) + "\n")
        first = self.start(rules=rules)
        first.wait_for_alerts(2)
        self.assertEqual(first.stop(), 0)
        again = self.start(rules=rules)
        self.assertEqual(again.stop(), 0)
        self.assertEqual(again.out, [])
        self.write("rules/new", json.dumps(login("c", 2)) + "\n")
        os.rename(self.path("rules/new"), self.path("rules/in.ndjson"))
        second = self.start(rules=rules)
        self.assertEqual([alert["key"]["user"] for alert in second.wait_for_alerts(1)], ["c"])
        self.assertIn("what stands there is read from its beginning", "".join(second.err))
        self.assertEqual(second.stop(), 0)


class Troubles(Journal):
    def test_a_broken_block_is_put_aside_and_said(self):
        for i in range(3):
            daemon = self.start()
            daemon.post("login", [login("user-of-run-%d" % i, 10 * i + k) for k in range(40)])
            daemon.stop(signal.SIGKILL)     # without a checkpoint
        blocks = self.journal("list")
        with open(self.path("data/store.mdb"), "rb") as file:
            store = bytearray(file.read())
        large = [block for block in blocks if block["events"] == 40]
        self.assertEqual(len(large), 3)
        at = store.find(b"EJB\n")
        spoiled = 0
        while at >= 0:      # also in pages that are free by now
            if int.from_bytes(store[at + 24:at + 32], "little") == large[1]["lsn"]:
                store[at + 100] ^= 0x40
                spoiled += 1
            at = store.find(b"EJB\n", at + 1)
        self.assertGreater(spoiled, 0)
        self.write("data/store.mdb", bytes(store))
        self.assertIn("1 blocks broken", self.journal("verify", code=3))
        daemon = self.start()
        self.assertIn("put into quarantine", "".join(daemon.err))
        self.assertEqual(daemon.metric("egret_journal_quarantined_blocks"), 1)
        self.assertEqual(daemon.post("login", login("after", 50))[0], 202)
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual({event["user"] for event in self.events()}, {"user-of-run-0", "user-of-run-2", "after"})
        self.assertIn("1 gaps, 1 in quarantine", self.journal("verify", code=3))

    def test_a_full_disk_refuses_and_goes_on(self):
        def small_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (300000, resource.RLIM_INFINITY))
        self.write("rules/r.egret", self.rules)
        daemon = Daemon(self.path("rules"), self.path("data"), before=small_files)
        self.addCleanup(daemon.kill)
        daemon.wait_until_ready()
        body, accepted, status = "", [], 202
        for i in range(200):
            records = [{**login("u%d" % k, i, ok=True), "filler": os.urandom(30).hex()} for k in range(100)]
            body = "".join(json.dumps(record) + "\n" for record in records)
            status, answer = daemon.post("login", body, "application/x-ndjson")
            if status != 202:
                break
            accepted += records
        self.assertEqual(status, 503)
        self.assertIn("the disk is full", answer["detail"])
        self.assertGreater(len(accepted), 100)
        self.assertEqual(daemon.request("GET", "/readyz")[0], 503)
        self.assertEqual(daemon.request("GET", "/livez")[0], 200)
        status, headers, _ = daemon.request("POST", "/v1/events/login", body, {"Content-Type": "application/x-ndjson"})
        self.assertEqual((status, headers["Retry-After"]), (503, "5"))
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        wait_for(lambda: daemon.request("GET", "/readyz")[0] == 200, "room again")
        after = login("after", 300, ok=True)
        self.assertEqual(daemon.post("login", after)[0], 202)
        self.assertEqual(daemon.stop(), 0)
        events = self.events()
        self.assertEqual(events[:len(accepted)], accepted)
        self.assertEqual(events[-1], after)

    def test_the_journal_keeps_to_its_size(self):
        daemon = self.start("--keep-bytes", "64K")
        for i in range(40):
            records = [{**login("u%d" % k, i, ok=True), "filler": os.urandom(30).hex()} for k in range(100)]
            self.assertEqual(daemon.post("login", "".join(json.dumps(record) + "\n" for record in records), "application/x-ndjson")[0], 202)
        wait_for(lambda: daemon.metric("egret_checkpoints_total") >= 1, "a checkpoint, without which nothing may go")
        self.assertEqual(daemon.post("login", login("x", 99))[0], 202)
        self.assertEqual(daemon.stop(), 0)
        blocks = self.journal("list")
        self.assertGreater(blocks[0]["lsn"], 0)
        self.assertLess(sum(block["bytes"] for block in blocks), 100000)
        again = self.start("--keep-bytes", "64K")
        self.assertEqual(again.post("login", login("x", 100))[0], 202)
        self.assertEqual(again.stop(), 0)


def heads_of_checkpoints(store, page_bytes=4096):
    """Where the payloads of all checkpoints' heads begin in an LMDB file: data of leaf nodes by their key, in the node or on pages of its own.
    Nothing else may be hit: a byte of a branch or of the list of free pages would break the file itself."""
    key = b"\xff\xff\xff\xff" + (0).to_bytes(4, "big")      # of any version below 2^32
    piece_head, leaf, overflow, big_data = 24, 0x02, 0x04, 0x01
    number = lambda at, size: int.from_bytes(store[at:at + size], "little")
    at = store.find(key)
    while at >= 0:
        size, flags, key_size = number(at - 8, 2) | number(at - 6, 2) << 16, number(at - 4, 2), number(at - 2, 2)
        page = at - at % page_bytes
        if number(page + 10, 2) & leaf and key_size == 16:
            data, page = at + 16, None
            if flags & big_data:
                page = number(at + 16, 8) * page_bytes
                data = page + 16
            is_there = page is None or number(page + 10, 2) & overflow
            if is_there and number(data + 16, 8) == size - piece_head > 0:     # what the piece itself says it has
                yield data + piece_head
        at = store.find(key, at + 1)


class Checkpoints(Journal):
    def fill(self, daemon, first):
        for i in range(20):
            body = [login("u%d" % k, first + i) for k in range(20)]
            self.assertEqual(daemon.post("login", body)[0], 202)

    def test_a_start_reads_the_newest_and_what_came_after(self):
        daemon = self.start("--checkpoint", "100")
        self.fill(daemon, 0)
        wait_for(lambda: daemon.metric("egret_checkpoints_total") >= 2, "two checkpoints")
        self.assertGreater(daemon.metric("egret_checkpoint_bytes_total"), 0)
        daemon.post("login", login("after", 30))
        daemon.post("login", login("after", 31))
        daemon.stop(signal.SIGKILL)
        again = self.start("--checkpoint", "100")
        log = "".join(again.err)
        self.assertIn("the state as of record", log)
        self.assertNotIn("gave other alerts", log)
        self.assertEqual(again.metric("egret_engine_keys"), 21)
        again.post("login", login("after", 32, ok=True))
        alert = wait_for(lambda: [alert for alert in again.alerts() if alert["rule"] == "thrice"], "the alert over both")[0]
        self.assertEqual([event["event"]["at"] for event in alert["events"]], [login("", second)["at"] for second in (30, 31, 32)])
        self.assertEqual(again.stop(), 0)

    def test_the_end_leaves_one(self):
        daemon = self.start()
        self.fill(daemon, 0)
        self.assertEqual(daemon.stop(), 0)
        again = self.start()
        self.assertIn("the state as of record", "".join(again.err))
        self.assertNotIn("events of", "".join(again.err))      # nothing to evaluate again
        self.assertEqual(again.metric("egret_engine_keys"), 20)
        self.assertEqual(again.stop(), 0)

    def test_one_that_cannot_be_read_is_passed_over(self):
        daemon = self.start("--checkpoint", "100")
        self.fill(daemon, 0)
        self.assertEqual(daemon.stop(), 0)
        with open(self.path("data/store.mdb"), "rb") as file:
            store = bytearray(file.read())
        places = list(heads_of_checkpoints(store))
        self.assertGreater(len(places), 0)
        for at in places:
            store[at] ^= 1
        self.write("data/store.mdb", bytes(store))
        again = self.start()
        self.assertIn("a piece of it cannot be read", "".join(again.err))
        self.assertEqual(again.metric("egret_engine_keys"), 20)
        self.assertEqual(again.stop(), 0)
        third = self.start()
        self.assertIn("the state as of record", "".join(third.err))
        self.assertEqual(third.stop(), 0)


class Commands(Journal):
    def test_what_the_verbs_show(self):
        self.assertEqual(egret("journal", "list", "--data", self.dir).returncode, 3)
        self.assertEqual(egret("journal", "eat", "--data", self.dir).returncode, 2)
        self.assertEqual(egret("journal", "list").returncode, 2)
        daemon = self.start()
        daemon.post("login", "user,ok,at\nada,false,2026-01-05T09:00:00Z\n", "text/csv")
        daemon.post("login", login("bob", 1))
        daemon.wait_for_alerts(2)
        kinds = [record["kind"] for record in self.journal("cat")]      # while it runs
        self.assertEqual((kinds[0], kinds.count("batch"), kinds.count("event")), ("start", 2, 2))
        self.assertEqual(sum(record["alerts"] for record in self.journal("cat") if record["kind"] == "epoch"), 2)
        done = egret("journal", "export", "--data", self.path("data"), "--stream", "login")
        self.assertEqual([json.loads(line)["user"] for line in done.stdout.splitlines()], ["ada", "bob"])
        self.assertEqual(daemon.stop(), 0)      # or it may write one more block between the two lists
        last = self.journal("list")[-1]["lsn"]
        self.assertEqual([block["lsn"] for block in self.journal("list", "--from", str(last))], [last])

    def test_what_is_known_in_the_end(self):
        daemon = self.start()
        daemon.post("login", [login("ada", 0), login("ada", 1), login("bob", 2)])
        daemon.wait_for_alerts(3)
        known = {(line["rule"], line["key"]["user"]): line for line in self.journal("state")}
        self.assertEqual(sorted(known), [("failed", "ada"), ("failed", "bob"), ("thrice", "ada"), ("thrice", "bob")])
        for (rule, user), line in known.items():
            told = json.loads(daemon.request("GET", "/v1/keys/%s/%s" % (rule, user))[2])
            self.assertEqual(line, told)
        waits = [wait["step"] for attempt in known["thrice", "ada"]["attempts"] for wait in attempt["waits_for"]]
        self.assertEqual(sorted(waits), ["b", "c"])
        self.assertEqual(daemon.stop(), 0)

    def test_alerts_that_a_change_closes_are_those_of_then(self):
        rules = RULES + 'table people: "people.csv" key user { user: string }\n' \
            "rule still { match not login for 5s  by user in people  alert { who: user }  resolve on login }\n"
        self.write("rules/people.csv", "user\nada\nbob\n")
        first = self.start(rules=rules)
        first.post("login", [login("eve", 0), login("eve", 60)])
        first.wait_for_alerts(4)       # two failed, two still
        status, _, answer = first.request("PUT", "/v1/tables/people", "user\nbob\n", {"Content-Type": "text/plain", "If-Match": "*"})
        self.assertEqual(status, 200, answer)
        closed = first.wait_for_alerts(5)[-1]
        self.assertEqual((closed["kind"], closed["key"]), ("resolved", {"user": "ada"}))
        self.kill(first)
        self.assertEqual(self.journal("alerts"), first.alerts())
        second = self.start(rules=rules)
        self.assertNotIn("gave other alerts", "".join(second.err))
        self.assertEqual(second.stop(), 0)

    def test_sizes(self):
        self.write("rules/r.egret", self.rules)
        for size in ("", "x", "-1", "1Q", "20GG", "99999999999999999999", "99999999T"):
            done = egret("run", "--rules", self.path("rules"), "--data", self.path("data"), "--keep-bytes", size)
            self.assertEqual(done.returncode, 2, size)
            self.assertIn("--keep-bytes", done.stderr)


if __name__ == "__main__":
    unittest.main()
