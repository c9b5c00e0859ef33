"""The examples of docs/sources and docs/sinks run: their rules as they stand there, with the addresses of servers that are here."""
import os
import re
import unittest

from harness import Daemon, Folder, Receiver, wait_for
from mqtt_broker import Broker, Client, Listener

SOURCE = os.environ.get("EGRET_SOURCE", os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))


class Pages(Folder):
    def start(self, page, env=None, **addresses):
        """The first rules of the page, and the files beside them."""
        with open(os.path.join(SOURCE, "docs", page), encoding="utf-8") as file:
            text = file.read()
        for name, content in re.findall(r"^```\w+ (\S+\.\w+)\n(.*?)^```$", text, re.M | re.S):
            for before, after in addresses.items():
                content = content.replace({"broker": "mqtt://127.0.0.1:1883", "desk": "https://desk.example/alerts",
                                           "chat": "https://chat.example/hooks/1"}[before], after)
            self.write(name, content.replace("webhook { url", "webhook { allow_private: true  url"))
        rules = re.search(r"^```egret (\S+\.egret)$", text, re.M).group(1)
        daemon = Daemon(self.path(rules), self.path("data"), env=env)
        self.addCleanup(daemon.kill)
        return daemon.wait_until_ready()

    def told(self, n=1):
        wait_for(lambda: len(self.lines("data/alerts.ndjson")) >= n, "%d alerts" % n)
        return [alert["fields"]["message"] for alert in self.lines("data/alerts.ndjson")]

    def made(self, thing):
        self.addCleanup(thing.close)
        return thing

    def broker(self):
        broker = Broker(self.dir).start()
        self.addCleanup(broker.stop)
        return broker

    def test_source_file(self):
        self.start("sources/file.md")
        self.assertEqual(self.told(), ["ann met three errors"])

    def test_source_http(self):
        daemon = self.start("sources/http.md")
        daemon.post("mixed", {"kind": "login", "user": "ann", "ok": False})
        daemon.post("mixed", {"kind": "pay", "user": "ann", "amount": 5})
        self.assertEqual(self.told(), ["ann failed to log in, and paid 5"])

    def test_source_mqtt(self):
        broker = self.broker()
        daemon = self.start("sources/mqtt.md", broker=broker.url)
        for source in ("readings", "states"):
            wait_for(lambda s=source: daemon.metric('egret_source_connected{source="%s"}' % s) == 1, "the connection of " + source)
        device = self.made(Client(broker.port, "pump1", will=("device/pump1/status", "offline")).connect())
        device.publish_all([("plant/line7/temperature", value) for value in ("20", "93.5", "94")])
        device.close()
        self.assertEqual(sorted(self.told(2)), ["line line7 is hot", "pump1 is gone"])

    def test_sink_file(self):
        daemon = self.start("sinks/file.md")
        daemon.post("login", {"user": "ann", "ok": False})
        self.assertEqual(self.told(), ["ann failed"])

    def test_sink_stdout(self):
        daemon = self.start("sinks/stdout.md")
        daemon.post("login", {"user": "ann", "ok": False})
        self.assertEqual(daemon.wait_for_alerts(1)[0]["fields"]["message"], "ann failed")

    def test_sink_webhook(self):
        desk, chat = self.made(Receiver()), self.made(Receiver())
        daemon = self.start("sinks/webhook.md", env={"DESK_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, desk=desk.url, chat=chat.url)
        daemon.post("login", {"user": "ann", "ok": False})
        self.assertIn(b'"message":"ann failed"', desk.wait_for_requests(1)[0][2])
        self.assertIn("MEDIUM failed*: ann failed".encode(), chat.wait_for_requests(1)[0][2])

    def test_sink_mqtt(self):
        broker = self.broker()
        listener = self.made(Listener(broker.port, "listener", "alerts/#"))
        daemon = self.start("sinks/mqtt.md", broker=broker.url)
        daemon.post("login", {"user": "ann", "ok": False})
        wait_for(lambda: listener.messages, "the message")
        self.assertEqual(listener.messages[0][0], "alerts/medium/failed/ann")


if __name__ == "__main__":
    unittest.main()
