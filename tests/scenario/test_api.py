"""The API as a whole: its document, every route with every role, tokens, TLS, and who may ask."""
import http.client
import json
import os
import shutil
import ssl
import subprocess
import unittest

from harness import Daemon, Folder, egret, wait_for
from openapi import Document

RULES = """\
stream login { user: string  ok: bool  at: time } with time at
rule failed { watch login [not ok]  by user  alert { who: user } }
"""
ROLES = ["ingest", "viewer", "author", "admin"]
MAY = {"anyone": {None, *ROLES}, "ingest": {"ingest", "admin"}, "viewer": {"viewer", "author", "admin"}, "author": {"author", "admin"},
       "admin": {"admin"}}


class WithTokens(Folder):
    rules = RULES

    def make_token(self, role, *more):
        done = egret("token", "create", "--data", self.path("data"), "--role", role, *more)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def start(self, *args, tokens=True):
        self.tokens = {role: self.make_token(role) for role in ROLES} if tokens else {}
        self.tokens[None] = None
        self.write("rules/r.egret", self.rules)
        daemon = Daemon(self.path("rules"), self.path("data"), *args)
        self.addCleanup(daemon.kill)
        return daemon.wait_until_ready()

    def ask(self, daemon, method, path, role=None, body=None, headers=None):
        headers = dict(headers or {})
        if self.tokens.get(role):
            headers["Authorization"] = "Bearer " + self.tokens[role]
        return daemon.request(method, path, body, headers)


def example_body(operation):
    """(content type, body) of a request that has the form at least."""
    if "requestBody" not in operation:
        return None, None
    kind = next(iter(operation["requestBody"]["content"]))
    return kind, "{}" if kind.endswith("json") else "x"


class Api(WithTokens):
    def test_the_document_is_well_formed(self):
        document = Document(egret("openapi").stdout)
        self.assertEqual(document.root["openapi"], "3.1.0")
        self.assertEqual(document.document_faults(), [])
        try:
            import openapi_spec_validator
        except ImportError:
            self.skipTest("the rest of it needs openapi-spec-validator, which is not here")
        openapi_spec_validator.validate(document.root)

    def test_every_route_with_every_role(self):
        daemon = self.start("--rate", "0")
        status, _, text = daemon.request("GET", "/v1/openapi.json")
        self.assertEqual(status, 200)
        document = Document(text)
        self.assertEqual(document.root, json.loads(egret("openapi").stdout))
        for method, path, operation in document.operations():
            kind, body = example_body(operation)
            for role in [None, *ROLES]:
                asked = path.replace("{", "no_").replace("}", "")
                with self.subTest(route=method + " " + path, role=role):
                    self.one_route(daemon, document, (method, asked, operation), role, (kind, body))
        self.assertEqual(daemon.stop(), 0)

    def one_route(self, daemon, document, route, role, content):
        method, path, operation = route
        if "text/event-stream" in operation["responses"]["200"].get("content", {}) if "200" in operation["responses"] else False:
            method = "HEAD"
        headers = {"Content-Type": content[0]} if content[0] else {}
        status, answer_headers, body = self.ask(daemon, method, path, role, content[1], headers)
        allowed = role in MAY[operation["x-egret-role"]]
        if allowed:
            self.assertNotIn(status, (401, 403))
            self.assertLess(status, 500 if status != 503 else 600)
        else:
            self.assertEqual(status, 401 if role is None else 403)
        if method != "HEAD":
            self.assertEqual(document.answer_faults(operation, status, answer_headers, body), [])
        if status == 401:
            self.assertIn("Bearer", answer_headers["WWW-Authenticate"])

    def test_what_is_not_there(self):
        daemon = self.start()
        for method, path, status in (("GET", "/v1/nothing", 404), ("BREW", "/livez", 405), ("DELETE", "/metrics", 405), ("GET", "/v1/events/%", 400),
                                     ("GET", "/../../etc/passwd", 404), ("GET", "/v1/events/..%2f..%2fetc%2fpasswd", 405),
                                     ("GET", "/livez?a=%zz", 400), ("GET", "/livez?" + "&".join("a%d=1" % i for i in range(20)), 400)):
            got, headers, body = self.ask(daemon, method, path, "admin")
            self.assertEqual((got, headers["Content-Type"]), (status, "application/problem+json"), path)
            self.assertEqual(json.loads(body)["status"], status)
        self.assertEqual(daemon.stop(), 0)


