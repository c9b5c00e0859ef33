#!/usr/bin/env python3
"""Each socket call of a daemon fails, one after the other (sockets.c), while it takes events and sends alerts. However it takes it: every event it answered
or acknowledged is in the journal once, receivers get every alert, nothing crashes or leaks, and where the daemon ended it said why, and another start goes on.

    sockets.py --library LIBRARY [--edges plain|tls|kafka] [--call NAME] [--most N] [--number N] [--verbose]

--edges: plain: events by HTTP and from an MQTT broker, alerts to a webhook and to the broker. tls: the same, all of it over TLS. kafka: events by HTTP and from
a topic, alerts exactly once into another one; the calls of librdkafka fail. --most: so many of each kind of call fail, at equal distances among those that a
run without faults makes. --number: this one alone. Needs mosquitto, or a broker of Kafka (tests/kafka): without it, it is skipped (77).
"""
import argparse
import http.client
import json
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import time

from harness import Daemon, Receiver, egret, wait_for
from mqtt_broker import Broker, Client, Listener, MOSQUITTO, free_port

CALLS = ["socket", "bind", "listen", "accept", "connect", "send", "recv", "poll", "option", "name", "pair", "eventfd", "epoll_create", "epoll_ctl", "fcntl",
         "close", "resolve"]
STREAM = "stream login { id: string  n: int } with identity id within 1h\n"
POSTED, PUBLISHED = 16, 8


def event(n):
    return {"id": "e%d" % n, "n": n}


class Mqtt:
    """A broker, and of each run a listener and a webhook's receiver."""
    LIBRARY = ""
    RULES = STREAM + """\
source plant: mqtt { url: "%(broker)s"  topic: "in/%(name)s"  client_id: "%(name)s"  stream: login  %(more)s }
sink desk: webhook { url: "%(hook)s"  allow_private: true  backoff: 20ms  attempts: 1000  timeout: 2s  %(more)s }
sink wire: mqtt { url: "%(broker)s"  topic: "out/%(name)s"  client_id: "%(name)s-out"  backoff: 20ms  attempts: 1000  timeout: 2s  %(more)s }
rule seen { watch login  by id  alert { n: n }  to desk, wire }
"""
    args, certificate, more = [], None, ""

    @staticmethod
    def missing():
        return None if shutil.which(MOSQUITTO) else "there is no mosquitto"

    def __init__(self, folder):
        self.folder = folder
        self.broker = self.make_broker().start()

    def make_broker(self):
        broker = Broker(self.folder)
        self.url, self.port = broker.url, broker.port
        return broker

    def stop(self):
        self.broker.stop()

    def open(self, run):
        run.receiver = Receiver(certificate=self.certificate)
        run.listener = Listener(self.port, "l-" + run.name, "out/" + run.name)
        return self.RULES % {"broker": self.url, "name": run.name, "hook": run.receiver.url, "more": self.more}

    def publish(self, run, texts):
        publisher = Client(self.port, "p-" + run.name)
        publisher.publish_all([("in/" + run.name, text) for text in texts])
        publisher.close()

    @staticmethod
    def seen(run):
        """What each receiver has."""
        return ([body for status, _, body, _ in list(run.receiver.requests) if status == 200], [body for _, body, _ in list(run.listener.messages)])

    @staticmethod
    def is_fine(found, everything):
        return set(found) == everything

    def close(self, run):
        run.listener.close()
        run.receiver.close()


class Tls(Mqtt):
    @staticmethod
    def missing():
        return Mqtt.missing() or (None if shutil.which("openssl") else "there is no openssl, which makes the certificate")

    def make_broker(self):
        pem, key = os.path.join(self.folder, "own.pem"), os.path.join(self.folder, "own.key")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=own", "-addext",
                        "subjectAltName=IP:127.0.0.1", "-out", pem, "-keyout", key], check=True, capture_output=True)
        self.port = free_port()         # the test's own door
        broker = Broker(self.folder, ["certfile " + pem, "keyfile " + key, "allow_anonymous true", "listener %d 127.0.0.1" % self.port])
        self.url = broker.url.replace("mqtt:", "mqtts:")
        self.certificate, self.more, self.args = (pem, key), 'ca: "%s"' % pem, ["--tls-cert", pem, "--tls-key", key]
        return broker


