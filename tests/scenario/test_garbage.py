"""One record in a hundred is garbage, from every source: all good events arrive, all bad ones are dead letters with reasons."""
import gzip
import json
import os
import random
import unittest

from harness import Daemon, Folder, wait_for
from mqtt_broker import Broker, Client

RULES = """\
stream reading { n: int  name: string?  at: time } with time at
source log: file { path: "in.ndjson"  stream: reading }
source packed: file { path: "in.gz"  stream: reading }
source plant: mqtt { url: "%s"  topic: "plant/temp"  stream: reading }
rule seen { watch reading  by n  alert { n: n  name: name }  to out }
sink out: file { path: "alerts.ndjson" }
"""
GARBAGE = [b"no json", b'{"n": "seven", "at": "2026-01-05T09:00:00Z"}', b'{"at": "2026-01-05T09:00:00Z"}', b'{"n": 1', b"\xff\xfe\x00bytes", b'{"n": 1, "at": "yesterday"}',
           b'{"n": 1.5, "at": "2026-01-05T09:00:00Z"}', b'{"n": 1, "name": 7, "at": "2026-01-05T09:00:00Z"}', b"[7]", b'{"n": 99999999999999999999, "at": "2026-01-05T09:00:00Z"}']
GOOD, BAD = 1000, 10


def mixed(first):
    """GOOD records from `first` on with BAD pieces of garbage among them, in a fixed order."""
    good = [json.dumps({"n": first + i, "name": "x" * (i % 30), "at": "2026-01-05T09:00:00Z"}).encode() for i in range(GOOD)]
    order = random.Random(first)
    for piece in GARBAGE:
        good.insert(order.randrange(len(good)), piece)
    return good


class Garbage(Folder):
    def test_every_source(self):
        broker = Broker(self.dir).start()
        self.addCleanup(broker.stop)
        self.write("r.egret", RULES % broker.url)
        self.write("in.ndjson", b"\n".join(mixed(0)) + b"\n")
        with gzip.open(self.path("in.gz"), "wb") as file:
            file.write(b"\n".join(mixed(1000)))
        daemon = Daemon(self.path("r.egret"), self.path("data"))
        self.addCleanup(daemon.kill)
        daemon.wait_until_ready()
        wait_for(lambda: daemon.metric('egret_source_connected{source="plant"}') == 1, "the connection")
        publisher = Client(broker.port, "publisher")
        self.addCleanup(publisher.close)
        publisher.publish_all([("plant/temp", body) for body in mixed(2000)])
        status, answer = daemon.post("reading", b"\n".join(mixed(3000)), "application/x-ndjson")
        self.assertEqual((status, answer["accepted"], answer["rejected"]), (202, GOOD, BAD))
        wait_for(lambda: daemon.metric('egret_events_accepted_total{stream="reading"}') == 4 * GOOD, "all good events")
        wait_for(lambda: len(self.letters()) == 4 * BAD, "all letters")
        for source in ("log", "packed", "plant", "http"):
            counts = [daemon.metric('egret_source_rejected_total{source="%s",reason="%s"}' % (source, reason)) for reason in ("syntax", "missing", "type")]
            self.assertEqual(sum(counts), BAD)
            self.assertEqual(counts[1], 1)
            letters = [letter for letter in self.letters() if letter["source"] == source]
            self.assertEqual(len(letters), BAD, source)
            self.assertTrue(all(letter["reason"] and letter["class"] in ("syntax", "type", "missing") for letter in letters), letters)
        self.assertEqual(daemon.stop(), 0)
        found = {alert["fields"]["n"] for alert in self.lines("data/alerts.ndjson")}
        self.assertEqual(found, set(range(4 * GOOD)))

    def test_drift(self):
        """Fields that nobody declared, and optional ones that are missing, are counted for each source and stream, and harm nothing."""
        self.write("r.egret", """\
stream login { user: string  city: string? from "geo.city"  agent: string? }
stream pay { user: string  amount: decimal? }
source log: file { path: "in.ndjson"  follow: true  stream: login when type == "login", pay }
rule seen { watch login  by user  alert { who: user }  to out }
sink out: file { path: "alerts.ndjson" }
""")
        self.write("in.ndjson", '{"type": "login", "user": "a", "geo": {"city": "Ulm"}, "agent": "x"}\n')
        daemon = Daemon(self.path("r.egret"), self.path("data"))
        self.addCleanup(daemon.kill)
        daemon.wait_until_ready()
        def told(source, stream):
            return tuple(daemon.metric('egret_drift_%s_total{source="%s",stream="%s"}' % (what, source, stream))
                         for what in ("looked", "missing_fields", "unknown_fields"))
        wait_for(lambda: told("log", "login") == (1, 0, 0), "the first record")
        self.assertEqual(told("log", "pay"), (None, None, None))
        with open(self.path("in.ndjson"), "a", encoding="utf-8") as file:
            file.write('{"type": "pay", "user": "a", "amount": null, "currency": "EUR", "note": "x"}\n')
        wait_for(lambda: told("log", "pay") == (1, 1, 2), "the second record")
        self.assertEqual(daemon.post("login", {"user": "b", "geo": {}, "agents": "x"})[0], 202)
        self.assertEqual(told("http", "login"), (1, 2, 1))
        self.assertEqual(daemon.post("login", "".join('{"user": "u%d"}\n' % n for n in range(200)), "application/x-ndjson")[0], 202)
        self.assertEqual(told("http", "login"), (5, 10, 1))       # the first of the batch, and every 64th
        wait_for(lambda: len(self.lines("data/alerts.ndjson")) == 202, "all alerts")
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    unittest.main()