class Tokens(WithTokens):
    def status(self, daemon, header):
        return daemon.request("GET", "/metrics", headers={"Authorization": header} if header else {})[0]

    def test_bad_tokens(self):
        daemon = self.start()
        good = self.tokens["viewer"]
        for header in (None, "", "Bearer", "Bearer ", "Basic " + good, good, "Bearer " + good[:-1], "Bearer " + good + "x", "Bearer " + good.upper(),
                       "Bearer " + "a" * 20000, "Bearer \xff\xfe", "Bearer " + good[:14]):
            self.assertEqual(self.status(daemon, header), 401, header)
        self.assertEqual(self.status(daemon, "Bearer " + good), 200)
        self.assertEqual(self.status(daemon, "bearer " + good), 200)
        self.assertNotIn(good, "".join(daemon.err))
        self.assertEqual(daemon.stop(), 0)

    def test_a_token_is_made_listed_and_revoked_while_it_runs(self):
        daemon = self.start(tokens=False)
        self.assertTrue(any("no token was made yet" in line for line in daemon.err))
        self.assertEqual(self.status(daemon, None), 200)
        token = self.make_token("viewer", "--name", "prometheus", "--expires", "90d")
        wait_for(lambda: self.status(daemon, None) == 401, "the door to close")
        self.assertEqual(self.status(daemon, "Bearer " + token), 200)
        listed = [json.loads(line) for line in egret("token", "list", "--data", self.path("data")).stdout.splitlines()]
        self.assertEqual([(t["name"], t["role"], t["revoked"]) for t in listed], [("prometheus", "viewer", None)])
        self.assertTrue(token.startswith(listed[0]["prefix"]))
        self.assertNotIn(token[15:], self.read("data/tokens"))
        self.assertEqual(egret("token", "revoke", listed[0]["prefix"], "--data", self.path("data")).returncode, 0)
        wait_for(lambda: self.status(daemon, "Bearer " + token) == 401, "the token to be gone")
        self.assertEqual(daemon.stop(), 0)

    def test_commands_that_make_no_sense(self):
        for args, code in ((["token"], 2), (["token", "make", "--data", "x"], 2), (["token", "create", "--data", self.path("d")], 2),
                           (["token", "create", "--data", self.path("d"), "--role", "root"], 2),
                           (["token", "create", "--data", self.path("d"), "--role", "admin", "--name", "a\nb"], 2),
                           (["token", "create", "--data", self.path("d"), "--role", "admin", "--expires", "soon"], 2),
                           (["token", "revoke", "--data", self.path(""), "egret_12345678"], 3)):
            self.assertEqual(egret(*args).returncode, code, args)

    def test_too_many_requests_a_second(self):
        daemon = self.start("--rate", "1")
        answers = [self.ask(daemon, "GET", "/metrics", "viewer") for _ in range(6)]
        self.assertIn(429, [status for status, _, _ in answers])
        self.assertTrue(all(headers["Retry-After"] == "1" for status, headers, _ in answers if status == 429))
        self.assertEqual(self.ask(daemon, "GET", "/livez")[0], 200)
        self.assertEqual(self.ask(daemon, "GET", "/metrics", "author")[0], 200)
        self.assertEqual(daemon.stop(), 0)

    def test_other_machines_may_reach_it_with_tokens_only(self):
        self.write("rules/r.egret", RULES)
        for args in (["--listen", "0.0.0.0:0"], ["--listen", "[::]:0"]):
            done = egret("run", "--rules", self.path("rules"), "--data", self.path("data"), *args)
            self.assertEqual(done.returncode, 2)
            self.assertIn("egret token create --data", done.stderr)

    def test_names_and_origins(self):
        daemon = self.start()
        for headers, status in (({"Host": "evil.example"}, 421), ({"Host": "localhost:1"}, 200), ({"Host": "127.0.0.1.evil.example"}, 421),
                                ({"Origin": "http://evil.example"}, 403), ({"Origin": "null"}, 403),
                                ({"Origin": "http://127.0.0.1:%d" % daemon.port}, 200)):
            self.assertEqual(self.ask(daemon, "GET", "/metrics", "viewer", headers=headers)[0], status, headers)
        self.assertEqual(daemon.stop(), 0)
        daemon = self.start("--host", "egret.example", "other.example")
        for host, status in (("egret.example", 200), ("EGRET.example:8080", 200), ("other.example", 200), ("localhost", 200), ("evil.example", 421)):
            self.assertEqual(self.ask(daemon, "GET", "/metrics", "viewer", headers={"Host": host})[0], status, host)
        self.assertEqual(daemon.stop(), 0)


