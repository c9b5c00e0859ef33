"""Webhooks: receivers in every sort of trouble, what is sent, over which connections."""
import json
import os
import socket
import ssl
import struct
import subprocess
import threading
import time
import unittest

from harness import Daemon, Folder, Receiver, egret, signature, wait_for

SECRET, OLD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
RULES = """\
stream login { user: string  n: int  at: time } with time at
%s
rule seen { watch login  by user  alert { n: n  message: "{user} came {n} times" }  to %s }
"""


def login(user, n):
    return {"user": user, "n": n, "at": "2026-01-05T09:%02d:%02dZ" % (n // 60, n % 60)}


class Trouble:
    """A receiver that misbehaves for its first requests, as `trouble` says, and then takes everything."""

    def __init__(self, trouble, times=5):
        self.trouble, self.times, self.asked, self.taken, self.lock = trouble, times, 0, [], threading.Lock()
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d/" % self.listener.getsockname()[1]
        self.open = True
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while self.open:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        with peer, peer.makefile("rb") as stream:
            try:
                while self.one(peer, stream):
                    pass
            except OSError:
                pass

    def one(self, peer, stream):
        """One request; False: the connection is over."""
        length, line = 0, stream.readline()
        if not line:
            return False
        while (line := stream.readline().strip()):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        body = stream.read(length)
        with self.lock:
            self.asked += 1
            bad = self.asked <= self.times
            if not bad or self.trouble == "slow":
                self.taken.append((time.time(), json.loads(body)))
        if not bad:
            return self.answer(peer, "200 OK")
        if self.trouble == "slow":
            time.sleep(0.4)
            return self.answer(peer, "200 OK")
        if self.trouble == "reset":
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if self.trouble == "never":
            return peer.recv(1) != b""
        if self.trouble == "endless":
            peer.sendall(b"HTTP/1.1 500 no\r\nContent-Length: 99999999\r\n\r\n")
            while True:
                peer.sendall(b"x" * 65536)
        return self.answer(peer, self.trouble)

    @staticmethod
    def answer(peer, status):
        more = "Retry-After: 1\r\n" if status.startswith("429") else "Location: /elsewhere\r\n" if status.startswith("3") else ""
        peer.sendall(("HTTP/1.1 %s\r\n%sContent-Length: 0\r\n\r\n" % (status, more)).encode())
        return True

    def close(self):
        self.open = False
        self.listener.close()


class HttpTwo:
    """As much of HTTP/2 over TLS as it takes to say 200 to every request."""

    def __init__(self, certificate, key):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.context.set_alpn_protocols(["h2"])
        self.bodies, self.connections, self.protocols = [], 0, set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "https://127.0.0.1:%d/" % self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, plain):
        try:
            with self.context.wrap_socket(plain, server_side=True) as peer, peer.makefile("rb") as stream:
                self.connections += 1
                self.protocols.add(peer.selected_alpn_protocol())
                if stream.read(24) == b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n":
                    peer.sendall(self.frame(4, 0, 0, b""))
                    self.frames(peer, stream)
        except (OSError, struct.error):
            pass

    @staticmethod
    def frame(kind, flags, number, payload):
        return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, number) + payload

    def frames(self, peer, stream):
        parts = {}
        while (head := stream.read(9)):
            length = int.from_bytes(head[:3], "big")
            kind, flags, number = struct.unpack(">BBI", head[3:])
            payload = stream.read(length)
            if kind == 4 and not flags & 1:
                peer.sendall(self.frame(4, 1, 0, b""))
            if kind == 0:
                parts[number] = parts.get(number, b"") + payload
            if kind in (0, 1) and flags & 1:
                self.bodies.append(parts.pop(number, b""))
                peer.sendall(self.frame(1, 5, number, b"\x88"))     # HEADERS, the end of both, ":status: 200"

    def close(self):
        self.listener.close()