class Kafka:
    LIBRARY = "librdkafka"
    RULES = STREAM + """\
source plant: kafka { brokers: "%(broker)s"  topic: "in-%(name)s"  stream: login }
sink wire: kafka { brokers: "%(broker)s"  topic: "out-%(name)s"  exactly_once: true  backoff: 20ms  attempts: 1000 }
rule seen { watch login  by id  alert { n: n }  to wire }
"""
    args, certificate = [], None

    @staticmethod
    def missing():
        import broker
        return broker.missing()

    def __init__(self, folder):
        import broker
        self.broker = broker.Broker(os.path.join(folder, "broker")).start()

    def stop(self):
        self.broker.stop()

    def open(self, run):
        for topic in ("in-", "out-"):
            self.broker.create(topic + run.name, 1)
        return self.RULES % {"broker": self.broker.address, "name": run.name}

    def publish(self, run, texts):
        self.broker.produce("in-" + run.name, [(0, text) for text in texts])

    def seen(self, run):
        """To read the topic takes long: it is done when the sink says that it has nothing to send."""
        if run.metric('egret_sink_backlog{sink="wire"}') != 0:
            return ([],)
        return ([text for _, _, _, _, text in self.broker.consume("out-" + run.name)],)

    @staticmethod
    def is_fine(found, everything):
        return sorted(found) == sorted(everything)      # each once

    def close(self, run):
        pass


EDGES = {"plain": Mqtt, "tls": Tls, "kafka": Kafka}


class Failure(Exception):
    pass


class Run:
    def __init__(self, edges, library, call, number):
        self.edges, self.library, self.call, self.number = edges, library, call, number
        self.name = "%s-%d" % (call, number)
        self.dir = tempfile.mkdtemp(prefix="egret-sockets-")
        self.daemon, self.ended = None, False
        os.makedirs(self.path("rules"))
        with open(self.path("rules/r.egret"), "w") as file:
            file.write(edges.open(self))

    def path(self, name):
        return os.path.join(self.dir, name)

    def start(self, faults):
        env = {"LD_PRELOAD": self.library, "EGRET_SOCKET_CALL": self.call, "EGRET_SOCKET_AT": str(self.number), "EGRET_SOCKET_COUNTS": self.path("counts"),
               "EGRET_SOCKET_OF": self.edges.LIBRARY,
               "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"} if faults else {}
        self.daemon = Daemon(self.path("rules"), self.path("data"), "--idle", "100ms", *self.edges.args, env=env)

    def alive(self):
        """Starts it again when it has ended; true: it listens."""
        if self.daemon.process.poll() is not None:
            self.note_end()
            self.start(False)
        self.daemon.port = self.daemon.port or self.daemon.find_port()
        return self.daemon.port is not None

    def note_end(self):
        code = self.daemon.stop()
        log = "".join(self.daemon.err)
        if self.ended or code not in (1, 3) or not log.strip():
            raise Failure("it ended with %s:\n%s" % (code, log))
        self.ended = True

    def connection(self):
        if not self.edges.certificate:
            return http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=10)
        context = ssl.create_default_context(cafile=self.edges.certificate[0])
        return http.client.HTTPSConnection("127.0.0.1", self.daemon.port, context=context, timeout=10)

    def ask(self, method, path, body=None):
        """(status, answer), or None: it was not to be had."""
        if not self.alive():
            return None
        try:
            connection = self.connection()
            connection.request(method, path, body)
            response = connection.getresponse()
            answer = response.read().decode()
            connection.close()
            return response.status, answer
        except (OSError, http.client.HTTPException):
            return None

    def post(self, events):
        body = "".join(json.dumps(one) + "\n" for one in events)

        def accepted():
            got = self.ask("POST", "/v1/events/login", body)
            if got and got[0] not in (202, 429, 503):
                raise Failure("POST was answered with %s" % (got,))
            return got and got[0] == 202
        wait_for(accepted, "an answer to a POST; stderr: " + "".join(self.daemon.err[-5:]))

    def metric(self, name):
        got = self.ask("GET", "/metrics")
        lines = got[1].splitlines() if got and got[0] == 200 else []
        return next((float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name + " ")), None)

    def run(self):
        self.start(True)
        wait_for(lambda: self.metric('egret_source_connected{source="plant"}') == 1, "the source; stderr: " + "".join(self.daemon.err[-5:]))
        self.edges.publish(self, [json.dumps(event(n)) for n in range(PUBLISHED)])
        for n in range(PUBLISHED, PUBLISHED + POSTED, 4):
            self.post([event(k) for k in range(n, n + 4)])
        everything = set(range(PUBLISHED + POSTED))
        self.wait_for_all(everything)
        code = self.daemon.stop()
        log = "".join(self.daemon.err)
        if code != 0 or any(word in log for word in ("Sanitizer", "runtime error")):
            raise Failure("it ended with %d:\n%s" % (code, log))
        self.check(everything)

    def seen(self):
        return [[json.loads(text)["fields"]["n"] for text in texts] for texts in self.edges.seen(self)]

    def wait_for_all(self, everything):
        try:
            wait_for(lambda: self.alive() and all(set(found) == everything for found in self.seen()), "alerts")
        except AssertionError as vain:
            metrics = [line for line in (self.ask("GET", "/metrics") or (0, ""))[1].splitlines() if line.startswith("egret_sink_")]
            raise Failure("there are alerts of %s: %s\n%s" % (self.seen(), "".join(self.daemon.err[-10:]), "\n".join(metrics))) from vain
        if not all(self.edges.is_fine(found, everything) for found in self.seen()):
            raise Failure("alerts came more than once: %s" % self.seen())

    def check(self, everything):
        done = egret("journal", "export", "--data", self.path("data"), "--stream", "login")
        found = {json.loads(line)["n"] for line in done.stdout.splitlines()}
        alerts = egret("journal", "alerts", "--data", self.path("data"))
        told = [json.loads(line)["fields"]["n"] for line in alerts.stdout.splitlines()]
        if done.returncode != 0 or alerts.returncode != 0 or found != everything or sorted(told) != sorted(everything):
            raise Failure("the journal has %s, alerts %s: %s%s" % (sorted(found), sorted(told), done.stderr, alerts.stderr))

    def counts(self):
        """How often each call was made, by the daemon that had the fault; {}: it did not come to its end."""
        try:
            with open(self.path("counts")) as file:
                return {name: int(n) for name, n in (line.split() for line in file)}
        except OSError:
            return {}

    def close(self):
        if self.daemon:
            self.daemon.kill()
        self.edges.close(self)
        shutil.rmtree(self.dir, ignore_errors=True)


