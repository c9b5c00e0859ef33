#!/usr/bin/env python3
"""Kills the daemon at random moments while events come by HTTP and from a file, starts it again, and goes on. In the end:

- every event that was answered with 202 is in the journal, and no event of the file is there twice or not at all;
- the alerts that were sent, equal ids taken once, are those of one evaluation of the journal from its beginning without a crash
  (`egret journal alerts`), byte for byte, and no epoch gave other alerts when it was evaluated again;
- a webhook receiver that now and then answers 500 saw each of them at least once;
- each stands in the history once, and says that both sinks have it;
- nothing is left in the outbox or among the dead letters;
- what the daemon knows of each key of each rule (GET /v1/keys) is what one evaluation of the journal from its beginning knows (`egret journal state`).

    kill.py --runs N --seed S [--shim LIBRARY] [--changes] [--shards N,N,…]

A run is made again from its seed, but for the moment at which a signal arrives. With the shim the daemon kills itself at a write or sync that
the seed chooses, or sees it fail; see tests/crash/shim.c. With --changes rules are replaced, removed and switched, a list and a table are swapped, and
checkpoints are cut every few events, all while events flow and the daemon dies (changes.py); the journal is then evaluated by the rules of then.
With several numbers of shards each start takes one of them.
"""
import argparse
import http.client
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import urllib.parse

from changes import DECLARATIONS, Changes
from harness import Daemon, Receiver, egret, wait_for

RULES = """\
stream login { id: string  user: string  ok: bool  amount: decimal  at: time } with time at, lateness 3s, identity id within 1h
stream beat { device: string  n: int  at: time } with time at
source s: file { path: "in.ndjson"  stream: beat  follow: true }
sink log: file { path: "alerts.ndjson" }
sink desk: webhook { url: "%s"  allow_private: true  backoff: 5ms  attempts: 1000 }
rule failed { watch login [not ok]  by user  alert { who: user, amount: amount }  to log, desk }
rule thrice { match a: login [not ok] then b: login [not ok] then c: login [ok] within 1m  by user  alert { total: a.amount + c.amount }  to log, desk }
rule quiet { match login [not ok] then not login [ok] for 20s  by user  alert { who: user }  to log, desk }
rule many { watch login  by user  over 1m  when sum(amount) > 300.00  alert { total: sum(amount) }  throttle 30s  to log, desk }
rule lost { match b: beat then not beat for 15s  by device  alert { last: b.n }  to log, desk }
rule jump { watch beat [n > prev(n) + 40]  by device  alert { n: n }  to log, desk }
"""
N_HTTP, N_FILE = 240, 300