class Webhooks(Folder):
    def start(self, sinks, to, env=None):
        self.write("rules/r.egret", RULES % (sinks, to))
        daemon = Daemon(self.path("rules"), self.path("data"), env=env)
        self.addCleanup(daemon.kill)
        return daemon.wait_until_ready()

    def dead(self, sink):
        return self.letters("--kind", "alerts", "--from", sink)

    def made(self, thing):
        self.addCleanup(thing.close)
        return thing

    def certificate(self):
        """(certificate, key) that nobody has signed but themselves."""
        names = self.path("self.pem"), self.path("self.key")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=desk", "-addext",
                        "subjectAltName=IP:127.0.0.1", "-out", names[0], "-keyout", names[1]], check=True, capture_output=True)
        return names

    def sent(self, daemon, sink):
        return daemon.metric('egret_sink_sent_total{sink="%s"}' % sink)

    def test_receivers_in_trouble(self):
        """Nothing is lost, what is of one key comes in its order, and sinks whose receivers are well keep their pace."""
        troubles = {"slow": "slow", "reset": "reset", "s500": "500 Oh", "s429": "429 Slow down", "s503": "503 Later", "moved": "302 Found",
                    "never": "never", "endless": "endless"}
        receivers = {name: self.made(Trouble(trouble)) for name, trouble in troubles.items()}
        receivers["gone"] = self.made(Trouble("410 Gone", 10**9))
        receivers["well"] = self.made(Trouble("", 0))
        bad = self.made(HttpTwo(*self.certificate()))
        options = "allow_private: true  backoff: 20ms  timeout: 1s"
        sinks = ["sink %s: webhook { url: \"%s\"  %s }" % (name, receiver.url, options) for name, receiver in receivers.items()]
        sinks.append("sink badly: webhook { url: \"%s\"  %s  attempts: 2 }" % (bad.url, options))
        daemon = self.start("\n".join(sinks), ", ".join([*receivers, "badly"]))
        users, rounds, posted = ["u%d" % i for i in range(8)], 4, {}
        for n in range(rounds):
            for user in users:
                posted[(user, n)] = time.time()
                self.assertEqual(daemon.post("login", login(user, n))[0], 202)
        total = len(posted)
        for name, receiver in receivers.items():
            if name == "gone":
                continue
            wait_for(lambda r=receiver: len({a["id"] for _, a in r.taken}) == total, "all alerts at the receiver '%s'" % name)
            wait_for(lambda s=name: self.sent(daemon, s) == total, "the counter of '%s'" % name)
            seen = {user: [] for user in users}
            for _, alert in receiver.taken:
                if alert["fields"]["n"] not in seen[alert["key"]["user"]]:
                    seen[alert["key"]["user"]].append(alert["fields"]["n"])
            self.assertEqual(seen, {user: list(range(rounds)) for user in users}, name)
        wait_for(lambda: daemon.metric('egret_sink_failed_total{sink="gone"}') == total, "the dead letters of 'gone'")
        wait_for(lambda: len({d["alert"]["id"] for d in self.dead("gone")}) == total, "the letters of 'gone'")
        wait_for(lambda: any("certificate" in d["reason"] for d in self.dead("badly")), "a dead letter of the server with the bad certificate")
        self.assertEqual(receivers["gone"].asked, min(receivers["gone"].asked, 8))
        self.assertEqual(bad.bodies, [])
        late = sorted(at - posted[(a["key"]["user"], a["fields"]["n"])] for at, a in receivers["well"].taken)
        print("the receiver that is well beside nine in trouble: p50 %.1f ms, p99 %.1f ms after the event"
              % (late[len(late) // 2] * 1000, late[len(late) * 99 // 100] * 1000))
        self.assertLess(late[len(late) * 99 // 100], 20)
        self.assertEqual(daemon.stop(), 0)
        # Whom a bad certificate keeps from it is asked ever more rarely; what was not tried often enough yet still waits.
        dead, waits = self.dead("badly"), egret("journal", "outbox", "--data", self.path("data"))
        self.assertTrue(any("certificate" in d["reason"] for d in dead), dead)     # requests beside it may have waited for its connection in vain
        waits = [row for row in map(json.loads, waits.stdout.splitlines()) if row["sink"] == "badly"]
        self.assertEqual(len(dead) + len(waits), total)

    def test_connections_are_used_again(self):
        receiver = self.made(Trouble("", 0))
        daemon = self.start('sink desk: webhook { url: "%s"  allow_private: true  concurrency: 2 }' % receiver.url, "desk")
        daemon.post("login", [login("u%d" % (n % 10), n) for n in range(100)])
        wait_for(lambda: len(receiver.taken) == 100, "all alerts")
        self.assertLessEqual(receiver.connections, 2)
        self.assertEqual(daemon.stop(), 0)

    def test_http_two_where_the_server_has_it(self):
        certificate, key = self.certificate()
        server = self.made(HttpTwo(certificate, key))
        daemon = self.start('sink desk: webhook { url: "%s"  allow_private: true  ca: "%s" }' % (server.url, certificate), "desk")
        daemon.post("login", [login("u%d" % (n % 10), n) for n in range(50)])
        wait_for(lambda: len(server.bodies) == 50, "all alerts; stderr: " + "".join(daemon.err[-5:]))
        self.assertEqual((server.protocols, server.connections), ({"h2"}, 1))
        self.assertEqual(len({json.loads(body)["id"] for body in server.bodies}), 50)
        self.assertEqual(daemon.stop(), 0)

    def test_two_signatures_while_a_secret_is_replaced(self):
        receiver = self.made(Receiver())
        daemon = self.start('sink desk: webhook { url: "%s"  secret: env("NEW")  old_secret: env("OLD")  allow_private: true }' % receiver.url,
                            "desk", env={"NEW": SECRET, "OLD": OLD_SECRET})
        daemon.post("login", login("ada", 1))
        _, headers, body, _ = receiver.wait_for_requests(1)[0]
        self.assertEqual(headers["webhook-signature"].split(" "), [signature(SECRET, headers, body), signature(OLD_SECRET, headers, body)])
        self.assertEqual(daemon.stop(), 0)

    def test_envelope_and_templates(self):
        ce, slack, own = (self.made(Receiver()) for _ in range(3))
        sinks = ['sink ce: webhook { url: "%s"  secret: "%s"  envelope: "cloudevents"  allow_private: true }' % (ce.url, SECRET),
                 'sink slack: webhook { url: "%s"  template: "slack"  allow_private: true }' % slack.url,
                 r'sink own: webhook { url: "%s"  template: "{\"who\": \"<{user}>\", \"n\": {n}}"  allow_private: true }' % own.url]
        daemon = self.start("\n".join(sinks), "ce, slack, own")
        daemon.post("login", login('a"b', 7))
        _, headers, body, _ = ce.wait_for_requests(1)[0]
        event = json.loads(body)
        self.assertEqual(headers["Content-Type"], "application/cloudevents+json")
        self.assertEqual(headers["webhook-signature"], signature(SECRET, headers, body))
        self.assertEqual((event["id"], event["source"], event["data"]["rule"]), (headers["webhook-id"], "/egret/rules/seen", "seen"))
        self.assertEqual(json.loads(slack.wait_for_requests(1)[0][2])["text"].split("\n")[0], '*MEDIUM seen*: a"b came 7 times')
        self.assertEqual(json.loads(own.wait_for_requests(1)[0][2]), {"who": '<a"b>', "n": 7})
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    unittest.main()