def one(options, edges, call, number):
    """(it got so far, the daemon ended, how often it made each call)"""
    run = Run(edges, options.library, call, number)
    began = time.monotonic()
    try:
        run.run()
    except (Failure, AssertionError) as failure:
        raise Failure("%s %d: %s" % (call, number, failure)) from failure
    finally:
        counts = run.counts()
        run.close()
    if options.verbose:
        print("%s %d: %s in %.1f s" % (call, number, "ended" if run.ended else "went on", time.monotonic() - began), flush=True)
    return run.ended or counts.get(call, 0) >= number, run.ended, counts


def sweep(options, edges, call, calls):
    most = min(options.most, calls)
    numbers = [options.number] if options.number else sorted({1 + i * (calls - 1) // max(most - 1, 1) for i in range(most)})
    done = [one(options, edges, call, number)[:2] for number in numbers]
    print("%s: %d calls without faults; %d runs, %d of them got as far as the call that fails, the daemon ended in %d"
          % (call, calls, len(done), sum(reached for reached, _ in done), sum(ended for _, ended in done)), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--library", required=True)
    parser.add_argument("--edges", choices=EDGES, default="plain")
    parser.add_argument("--call", choices=CALLS)
    parser.add_argument("--number", type=int, default=0)
    parser.add_argument("--most", type=int, default=40)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    missing = EDGES[options.edges].missing()
    if missing:
        print("skipped: " + missing)
        return 77
    folder, edges = tempfile.mkdtemp(prefix="egret-broker-"), None
    try:
        edges = EDGES[options.edges](folder)
        _, _, counts = one(options, edges, "none", 0)
        for call in [options.call] if options.call else CALLS:
            sweep(options, edges, call, counts[call])
    except Failure as failure:
        print(failure)
        return 1
    finally:
        if edges:
            edges.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
