"""Clients that mean no good, or do not know better: each is refused or made harmless, and the others are served as before."""
import http.client
import json
import os
import resource
import select
import socket
import struct
import threading
import time
import unittest

from harness import DEADLINE_S, Daemon, Folder, egret, wait_for

SCRIPT = "</script><script>alert(1)</script>\u2028\x1b[31m{{7*7}}${7*7}'\";--"
RULES = """\
stream login { user: string  ok: bool  at: time } with time at
rule failed "<script>alert('text')</script>" { watch login [not ok]  by user  alert { who: user  message: "{user}" } }
"""


def event(user="a"):
    return {"user": user, "ok": False, "at": "2026-01-05T09:00:00Z"}


class Hostile(Folder):
    def start(self, *args, tokens=False, **more):
        self.write("rules/r.egret", RULES)
        if tokens:
            self.token = egret("token", "create", "--data", self.path("data"), "--role", "admin").stdout.strip()
        daemon = Daemon(self.path("rules"), self.path("data"), *args, **more)
        self.addCleanup(daemon.kill)
        return daemon.wait_until_ready()

    def still_serves(self, daemon):
        self.assertEqual(daemon.post("login", event())[0], 202)

    def connect(self, daemon, text=b""):
        client = socket.create_connection(("127.0.0.1", daemon.port), timeout=DEADLINE_S)
        self.addCleanup(client.close)
        if text:
            client.sendall(text)
        return client

    def answer(self, client):
        """All that the server says, until it ends the connection or waits for more, which never comes."""
        said = b""
        try:
            while select.select([client], [], [], 0.5)[0]:
                piece = client.recv(65536)
                if not piece:
                    return said
                said += piece
        except ConnectionResetError:
            pass
        return said

    def test_clients_that_never_come_to_an_end(self):
        daemon = self.start("--request-time", "2s")
        starts = [b"", b"G", b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nX-A: b\r\n",
                  b"POST /v1/events/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{",
                  b"POST /v1/events/login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"]
        slow = [self.connect(daemon, text) for text in starts * 10]
        end = time.monotonic() + DEADLINE_S
        while slow and time.monotonic() < end:      # a byte now and then, so that they are never silent
            for client in list(slow):
                try:
                    client.send(b"a")
                    ended = select.select([client], [], [], 0)[0] and not client.recv(65536)
                except OSError:
                    ended = True
                if ended:
                    slow.remove(client)
            self.still_serves(daemon)
            time.sleep(0.1)
        self.assertEqual(len(slow), 0)
        self.assertEqual(daemon.stop(), 0)

    def test_bodies_that_are_too_large(self):
        daemon = self.start()
        body = b'{"user": "' + b"a" * (10 * 1024 * 1024) + b'"}'
        for path, kind in (("/v1/events/login", "application/json"), ("/v1/rules/x", "text/plain"), ("/v1/bundles", "application/json"),
                           ("/v1/validate", "text/plain")):
            method = "PUT" if "rules" in path else "POST"
            self.assertEqual(daemon.request(method, path, body, {"Content-Type": kind})[0], 413, path)
        for length in ("99999999999", "-1", "18446744073709551616", "1e3", "0x10"):
            client = self.connect(daemon, ("POST /v1/events/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: %s\r\n\r\nx" % length).encode())
            readable = select.select([client], [], [], 1)[0]     # it may wait for more, which never comes
            self.assertNotIn(b" 2", client.recv(14) if readable else b"")
            client.close()
        self.still_serves(daemon)
        self.assertEqual(daemon.stop(), 0)

    def test_bodies_that_are_deep_or_odd(self):
        daemon = self.start()
        for body in ("[" * 100000, '{"a":' * 100000, "{}" * 100000, "\0" * 100, "{", '{"files": [' + "1," * 1000 + "1]}", '{"files": {}}', "[]", "1", "",
                     '{"reason": "\\ud800"}', b"\xff\xfe{}", '{"a": 1, "a": 2}', '{"version": 1e999}', '{"version": 99999999999999999999}'):
            for method, path in (("POST", "/v1/bundles"), ("POST", "/v1/rules/failed/rollback"), ("PUT", "/v1/snoozes/failed/a"), ("PATCH", "/v1/lists/x"),
                                 ("POST", "/v1/alerts/x/resolve"), ("PUT", "/v1/rules/failed/mode")):
                status, headers, answer = daemon.request(method, path, body, {"Content-Type": "application/json"})
                self.assertIn(status, (400, 404, 409, 413, 415, 422, 503), (path, body[:50]))
                self.assertEqual(headers["Content-Type"], "application/problem+json")
                json.loads(answer)
        self.still_serves(daemon)
        self.assertEqual(daemon.stop(), 0)

    def test_ten_thousand_connections(self):
        """As many as this machine lets us open, at most; few of them are let in, and who was in goes on."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = min(10000, hard - 200)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, wanted + 200), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        daemon = self.start("--request-time", "5s")
        kept = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=DEADLINE_S)
        self.addCleanup(kept.close)

        def ask():
            kept.request("POST", "/v1/events/login", json.dumps(event()))
            answer = kept.getresponse()
            answer.read()
            return answer.status
        self.assertEqual(ask(), 202)
        clients = []
        for n in range(wanted):
            client = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", daemon.port))
            clients.append(client)
            if n % 2000 == 0:
                self.assertEqual(ask(), 202)
        print("connections opened: %d" % len(clients))
        self.assertEqual(ask(), 202)
        with open("/proc/%d/status" % daemon.process.pid, encoding="ascii") as file:
            files = len(os.listdir("/proc/%d/fd" % daemon.process.pid))
            self.assertTrue(file.read())
        self.assertLess(files, 700)
        for client in clients:
            client.close()
        wait_for(lambda: self.lets_in(daemon), "room for a new client")
        self.assertEqual(daemon.stop(), 0)

    def lets_in(self, daemon):
        try:
            return daemon.request("GET", "/livez")[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def test_paths_and_heads_that_try_tricks(self):
        daemon = self.start(tokens=True)
        heads = [b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET http://evil.example/metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
                 b"GET /metrics%00.css HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET //metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
                 b"GET /console.js/../metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /metrics;a=b HTTP/1.1\r\nHost: localhost\r\n\r\n",
                 b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \r\n a\r\n\r\n", b"get /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n",
                 b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", b"GET /metrics HTTP/9.9\r\nHost: localhost\r\n\r\n",
                 b"GET /metrics\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 200, b"GET " + b"/a" * 40000 + b" HTTP/1.1\r\n\r\n",
                 b"GET /livez HTTP/1.1\r\nHost: localhost\r\n" + b"X-A: b\r\n" * 10000 + b"\r\n",
                 b"POST /v1/events/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n"]
        for head in heads:
            client = self.connect(daemon)
            try:
                client.sendall(head)
                client.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            said = self.answer(client)
            self.assertNotIn(b"egret_events_received_total", said, head[:60])
            self.assertNotIn(b"root:", said, head[:60])
            self.assertNotRegex(said[:15], rb"HTTP/1.1 50[0-4]", head[:60])
        status = daemon.request("POST", "/v1/events/login", json.dumps(event()), {"Authorization": "Bearer " + self.token})[0]
        self.assertEqual(status, 202)
        self.assertEqual(daemon.stop(), 0)

    def test_connections_that_are_torn_off(self):
        daemon = self.start()
        for text in (b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /v1/alerts/feed HTTP/1.1\r\nHost: localhost\r\n\r\n",
                     b"POST /v1/events/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"):
            for _ in range(50):
                client = socket.create_connection(("127.0.0.1", daemon.port), timeout=DEADLINE_S)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.sendall(text)
                client.close()
        self.still_serves(daemon)
        self.assertEqual(daemon.stop(), 0)

    def test_script_in_fields_and_rules(self):
        daemon = self.start()
        self.assertEqual(daemon.post("login", event(SCRIPT))[0], 202)
        line = wait_for(lambda: list(daemon.out), "the alert")[0]
        self.assertNotIn("\x1b", line)
        self.assertNotIn("\u2028", line)
        self.assertEqual(json.loads(line)["fields"]["who"], SCRIPT)
        for path in ("/v1/alerts?full=true", "/v1/status", "/v1/streams", "/metrics"):
            status, headers, body = daemon.request("GET", path)
            self.assertEqual((status, headers["X-Content-Type-Options"]), (200, "nosniff"))
            self.assertNotIn("html", headers["Content-Type"])
            self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
            self.assertNotIn(b"\x1b", body)
        for name in ("<script>", "%3Cscript%3E", "%0d%0aSet-Cookie:%20a=b", "%1b[31m"):
            _, headers, body = daemon.request("POST", "/v1/events/" + name.replace("<", "%3C").replace(">", "%3E"), "{}")
            self.assertIsNone(headers["Set-Cookie"])
            self.assertEqual(headers["Content-Type"], "application/problem+json")
            self.assertNotIn(b"\x1b", body)
        self.assertEqual(daemon.stop(), 0)

    def test_everybody_at_once(self):
        """Many clients ask for everything, in any order; nobody gets a 5xx but for want of a worker."""
        daemon = self.start("--rate", "0")
        paths = ["/", "/v1/status", "/v1/streams", "/v1/sources", "/v1/sinks", "/v1/alerts", "/v1/audit", "/v1/dead-letters", "/metrics", "/v1/openapi.json"]
        got = []

        def ask():
            connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=DEADLINE_S)
            for n in range(60):
                connection.request("GET", paths[n % len(paths)])
                answer = connection.getresponse()
                answer.read()
                got.append(answer.status)
            connection.close()
        threads = [threading.Thread(target=ask) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((len(got), set(got)), (960, {200}))
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    os.environ.setdefault("EGRET", "egret")
    unittest.main()
