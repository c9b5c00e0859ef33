"""Alerts on their way out: files, signed webhooks, receivers in trouble, what a second run finds."""
import json
import socket
import time
import unittest

from harness import Daemon, Folder, Receiver, egret, signature, wait_for

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
RULES = """\
stream login { user: string  at: time } with time at
%s
rule seen { watch login  by user  alert { who: user }  to %s }
"""


def login(user, second=0):
    return {"user": user, "at": "2026-01-05T09:00:%02dZ" % second}


class Sinks(Folder):
    def start(self, sinks, to, env=None):
        self.write("rules/r.egret", RULES % (sinks, to))
        daemon = Daemon(self.path("rules"), self.path("data"), env=env)
        self.addCleanup(daemon.kill)
        return daemon.wait_until_ready()

    def outbox(self):
        done = egret("journal", "outbox", "--data", self.path("data"))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return [json.loads(line) for line in done.stdout.splitlines()]

    def dead(self):
        return self.letters("--kind", "alerts")

    def receiver(self, *args, **more):
        receiver = Receiver(*args, **more)
        self.addCleanup(receiver.close)
        return receiver

    def test_a_file(self):
        daemon = self.start('sink log: file { path: "alerts.ndjson" }', "log")
        daemon.post("login", login("ada"))
        wait_for(lambda: len(self.lines("data/alerts.ndjson")) == 1, "the alert in the file")
        self.assertEqual(self.lines("data/alerts.ndjson")[0]["fields"], {"who": "ada"})
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(daemon.out, [])

    def test_a_signed_webhook(self):
        receiver = self.receiver()
        daemon = self.start('sink desk: webhook { url: "%s"  secret: env("DESK")  allow_private: true }' % receiver.url, "desk",
                            env={"DESK": SECRET})
        daemon.post("login", login("ada"))
        _, headers, body, _ = receiver.wait_for_requests(1)[0]
        alert = json.loads(body)
        self.assertEqual(headers["webhook-id"], alert["id"])
        self.assertEqual(headers["webhook-signature"], signature(SECRET, headers, body))
        self.assertEqual(headers["Content-Type"], "application/json")
        self.assertEqual(alert["key"], {"user": "ada"})
        self.assertEqual(daemon.stop(), 0)
        self.assertNotIn(SECRET, "".join(daemon.err))

    def test_a_receiver_that_recovers(self):
        receiver = self.receiver([500, 503, 200])
        daemon = self.start('sink desk: webhook { url: "%s"  secret: "%s"  allow_private: true  backoff: 10ms }' % (receiver.url, SECRET),
                            "desk")
        daemon.post("login", [login("ada"), login("ada", 1)])
        requests = receiver.wait_for_requests(4)
        times = [json.loads(body)["time"][17:19] for _, _, body, _ in requests]
        self.assertEqual(times, ["00", "00", "00", "01"])
        self.assertEqual(len({headers["webhook-id"] for _, headers, _, _ in requests[:3]}), 1)
        for _, headers, body, _ in requests:
            self.assertEqual(headers["webhook-signature"], signature(SECRET, headers, body))
        wait_for(lambda: daemon.metric('egret_sink_sent_total{sink="desk"}') == 2, "the counter")
        self.assertEqual(daemon.metric('egret_sink_retried_total{sink="desk"}'), 2)
        self.assertEqual(daemon.stop(), 0)

    def test_retry_after_is_honoured(self):
        receiver = self.receiver([429, 200], headers={"Retry-After": "1"})
        daemon = self.start('sink desk: webhook { url: "%s"  allow_private: true  backoff: 1ms }' % receiver.url, "desk")
        daemon.post("login", login("ada"))
        first, second = receiver.wait_for_requests(2)
        self.assertGreaterEqual(second[3] - first[3], 0.9)
        self.assertEqual(daemon.stop(), 0)

    def test_dead_letters(self):
        receiver = self.receiver([400, 500, 500, 200])
        daemon = self.start('sink desk: webhook { url: "%s"  allow_private: true  backoff: 1ms  attempts: 2 }' % receiver.url, "desk")
        daemon.post("login", login("refused"))
        receiver.wait_for_requests(1)
        daemon.post("login", login("failed", 1))
        receiver.wait_for_requests(3)
        daemon.post("login", login("fine", 2))
        wait_for(lambda: daemon.metric('egret_sink_sent_total{sink="desk"}') == 1, "the counter")
        dead = wait_for(lambda: self.dead() if len(self.dead()) == 2 else None, "both in the dead letters")
        self.assertEqual([(d["alert"]["key"]["user"], d["attempts"], d["sink"], d["class"]) for d in dead],
                         [("refused", 1, "desk", "delivery"), ("failed", 2, "desk", "delivery")])
        self.assertEqual(daemon.metric('egret_sink_failed_total{sink="desk"}'), 2)
        self.assertEqual(daemon.stop(), 0)

    def test_dead_letters_are_sent_again_beside_the_daemon(self):
        receiver = self.receiver([400, 400, 200])
        daemon = self.start('sink desk: webhook { url: "%s"  allow_private: true }' % receiver.url, "desk")
        daemon.post("login", [login("ada"), login("bob", 1)])
        dead = wait_for(lambda: self.dead() if len(self.dead()) == 2 else None, "both in the dead letters")
        done = egret("deadletters", "retry", str(dead[0]["number"]), "--data", self.path("data"))
        self.assertEqual((done.returncode, done.stdout), (0, "1 on their way again\n"))
        again = receiver.wait_for_requests(3)[2]
        self.assertEqual(again[1]["webhook-id"], dead[0]["alert"]["id"])
        wait_for(lambda: self.outbox() == [], "the delivered row to be gone")
        self.assertEqual([letter["number"] for letter in self.dead()], [dead[1]["number"]])
        done = egret("deadletters", "discard", "--all", "--from", "desk", "--data", self.path("data"))
        self.assertEqual((done.returncode, done.stdout), (0, "1 thrown away\n"))
        self.assertEqual(egret("deadletters", "show", "1", "--data", self.path("data")).returncode, 3)
        self.assertEqual(egret("deadletters", "retry", "--data", self.path("data")).returncode, 2)
        self.assertEqual(daemon.stop(), 0)

    def test_what_is_too_much_for_a_sink_is_dead_and_holds_nothing_up(self):
        daemon = self.start('sink desk: webhook { url: "http://127.0.0.1:9/"  allow_private: true  backoff: 5m  queue: 3 }', "desk")
        daemon.post("login", [login("u%d" % i, i) for i in range(10)])
        wait_for(lambda: daemon.metric('egret_sink_failed_total{sink="desk"}') == 7, "what is too much")
        self.assertEqual(daemon.metric('egret_sink_backlog{sink="desk"}'), 3)
        self.assertEqual({letter["reason"] for letter in self.dead()}, {"too much waits for this sink already"})
        self.assertEqual(daemon.stop(), 0)

    def test_gone_is_gone(self):
        receiver = self.receiver([410])
        daemon = self.start('sink desk: webhook { url: "%s"  allow_private: true }' % receiver.url, "desk")
        daemon.post("login", login("ada"))
        wait_for(lambda: daemon.metric('egret_sink_failed_total{sink="desk"}') == 1, "the first in the dead letters")
        daemon.post("login", login("bob", 1))
        wait_for(lambda: daemon.metric('egret_sink_failed_total{sink="desk"}') == 2, "both in the dead letters")
        self.assertEqual(len(receiver.requests), 1)
        self.assertEqual(daemon.metric('egret_sink_gone{sink="desk"}'), 1)
        self.assertEqual(daemon.stop(), 0)

    def test_private_addresses_need_leave(self):
        receiver = self.receiver()
        for url in (receiver.url, receiver.url.replace("127.0.0.1", "localhost"), receiver.url.replace("127.0.0.1", "0.0.0.0"),
                    receiver.url.replace("127.0.0.1", "2130706433")):
            daemon = self.start('sink desk: webhook { url: "%s"  attempts: 1 }' % url, "desk")
            daemon.post("login", login("ada"))
            wait_for(lambda: daemon.metric('egret_sink_failed_total{sink="desk"}') == 1, "the dead letter for " + url)
            self.assertEqual(daemon.stop(), 0)
        self.assertEqual(receiver.requests, [])
        self.assertEqual(len(self.dead()), 4)
        self.assertTrue(all("not public" in dead["reason"] for dead in self.dead()))

    def test_redirects_are_not_followed(self):
        target = self.receiver()
        receiver = self.receiver([302], headers={"Location": target.url})
        daemon = self.start('sink desk: webhook { url: "%s"  allow_private: true  attempts: 1 }' % receiver.url, "desk")
        daemon.post("login", login("ada"))
        wait_for(lambda: daemon.metric('egret_sink_failed_total{sink="desk"}') == 1, "the dead letter")
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(target.requests, [])

    def test_one_sinks_trouble_is_not_anothers(self):
        daemon = self.start('sink log: file { path: "alerts.ndjson" }\n'
                            'sink desk: webhook { url: "http://127.0.0.1:9/"  allow_private: true  backoff: 1m }', "desk, log")
        daemon.post("login", [login("u%d" % i, i) for i in range(50)])
        wait_for(lambda: len(self.lines("data/alerts.ndjson")) == 50, "all alerts in the file")
        self.assertEqual(daemon.metric('egret_sink_backlog{sink="desk"}'), 50)
        self.assertEqual(daemon.stop(), 0)

    def test_what_was_not_delivered_goes_out_in_the_next_run(self):
        receiver = self.receiver([500])
        sinks = 'sink desk: webhook { url: "%s"  allow_private: true  backoff: 5m }' % receiver.url
        daemon = self.start(sinks, "desk")
        daemon.post("login", login("ada"))
        first = receiver.wait_for_requests(1)[0]
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual([row["sink"] for row in self.outbox()], ["desk"])
        tries = len(receiver.requests)
        receiver.statuses = [200]
        again = self.start(sinks, "desk")
        last = receiver.wait_for_requests(tries + 1)[tries]
        self.assertEqual((last[1]["webhook-id"], last[2]), (first[1]["webhook-id"], first[2]))
        wait_for(lambda: again.metric('egret_sink_sent_total{sink="desk"}') == 1, "the counter")
        self.assertEqual(again.stop(), 0)
        self.assertEqual(self.outbox(), [])

    def test_a_receiver_that_never_answers_does_not_keep_it_from_ending(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            self.write("rules/r.egret", RULES % ('sink desk: webhook { url: "http://127.0.0.1:%d/"  allow_private: true  timeout: 1m }'
                                                 % silent.getsockname()[1], "desk"))
            daemon = Daemon(self.path("rules"), self.path("data"), "--drain", "100ms")
            self.addCleanup(daemon.kill)
            daemon.wait_until_ready().post("login", login("ada"))
            peer, _ = silent.accept()
            began = time.monotonic()
            self.assertEqual(daemon.stop(), 0)
            self.assertLess(time.monotonic() - began, 20)
            peer.close()
        self.assertEqual([row["alert"]["key"] for row in self.outbox()], [{"user": "ada"}])


if __name__ == "__main__":
    unittest.main()
