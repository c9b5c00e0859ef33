"""The daemon: events by HTTP in all forms, alerts on standard output, health, metrics, limits, and how it ends."""
import http.client
import json
import os
import socket
import threading
import unittest

from harness import Daemon, Folder, egret, wait_for

RULES = """\
stream login { user: string  ok: bool  at: time } with time at
rule failed { watch login [not ok]  by user  alert { who: user } }
"""


def login(user, second, ok=False):
    return {"user": user, "ok": ok, "at": "2026-01-05T09:00:%02dZ" % second}


class WithDaemon(Folder):
    rules = RULES

    def start(self, *args, **more):
        self.write("rules/r.egret", self.rules)
        daemon = Daemon(self.path("rules"), self.path("data"), *args, **more)
        self.addCleanup(daemon.kill)
        return daemon.wait_until_ready()


class Events(WithDaemon):
    def test_all_forms_of_bodies(self):
        daemon = self.start()
        records = [login("b", 1), login("c", 2)]
        bodies = [
            (login("a", 0), "application/json"),
            (records, "application/json"),
            ("".join(json.dumps(login(user, second)) + "\n" for user, second in (("d", 3), ("e", 4))), "application/x-ndjson"),
            ("user,ok,at\nf,false,2026-01-05T09:00:05Z\n", "text/csv"),
            (json.dumps([login("g", 6)], indent=1), ""),
        ]
        for body, content_type in bodies:
            status, answer = daemon.post("login", body, content_type)
            self.assertEqual(status, 202)
            self.assertEqual((answer["rejected"], answer["errors"]), (0, []))
        alerts = daemon.wait_for_alerts(7)
        self.assertEqual([alert["key"]["user"] for alert in alerts], list("abcdefg"))
        self.assertIn("detected", alerts[0])
        self.assertEqual(alerts[0]["events"][0]["event"], login("a", 0))
        self.assertEqual(daemon.stop(), 0)

    def test_bad_records_do_not_spoil_good_ones(self):
        daemon = self.start()
        body = "\n".join([json.dumps(login("a", 0)), '{"user": "b"}', '{"user":', json.dumps(login("c", 1))]) + "\n"
        status, answer = daemon.post("login", body, "application/x-ndjson")
        self.assertEqual(status, 202)
        self.assertEqual((answer["accepted"], answer["rejected"]), (2, 2))
        self.assertEqual([error["line"] for error in answer["errors"]], [2, 3])
        self.assertTrue(all(error["reason"] for error in answer["errors"]))
        daemon.wait_for_alerts(2)
        wait_for(lambda: len(self.letters()) == 2, "dead letters")
        self.assertEqual(daemon.stop(), 0)

    def test_nothing_acceptable_is_a_400(self):
        daemon = self.start()
        for body in ("{", "[1, 2]", '{"user": 7, "ok": false, "at": 0}', "nonsense", b"\xff\xfe"):
            status, answer = daemon.post("login", body)
            self.assertEqual((status, answer["status"], answer["accepted"]), (400, 400, 0), body)
            self.assertGreaterEqual(len(answer["errors"]), 1)
        status, answer = daemon.post("login", "x\n" * 500, "application/x-ndjson")
        self.assertEqual((status, answer["rejected"], len(answer["errors"])), (400, 500, 100))
        self.assertEqual(daemon.stop(), 0)

    def test_refusals_are_problem_documents(self):
        daemon = self.start()
        for method, path, status in (("POST", "/v1/events/logins", 404), ("GET", "/v1/events/login", 405), ("POST", "/livez", 405),
                                     ("GET", "/nothing", 404), ("POST", "/v1/events/", 404), ("POST", "/v1/events/a/b", 404)):
            got, headers, body = daemon.request(method, path, body="{}" if method == "POST" else None)
            self.assertEqual(got, status, path)
            self.assertEqual(headers["Content-Type"], "application/problem+json")
            self.assertEqual(json.loads(body)["status"], status)
        _, _, body = daemon.request("POST", "/v1/events/logins", body="{}")
        self.assertIn("did you mean 'login'?", json.loads(body)["detail"])
        self.assertEqual(daemon.request("GET", "/v1/events/login")[1]["Allow"], "POST")
        self.assertEqual(daemon.stop(), 0)

    def test_too_large_a_body(self):
        daemon = self.start()
        line = json.dumps(login("a", 0)).encode() + b"\n"
        status, answer = daemon.post("login", line * (11 * 1024 * 1024 // len(line)), "application/x-ndjson")
        self.assertEqual((status, answer["status"]), (413, 413))
        status, _ = daemon.post("login", login("b", 1))
        self.assertEqual(status, 202)
        self.assertEqual([alert["key"]["user"] for alert in daemon.wait_for_alerts(1)], ["b"])
        self.assertEqual(daemon.stop(), 0)

    def test_a_full_queue_loses_nothing(self):
        daemon = self.start("--queue", "10")
        line = json.dumps(login("a", 0, ok=True)) + "\n"
        status, answer = daemon.post("login", line * 11, "application/x-ndjson")
        self.assertEqual((status, answer["status"]), (413, 413))
        accepted, refused = [], []

        def send():
            for _ in range(50):
                status, headers, body = daemon.request("POST", "/v1/events/login", line * 10, {"Content-Type": "application/x-ndjson"})
                if status == 202:
                    accepted.append(json.loads(body)["accepted"])
                else:
                    refused.append((status, headers["Retry-After"]))
        senders = [threading.Thread(target=send) for _ in range(4)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        self.assertEqual(len(accepted) + len(refused), 200)
        self.assertLessEqual(set(refused), {(429, "1")})
        wait_for(lambda: daemon.metric("egret_engine_events_total") == sum(accepted), "all accepted events")
        self.assertEqual(daemon.stop(), 0)

    def test_other_peoples_pages_are_refused(self):
        daemon = self.start()
        body = json.dumps(login("a", 0))
        host = "127.0.0.1:%d" % daemon.port
        for headers, status in (({"Origin": "http://evil.example"}, 403), ({"Host": "evil.example"}, 421), ({"Origin": "null"}, 403),
                                ({"Origin": "http://" + host}, 202), ({"Host": "localhost"}, 202), ({}, 202)):
            self.assertEqual(daemon.request("POST", "/v1/events/login", body, headers)[0], status, headers)
        self.assertEqual(daemon.stop(), 0)

    def test_connections_are_kept(self):
        daemon = self.start()
        connection = http.client.HTTPConnection("127.0.0.1", daemon.port)
        connection.connect()
        local = connection.sock.getsockname()
        for second in range(5):
            connection.request("POST", "/v1/events/login", json.dumps(login("a", second)))
            response = connection.getresponse()
            response.read()
            self.assertEqual(response.status, 202)
            self.assertEqual(connection.sock.getsockname(), local)
        connection.close()
        self.assertEqual(daemon.stop(), 0)

    def test_nonsense_on_the_wire(self):
        daemon = self.start()
        for text in (b"\x00\x01\x02\r\n\r\n", b"GET\r\n\r\n", b"POST /v1/events/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n",
                     b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", daemon.port), timeout=1) as peer:
                try:
                    peer.sendall(text)
                    peer.shutdown(socket.SHUT_WR)
                    while peer.recv(4096):
                        pass
                except OSError:
                    pass
        self.assertEqual(daemon.post("login", login("a", 0))[0], 202)
        self.assertEqual(daemon.stop(), 0)


class Time(WithDaemon):
    rules = """\
stream beat { device: string  at: time } with time at
rule lost { match not beat for 1s  by device  alert { } }
"""

    def test_deadlines_act_without_events(self):
        daemon = self.start()
        import datetime
        now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self.assertEqual(daemon.post("beat", {"device": "d", "at": now})[0], 202)
        alert = daemon.wait_for_alerts(1)[0]
        self.assertEqual((alert["rule"], alert["key"]), ("lost", {"device": "d"}))
        self.assertEqual(daemon.stop(), 0)


class Health(WithDaemon):
    def test_health_and_metrics(self):
        daemon = self.start()
        self.assertEqual(daemon.request("GET", "/livez")[0], 200)
        self.assertEqual(daemon.request("GET", "/readyz")[0], 200)
        self.assertEqual(daemon.request("HEAD", "/livez")[0], 200)
        self.assertEqual(daemon.metric('egret_events_received_total{stream="login"}'), 0)
        daemon.post("login", json.dumps(login("a", 0)) + "\n{}\n", "application/x-ndjson")
        daemon.wait_for_alerts(1)
        wait_for(lambda: daemon.metric('egret_rule_alerts_total{rule="failed",instance="0"}') == 1, "the rule's counter")
        wait_for(lambda: daemon.metric('egret_events_rejected_total{stream="login",reason="missing"}') == 1, "the reject counter")
        self.assertEqual(daemon.metric('egret_events_received_total{stream="login"}'), 2)
        wait_for(lambda: daemon.metric('egret_sink_sent_total{sink="stdout"}') == 1, "the sink's counter")
        self.assertEqual(daemon.metric('egret_build_info{version="0.1.0"}'), 1)
        self.assertGreater(daemon.metric("process_resident_memory_bytes"), 1e6)
        self.assertEqual(daemon.stop(), 0)

    def test_every_family_is_told_once(self):
        daemon = self.start()
        _, headers, page = daemon.request("GET", "/metrics")
        self.assertEqual(headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        helps = [line.split()[2] for line in page.decode().splitlines() if line.startswith("# HELP")]
        types = [line.split()[2] for line in page.decode().splitlines() if line.startswith("# TYPE")]
        self.assertEqual(len(helps), len(set(helps)))
        self.assertEqual(helps, types)
        self.assertEqual(daemon.stop(), 0)


class Life(WithDaemon):
    def test_what_was_accepted_is_evaluated_before_the_end(self):
        daemon = self.start()
        body = "".join(json.dumps(login("u%d" % i, i % 60)) + "\n" for i in range(1000) if i % 60 == 0)
        status, answer = daemon.post("login", body, "application/x-ndjson")
        self.assertEqual(status, 202)
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(len(daemon.out), answer["accepted"])

    def test_sigint_ends_it_too(self):
        import signal
        daemon = self.start()
        self.assertEqual(daemon.stop(signal.SIGINT), 0)

    def test_sighup_is_survived(self):
        import signal
        daemon = self.start()
        daemon.process.send_signal(signal.SIGHUP)
        self.assertEqual(daemon.post("login", login("a", 0))[0], 202)
        daemon.wait_for_alerts(1)
        self.assertEqual(daemon.stop(), 0)

    def test_a_second_daemon_is_refused_the_same_data(self):
        daemon = self.start()
        done = egret("run", "--rules", self.path("rules"), "--data", self.path("data"), "--listen", "127.0.0.1:0")
        self.assertEqual(done.returncode, 3)
        self.assertIn("another", done.stderr)
        self.assertEqual(daemon.stop(), 0)
        again = self.start()
        self.assertEqual(again.stop(), 0)

    def test_starts_that_fail(self):
        rules = self.write("rules/r.egret", RULES)
        data = self.path("data")
        self.write("bad/r.egret", "rule {")
        self.write("kafka/r.egret", RULES + 'sink k: pigeon { loft: "x" }\n')
        for args, code in ((["--rules", self.path("bad"), "--data", data], 1), (["--rules", self.path("kafka"), "--data", data], 1),
                           (["--rules", rules, "--data", data, "--listen", "0.0.0.0:0"], 2), (["--rules", rules], 2),
                           (["--rules", rules, "--data", data, "--listen", "nowhere"], 2), (["--rules", self.path("none"), "--data", data], 3),
                           (["--rules", rules, "--data", os.path.join(rules, "x")], 3)):
            done = egret("run", *args)
            self.assertEqual((done.returncode, done.stdout), (code, ""), (args, done.stderr))

    def test_a_port_that_is_taken(self):
        daemon = self.start()
        done = egret("run", "--rules", self.path("rules"), "--data", self.path("other"), "--listen", "127.0.0.1:%d" % daemon.port)
        self.assertEqual(done.returncode, 3)
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    unittest.main()
