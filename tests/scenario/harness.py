"""What the scenario tests share: running commands, running the daemon, receiving webhooks, waiting for something to become true.

Nothing here sleeps for a fixed time to let things happen; wait_for polls a condition and fails with a reason after a deadline.
"""
import base64
import hashlib
import hmac
import http.client
import http.server
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import tempfile
import threading
import time
import unittest

EGRET = os.environ.get("EGRET", "egret")
DEADLINE_S = 60


def wait_for(condition, what):
    """The first true value of condition(), asked again and again."""
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError("waited in vain for " + what)


def egret(*args, stdin=None, env=None, timeout=DEADLINE_S):
    """Runs a command to its end: code, stdout, stderr as text."""
    done = subprocess.run([EGRET, *args], input=stdin, capture_output=True, timeout=timeout,
                          env={**os.environ, **(env or {})}, text=not isinstance(stdin, bytes), check=False)
    if isinstance(done.stdout, bytes):
        done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
    return done


class Folder(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="egret-scenario-")
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.dir, name)

    def write(self, name, text):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        return path

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def letters(self, *options, data="data"):
        """The dead letters of events, each with its record; or those that the options ask for."""
        done = egret("deadletters", "show", "--data", self.path(data), *(options or ("--kind", "events")))
        if done.returncode != 0:
            raise AssertionError(done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def lines(self, name):
        """JSON objects of a file's complete lines; none when it does not exist."""
        if not os.path.exists(self.path(name)):
            return []
        return [json.loads(line) for line in self.read(name).split("\n")[:-1]]


class Daemon:
    """`egret run` on a free port, with what it writes collected by threads; out: takes its lines instead of a list (append)."""

    def __init__(self, rules, data, *args, stdin=subprocess.DEVNULL, env=None, before=None, out=None):
        command = [EGRET, "run", "--rules", rules, "--data", data, "--listen", "127.0.0.1:0", *args]
        self.process = subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env={**os.environ, **(env or {})}, preexec_fn=before)
        self.out, self.err = [] if out is None else out, []
        self.threads = [self.collect(self.process.stdout, self.out), self.collect(self.process.stderr, self.err)]
        self.port = None

    @staticmethod
    def collect(stream, into):
        def work():
            for line in stream:
                into.append(line.decode("utf-8", "replace"))
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        return thread

    def find_port(self):
        for line in list(self.err):
            found = re.search(r"listening on https?://127\.0\.0\.1:(\d+)", line)
            if found:
                return int(found.group(1))
        return None

    def wait_until_ready(self):
        def port():
            if self.process.poll() is not None:
                raise AssertionError("the daemon ended with %s:\n%s" % (self.process.returncode, "".join(self.err)))
            return self.find_port()
        self.port = wait_for(port, "the line 'listening on'")
        return self

    def request(self, method, path, body=None, headers=None):
        """(status, headers, body) of one request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE_S)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def post(self, stream, body, content_type="application/json"):
        data = body if isinstance(body, (bytes, str)) else json.dumps(body)
        status, _, answer = self.request("POST", "/v1/events/" + stream, data, {"Content-Type": content_type})
        return status, json.loads(answer)

    def metric(self, name):
        """Value of one sample, by its full name with labels; None when it is not there."""
        status, _, page = self.request("GET", "/metrics")
        assert status == 200
        for line in page.decode().splitlines():
            if line.startswith(name + " "):
                return float(line.rsplit(" ", 1)[1])
        return None

    def alerts(self):
        return [json.loads(line) for line in list(self.out)]

    def wait_for_alerts(self, n):
        return wait_for(lambda: len(self.out) >= n and self.alerts(), "%d alerts on stdout; stderr: %s" % (n, "".join(self.err[-20:])))

    def stop(self, number=signal.SIGTERM, foreseen=()):
        """Ends the daemon and gives its exit code. Its log is shown when that is none of those foreseen."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(timeout=DEADLINE_S)
        for thread in self.threads:
            thread.join(DEADLINE_S)
        self.process.stdout.close()
        self.process.stderr.close()
        if code not in (0, -number, *foreseen):     # whatever the test makes of it, its log should say why
            print("egret run ended with %d:\n%s" % (code, "".join(self.err[-60:])))
        return code

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.stop(signal.SIGKILL)


class Receiver:
    """A webhook receiver: answers by a list of statuses (the last one holds on) and keeps what it was sent. certificate: (file, its key's), for TLS."""

    def __init__(self, statuses=(200,), headers=None, certificate=None):
        self.statuses, self.headers, self.requests, self.lock = list(statuses), headers or {}, [], threading.Lock()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with receiver.lock:
                    at = min(len(receiver.requests), len(receiver.statuses) - 1)
                    status = receiver.statuses[at]
                    receiver.requests.append((status, dict(self.headers), body, time.monotonic()))
                self.send_response(status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *args: None       # senders that are killed
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)   # each connection's thread does
        self.url = "%s://127.0.0.1:%d/hook" % ("https" if certificate else "http", self.server.server_port)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait_for_requests(self, n):
        return wait_for(lambda: len(self.requests) >= n and list(self.requests), "%d webhook requests" % n)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def signature(secret, headers, body):
    """The Standard Webhooks signature that a request must carry."""
    key = base64.b64decode(secret[len("whsec_"):])
    content = b".".join([headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body])
    return "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