@unittest.skipUnless(shutil.which("openssl"), "openssl makes the certificates")
class Tls(WithTokens):
    def openssl(self, *args):
        subprocess.run(["openssl", *args], check=True, capture_output=True, cwd=self.dir)

    def authority(self, name):
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=" + name,
                     "-keyout", name + ".key", "-out", name + ".pem")

    def certificate(self, name, by):
        self.write("ext", "subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=" + name, "-keyout", name + ".key",
                     "-out", name + ".csr")
        self.openssl("x509", "-req", "-in", name + ".csr", "-CA", by + ".pem", "-CAkey", by + ".key", "-CAcreateserial", "-days", "2", "-extfile",
                     "ext", "-out", name + ".pem")

    def get(self, daemon, client=None, method="GET", path="/metrics", body=None):
        context = ssl.create_default_context(cafile=self.path("ours.pem"))
        if client:
            context.load_cert_chain(self.path(client + ".pem"), self.path(client + ".key"))
        connection = http.client.HTTPSConnection("127.0.0.1", daemon.port, context=context, timeout=60)
        try:
            connection.request(method, path, body=body, headers={"Authorization": "Bearer " + self.tokens["admin"]})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def test_with_and_without_a_certificate_of_the_client(self):
        for name in ("ours", "foreign"):
            self.authority(name)
        for name, by in (("server", "ours"), ("client", "ours"), ("stranger", "foreign")):
            self.certificate(name, by)
        keys = ["--tls-cert", self.path("server.pem"), "--tls-key", self.path("server.key")]
        daemon = self.start(*keys)
        self.assertEqual(self.get(daemon)[0], 200)
        event = json.dumps({"user": "a", "ok": False, "at": "2026-01-05T09:00:00Z"})
        self.assertEqual(self.get(daemon, method="POST", path="/v1/events/login", body=event)[0], 202)
        with self.assertRaises((OSError, http.client.HTTPException)):
            daemon.request("GET", "/livez")     # in the clear
        self.assertEqual(daemon.stop(), 0)
        daemon = self.start(*keys, "--tls-client-ca", self.path("ours.pem"))
        self.assertEqual(self.get(daemon, "client")[0], 200)
        for client in (None, "stranger"):
            try:
                status = self.get(daemon, client)[0]
            except OSError:
                status = 403    # refused before HTTP
            self.assertEqual(status, 403, client)
        self.assertEqual(daemon.stop(), 0)

    def test_options_that_do_not_fit_together(self):
        self.write("rules/r.egret", RULES)
        start = ["run", "--rules", self.path("rules"), "--data", self.path("data"), "--listen", "127.0.0.1:0"]
        self.assertEqual(egret(*start, "--tls-cert", self.path("x")).returncode, 3)
        self.assertIn("go together", egret(*start, "--tls-cert", self.path("x")).stderr)
        self.assertIn("No such file", egret(*start, "--tls-cert", self.path("x"), "--tls-key", self.path("y")).stderr)
        self.write("x", "nonsense")
        self.assertIn("PEM", egret(*start, "--tls-cert", self.path("x"), "--tls-key", self.path("x")).stderr)


if __name__ == "__main__":
    os.environ.setdefault("EGRET", "egret")
    unittest.main()
