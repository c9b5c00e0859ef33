#!/usr/bin/env python3
"""Runs one daemon with all edges at a steady load and watches its memory and descriptors: see README.md.

    soak.py EGRET [SECONDS [EVENTS_PER_SECOND]]

With Kafka too where EGRET_KAFKA_JARS and EGRET_KAFKA_TOOL say where a broker is.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path += [os.path.join(HERE, "..", "scenario"), os.path.join(HERE, "..", "kafka")]
import broker as kafka  # noqa: E402
import harness  # noqa: E402
from mqtt_broker import Broker, Client, Listener  # noqa: E402

RULES = """\
stream reading {{ n: int  key: string }}
source log: file {{ path: "{log}"  follow: true  stream: reading }}
source plant: mqtt {{ url: "{url}"  topic: "plant/#"  stream: reading }}
rule tenth {{ watch reading [n % 10 == 0]  by key  alert {{ n: n }}  to hook, queue, out{also} }}
rule busy {{ watch reading  by key  over 1m  when count() > 1000000  alert {{ n: count() }}  to out }}
sink hook: webhook {{ url: "{hook}"  allow_private: true }}
sink queue: mqtt {{ url: "{url}"  topic: "alerts/{{key}}" }}
sink out: file {{ path: "alerts.ndjson"  rotate_bytes: 1000000  keep: 3  gzip: true }}
"""
KAFKA = """\
source feed: kafka {{ brokers: "{0}"  topic: "in"  stream: reading }}
sink log_out: kafka {{ brokers: "{0}"  topic: "out"  exactly_once: true }}
"""
KEYS, PARTITIONS = 50, 4


class Load:
    """Numbered events over all ways, one after the other; topics: a Kafka broker, or None."""

    def __init__(self, daemon, broker, topics, log, rate):
        self.daemon, self.broker, self.topics, self.log, self.rate, self.n, self.over = daemon, broker, topics, log, rate, 0, False
        self.producer = subprocess.Popen([kafka.TOOL, topics.address, "produce", "in"], stdin=subprocess.PIPE, text=True) if topics else None
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def bodies(self, count):
        bodies = [json.dumps({"n": self.n + i, "key": "k%d" % ((self.n + i) // 10 % KEYS)}) for i in range(count)]
        self.n += count
        return bodies

    def work(self):
        publisher, next_s, turns, log = Client(self.broker.port, "soak-publisher"), time.monotonic(), 0, open(self.log, "a", encoding="utf-8")
        while not self.over:
            part = max(1, self.rate // (40 if self.topics else 30))
            status, _ = self.daemon.post("reading", "\n".join(self.bodies(part)), "application/x-ndjson")
            assert status == 202, status
            publisher.publish_all([("plant/x", body) for body in self.bodies(part)])
            log.write("\n".join(self.bodies(part)) + "\n")
            log.flush()
            if self.producer:
                self.producer.stdin.write("".join("%d\t%s\n" % (i % PARTITIONS, body) for i, body in enumerate(self.bodies(part))))
                self.producer.stdin.flush()
            turns += 1
            if turns % 100 == 0:        # every ten seconds
                os.replace(self.log, "%s.%d" % (self.log, turns))      # none is thrown away: a slow machine may fall behind
                log.close()
                log = open(self.log, "a", encoding="utf-8")
            next_s += 0.1
            time.sleep(max(0, next_s - time.monotonic()))
        log.close()
        publisher.close()
        if self.producer:
            self.producer.stdin.close()
            self.producer.wait()


def note(pid):
    """(resident MB of its own, descriptors); pages of the store's file are the system's to drop and are not counted."""
    with open("/proc/%d/status" % pid, encoding="ascii") as file:
        kilobytes = next(int(line.split()[1]) for line in file if line.startswith("RssAnon:"))
    return kilobytes / 1e3, len(os.listdir("/proc/%d/fd" % pid))


def draw(name, values, rows=8, columns=72):
    """A line over time as text."""
    step = max(1, len(values) // columns)
    points = [max(values[i:i + step]) for i in range(0, len(values), step)]
    low, high = min(points), max(points)
    print("%s: %.1f to %.1f" % (name, low, high))
    for row in range(rows, 0, -1):
        level = low + (high - low) * (row - 1) / rows
        print("  %8.1f |%s" % (level, "".join("#" if point >= level and high > low or row == 1 else " " for point in points)))


def start_kafka(folder):
    """None: there is none on this machine."""
    why = kafka.missing()
    if why:
        print("without Kafka: " + why)
        return None
    topics = kafka.Broker(os.path.join(folder, "kafka")).start()
    topics.create("in", PARTITIONS)
    topics.create("out", PARTITIONS)
    return topics


def run(folder, seconds, rate):
    broker, receiver, topics = Broker(folder).start(), harness.Receiver(), start_kafka(folder)
    listener, log = Listener(broker.port, "soak-listener", "alerts/#"), os.path.join(folder, "in.ndjson")
    open(log, "w", encoding="utf-8").close()
    with open(os.path.join(folder, "r.egret"), "w", encoding="utf-8") as file:
        file.write(RULES.format(log=log, url=broker.url, hook=receiver.url, also=", log_out" if topics else ""))
        file.write(KAFKA.format(topics.address) if topics else "")
    daemon = harness.Daemon(os.path.join(folder, "r.egret"), os.path.join(folder, "data"))
    try:
        daemon.wait_until_ready()
        harness.wait_for(lambda: daemon.metric('egret_source_connected{source="plant"}') == 1, "the connection")
        return watch(daemon, Load(daemon, broker, topics, log, rate), listener, receiver, seconds)
    finally:
        daemon.kill()
        listener.close()
        broker.stop()
        receiver.close()
        if topics:
            topics.stop()


def watch(daemon, load, listener, receiver, seconds):
    notes, begun = [], time.monotonic()
    while time.monotonic() - begun < seconds:
        time.sleep(1)
        notes.append((time.monotonic() - begun, *note(daemon.process.pid), load.n))
        assert load.thread.is_alive(), "the load has ended"
    load.over = True
    load.thread.join(60)
    wanted = -(-load.n // 10)
    numbers = lambda messages: {json.loads(m)["fields"]["n"] for m in messages}
    harness.wait_for(lambda: daemon.metric('egret_events_accepted_total{stream="reading"}') == load.n, "all events")
    harness.wait_for(lambda: len(numbers(body for _, body, _ in listener.messages)) == wanted, "all alerts by MQTT")
    harness.wait_for(lambda: len(numbers(body for _, _, body, _ in list(receiver.requests))) == wanted, "all alerts by webhook")
    harness.wait_for(lambda: daemon.metric('egret_sink_sent_total{sink="out"}') == wanted, "all alerts in the file")
    if load.topics:
        harness.wait_for(lambda: daemon.metric('egret_sink_sent_total{sink="log_out"}') == wanted, "all alerts by Kafka")
        seen = [json.loads(row[4])["fields"]["n"] for row in load.topics.consume("out")]
        assert len(seen) == wanted and set(seen) == set(range(0, load.n, 10)), "alerts are missing in the topic, or are there twice"
    code = daemon.stop()
    with open("soak.csv", "w", encoding="ascii") as file:
        file.write("second,resident_mb,descriptors,events\n")
        file.writelines("%.1f,%.1f,%d,%d\n" % row for row in notes)
    return judge(notes, load, wanted, code)


def judge(notes, load, alerts, code):
    memory, descriptors = [row[1] for row in notes], [row[2] for row in notes]
    draw("resident memory of its own, MB", memory)
    draw("descriptors", descriptors)
    third, sixth = max(1, len(notes) // 3), max(1, len(notes) // 6)
    grown = max(memory[-third:]) / max(memory[third:2 * third] or memory)
    still = max(memory[-sixth:]) / max(memory[-2 * sixth:-sixth] or memory)
    more = max(descriptors[-third:]) - max(descriptors[third:2 * third] or descriptors)
    print("%d events in %.0f s, %d alerts %s times, none missing; memory of the last third against the second: %+.1f%%, of the last sixth "
          "against the one before: %+.1f%%, descriptors %+d"
          % (load.n, notes[-1][0], alerts, "four" if load.topics else "three", (grown - 1) * 100, (still - 1) * 100, more))
    faults = []
    if code != 0:
        faults.append("the daemon ended with %d" % code)
    # Windows, caches and buffers fill in the first minutes. A large step is a fault whatever made it; a small one is a leak where it goes on.
    if (grown > 1.25 or (grown > 1.1 and still > 1.03)) and notes[-1][0] > 240:
        faults.append("memory grows")
    if more > 8:
        faults.append("descriptors grow")
    return faults


def main(arguments):
    harness.EGRET = os.path.abspath(arguments[1])
    seconds, rate = int(arguments[2]) if len(arguments) > 2 else 30, int(arguments[3]) if len(arguments) > 3 else 300
    folder = tempfile.mkdtemp(prefix="egret-soak-")
    try:
        faults = run(folder, seconds, rate)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("\n".join(faults) if faults else "fine")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
