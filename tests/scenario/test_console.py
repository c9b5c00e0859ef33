"""The console in a real browser: what it shows, that nothing from outside becomes markup, and two pictures of it.

The pictures go to the folder named by EGRET_PICTURES, if there is one. Skipped where there is no Chromium (or where it cannot start).
"""
import json
import os
import re
import shutil
import subprocess
import unittest

from harness import Daemon, Folder, egret, wait_for

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
EVIL = "<img src=x onerror=\"document.title='owned'\">"
RULES = """\
stream login { user: string  ip: string  ok: bool  at: time } with time at, lateness 1s
stream pay { card: string  amount: decimal  shop: string  at: time } with time at
sink desk: file { path: "desk.ndjson" }
rule guessed_password "Failures, then success for the same user from the same address" {
  severity high
  match (fail: login [not ok] {3,} within 10m) then within 10m success: login [ok]
  by user, ip
  alert { message: "{count(fail)} failures, then {user} was in from {ip}" }
  to desk
}
rule big_payment "A payment above 5000, whoever pays" { severity critical  watch pay [amount > 5000]  by card  alert { message: "{card} paid {amount} at {shop}" } }
rule many_shops "One card in five shops within ten minutes" {
  severity medium
  watch pay  by card  over 10m
  when distinct(shop) >= 5
  alert { message: "{card} was in {distinct(shop)} shops" }
}
rule new_address "A login, for the record <b>bold</b>" { severity info  mode shadow  watch login [ok]  by user }
"""


def events():
    """(stream, records): enough for every rule, and some that try to be markup."""
    logins, pays = [], []
    for n, user in enumerate(["ann", "bob", "carol"]):
        logins += [{"user": user, "ip": "192.0.2.%d" % n, "ok": i == 3, "at": "2026-03-01T09:%02d:%02dZ" % (n, i)} for i in range(4)]
    logins += [{"user": EVIL, "ip": "198.51.100.66", "ok": i == 3, "at": "2026-03-01T09:10:%02dZ" % i} for i in range(4)]
    pays += [{"card": "4000 0000 0000 0%03d" % i, "amount": 5100.25 + 700 * i, "shop": "Harbour books", "at": "2026-03-01T09:2%d:00Z" % i} for i in range(3)]
    pays += [{"card": "5100 0000 0000 0007", "amount": 12.5, "shop": "shop %d" % i, "at": "2026-03-01T09:3%d:00Z" % i} for i in range(6)]
    return (("login", logins), ("pay", pays))


@unittest.skipUnless(CHROMIUM, "there is no chromium here")
class Console(Folder):
    def start(self, *args):
        self.write("rules/r.egret", RULES)
        daemon = Daemon(self.path("rules"), self.path("data"), "--rate", "0", *args)
        self.addCleanup(daemon.kill)
        return daemon.wait_until_ready()

    def browse(self, *args):
        command = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run",
                   "--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir=" + self.path("browser"), *args]
        try:
            done = subprocess.run(command, capture_output=True, timeout=120, check=False)
        except subprocess.TimeoutExpired:
            self.skipTest("chromium does not come to an end here")
        if done.returncode != 0:
            self.skipTest("chromium does not start here: " + done.stderr.decode()[-300:])
        return done.stdout.decode()

    def page(self, daemon, at=""):
        """The page as it is after its first seconds; time is virtual there."""
        return self.browse("--virtual-time-budget=6000", "--dump-dom", "http://127.0.0.1:%d/%s" % (daemon.port, at))

    def picture(self, daemon, name, width, height, at):
        path = self.path(name + ".png")
        self.browse("--virtual-time-budget=6000", "--window-size=%d,%d" % (width, height), "--screenshot=" + path,
                    "http://127.0.0.1:%d/%s" % (daemon.port, at))
        with open(path, "rb") as file:
            head = file.read(24)
        self.assertEqual(head[:8], b"\x89PNG\r\n\x1a\n")
        self.assertEqual((int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")), (width, height))
        self.assertGreater(os.path.getsize(path), 20000)
        if os.environ.get("EGRET_PICTURES"):
            shutil.copy(path, os.environ["EGRET_PICTURES"])

    def test_what_it_shows(self):
        daemon = self.start()
        for stream, records in events():
            self.assertEqual(daemon.post(stream, records)[0], 202)
        wait_for(lambda: len(json.loads(daemon.request("GET", "/v1/alerts")[2])["alerts"]) >= 7, "alerts")
        alert = json.loads(daemon.request("GET", "/v1/alerts?key=user%3Dann")[2])["alerts"][0]
        page = self.page(daemon, "#" + alert["id"])
        self.assertIn("4 events led to it", page)
        self.assertIn("ann was in from 192.0.2.0", page)
        self.assertIn("3 failures, then &lt;img src=x onerror=", page)     # as text
        self.assertIsNone(re.search(r"<img|<title>owned", page))
        self.assertIn(">live</span>", page)
        self.picture(daemon, "console-1280", 1280, 1500, "#" + alert["id"])
        self.picture(daemon, "console-390", 390, 3000, "#" + alert["id"])
        self.assertEqual(daemon.stop(), 0)

    def test_without_a_token_it_asks_for_one(self):
        egret("token", "create", "--data", self.path("data"), "--role", "viewer")
        daemon = self.start()
        page = self.page(daemon)
        self.assertIn("A token is needed", page)
        self.assertRegex(page, r'<div id="inside" hidden')
        self.assertEqual(daemon.stop(), 0)

    def test_it_may_load_nothing_from_elsewhere(self):
        daemon = self.start()
        for path in ("/", "/console.css", "/console.js"):
            status, headers, body = daemon.request("GET", path)
            self.assertEqual(status, 200)
            self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
            self.assertNotIn("unsafe", headers["Content-Security-Policy"])
            self.assertIsNone(re.search(rb"https?://", body))
            self.assertIsNone(re.search(rb"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(", body))
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    os.environ.setdefault("EGRET", "egret")
    unittest.main()
