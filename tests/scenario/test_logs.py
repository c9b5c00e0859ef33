"""Files as sources while others write, move, cut and pack them: every line exactly once, over restarts."""
import gzip
import json
import os
import random
import shutil
import subprocess
import threading
import time
import unittest

from harness import Daemon, Folder, egret, wait_for

RULES = """\
stream reading { n: int }
source log: file { path: "app.log"  follow: true  stream: reading }
rule seen { watch reading  by n  alert { n: n }  to out }
sink out: file { path: "alerts.ndjson" }
"""
LINES = int(os.environ.get("EGRET_LOG_LINES", "4000"))


class Writer:
    """Writes numbered lines, often in pieces, as fast as it is let; the file may be changed under `lock`, between two lines or within one."""

    def __init__(self, path):
        self.path, self.n, self.lock = path, 0, threading.RLock()
        self.file = open(path, "ab", buffering=0)
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        while self.n < LINES:
            line = json.dumps({"n": self.n, "text": "x" * random.randrange(40)}).encode() + b"\n"
            cut = random.randrange(len(line)) if random.random() < 0.1 else 0
            with self.lock:
                if cut:
                    self.file.write(line[:cut])
                    time.sleep(0.002)
                self.file.write(line[cut:])
                self.n += 1
            if self.n % 50 == 0:
                time.sleep(0.01)

    def close(self):
        self.thread.join(60)
        self.file.close()

    def rotate(self, number):
        """By renaming; the writer does not know at once."""
        for i in range(number, 0, -1):
            if os.path.exists("%s.%d" % (self.path, i)):
                os.rename("%s.%d" % (self.path, i), "%s.%d" % (self.path, i + 1))
        os.rename(self.path, self.path + ".1")
        with self.lock:
            fresh = open(self.path, "ab", buffering=0)
        time.sleep(random.random() * 0.3)
        with self.lock:
            self.file.close()
            self.file = fresh

    def copy_and_cut(self, number):
        """What copytruncate does, with nobody writing in between: what is written then is lost in any case."""
        with self.lock:
            shutil.copyfile(self.path, "%s.%d" % (self.path, number))
            os.truncate(self.path, 0)

    def pack(self, name, ending):
        """Packs a rotated file, as logrotate does: another file, with the old one's times."""
        info = os.stat(name)
        with open(name, "rb") as plain:
            pack(name + ending, plain.read())
        os.utime(name + ending, ns=(info.st_atime_ns, info.st_mtime_ns))
        os.unlink(name)


def pack(name, data):
    """Writes a packed file, in two pieces behind each other; how is by its ending."""
    middle = len(data) // 2
    with open(name, "wb") as file:
        for piece in (data[:middle], data[middle:]):
            file.write(gzip.compress(piece) if name.endswith(".gz") else subprocess.run(["zstd", "-q", "-c"], input=piece, capture_output=True, check=True).stdout)


