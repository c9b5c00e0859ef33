"""MQTT as a source, with a real broker: what comes in, which fields it has, what survives whom."""
import json
import os
import random
import re
import signal
import subprocess
import threading
import time
import unittest

from harness import Daemon, Folder, egret, wait_for
from mqtt_broker import Broker, Client

RULES = """\
stream reading { line: string?  n: int  old: bool?  at: time } with time at
source plant: mqtt { url: "%s"  topic: "plant/+/temp"  fields: { line: "topic.2", old: "retained" }  stream: reading  %s }
rule seen { watch reading  by line  alert { n: n  old: old }  to log }
sink log: file { path: "alerts.ndjson" }
"""
MESSAGES = int(os.environ.get("EGRET_MQTT_MESSAGES", "3000"))
KILLS = int(os.environ.get("EGRET_MQTT_KILLS", "4"))
BROKER_KILLS = int(os.environ.get("EGRET_MQTT_BROKER_KILLS", "1"))
KEPT = 200      # more than the broker acknowledges between two writes of its file


def reading(n):
    return json.dumps({"n": n, "at": "2026-01-05T09:%02d:%02d.%03dZ" % (n // 60000, n // 1000 % 60, n % 1000)})


class Load:
    """Numbered messages, by a thread of its own that stays near the kills: it is not far beyond a place while fewer kills have been than there are places before."""

    def __init__(self, client, places):
        self.client, self.places = client, places
        self.sent, self.kills, self.broker_kills, self.seen, self.again = 0, 0, 0, 0, set()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def send(self, numbers, line):
        self.client().publish_all([("plant/%s/temp" % line, reading(n)) for n in numbers])

    def work(self):
        for first in range(0, MESSAGES, 100):
            wait_for(lambda at=first: self.kills >= sum(place < at - 200 for place in self.places), "kills")
            last = min(first + 100, MESSAGES)
            self.send(range(first, last), "first")
            self.sent = last
            self.send_again()

    def send_again(self):
        while self.seen != self.broker_kills:
            self.seen = self.broker_kills
            kept = range(max(0, self.sent - KEPT), self.sent)
            self.again.update(kept)
            self.send(kept, "again")


class Mqtt(Folder):
    def broker(self, lines=(), **more):
        broker = Broker(self.dir, lines, **more).start()
        self.addCleanup(broker.stop)
        return broker

    def publisher(self, broker, name="publisher"):
        client = Client(broker.port, name)
        self.addCleanup(client.close)
        return client

    def start(self, rules, env=None):
        self.write("rules/r.egret", rules)
        daemon = Daemon(self.path("rules"), self.path("data"), env=env)
        self.addCleanup(daemon.kill)
        return daemon.wait_until_ready()

    def connected(self, daemon, source="plant"):
        wait_for(lambda: daemon.metric('egret_source_connected{source="%s"}' % source) == 1, "the connection; stderr: " + "".join(daemon.err[-5:]))

    def journalled(self):
        """(n, line) of all readings in the journal, in its order."""
        done = egret("journal", "export", "--data", self.path("data"))
        self.assertEqual(done.returncode, 0, done.stderr)
        found = [json.loads(line) for line in done.stdout.splitlines()]
        return [(event["event"]["n"], event["event"]["line"]) for event in found if "n" in event.get("event", {})]

    def test_every_quality_and_version(self):
        broker = self.broker()
        for version in ("3.1.1", "5"):
            for qos in (0, 1, 2):
                with self.subTest(version=version, qos=qos):
                    name = "v%s-%d" % (version[0], qos)
                    self.write(name + "/r.egret", RULES % (broker.url, 'version: "%s"  qos: %d  client_id: "%s"' % (version, qos, name)))
                    daemon = Daemon(self.path(name), self.path("data-" + name))
                    self.addCleanup(daemon.kill)
                    self.connected(daemon.wait_until_ready())
                    self.publisher(broker).publish_all([("plant/line%d/temp" % (n % 3), reading(n)) for n in range(300)], qos)
                    wait_for(lambda n=name: len(self.lines("data-%s/alerts.ndjson" % n)) == 300, "300 alerts")
                    alerts = self.lines("data-%s/alerts.ndjson" % name)
                    self.assertEqual({(a["key"]["line"], a["fields"]["n"]) for a in alerts}, {("line%d" % (n % 3), n) for n in range(300)})
                    self.assertEqual(daemon.stop(), 0)

    def test_retained_wills_values_and_garbage(self):
        """A retained message is flagged; a last will is an event; what a payload says cannot pretend to be another topic."""
        broker = self.broker()
        self.publisher(broker).publish_all([("plant/old/temp", reading(1))], retain=True)
        rules = RULES.replace(" with time at", "") % (broker.url, "") + """
stream status { device: string  state: string } 
source states: mqtt { url: "%s"  topic: "device/+/status"  fields: { device: "topic.2" }  value_field: "state"  stream: status }
rule lost { watch status [state == "offline"]  by device  alert { who: device }  to log }
""" % broker.url
        daemon = self.start(rules)
        self.connected(daemon)
        self.connected(daemon, "states")
        alerts = lambda: self.lines("data/alerts.ndjson")
        wait_for(lambda: len(alerts()) == 1, "the retained reading")
        device = Client(broker.port, "pump7", will=("device/pump7/status", "offline")).connect()
        device.publish_all([("device/pump7/status", "online"), ("plant/new/temp", reading(2)), ("plant/new/temp", '{"line": "old", ' + reading(3)[1:])])
        device.publish_all([("plant/new/temp", body) for body in ("", "no json", '{"n": "x"}', "[1, 2]", "{", b"\xff\xfe", '{"at": 1}')])
        device.close()      # without a good-bye
        wait_for(lambda: len(alerts()) == 4, "the last will, and the good readings")
        found = {(a["rule"], a["key"].get("line", a["key"].get("device")), a["fields"].get("n"), a["fields"].get("old")) for a in alerts()}
        self.assertEqual(found, {("seen", "old", 1, True), ("seen", "new", 2, False), ("seen", "new", 3, False), ("lost", "pump7", None, None)})
        wait_for(lambda: len(self.letters()) == 7, "the dead letters: two of the array")
        self.assertTrue(all(letter["source"] == "plant" and letter["reason"] for letter in self.letters()), self.letters())
        self.assertEqual(daemon.metric('egret_source_skipped_total{source="plant"}'), 1)
        self.assertEqual(daemon.stop(), 0)

    def test_several_filters_and_what_was_subscribed_to_before(self):
        """A filter that is declared no more still stands in the broker's session: what it brings is passed over, and acknowledged."""
        broker = self.broker()
        rules = RULES.replace('topic: "plant/+/temp"', 'topic: "%s"')
        daemon = self.start(rules % (broker.url, "plant/+/temp, yard/+/temp", ""))
        self.connected(daemon)
        publisher = self.publisher(broker)
        topics = ["plant/a/temp", "yard/b/temp", "attic/c/temp"]
        publisher.publish_all([(topics[n % 3], reading(n)) for n in range(30)])
        alerts = lambda: {(a["key"]["line"], a["fields"]["n"]) for a in self.lines("data/alerts.ndjson")}
        wait_for(lambda: len(alerts()) == 20, "20 alerts")
        self.assertEqual(alerts(), {("ab"[n % 3], n) if n % 3 < 2 else None for n in range(30)} - {None})
        self.assertEqual(daemon.stop(), 0)
        publisher.publish_all([(topics[n % 3], reading(n)) for n in range(30, 60)])
        daemon = self.start(rules % (broker.url, "attic/+/temp,yard/#", ""))
        self.connected(daemon)
        wait_for(lambda: daemon.metric('egret_source_skipped_total{source="plant"}') == 10, "ten that nobody wants any more")
        publisher.publish_all([(topics[n % 3], reading(n)) for n in range(60, 90)])
        wait_for(lambda: daemon.metric('egret_source_skipped_total{source="plant"}') == 20, "ten more")
        wait_for(lambda: len(alerts()) == 20 + 10 + 20, "the rest")
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(self.letters(), [])

    def test_user_properties(self):
        """Of MQTT 5: the first of its name, as text; null where a message has none."""
        broker = self.broker()
        rules = RULES.replace('old: "retained" }', 'old: "retained", unit: "property.unit" }').replace("old: bool?", "old: bool?  unit: string?")
        rules = rules.replace("{ n: n  old: old }", "{ n: n  unit: unit }")
        daemon = self.start(rules % (broker.url, 'version: "5"'))
        self.connected(daemon)
        publish = ["mosquitto_pub", "-V", "5", "-p", str(broker.port), "-q", "1", "-t", "plant/a/temp"]
        for n, properties in enumerate(([], ["unit", "K"], ["colour", "red", "unit", "\u00b0C", "unit", "K"], ["unit", ""])):
            words = [word for i in range(0, len(properties), 2) for word in ("-D", "publish", "user-property", *properties[i:i + 2])]
            subprocess.run([*publish, "-D", "publish", "content-type", "text/x", *words, "-m", reading(n)], check=True, capture_output=True)
        alerts = lambda: {a["fields"]["n"]: a["fields"]["unit"] for a in self.lines("data/alerts.ndjson")}
        wait_for(lambda: len(alerts()) == 4, "four alerts; " + "".join(daemon.err))
        self.assertEqual(alerts(), {0: None, 1: "K", 2: "\u00b0C", 3: ""})
        self.assertEqual(daemon.stop(), 0)
        done = egret("run", "--rules", self.write("old.egret", rules % (broker.url, "")), "--data", self.path("other"), "--listen", "127.0.0.1:0")
        self.assertEqual(done.returncode, 1)
        self.assertIn("messages have properties with version:", done.stderr)

    def over_kills(self, more):
        """QoS 1, while Egret and the broker are killed (SIGKILL) at random. Gives the (n, line) of all messages in the journal, in its order, and the n
        that must be there with the line "first".

        Mosquitto acknowledges a message before it is in its file, however often it writes that: a subscriber cannot mend what is lost then.
        So the publisher does what a device does that must lose nothing: besides what was not acknowledged it sends the last KEPT messages that were once more,
        after the broker was away, here with the line "again". All others, and those in the broker's file when it was killed, must come by themselves.
        """
        broker = self.broker(saves=10)
        rules = RULES % (broker.url, more)
        daemon = self.start(rules)
        self.connected(daemon)      # the broker knows the session from here on
        turns = ["egret"] * KILLS + ["broker"] * BROKER_KILLS
        random.shuffle(turns)
        places = sorted(random.choices(range(MESSAGES - 100), k=len(turns)))
        load = Load(lambda: self.publisher(broker), places)
        saved = set()
        for place, turn in zip(places, turns):
            wait_for(lambda p=place: load.sent > p, "messages")
            time.sleep(random.random() * 0.05)
            load.kills += 1
            if turn == "egret":
                daemon.kill()
                daemon = self.start(rules)
            else:
                broker.stop(signal.SIGKILL)
                saved |= {int(n) for n in re.findall(rb'"n": (\d+), "at"', broker.saved())}
                load.broker_kills += 1
                broker.start()
        load.thread.join()
        load.send_again()
        load.send([MESSAGES], "end")        # comes behind all others
        wait_for(lambda: (MESSAGES, "end") in self.journalled(), "the last message")
        self.assertEqual(daemon.stop(), 0)
        return self.journalled()[:-1], set(range(MESSAGES)) - load.again | saved

    def test_durable_over_kills(self):
        begun = time.monotonic()
        found, wanted = self.over_kills("")
        numbers, first = {n for n, _ in found}, {n for n, line in found if line == "first"}
        self.assertEqual(wanted - first, set())
        self.assertEqual(set(range(MESSAGES)) - numbers, set())
        print("durable: %d messages, Egret killed %d times, the broker %d times: all %d in the journal, %d of them twice; %d need not be there as they "
              "were sent first, of which %d are; %.1f s" % (MESSAGES, KILLS, BROKER_KILLS, len(numbers), len(found) - len(numbers), MESSAGES - len(wanted),
                                                      len(first) - len(wanted), time.monotonic() - begun))

    def test_fast_over_kills(self):
        """What has come and is not in the journal yet is lost with Egret: no more than the messages before each kill."""
        found, _ = self.over_kills("durable: false")
        numbers = {n for n, _ in found}
        missing = [n for n in range(MESSAGES) if n not in numbers]
        runs = sum(n - 1 in numbers or n == 0 for n in missing)
        print("fast: %d messages, Egret killed %d times, the broker %d times: %d missing, in %d places" % (MESSAGES, KILLS, BROKER_KILLS, len(missing), runs))
        self.assertLessEqual(runs, KILLS + BROKER_KILLS)

    def test_the_rate_of_both_ways(self):
        """Messages that wait at the broker: how fast they come, acknowledged when they are in the journal, and when they have come."""
        broker, rates = self.broker(), {}
        for durable in ("true", "false"):
            name = "durable-" + durable
            self.write(name + "/r.egret", RULES % (broker.url, "durable: %s  client_id: \"%s\"" % (durable, name)))
            daemon = Daemon(self.path(name), self.path("data-" + name))
            self.addCleanup(daemon.kill)
            self.connected(daemon.wait_until_ready())
            self.assertEqual(daemon.stop(), 0)
        self.publisher(broker).publish_all([("plant/line1/temp", reading(n)) for n in range(MESSAGES)])
        for durable in ("true", "false"):
            name = "durable-" + durable
            daemon = Daemon(self.path(name), self.path("data-" + name))
            self.addCleanup(daemon.kill)
            begun = time.monotonic()
            accepted = lambda d=daemon: d.metric('egret_events_accepted_total{stream="reading"}') == MESSAGES
            daemon.wait_until_ready()
            wait_for(accepted, "all messages")
            rates[durable] = MESSAGES / (time.monotonic() - begun)
            self.assertEqual(daemon.stop(), 0)
        print("%d messages of QoS 1 that waited: %.0f/s durable, %.0f/s fast" % (MESSAGES, rates["true"], rates["false"]))


if __name__ == "__main__":
    unittest.main()
