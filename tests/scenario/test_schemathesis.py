"""Another's property-based test of the API: schemathesis makes requests of the OpenAPI document, good ones and bad ones, and finds no 5xx, no status, no
type of content and no body that the document does not know.

It is the one that EGRET_SCHEMATHESIS names, else that of script/fetch-schemathesis; without it the test says that it is skipped.
"""
import os
import shutil
import subprocess
import sys
import unittest

from harness import Daemon, Folder

TOOL = os.environ.get("EGRET_SCHEMATHESIS") or shutil.which(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build-schemathesis/bin/schemathesis"))
RULES = """\
stream login { user: string  ip: string  ok: bool  at: time } with time at
sink kept: file { path: "kept.ndjson" }
list blocked: "blocked.txt"
table owners: "owners.csv" key user { user: string  team: string }
rule failed "A failed login" { watch login [not ok and ip not in blocked]  by user  alert { message: "{user}" }  to kept }
"""
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
# A feed has no end, so a tool that reads answers whole would wait for it.
ENDLESS = "/v1/alerts/feed"


class Schemathesis(Folder):
    def test_the_api_answers_as_its_document_says(self):
        self.write("rules/r.egret", RULES)
        self.write("rules/blocked.txt", "192.0.2.9\n")
        self.write("rules/owners.csv", "user,team\nann,red\n")
        daemon = Daemon(self.path("rules"), self.path("data"), "--rate", "0")
        self.addCleanup(daemon.kill)
        daemon.wait_until_ready()
        for second in range(3):
            daemon.post("login", {"user": "ann", "ip": "192.0.2.1", "ok": second == 2, "at": "2026-01-05T09:00:%02dZ" % second})
        done = subprocess.run([TOOL, "run", "http://127.0.0.1:%d/v1/openapi.json" % daemon.port, "--checks", CHECKS, "--exclude-path", ENDLESS,
                               "--phases", "coverage,fuzzing", "--max-examples", "3", "--generation-deterministic", "--request-timeout", "30", "--no-color"],
                              cwd=self.dir, capture_output=True, text=True, timeout=800, check=False)
        self.assertEqual(done.returncode, 0, done.stdout[-6000:] + done.stderr[-2000:])
        self.assertRegex(done.stdout, r"(\d{3,}) generated, \1 passed")
        print(done.stdout.strip().splitlines()[-1])
        self.assertEqual(daemon.request("GET", "/livez")[0], 200)
        self.assertEqual(daemon.stop(), 0)


if __name__ == "__main__":
    os.environ.setdefault("EGRET", "egret")
    if not TOOL:
        print("skipped: there is no schemathesis here")
        sys.exit(77)
    unittest.main()
