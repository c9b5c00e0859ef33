"""A broker that asks for TLS and SASL: source and sink, what they say when it does not let them in, and that nothing is lost meanwhile."""
import datetime
import json
import os
import re
import signal
import subprocess

import broker as kafka
from harness import Daemon, wait_for
from with_broker import WithBroker, main

RULES = """\
stream login { user: string  n: int  at: time } with time at
source k: kafka { brokers: "%(address)s"  topic: "%(topic)s-in"  stream: login  %(settings)s }
rule came { watch login  by user  alert { n: n }  to out }
sink out: kafka { brokers: "%(address)s"  topic: "%(topic)s-out"  exactly_once: true  %(settings)s }
"""
SETTINGS = """settings: {
    "security.protocol": "SASL_SSL"  "sasl.mechanism": "%(mechanism)s"  "sasl.username": "egret"  "sasl.password": env("KAFKA_PASSWORD")
    "ssl.ca.location": "%(ca)s"  "reconnect.backoff.max.ms": "500" }"""
PASSWORD = "s3cret-of-egret"


def openssl(*args):
    done = subprocess.run(["openssl", *args], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError("openssl %s: %s" % (args, done.stderr))


def make_authority(folder, name):
    """A certificate that signs others; gives its file."""
    key, certificate = os.path.join(folder, name + ".key"), os.path.join(folder, name + ".pem")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=" + name, "-keyout", key, "-out", certificate)
    return certificate


def make_keystore(folder, authority):
    """The broker's own certificate for 127.0.0.1 with its key, as Java reads it."""
    key, request, certificate = (os.path.join(folder, "broker." + end) for end in ("key", "csr", "pem"))
    extensions, store = os.path.join(folder, "broker.ext"), os.path.join(folder, "broker.p12")
    with open(extensions, "w", encoding="ascii") as file:
        file.write("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=broker", "-keyout", key, "-out", request)
    openssl("x509", "-req", "-in", request, "-CA", authority, "-CAkey", authority[:-4] + ".key", "-CAcreateserial", "-days", "2", "-extfile", extensions,
            "-out", certificate)
    openssl("pkcs12", "-export", "-in", certificate, "-inkey", key, "-name", "broker", "-passout", "pass:changeit", "-out", store)
    return store


class KafkaSecured(WithBroker):
    @classmethod
    def make_broker(cls, folder):
        cls.ca, cls.stranger = make_authority(cls.folder, "ours"), make_authority(cls.folder, "stranger")
        return kafka.SecuredBroker(folder, make_keystore(cls.folder, cls.ca), "egret", PASSWORD)

    def setUp(self):
        super().setUp()
        for side in ("-in", "-out"):
            self.broker.create(self.topic + side, 2)

    def start(self, mechanism="PLAIN", password=PASSWORD, ca=None):
        settings = SETTINGS % {"mechanism": mechanism, "ca": ca or self.ca}
        self.write("rules/r.egret", RULES % {"address": self.broker.secured, "topic": self.topic, "settings": settings})
        daemon = Daemon(self.path("rules"), self.path("data"), "--idle", "300ms", env={"KAFKA_PASSWORD": password})
        self.addCleanup(daemon.kill)
        return daemon.wait_until_ready()

    def produce(self, first, last):
        lines = [(n % 2, json.dumps({"user": "u%d" % (n % 5), "n": n, "at": "2026-01-05T09:00:00Z"})) for n in range(first, last)]
        self.broker.produce(self.topic + "-in", lines)

    def numbers(self):
        return sorted(json.loads(text)["fields"]["n"] for _, _, _, _, text in self.broker.consume(self.topic + "-out"))

    def passes(self, mechanism):
        self.produce(0, 100)
        daemon = self.start(mechanism)
        wait_for(lambda: len(self.numbers()) >= 100, "all alerts; " + "".join(daemon.err))
        daemon.stop(signal.SIGKILL)
        self.produce(100, 150)
        daemon = self.start(mechanism)
        wait_for(lambda: len(self.numbers()) >= 150 and daemon.metric('egret_sink_backlog{sink="out"}') == 0, "the rest; " + "".join(daemon.err))
        self.assertEqual(self.numbers(), list(range(150)))
        self.assertEqual(daemon.stop(), 0)
        self.assertNotIn(PASSWORD, "".join(daemon.err))

    def test_scram(self):
        version = self.broker.tool("version", "-").strip()
        if tuple(map(int, re.findall(r"\d+", version)[:3])) < (2, 6, 1):
            self.skipTest("librdkafka %s and brokers since 4.0 do not agree on SCRAM; 2.6.1 does (docs/sources/kafka.md)" % version)
        self.passes("SCRAM-SHA-512")

    def test_plain(self):
        self.passes("PLAIN")

    def said(self, daemon, side, pattern):
        """When a side said why it is not let in."""
        lines = [line for line in list(daemon.err) if side in line and re.search(pattern, line)]
        self.assertTrue(all(line.count("\n") == 1 for line in lines), lines)
        return [datetime.datetime.fromisoformat(json.loads(line)["time"].replace("Z", "+00:00")) for line in lines]

    def refused(self, pattern, **how):
        """It says for each side why it is not let in, not more than twice a minute, and goes on; with the right settings everything arrives, once."""
        self.produce(0, 20)
        daemon = self.start(**how)
        for n in range(20, 30):
            self.assertEqual(daemon.post("login", {"user": "h", "n": n, "at": "2026-01-05T09:00:00Z"})[0], 202)
        for side in ("source k:", "sink out:"):
            times = wait_for(lambda s=side: self.said(daemon, s, pattern), "%s to say why; %s" % (side, "".join(daemon.err)))
            self.assertTrue(all((after - before).total_seconds() > 29 for before, after in zip(times, times[1:])), daemon.err)
        wait_for(lambda: daemon.metric('egret_source_connected{source="k"}') == 0, "it to be known; " + "".join(daemon.err))
        self.assertEqual(daemon.metric('egret_sink_failed_total{sink="out"}'), 0)
        self.assertEqual(daemon.stop(), 0)
        self.assertNotIn(how.get("password", PASSWORD), "".join(daemon.err))
        self.assertEqual(self.numbers(), [])
        daemon = self.start()
        wait_for(lambda: len(self.numbers()) >= 30 and daemon.metric('egret_sink_backlog{sink="out"}') == 0, "all alerts; " + "".join(daemon.err))
        self.assertEqual(self.numbers(), list(range(30)))
        self.assertEqual(daemon.stop(), 0)

    def test_a_wrong_password(self):
        self.refused("(?i)authentication", password="wrong-but-secret")

    def test_a_certificate_that_nobody_we_know_has_signed(self):
        self.refused("(?i)certificate", ca=self.stranger)


if __name__ == "__main__":
    main()
