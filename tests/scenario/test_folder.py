"""The data folder: backups of a daemon at work, restoring them, folders of older and newer versions, who may use it."""
import gzip
import json
import os
import unittest

from harness import Daemon, Folder, Receiver, egret, wait_for

BLOCK = b"EJB\n"        # how a block of the journal begins; its head is 64 bytes
HERE = os.path.dirname(os.path.abspath(__file__))
RULES = """\
stream login { user: string  ok: bool  at: time } with time at
sink desk: webhook { url: "%s"  allow_private: true  backoff: 10ms }
rule thrice { match a: login [not ok] then b: login [not ok] then c: login [ok] within 1h  by user  alert { who: user } }
rule failed { watch login [not ok]  by user  alert { who: user }  to desk }
"""


def login(user, second, ok=False):
    return {"user": user, "ok": ok, "at": "2026-01-05T09:%02d:%02dZ" % (second // 60, second % 60)}


class DataFolder(Folder):
    def setUp(self):
        super().setUp()
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.write("rules/r.egret", RULES % self.receiver.url)

    def start(self, data="data"):
        daemon = Daemon(self.path("rules"), self.path(data), "--idle", "100ms", "--keep", "36500d")
        self.addCleanup(daemon.kill)
        return daemon.wait_until_ready()

    def run_well(self, *args):
        done = egret(*args)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return done.stdout

    def events(self, data):
        return [json.loads(line) for line in self.run_well("journal", "export", "--stream", "login", "--data", self.path(data)).splitlines()]

    def test_a_backup_of_a_daemon_at_work_goes_on_where_it_was(self):
        daemon = self.start()
        daemon.post("login", [login("ann", 1), login("ann", 2)])
        self.receiver.wait_for_requests(2)
        self.write("data/mine/notes.txt", "kept too")
        told = self.run_well("backup", "--data", self.path("data"), "--to", self.path("copy"))
        self.assertRegex(told, r"^backed up to .*/copy: journal to record \d+, 2 entries of alerts, \d+ bytes, \d+ other files\n$")
        daemon.post("login", login("bob", 3))
        self.receiver.wait_for_requests(3)
        self.assertEqual(daemon.stop(), 0)
        told = self.run_well("restore", "--from", self.path("copy"), "--data", self.path("again"))
        self.assertRegex(told, "^restored to ")
        self.assertEqual(self.read("again/mine/notes.txt"), "kept too")
        self.assertEqual([event["user"] for event in self.events("again")], ["ann", "ann"])
        again = self.start("again")
        again.post("login", login("ann", 4, ok=True))
        self.assertEqual([alert["rule"] for alert in again.wait_for_alerts(1)], ["thrice"])
        self.assertEqual(again.stop(), 0)

    def test_dead_events_come_in_again(self):
        daemon = self.start()
        bad = '{"user": "ann", "ok": "perhaps", "at": "2026-01-05T09:00:01Z"}'
        status, answer = daemon.post("login", bad + "\n" + json.dumps(login("bob", 1)) + "\n", "application/x-ndjson")
        self.assertEqual((status, answer["rejected"]), (202, 1))
        letter = wait_for(self.letters, "the dead letter")[0]
        self.assertEqual((letter["source"], letter["stream"], letter["class"], letter["record"]), ("http", "login", "type", bad))
        self.assertEqual(self.run_well("deadletters", "export", "--data", self.path("data"), "--of", "login"), bad + "\n")
        self.run_well("deadletters", "retry", "--all", "--data", self.path("data"))     # the same rules: it is none of theirs again
        again = wait_for(lambda: [one for one in self.letters() if one["number"] > letter["number"]], "the dead letter again")
        self.assertEqual((len(self.letters()), again[0]["class"], again[0]["record"]), (1, "type", bad))
        self.assertEqual(daemon.stop(), 0)
        self.write("rules/r.egret", RULES.replace("ok: bool", "ok: string").replace("[not ok]", '[ok == "perhaps"]').replace("[ok]", '[ok == "y"]')
                   % self.receiver.url)
        daemon = self.start()
        self.run_well("deadletters", "retry", str(again[0]["number"]), "--data", self.path("data"))
        requests = self.receiver.wait_for_requests(2)
        self.assertEqual(json.loads(requests[1][2])["key"], {"user": "ann"})
        self.assertEqual(self.letters(), [])
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(len(self.events("data")), 2)
        daemon = self.start()
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(len(self.events("data")), 2)

    def test_backups_and_restores_that_are_refused(self):
        daemon = self.start()
        daemon.post("login", login("ann", 1))
        self.run_well("backup", "--data", self.path("data"), "--to", self.path("copy"))
        for args, words in ((["backup", "--data", self.path("data"), "--to", self.path("copy")], "is not empty"),
                            (["backup", "--data", self.path("none"), "--to", self.path("other")], "store.mdb"),
                            (["restore", "--from", self.path("copy"), "--data", self.path("data")], "another egret uses"),
                            (["restore", "--from", self.path("rules"), "--data", self.path("new")], "store.mdb")):
            done = egret(*args)
            self.assertEqual((done.returncode, done.stdout), (3, ""), args)
            self.assertIn(words, done.stderr)
        self.assertEqual(daemon.stop(), 0)
        done = egret("restore", "--from", self.path("copy"), "--data", self.path("data"))
        self.assertEqual(done.returncode, 3)
        self.assertIn("is not empty", done.stderr)

    def test_a_backup_that_cannot_be_read_is_not_restored(self):
        daemon = self.start()
        daemon.post("login", [login("user%d" % i, i) for i in range(200)])
        self.assertEqual(daemon.stop(), 0)
        self.run_well("backup", "--data", self.path("data"), "--to", self.path("copy"))
        with open(self.path("copy/store.mdb"), "r+b") as file:
            whole = file.read()
            heads = [at for at in range(len(whole) - 64) if whole.startswith(BLOCK, at)]
            at = next(at for at in heads if int.from_bytes(whole[at + 12:at + 16], "little") > 200) + 64 + 20
            file.seek(at)
            file.write(bytes(byte ^ 0xff for byte in whole[at:at + 20]))
        done = egret("restore", "--from", self.path("copy"), "--data", self.path("again"))
        self.assertEqual(done.returncode, 3)
        self.assertIn("cannot be read", done.stderr)
        self.assertFalse(os.path.exists(self.path("again/store.mdb")))

    def test_a_folder_of_format_1_is_upgraded(self):
        with gzip.open(os.path.join(HERE, "format-1", "store.mdb.gz")) as file:
            self.write("data/store.mdb", file.read())
        done = egret("deadletters", "retry", "--all", "--data", self.path("data"))
        self.assertEqual(done.returncode, 3)
        self.assertIn("made by an older egret", done.stderr)
        self.assertEqual(len(self.events("data")), 2)       # looking needs no upgrade
        daemon = self.start()
        requests = self.receiver.wait_for_requests(2)       # what was on its way goes on
        self.assertEqual([json.loads(body)["time"] for _, _, body, _ in requests], ["2026-01-05T09:00:01Z", "2026-01-05T09:00:02Z"])
        daemon.post("login", login("ann", 9, ok=True))
        self.assertEqual([alert["rule"] for alert in daemon.wait_for_alerts(1)], ["thrice"])
        wait_for(lambda: self.run_well("journal", "outbox", "--data", self.path("data")) == "", "all to be delivered")
        self.assertEqual(daemon.stop(), 0)
        again = self.start()
        self.assertEqual(again.stop(), 0)
        self.assertEqual(len(self.receiver.requests), 2)

    def test_damaged_pages_end_with_a_line(self):
        """Cut short, zeroed, or full of ones: whoever reads it ends with 3 and says so, and is not killed by a signal."""
        daemon = self.start()
        for n in range(20):
            daemon.post("login", [login("u%d" % (n * 50 + k), n) for k in range(50)])
        self.assertEqual(daemon.stop(), 0)
        with open(self.path("data/store.mdb"), "rb") as file:
            whole = file.read()
        pages = len(whole) // 4096
        self.assertGreater(pages, 20)
        for name, bytes_ in (("cut short", whole[:3 * 4096]), ("cut in the middle", whole[:pages // 2 * 4096 + 100]),
                             ("zeroed", whole[:2 * 4096] + bytes(len(whole) - 2 * 4096)), ("ones", whole[:2 * 4096] + b"\xff" * (len(whole) - 2 * 4096))):
            with self.subTest(name):
                self.write("data/store.mdb", bytes_)
                verify = egret("journal", "verify", "--data", self.path("data"))
                self.assertEqual(verify.returncode, 3, verify.stderr)
                self.assertTrue(verify.stderr.strip())
                run = egret("run", "--rules", self.path("rules"), "--data", self.path("data"), "--listen", "127.0.0.1:0")
                self.assertEqual(run.returncode, 3, run.stderr)
                self.assertRegex(run.stderr, "store|journal")
        self.write("data/store.mdb", whole)
        self.assertEqual(self.start().stop(), 0)

    def test_wherever_the_store_is_cut_no_signal_ends_the_reader(self):
        """What is missing may be looked for when the store is opened or long after."""
        daemon = self.start()
        for n in range(20):
            daemon.post("login", [login("u%d" % (n * 50 + k), n) for k in range(50)])
        self.assertEqual(daemon.stop(), 0)
        with open(self.path("data/store.mdb"), "rb") as file:
            whole = file.read()
        pages = len(whole) // 4096
        cuts = sorted({pages * k // 20 for k in range(1, 20)} | set(range(pages - 24, pages)))
        codes = []
        for cut in cuts:
            self.write("data/store.mdb", whole[:cut * 4096 + cut % 2 * 100])
            verify = egret("journal", "verify", "--data", self.path("data"))
            codes.append(verify.returncode)
            self.assertTrue(verify.returncode == 0 or verify.stderr.strip(), "%d of %d pages: %s" % (cut, pages, verify))
        self.assertLessEqual(set(codes), {0, 3}, dict(zip(cuts, codes)))
        self.assertGreater(codes.count(3), 19)


if __name__ == "__main__":
    unittest.main()
