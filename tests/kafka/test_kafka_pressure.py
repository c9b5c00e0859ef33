"""More waits in a topic than Egret can take: the partitions are paused, memory stays bounded, and everything comes, once and in order, over a kill as well."""
import json
import os
import signal
import time

from harness import Daemon, wait_for
from with_broker import WithBroker, main

RULES = """\
stream reading { n: int  key: string }
source k: kafka { brokers: "%s"  topic: "in"  stream: reading }
rule seen { watch reading [n %% 500 == 0]  by key  alert { n: n }  to out }
sink out: file { path: "alerts.ndjson" }
"""
PARTITIONS, MESSAGES, BODY, QUEUE = 4, 400000, 900, 2000
# What may be in memory: what waits for the disk (128 MB), what librdkafka has fetched ahead (32 MB), the queue, and the program itself.
BOUND_MB = 256
SANITIZED = "asan" in os.environ["EGRET"]       # such a build keeps freed memory back


class KafkaPressure(WithBroker):
    def setUp(self):
        super().setUp()
        self.broker.create("in", PARTITIONS)
        self.write("rules/r.egret", RULES % self.broker.address)

    def fill(self, n):
        pad = "x" * BODY
        self.broker.produce("in", [(i % PARTITIONS, json.dumps({"n": i, "key": "k%d" % (i % 7), "pad": pad})) for i in range(n)])

    def start(self):
        env = {"LD_PRELOAD": os.environ["EGRET_SLOW_DISK"], "EGRET_STALL": self.path("stall"), "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0"}
        daemon = Daemon(self.path("rules"), self.path("data"), "--idle", "300ms", "--queue", str(QUEUE), env=env)
        self.addCleanup(daemon.kill)
        return daemon.wait_until_ready()

    def memory_mb(self, daemon):
        with open("/proc/%d/status" % daemon.process.pid, encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("RssAnon:")) / 1e3

    def positions(self, daemon):
        _, _, page = daemon.request("GET", "/metrics")
        return sum(float(line.rsplit(" ", 1)[1]) for line in page.decode().splitlines() if line.startswith("egret_source_position{"))

    def lags(self, daemon):
        _, _, page = daemon.request("GET", "/metrics")
        return [float(line.rsplit(" ", 1)[1]) for line in page.decode().splitlines() if line.startswith("egret_source_lag_records{")]

    def is_full(self, daemon):
        return daemon.metric("egret_queue_records") >= QUEUE - 1000     # a batch has no room any more

    def test_a_disk_that_stalls(self):
        self.fill(MESSAGES)
        daemon = self.start()
        wait_for(lambda: self.positions(daemon) > MESSAGES / 20, "a beginning; " + "".join(daemon.err))
        self.write("stall", "")
        end = time.monotonic() + 300
        looks = 0
        while looks < 20:       # full for two seconds at least: nothing moves
            self.assertLess(time.monotonic(), end, "the queue does not fill")
            time.sleep(0.1)
            looks = looks + 1 if self.is_full(daemon) else 0
        full = self.memory_mb(daemon)
        time.sleep(3)
        later, waits = self.memory_mb(daemon), MESSAGES - self.positions(daemon)
        self.assertLessEqual(daemon.metric("egret_queue_records"), QUEUE + 1000)
        self.assertGreater(sum(self.lags(daemon)), 0)
        daemon.stop(signal.SIGKILL)
        os.remove(self.path("stall"))
        daemon = self.start()
        end = time.monotonic() + 400
        while self.positions(daemon) < MESSAGES:
            self.assertLess(time.monotonic(), end, "not all messages come; " + "".join(daemon.err))
            time.sleep(0.2)
        wanted = list(range(0, MESSAGES, 500))
        wait_for(lambda: len({alert["id"] for alert in self.lines("data/alerts.ndjson")}) >= len(wanted), "all alerts")
        self.assertEqual(daemon.stop(), 0)
        told = [alert["fields"]["n"] for alert in {alert["id"]: alert for alert in self.lines("data/alerts.ndjson")}.values()]
        self.assertEqual(sorted(told), wanted)
        for partition in range(PARTITIONS):
            of_it = [n for n in told if n % PARTITIONS == partition]
            self.assertEqual(of_it, sorted(of_it))
        print("\nbehind a disk that stalls, with %d messages of %d MB to read: %.0f MB of memory when all is full, %.0f MB three seconds later"
              % (waits, waits * BODY // 1000000, full, later))
        self.assertLess(later, full + 20)
        if not SANITIZED:
            self.assertLess(later, BOUND_MB)


if __name__ == "__main__":
    main()
