"""The Kafka sink against a real broker: keys, headers, what is refused, and transactions."""
import json
import signal

from harness import Daemon, wait_for
from with_broker import WithBroker, main

RULES = """\
stream login { user: string  n: int  at: time } with time at
rule came { watch login  by user  alert { n: n  text: user }  to k }
sink k: kafka { brokers: "%s"  topic: "%s"  %s }
"""


class KafkaSink(WithBroker):
    def setUp(self):
        super().setUp()
        self.broker.create(self.topic, 3)

    def start(self, more=""):
        self.write("rules/r.egret", RULES % (self.broker.address, self.topic, more))
        daemon = Daemon(self.path("rules"), self.path("data"), "--idle", "100ms")
        self.addCleanup(daemon.kill)
        return daemon.wait_until_ready()

    def post(self, daemon, *numbers, **more):
        body = "".join(json.dumps({"user": "u%d" % (n % 7), "n": n, "at": "2026-01-05T09:00:00Z", **more}) + "\n" for n in numbers)
        self.assertEqual(daemon.post("login", body, "application/x-ndjson")[0], 202)

    def sent(self, daemon, n):
        wait_for(lambda: daemon.metric('egret_sink_sent_total{sink="k"}') == n, "%d alerts that are delivered; %s" % (n, "".join(daemon.err[-9:])))

    def numbers(self):
        return sorted(json.loads(text)["fields"]["n"] for _, _, _, _, text in self.broker.consume(self.topic))

    def test_key_header_and_order(self):
        daemon = self.start()
        self.post(daemon, *range(50))
        self.sent(daemon, 50)
        rows = self.broker.consume(self.topic)
        partitions = {}
        for partition, _, key, ident, text in rows:
            alert = json.loads(text)
            self.assertEqual(json.loads(key), alert["key"])
            self.assertEqual(ident.split("-")[0], alert["id"])
            partitions.setdefault(key, []).append((partition, alert["fields"]["n"]))
        self.assertEqual(len(partitions), 7)
        for places in partitions.values():
            self.assertEqual(len({p for p, _ in places}), 1)
            self.assertEqual([n for _, n in places], sorted(n for _, n in places))
        self.assertEqual(daemon.stop(), 0)

    def test_transactions_survive_both_sides(self):
        daemon = self.start("exactly_once: true")
        for round in range(4):
            self.post(daemon, *range(100 * round, 100 * round + 100))
            if round == 1:
                self.broker.stop()
                self.broker.start()
            daemon.stop(signal.SIGKILL)
            daemon = self.start("exactly_once: true")
        wait_for(lambda: len(self.numbers()) >= 400, "all alerts")
        wait_for(lambda: daemon.metric('egret_sink_backlog{sink="k"}') == 0, "an empty outbox")
        self.assertEqual(self.numbers(), list(range(400)))
        self.assertEqual(daemon.stop(), 0)

    def refuse_one(self, more):
        daemon = self.start(more + ' settings: { "message.max.bytes": "4000" }')
        self.post(daemon, 1, 2, 3)
        self.sent(daemon, 3)
        self.post(daemon, 4, pad="x" * 9000)
        self.post(daemon, 5, 6)
        self.sent(daemon, 5)
        self.assertEqual(self.numbers(), [1, 2, 3, 5, 6])
        self.assertEqual(daemon.metric('egret_sink_failed_total{sink="k"}'), 1)
        self.assertEqual(daemon.stop(), 0)
        letters = self.letters("--kind", "alerts")
        self.assertEqual(len(letters), 1)
        self.assertIn("MSG_SIZE_TOO_LARGE", letters[0]["reason"])

    def test_many_refusals_between_what_is_taken_do_not_make_the_mark_forget(self):
        """Every second alert is too large, so the mark has a run for each of the others; Egret is killed again and again behind a commit."""
        more = 'exactly_once: true  settings: { "message.max.bytes": "4000" }'
        daemon = self.start(more)
        body = "".join(json.dumps({"user": "u", "n": n, "at": "2026-01-05T09:00:00Z", "pad": "x" * (9000 if n % 2 else 1)}) + "\n" for n in range(600))
        self.assertEqual(daemon.post("login", body, "application/x-ndjson")[0], 202)
        for wanted in (1, 60, 150, 250):
            wait_for(lambda: len(self.broker.consume(self.topic)) >= wanted, "alerts in the topic")
            daemon.stop(signal.SIGKILL)
            daemon = self.start(more)
        wait_for(lambda: daemon.metric('egret_sink_backlog{sink="k"}') == 0, "an empty outbox")
        self.assertEqual(self.numbers(), list(range(0, 600, 2)))
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(len(self.letters("--kind", "alerts")), 300)

    def test_what_a_broker_never_takes_is_a_dead_letter(self):
        self.refuse_one("")

    def test_in_a_transaction_it_does_not_take_the_others_along(self):
        self.refuse_one("exactly_once: true")

    def small_topic(self, more):
        """The topic takes 3000 bytes, which the broker alone knows: batches become small enough, what is too large alone is a dead letter, and the order stays."""
        self.topic += "-small"
        self.broker.create(self.topic, 3, 3000)
        daemon = self.start(more)
        large = set(range(50, 600, 150))
        lines = [json.dumps({"user": "u%d" % (n % 7), "n": n, "at": "2026-01-05T09:00:00Z", "pad": "x" * (9000 if n in large else 1)}) for n in range(600)]
        for half in (lines[:300], lines[300:]):
            self.assertEqual(daemon.post("login", "\n".join(half), "application/x-ndjson")[0], 202)
            wait_for(lambda: daemon.metric('egret_sink_backlog{sink="k"}') == 0, "an empty outbox; " + "".join(daemon.err[-9:]))
        self.sent(daemon, 600 - len(large))
        self.assertEqual(daemon.metric('egret_sink_failed_total{sink="k"}'), len(large))
        self.assertEqual(daemon.stop(), 0)
        letters = self.letters("--kind", "alerts")
        self.assertEqual({letter["alert"]["fields"]["n"] for letter in letters}, large)
        self.assertTrue(all("MSG_SIZE_TOO_LARGE" in letter["reason"] for letter in letters))
        came = [(key, json.loads(text)["fields"]["n"]) for _, _, key, _, text in self.broker.consume(self.topic)]
        self.assertEqual(sorted(n for _, n in came), sorted(set(range(600)) - large))
        for user in {key for key, _ in came}:
            of_user = [n for key, n in came if key == user]
            self.assertEqual(of_user, sorted(of_user))

    def test_a_topic_that_takes_less_than_a_batch(self):
        self.small_topic("")

    def test_a_topic_that_takes_less_than_a_batch_exactly_once(self):
        self.small_topic("exactly_once: true")


if __name__ == "__main__":
    main()