def stamp(ms):
    return "2026-01-05T%02d:%02d:%02d.%03dZ" % (9 + ms // 3600000, ms // 60000 % 60, ms // 1000 % 60, ms % 1000)


class Failure(Exception):
    pass


class Run:
    def __init__(self, seed, shim, changes, shards):
        self.random = random.Random(seed)
        self.changes = Changes(seed, lambda: self.daemon) if changes else None
        self.shim = shim
        self.shards = shards
        self.dir = tempfile.mkdtemp(prefix="egret-crash-")
        self.daemon, self.receiver, self.starts, self.acked = None, None, 0, []
        self.seen = dict.fromkeys(("kills", "died at a write", "disk full", "gave up", "from a checkpoint", "alerts", "sent again",
                                   "keys", "changes"), 0)

    def path(self, name):
        return os.path.join(self.dir, name)

    # ---- what is sent

    def make_input(self):
        self.receiver = Receiver([self.random.choice([200, 200, 200, 500]) for _ in range(400)] + [200])
        rules = RULES % self.receiver.url + (DECLARATIONS if self.changes else "")
        os.makedirs(self.path("rules"))
        if self.changes:
            for name, file in (("lists/watched", "watched.txt"), ("tables/registry", "registry.csv")):
                with open(self.path("rules/" + file), "w") as out:
                    out.write(self.changes.first()[name])
        with open(self.path("rules/r.egret"), "w") as file:
            file.write(rules)
        at, self.http = 0, []
        for i in range(N_HTTP):
            at += self.random.randrange(0, 1500)
            self.http.append({"id": "e%d" % i, "user": "u%d" % self.random.randrange(5), "ok": self.random.random() < 0.4,
                              "amount": "%d.%02d" % (self.random.randrange(200), self.random.randrange(100)),
                              "at": stamp(max(0, at - self.random.randrange(0, 2500)))})
        at, self.file = 0, []
        for i in range(N_FILE):
            at += self.random.randrange(0, 1200)
            self.file.append({"device": "d%d" % self.random.randrange(6), "n": self.random.randrange(100), "at": stamp(at)})
        open(self.path("rules/in.ndjson"), "w").close()

    def grow_file(self, lines):
        with open(self.path("rules/in.ndjson"), "a") as file:
            for line in lines:
                file.write(json.dumps(line) + "\n")

    # ---- the daemon

    def start(self):
        env = {}
        if self.shim and self.random.random() < 0.7:
            env = {"LD_PRELOAD": self.shim, "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0", "EGRET_SHIM": self.random.choice(["die", "tear", "drop", "full", "broken", "readonly"]),
                   "EGRET_SHIM_AT": str(self.random.randrange(8, 160))}
        self.daemon = Daemon(self.path("rules"), self.path("data"), "--idle", "200ms", "--checkpoint", "5" if self.changes else "25", *self.choose_shards(),
                             env=env)
        self.starts += 1
        if self.starts > 200:
            raise Failure("it does not come to an end")

    def choose_shards(self):
        return ["--shards", self.random.choice(self.shards)] if self.shards else []

    def alive(self):
        return self.daemon.process.poll() is None

    def bring_up(self):
        """A daemon that listens; it may die on the way."""
        while True:
            if self.daemon is None:
                self.start()
            end = time.monotonic() + 60
            while self.alive() and self.daemon.port is None and time.monotonic() < end:
                self.daemon.port = self.daemon.find_port()
                time.sleep(0.001)
            if self.alive() and self.daemon.port:
                return
            self.bury()

    def bury(self):
        """The daemon has ended or is to end now."""
        if self.alive():
            self.daemon.process.send_signal(signal.SIGKILL)
        code = self.daemon.stop(signal.SIGKILL, foreseen=(3, 137) if self.shim else ())
        self.check_log()
        self.seen["died at a write" if code == 137 else "gave up" if code == 3 else "kills"] += 1
        self.daemon = None

    def check_log(self):
        # A store whose disk has failed cannot be read either, in the moment before the daemon ends.
        log = "".join(line for line in self.daemon.err if "must be opened anew" not in line)
        self.seen["from a checkpoint"] += "the state as of record" in log
        self.seen["disk full"] += "events are refused until" in log
        for word in ("gave other alerts", "instead", "quarantine", "Sanitizer", "runtime error", "cannot be read"):
            if word in log:
                raise Failure("the log says '%s':\n%s" % (word, log))

    def post(self, records):
        """202 or not; what was refused or not answered is sent again by the caller."""
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=20)
            connection.request("POST", "/v1/events/login", "".join(json.dumps(record) + "\n" for record in records))
            status = connection.getresponse().status
            connection.close()
        except OSError:
            return False
        except http.client.HTTPException:
            return False
        if status not in (202, 429, 503):
            raise Failure("status %d" % status)
        if status == 202:
            self.acked += [record["id"] for record in records]
        return status == 202

    # ---- a run

    def feed(self):
        sent = filed = 0
        next_kill = self.random.randrange(1, 25)
        while sent < N_HTTP or filed < N_FILE:
            self.bring_up()
            lines = self.random.randrange(0, 12)
            self.grow_file(self.file[filed:filed + lines])
            filed = min(N_FILE, filed + lines)
            some = self.http[sent:sent + self.random.randrange(1, 6)]
            if some and self.post(some):
                sent += len(some)
            elif some and not self.alive():
                self.bury()
                continue
            elif some:
                time.sleep(0.002)
            next_kill -= 1
            if next_kill <= 0:
                time.sleep(self.random.random() * 0.02)
                self.bury()
                next_kill = self.random.randrange(1, 25)

    def settle(self):
        """A daemon without troubles takes the rest and ends."""
        self.shim = None
        self.receiver.statuses = [200]
        if self.daemon:
            self.bury()
        self.bring_up()
        wait_for(lambda: len(self.journal("export", "--stream", "beat")) >= N_FILE, "the file's events")
        wait_for(lambda: self.daemon.metric("egret_queue_records") == 0, "the queue")
        wait_for(lambda: not self.journal("outbox"), "the outbox")
        self.check_state()
        if self.changes:
            self.check_changes()
        if self.daemon.stop() != 0:
            raise Failure("it ended badly: " + "".join(self.daemon.err))
        self.check_log()

    def journal(self, verb, *args):
        done = egret("journal", verb, "--data", self.path("data"), *args)
        if done.returncode != 0:
            raise Failure("egret journal %s: %s%s" % (verb, done.stdout[-300:], done.stderr))
        return [json.loads(line) for line in done.stdout.splitlines()] if verb != "verify" else done.stdout

    # ---- what came of it

    def get(self, path):
        """A text; None: there is none."""
        status, _, answer = self.daemon.request("GET", path)
        if status not in (200, 404):
            raise Failure("GET %s: %d %s" % (path, status, answer))
        return answer.decode() if status == 200 else None

    def known(self, rule, key):
        """What the daemon knows of a key."""
        text = next(iter(key.values())) if len(key) == 1 else json.dumps(key)
        return json.loads(self.get("/v1/keys/%s/%s" % (rule, urllib.parse.quote(text, safe=""))))

    def difference(self):
        """Between what the daemon knows and what an evaluation of the journal does; None: there is none."""
        def essence(known):     # the clock goes on without a record while nothing is due
            return {name: value for name, value in known.items() if name not in ("clock", "says")}
        anew = {(line["rule"], json.dumps(line["key"])): line for line in self.journal("state")}
        rules = {rule["name"]: rule["key"] for rule in json.loads(self.get("/v1/rules"))["rules"]}
        if {rule for rule, _ in anew} - set(rules):
            return "rules that do not hold: %s" % (set(rule for rule, _ in anew) - set(rules))
        for rule, parts in rules.items():
            keys = {json.dumps({parts[0]: "%s%d" % ("u" if parts[0] == "user" else "d", n)}) for n in range(8)} | {key for name, key in anew if name == rule}
            for key in sorted(keys):
                found, expected = self.known(rule, json.loads(key)), anew.get((rule, key))
                if found["known"] != bool(expected) or (expected and essence(found) != essence(expected)):
                    return "what is known is\n%s\nand would be without a crash\n%s" % (json.dumps(found), json.dumps(expected))
        self.seen["keys"] += len(anew)
        return None

    def check_state(self):
        """What is due when sources have been silent for a while comes a little later; then they must be equal."""
        end = time.monotonic() + 20
        found = self.difference()
        while found and time.monotonic() < end:
            time.sleep(0.05)
            found = self.difference()
        if found:
            raise Failure(found)

    def check_changes(self):
        found = self.changes.check(self.journal("cat"), lambda name: self.get("/v1/" + name))
        if found:
            raise Failure(found)
        self.seen["changes"] += sum(status in (200, 201) for _, _, status in self.changes.sent)

    def check(self):
        logins = self.journal("export", "--stream", "login")
        missing = set(self.acked) - {event["id"] for event in logins}
        if missing:
            raise Failure("answered and not in the journal: %s" % sorted(missing))
        beats = self.journal("export", "--stream", "beat")
        if beats != self.file:
            raise Failure("the file's events are not as they were: %d of %d" % (len(beats), len(self.file)))
        self.journal("verify")
        if self.journal("outbox"):
            raise Failure("alerts are left in the outbox")
        expected = {alert["id"] + alert["kind"]: alert for alert in self.journal("alerts", *([] if self.changes else ["--rules", self.path("rules")]))}
        with open(self.path("data/alerts.ndjson")) as file:
            lines = [json.loads(line) for line in file if line.endswith("}\n")]
        sent = {alert["id"] + alert["kind"]: alert for alert in lines}
        if set(sent) != set(expected):
            raise Failure("not sent: %s; sent without need: %s" % (set(expected) - set(sent), set(sent) - set(expected)))
        for name, alert in sent.items():
            if alert != expected[name]:
                raise Failure("another alert: %s\n%s" % (alert, expected[name]))
        self.check_history(expected)
        received = {headers["webhook-id"] for status, headers, _, _ in self.receiver.requests if status == 200}
        if received != {name[:32] + ("" if name[32:] == "alert" else "-" + name[32:]) for name in expected}:
            raise Failure("the webhook's receiver has others: %s" % received.symmetric_difference(name[:32] for name in expected))
        self.seen["alerts"] += len(sent)
        self.seen["sent again"] += len(lines) - len(sent)

    def check_history(self, expected):
        done = egret("alerts", "feed", "--whole", "--most", "100000", "--data", self.path("data"))
        if done.returncode != 0:
            raise Failure(done.stderr)
        kept = [json.loads(line) for line in done.stdout.splitlines()]
        names = [entry["id"] + entry["kind"] for entry in kept]
        if sorted(names) != sorted(expected):
            raise Failure("the history has others: %s" % (set(names) ^ set(expected) or "some twice"))
        for entry in kept:
            if entry["alert"] != expected[entry["id"] + entry["kind"]]:
                raise Failure("the history has another alert: %s" % entry)
            if {sink: what["state"] for sink, what in entry["deliveries"].items()} != {"log": "delivered", "desk": "delivered"}:
                raise Failure("not delivered, says the history: %s" % entry)
        if egret("deadletters", "list", "--data", self.path("data"), "--kind", "alerts").stdout:
            raise Failure("there are dead letters")

    def run(self):
        try:
            self.make_input()
            if self.changes:
                self.changes.thread.start()
            self.feed()
            if self.changes:
                self.changes.stop()
            self.settle()
            self.check()
            shutil.rmtree(self.dir, ignore_errors=True)
        finally:
            if self.changes:
                self.changes.done.set()
            if self.daemon:
                self.daemon.kill()
            if self.receiver:
                self.receiver.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shim")
    parser.add_argument("--changes", action="store_true")
    parser.add_argument("--shards", type=lambda text: text.split(","))
    options = parser.parse_args()
    seen = {}
    for seed in range(options.seed, options.seed + options.runs):
        run = Run(seed, options.shim, options.changes, options.shards)
        try:
            run.run()
        except (Failure, AssertionError) as failure:
            print("seed %d: %s\nkept: %s" % (seed, failure, run.dir))
            return 1
        seen = {name: seen.get(name, 0) + n for name, n in run.seen.items()}
    print("%d runs: " % options.runs + ", ".join("%s %d" % (name, n) for name, n in seen.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
