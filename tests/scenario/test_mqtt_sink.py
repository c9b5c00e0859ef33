"""MQTT as a sink, with a real broker: what is published where, and what comes of it when the broker goes away."""
import json
import subprocess
import unittest

from harness import Daemon, Folder, wait_for
from mqtt_broker import Broker, Listener

RULES = """\
stream login { user: string  n: int }
%s
rule seen { watch login  by user  alert { n: n }  to out }
"""


class MqttSink(Folder):
    def broker(self, lines=()):
        broker = Broker(self.dir, lines).start()
        self.addCleanup(broker.stop)
        return broker

    def listener(self, broker, name="listener", **more):
        listener = Listener(broker.port, name, "alerts/#", **more)
        self.addCleanup(listener.close)
        return listener

    def start(self, sink, env=None):
        self.write("r.egret", RULES % sink)
        daemon = Daemon(self.path("r.egret"), self.path("data"), env=env)
        self.addCleanup(daemon.kill)
        return daemon.wait_until_ready()

    def test_every_quality_and_version(self):
        broker = self.broker()
        for version in ("3.1.1", "5"):
            for qos in (0, 1, 2):
                with self.subTest(version=version, qos=qos):
                    name = "v%s-%d" % (version[0], qos)
                    listener = self.listener(broker, name, qos=2)
                    daemon = self.start('sink out: mqtt { url: "%s"  topic: "alerts/{rule}/{user}"  qos: %d  version: "%s"  client_id: "e%s" }'
                                        % (broker.url, qos, version, name))
                    daemon.post("login", [{"user": "u%d" % (n % 20), "n": n} for n in range(200)])
                    wait_for(lambda l=listener: len(l.messages) == 200, "200 messages; stderr: " + "".join(daemon.err[-5:]))
                    wait_for(lambda d=daemon: d.metric('egret_sink_sent_total{sink="out"}') == 200, "the counter")
                    for user in range(20):
                        found = [json.loads(body)["fields"]["n"] for topic, body, _ in listener.messages if topic == "alerts/seen/u%d" % user]
                        self.assertEqual(found, list(range(user, 200, 20)))
                    self.assertEqual(daemon.stop(), 0)
                    listener.close()

    def test_the_broker_goes_away(self):
        """What was not acknowledged comes again; nothing is lost, and of one key the order holds."""
        broker = self.broker()
        listener = self.listener(broker)
        daemon = self.start('sink out: mqtt { url: "%s"  topic: "alerts/{user}"  attempts: 1000  backoff: 20ms  timeout: 500ms }' % broker.url)
        for first in range(0, 1000, 100):
            daemon.post("login", [{"user": "u%d" % (n % 10), "n": n} for n in range(first, first + 100)])
            if first in (300, 600):
                broker.stop()
                daemon.post("login", [{"user": "away", "n": first}])
                broker.start()
        ids = lambda: {json.loads(body)["id"] for _, body, _ in listener.messages}
        wait_for(lambda: len(ids()) == 1002, "all alerts")
        for user in ["u%d" % i for i in range(10)]:
            found = [json.loads(body)["fields"]["n"] for topic, body, _ in listener.messages if topic == "alerts/" + user]
            self.assertEqual(list(dict.fromkeys(found)), list(range(int(user[1:]), 1000, 10)))
        self.assertEqual(self.letters("--kind", "alerts"), [])
        self.assertEqual(daemon.stop(), 0)

    def test_retained_with_an_envelope(self):
        broker = self.broker()
        daemon = self.start('sink out: mqtt { url: "%s"  topic: "alerts/{user}"  retain: true  envelope: "cloudevents" }' % broker.url)
        daemon.post("login", [{"user": "a/b+#", "n": n} for n in range(3)])
        wait_for(lambda: daemon.metric('egret_sink_sent_total{sink="out"}') == 3, "three sent")
        listener = self.listener(broker)
        wait_for(lambda: listener.messages, "the retained one")
        topic, body, retained = listener.messages[0]
        self.assertEqual((topic, retained, json.loads(body)["data"]["fields"]["n"]), ("alerts/a_b__", True, 2))
        self.assertEqual(daemon.stop(), 0)

    def test_user_properties(self):
        broker = self.broker()
        listener = subprocess.Popen(["mosquitto_sub", "-V", "5", "-p", str(broker.port), "-t", "alerts/#", "-C", "3", "-F", "%t %P"], stdout=subprocess.PIPE,
                                    text=True)
        self.addCleanup(listener.stdout.close)
        self.addCleanup(listener.wait)
        self.addCleanup(listener.kill)
        ready = ["mosquitto_pub", "-p", str(broker.port), "-t", "alerts/ready", "-r", "-m", "x"]
        subprocess.run(ready, check=True, capture_output=True)
        self.assertEqual(listener.stdout.readline().strip(), "alerts/ready")       # it is there
        daemon = self.start('sink out: mqtt { url: "%s"  version: "5"  topic: "alerts/{user}"  properties: { "sent by": "egret, {rule}"  user: "{user}" } }'
                            % broker.url)
        daemon.post("login", [{"user": "a", "n": 1}, {"user": "b\n\u0000\u00e4", "n": 2}])
        out = listener.stdout.read()
        self.assertEqual(sorted(out.splitlines()), ["alerts/a sent by:egret, seen user:a", "alerts/b__\u00e4 sent by:egret, seen user:b__\u00e4"])
        self.assertEqual(daemon.stop(), 0)

    def test_tls_and_passwords(self):
        """The broker's certificate must be signed by whom we trust, and be its own; a wrong password is said, not shown."""
        pem, key, users = self.path("broker.pem"), self.path("broker.key"), self.path("users")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=broker", "-addext",
                        "subjectAltName=IP:127.0.0.1", "-out", pem, "-keyout", key], check=True, capture_output=True)
        subprocess.run(["mosquitto_passwd", "-b", "-c", users, "egret", "right"], check=True, capture_output=True)
        broker = self.broker(["certfile " + pem, "keyfile " + key, "allow_anonymous false", "password_file " + users])
        sink = 'sink out: mqtt { url: "%s"  topic: "alerts/x"  user: "egret"  password: env("SECRET")  attempts: 1  timeout: 2s %%s }' \
            % broker.url.replace("mqtt://127.0.0.1", "mqtts://%s")
        tried = []
        for host, more, password, reason in (("127.0.0.1", "", "right", "certificate"), ("localhost", 'ca: "%s"' % pem, "right", "certificate"),
                                             ("127.0.0.1", 'ca: "%s"' % pem, "wrong0", "the broker refuses us")):
            daemon = self.start(sink % (host, more), env={"SECRET": password})
            daemon.post("login", {"user": "a", "n": 1})
            wait_for(lambda d=daemon: d.metric('egret_sink_failed_total{sink="out"}') == 1, "the dead letter")
            wait_for(lambda n=len(tried): len(self.letters("--kind", "alerts")) > n, "its letter")
            tried.append(self.letters("--kind", "alerts")[-1]["reason"])
            self.assertIn(reason, tried[-1])
            self.assertEqual(daemon.stop(), 0)
            self.assertNotIn(password, "".join(daemon.err) if password != "right" else "")
        daemon = self.start(sink % ("127.0.0.1", 'ca: "%s"' % pem), env={"SECRET": "right"})
        daemon.post("login", {"user": "a", "n": 1})
        wait_for(lambda: daemon.metric('egret_sink_sent_total{sink="out"}') == 1, "the message; stderr: " + "".join(daemon.err[-5:]))
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    unittest.main()