class Logs(Folder):
    def start(self):
        self.write("r.egret", RULES)
        daemon = Daemon(self.path("r.egret"), self.path("data"))
        self.addCleanup(daemon.kill)
        return daemon.wait_until_ready()

    def writer(self):
        """One whose first lines have been read: what is moved away before is nobody's to find."""
        writer = Writer(self.path("app.log"))
        self.addCleanup(writer.close)
        wait_for(self.journalled, "the first lines")
        return writer

    def journalled(self):
        done = egret("journal", "export", "--data", self.path("data"))
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line)["event"]["n"] for line in done.stdout.splitlines()]

    def all_once(self, daemon, what):
        wait_for(lambda: daemon.metric('egret_events_accepted_total{stream="reading"}') is not None and len(self.journalled()) >= LINES, "all lines")
        self.assertEqual(daemon.stop(), 0)
        found = self.journalled()
        self.assertEqual(sorted(found), list(range(LINES)))
        self.assertFalse(os.path.exists(self.path("data/dead-letters.ndjson")) and self.read("data/dead-letters.ndjson"))
        print("%s: %d lines, each once" % (what, LINES))

    def watch(self, change, what):
        """Kills and starts while `change` happens to the file again and again."""
        daemon = self.start()
        writer = self.writer()
        turn = 0
        while writer.thread.is_alive():
            turn += 1
            time.sleep(0.1 + random.random() * 0.3)
            change(writer, turn)
            if turn % 2 == 0:
                daemon.kill()
                if random.random() < 0.5:
                    change(writer, turn + 1000)
                daemon = self.start()
        self.all_once(daemon, what)

    def test_rotation_by_renaming(self):
        self.watch(lambda writer, turn: writer.rotate(turn + 2 if turn < 1000 else 60), "rotated by renaming, with kills")

    def test_rotation_by_copying_and_cutting(self):
        numbers = iter(range(1, 10**6))
        self.watch(lambda writer, turn: writer.copy_and_cut(next(numbers)), "copied and cut, with kills")

    def packed_while_we_were_away(self, ending):
        daemon = self.start()
        writer = self.writer()
        turns = 0
        while writer.thread.is_alive():
            turns += 1
            time.sleep(0.2)
            daemon.kill()
            writer.rotate(60)
            if turns > 1:
                writer.pack(self.path("app.log.2"), ending)
                os.rename(self.path("app.log.2" + ending), self.path("app.log.%d%s" % (10000 - turns, ending)))
            daemon = self.start()
            time.sleep(0.2)
        self.all_once(daemon, "rotated and packed as *%s while nobody read" % ending)

    def test_packed_while_we_were_away(self):
        self.packed_while_we_were_away(".gz")

    def test_packed_by_zstd_while_we_were_away(self):
        self.packed_while_we_were_away(".zst")

    def packed_files_by_pattern(self, ending):
        lines = [json.dumps({"n": n}) + "\n" for n in range(LINES)]
        for part in range(4):
            pack(self.path("day-%d%s" % (part, ending)), "".join(lines[part * LINES // 4:(part + 1) * LINES // 4]).encode())
        self.write("r.egret", RULES.replace("app.log", "day-*" + ending).replace("  follow: true", ""))
        for _ in range(4):
            daemon = Daemon(self.path("r.egret"), self.path("data"))
            self.addCleanup(daemon.kill)
            daemon.wait_until_ready()
            time.sleep(random.random() * 0.2)
            daemon.kill()
        daemon = Daemon(self.path("r.egret"), self.path("data"))
        self.addCleanup(daemon.kill)
        self.all_once(daemon.wait_until_ready(), "four files *%s by a pattern, with kills" % ending)

    def test_a_packed_file_that_was_read_is_not_read_again(self):
        """However often one starts anew: where there is nothing left to read, the place that is kept still knows the file."""
        for ending in (".gz", ".zst"):
            pack(self.path("old" + ending), b"".join(b'{"n": %d}\n' % n for n in range(500)))
            self.write("r.egret", RULES.replace("app.log", "old" + ending).replace("  follow: true", ""))
            for turn in range(4):
                daemon = Daemon(self.path("r.egret"), self.path("data" + ending))
                self.addCleanup(daemon.kill)
                daemon.wait_until_ready()
                wait_for(lambda d=daemon: d.metric("egret_commits_total") > 0, "a commit")
                if turn == 0:
                    wait_for(lambda d=daemon: d.metric('egret_events_accepted_total{stream="reading"}') == 500, "all lines")
                self.assertEqual(daemon.stop(), 0)
                self.assertEqual([line for line in daemon.err if "nowhere" in line], [])
            done = egret("journal", "export", "--data", self.path("data" + ending))
            self.assertEqual(len(done.stdout.splitlines()), 500)

    def test_packed_files_by_pattern(self):
        self.packed_files_by_pattern(".gz")

    def test_files_packed_by_zstd(self):
        self.packed_files_by_pattern(".zst")


if __name__ == "__main__":
    unittest.main()
