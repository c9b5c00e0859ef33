#!/usr/bin/env python3
"""Each socket call of a daemon fails, one after the other (sockets.c), while it takes events over HTTP and from an MQTT broker, and sends alerts to a
webhook and to the broker. However it takes it: every event it answered or acknowledged is in the journal once, both receivers get every alert, nothing
crashes or leaks, and where the daemon ended it said why, and another start goes on.

    sockets.py --library LIBRARY [--call NAME] [--from N] [--stride N] [--most N]

--most: calls of a kind that fail at most; those that only wait (poll, recv) are many and alike. Needs mosquitto: without it, it is skipped (77).
"""
import argparse
import http.client
import json
import os
import shutil
import sys
import tempfile
import time

from harness import Daemon, Receiver, egret, wait_for
from mqtt_broker import Broker, Client, Listener, MOSQUITTO

CALLS = ["socket", "bind", "listen", "accept", "connect", "send", "recv", "poll", "option", "name", "pair", "eventfd", "epoll_create", "epoll_ctl"]
RULES = """\
stream login { id: string  n: int } with identity id within 1h
source plant: mqtt { url: "%(broker)s"  topic: "in/%(name)s"  client_id: "%(name)s"  stream: login }
sink desk: webhook { url: "%(hook)s"  allow_private: true  backoff: 20ms  attempts: 1000  timeout: 2s }
sink wire: mqtt { url: "%(broker)s"  topic: "out/%(name)s"  client_id: "%(name)s-out"  backoff: 20ms  attempts: 1000  timeout: 2s }
rule seen { watch login  by id  alert { n: n }  to desk, wire }
"""
POSTED, PUBLISHED = 16, 8


def event(n):
    return {"id": "e%d" % n, "n": n}


class Failure(Exception):
    pass


class Run:
    def __init__(self, broker, library, call, number):
        self.broker, self.library, self.call, self.number = broker, library, call, number
        self.name = "%s-%d" % (call, number)
        self.dir = tempfile.mkdtemp(prefix="egret-sockets-")
        self.receiver = Receiver()
        self.listener = Listener(broker.port, "l-" + self.name, "out/" + self.name)
        self.daemon, self.ended = None, False
        os.makedirs(self.path("rules"))
        with open(self.path("rules/r.egret"), "w") as file:
            file.write(RULES % {"broker": broker.url, "name": self.name, "hook": self.receiver.url})

    def path(self, name):
        return os.path.join(self.dir, name)

    def start(self, faults):
        env = {"LD_PRELOAD": self.library, "EGRET_SOCKET_CALL": self.call, "EGRET_SOCKET_AT": str(self.number), "EGRET_SOCKET_COUNTS": self.path("counts"),
               "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"} if faults else {}
        self.daemon = Daemon(self.path("rules"), self.path("data"), "--idle", "100ms", env=env)

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

    def ask(self, method, path, body=None):
        """(status, answer), or None: it was not to be had."""
        if not self.alive():
            return None
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=10)
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
        publisher = Client(self.broker.port, "p-" + self.name)
        publisher.publish_all([("in/" + self.name, json.dumps(event(n))) for n in range(PUBLISHED)])
        for n in range(PUBLISHED, PUBLISHED + POSTED, 4):
            self.post([event(k) for k in range(n, n + 4)])
        publisher.close()
        everything = set(range(PUBLISHED + POSTED))
        self.wait_for_all(self.received, everything)
        self.wait_for_all(self.heard, everything)
        code = self.daemon.stop()
        log = "".join(self.daemon.err)
        if code != 0 or any(word in log for word in ("Sanitizer", "runtime error")):
            raise Failure("it ended with %d:\n%s" % (code, log))
        self.check(everything)

    def wait_for_all(self, seen, everything):
        try:
            wait_for(lambda: self.alive() and seen() == everything, "alerts")
        except AssertionError as vain:
            metrics = [line for line in (self.ask("GET", "/metrics") or (0, ""))[1].splitlines() if line.startswith("egret_sink_")]
            raise Failure("no alerts of %s came: %s\n%s" % (sorted(everything - seen()), "".join(self.daemon.err[-10:]), "\n".join(metrics))) from vain

    def received(self):
        return {json.loads(body)["fields"]["n"] for status, _, body, _ in list(self.receiver.requests) if status == 200}

    def heard(self):
        return {json.loads(body)["fields"]["n"] for _, body, _ in list(self.listener.messages)}

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
        self.listener.close()
        self.receiver.close()
        shutil.rmtree(self.dir, ignore_errors=True)


def sweep(options, broker, call):
    """(runs, runs in which the daemon ended, the last number)"""
    runs = ended = 0
    number, last = options.first, options.first
    while runs * options.stride < options.most:
        run = Run(broker, options.library, call, number)
        began = time.monotonic()
        try:
            run.run()
        except (Failure, AssertionError) as failure:
            raise Failure("%s %d: %s" % (call, number, failure)) from failure
        finally:
            counts = run.counts()
            run.close()
        runs, last = runs + 1, number
        ended += run.ended
        if options.verbose:
            print("%s %d: %s in %.1f s" % (call, number, "ended" if run.ended else "went on", time.monotonic() - began), flush=True)
        if not run.ended and counts and counts[call] < number:      # there were not so many
            break
        number += options.stride
    return runs, ended, last


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--library", required=True)
    parser.add_argument("--call", choices=CALLS)
    parser.add_argument("--from", type=int, default=1, dest="first")
    parser.add_argument("--stride", type=int, default=1)
    parser.add_argument("--most", type=int, default=40)
    parser.add_argument("--verbose", action="store_true")
    options = parser.parse_args()
    if not shutil.which(MOSQUITTO):
        print("skipped: there is no mosquitto")
        return 77
    folder = tempfile.mkdtemp(prefix="egret-broker-")
    broker = Broker(folder).start()
    try:
        for call in [options.call] if options.call else CALLS:
            print("%s: %d runs, the daemon ended in %d; up to call %d" % (call, *sweep(options, broker, call)), flush=True)
    except Failure as failure:
        print(failure)
        return 1
    finally:
        broker.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
