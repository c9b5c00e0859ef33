"""The Kafka source against a real broker: places, restarts, what is not readable, what is not there any more, and partitions that move."""
import json
import signal

from harness import Daemon, wait_for
from with_broker import WithBroker, main

RULES = """\
stream login { user: string  n: int  at: time } with time at, lateness 1s
rule came { watch login  by user  alert { who: user  n: n } }
"""
SOURCE = 'source k: kafka { brokers: "%s"  topic: "%s"  stream: login  %s }\n'


def login(user, n, second=0):
    return json.dumps({"user": user, "n": n, "at": "2026-01-05T09:00:%02d.%03dZ" % (second, n % 1000)})


class KafkaSource(WithBroker):
    def start(self, more="", data="data", *args, rules=RULES):
        name = "rules-" + data
        self.write(name + "/r.egret", rules + SOURCE % (self.broker.address, self.topic, more))
        daemon = Daemon(self.path(name), self.path(data), "--idle", "300ms", *args)
        self.addCleanup(daemon.kill)
        return daemon.wait_until_ready()

    def numbers(self, daemon, first, last):
        """Waits until each of the numbers was told; gives all that were told from the first on. (Standard output is told again what was on its way.)"""
        def told():
            seen = [alert["fields"]["n"] for alert in daemon.alerts() if alert["fields"]["n"] >= first]
            return seen if set(range(first, last)) <= set(seen) else None
        return sorted(set(wait_for(told, "the numbers %d to %d; stderr: %s" % (first, last, "".join(daemon.err[-20:])))))

    def said(self, daemon, text):
        return wait_for(lambda: [line for line in list(daemon.err) if text in line], "the log to say " + repr(text))

    def accepted(self, daemon):
        return daemon.metric('egret_events_accepted_total{stream="login"}')

    def lines(self, first, last, partitions=3, second=0):
        return [(n % partitions, login("u%d" % n, n, second)) for n in range(first, last)]

    # ---- places ----

    def test_all_partitions_each_event_once_across_restarts(self):
        self.broker.create(self.topic, 3)
        self.broker.produce(self.topic, self.lines(0, 30))
        daemon = self.start()
        self.assertEqual(self.numbers(daemon, 0, 30), list(range(30)))
        self.assertEqual(daemon.metric('egret_source_lag_records{source="k",partition="%s/0"}' % self.topic), 0)
        daemon.stop(signal.SIGKILL)
        self.broker.produce(self.topic, self.lines(30, 60, second=1))
        daemon = self.start()
        self.assertEqual(self.numbers(daemon, 30, 60), list(range(30, 60)))
        self.assertEqual(self.accepted(daemon), 30)
        self.assertEqual(daemon.stop(), 0)
        self.broker.produce(self.topic, [(0, login("z", 60, 2))])
        daemon = self.start()
        self.numbers(daemon, 60, 61)
        self.assertEqual(self.accepted(daemon), 1)
        self.assertEqual(daemon.metric('egret_source_position{source="k",partition="%s/0"}' % self.topic), 21)
        self.assertEqual(daemon.stop(), 0)

    def test_some_partitions_from_their_end(self):
        self.broker.create(self.topic, 3)
        self.broker.produce(self.topic, self.lines(0, 9))
        daemon = self.start('partitions: "0,2"  start: latest')
        wait_for(lambda: daemon.metric('egret_source_position{source="k",partition="%s/2"}' % self.topic) == 3, "the end of the topic")
        daemon.stop(signal.SIGKILL)
        self.broker.produce(self.topic, self.lines(9, 18, second=1))    # while it is away: the end was where it began
        daemon = self.start('partitions: "0,2"  start: latest')
        wait_for(lambda: self.accepted(daemon) == 6, "six events")
        self.assertEqual(sorted({a["fields"]["n"] for a in daemon.wait_for_alerts(6)}), [9, 11, 12, 14, 15, 17])
        self.assertEqual(daemon.stop(), 0)

    def test_a_place_that_is_not_there_any_more_stops_the_source(self):
        self.broker.create(self.topic, 1)
        self.broker.produce(self.topic, self.lines(0, 5, 1))
        daemon = self.start()
        self.numbers(daemon, 0, 5)
        self.assertEqual(daemon.stop(), 0)
        self.broker.produce(self.topic, self.lines(5, 20, 1))
        self.broker.tool("trim", self.topic, 0, 10)
        daemon = self.start()
        self.said(daemon, "its place, 5, is not in the topic any more, which holds 10 to 20")
        self.assertEqual(daemon.request("GET", "/readyz")[0], 503)
        self.assertEqual(daemon.metric('egret_source_stopped{source="k"}'), 1)
        self.assertEqual(self.accepted(daemon), 0)
        self.assertEqual(daemon.stop(), 0)

    def test_a_broker_that_is_away_holds_the_clock(self):
        """What waits at a dead broker is not late when it comes back, however long that takes, and whatever came by HTTP meanwhile."""
        self.broker.create(self.topic, 2)
        self.broker.produce(self.topic, self.lines(0, 10, 2))
        daemon = self.start()
        self.numbers(daemon, 0, 10)
        self.broker.produce(self.topic, self.lines(10, 20, 2, second=30))
        self.numbers(daemon, 10, 20)
        self.broker.stop()
        self.said(daemon, "_TRANSPORT")
        wait_for(lambda: daemon.metric('egret_source_connected{source="k"}') == 0, "the loss of the broker to be seen")
        for partition in (0, 1):
            wait_for(lambda p=partition: daemon.metric('egret_source_caught_up{source="k",partition="%s/%d"}' % (self.topic, p)) == 0, "doubts")
        for second in range(50, 60):
            self.assertEqual(daemon.post("login", login("http", 0, second))[0], 202)
        self.broker.start()
        self.broker.produce(self.topic, self.lines(20, 30, 2, second=40))
        self.assertEqual(self.numbers(daemon, 20, 30), list(range(20, 30)))
        self.assertEqual(daemon.metric('egret_events_late_total{stream="login"}'), 0)
        self.assertGreaterEqual(daemon.metric('egret_source_reconnects_total{source="k"}'), 1)
        self.assertEqual(daemon.stop(), 0)

    # ---- what does not decode ----

    def test_garbage_goes_to_the_dead_letters_and_all_else_arrives(self):
        self.broker.create(self.topic, 3)
        bad = {7: "{\"user\": \"x\"", 107: '{"user": 5, "n": 1, "at": "2026-01-05T09:00:00Z"}', 207: '{"user": "x", "n": 1}', 307: None, 407: ""}
        lines = [(n % 3, bad[n] if n in bad else login("u%d" % n, n)) for n in range(500)]
        self.broker.produce(self.topic, lines)
        daemon = self.start()
        good = [n for n in range(500) if n not in bad]
        wait_for(lambda: self.accepted(daemon) == len(good), "all good events")
        wait_for(lambda: len({a["fields"]["n"] for a in daemon.alerts()}) == len(good), "all alerts")
        self.assertEqual(daemon.metric('egret_source_skipped_total{source="k"}'), 1)
        self.assertEqual(daemon.metric('egret_events_rejected_total{stream="login",reason="missing"}'), 1)
        self.assertEqual(daemon.stop(), 0)
        letters = self.letters()
        self.assertEqual(sorted((letter["class"], letter["source"], letter["offset"]) for letter in letters),
                         [("missing", "k:%s/0" % self.topic, 69), ("syntax", "k:%s/1" % self.topic, 2), ("type", "k:%s/2" % self.topic, 35)])

    def test_changes_of_a_database(self):
        """Debezium: rows as they are now, or were when they were deleted; what follows a deletion in the topic says nothing."""
        rules = """\
stream account { id: int  owner: string  balance: decimal?  was: decimal? from "before.balance"  op: string  at: time from "ts_ms" } with time at
rule changed { watch account  by id  alert { what: op  balance: balance  was: was } }
"""
        self.broker.create(self.topic, 1)
        row = '{"id": 7, "owner": "ann", "balance": %s}'
        lines = ['{"before": null, "after": %s, "source": {"table": "account"}, "op": "c", "ts_ms": 1767603601000}' % (row % "10.50"),
                 '{"schema": {"type": "struct"}, "payload": {"before": %s, "after": %s, "op": "u", "ts_ms": 1767603602000}}' % (row % "10.50", row % "12.00"),
                 '{"before": %s, "after": null, "op": "d", "ts_ms": 1767603603000}' % (row % "12.00"), None,
                 '{"before": null, "after": %s, "op": "r", "ts_ms": 1767603604000}' % (row % "1"), '{"id": 7, "ts_ms": 1767603605000}']
        self.broker.produce(self.topic, [(0, line) for line in lines])
        daemon = self.start("format: debezium", rules=rules.replace("stream account", "stream login").replace("watch account", "watch login"))
        alerts = wait_for(lambda: len({a["id"] for a in daemon.alerts()}) == 4 and daemon.alerts(), "four changes; " + "".join(daemon.err))
        told = sorted({(a["time"], a["fields"]["what"], str(a["fields"]["balance"]), str(a["fields"]["was"])) for a in alerts})
        self.assertEqual([t[1:] for t in told], [("c", "10.5", "None"), ("u", "12.0", "10.5"), ("d", "12.0", "12.0"), ("r", "1", "None")])
        self.assertEqual(daemon.metric('egret_source_skipped_total{source="k"}'), 1)
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual([(letter["class"], letter["record"]) for letter in self.letters()], [("type", lines[-1])])

    # ---- groups ----

    GROUP = 'group: "g-%s"  settings: { "session.timeout.ms": "3000"  "heartbeat.interval.ms": "500" }  '

    def positions(self, daemon):
        _, _, page = daemon.request("GET", "/metrics")
        prefix = 'egret_source_position{source="k",partition="%s/' % self.topic
        return {int(line[len(prefix):line.index('"', len(prefix))]) for line in page.decode().splitlines() if line.startswith(prefix)}

    def pair(self, more):
        """Two members of a group over four partitions, two each."""
        self.broker.create(self.topic, 4)
        group = self.GROUP % self.topic + more
        a = self.start(group, "a")
        wait_for(lambda: len(self.positions(a)) == 4, "all partitions at the first member")
        b = self.start(group, "b")
        wait_for(lambda: len(self.positions(a)) == 2 and len(self.positions(b)) == 2, "two partitions each")
        self.broker.produce(self.topic, self.lines(0, 40, 4))
        wait_for(lambda: self.accepted(a) + self.accepted(b) == 40, "all events")
        wait_for(lambda: sum(self.broker.places("g-" + self.topic, self.topic, 4).values()) == 40, "the group's places")
        return a, b, group

    def test_a_group_shares_and_what_moved_is_refused_until_it_is_given_back(self):
        a, b, group = self.pair("")
        own, lost = self.positions(b), self.positions(a)
        a.kill()
        line = self.said(b, "is not read: another appliance of the group has read it up to")[0]
        self.assertIn("on_takeover", line)
        wait_for(lambda: b.metric('egret_source_refused_partitions{source="k"}') == 2, "two partitions that are refused")
        self.assertEqual(b.request("GET", "/readyz")[0], 503)
        self.broker.produce(self.topic, self.lines(40, 80, 4, second=1))
        wait_for(lambda: self.accepted(b) == 40, "b's own partitions to go on")
        self.assertEqual(self.positions(b), own)
        b.stop()
        a = self.start(group, "a")       # alone it has all four, and refuses those of b
        wait_for(lambda: self.accepted(a) == 20, "what waited for a")
        self.assertEqual(self.positions(a), lost)
        self.assertEqual(a.stop(), 0)

    def test_fresh_goes_on_where_the_other_one_was(self):
        a, b, _ = self.pair("on_takeover: fresh")
        mine = self.accepted(b)
        a.kill()
        wait_for(lambda: len(self.positions(b)) == 4, "all partitions at the other member")
        self.broker.produce(self.topic, self.lines(40, 80, 4, second=1))
        wait_for(lambda: self.accepted(b) == mine + 40, "the new events")
        self.numbers(b, 40, 80)
        self.assertEqual(b.request("GET", "/readyz")[0], 200)
        self.assertEqual(b.stop(), 0)


if __name__ == "__main__":
    main()
