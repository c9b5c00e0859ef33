"""What kill.py --changes does to the rules while events flow: a thread replaces, removes and switches rules, swaps a list and a table, and sends bundles
that do several of these at once. It notes what was answered; `Changes.check` compares that with the journal, and what the journal says with what the
daemon shows in the end:

- every change that was answered with yes is in the journal, once, and those are there in the order of the answers;
- no change is there that was refused; one that was not answered may be there or not, but wholly or not at all;
- the texts of rules, list and table that hold are those that the changes of the journal make, one after the other.
"""
import http.client
import json
import random
import threading
import urllib.parse

DECLARATIONS = """\
list watched: "watched.txt"
table registry: "registry.csv" key device { device: string  every: duration }
rule listed { watch login [user in watched]  by user  alert { who: user }  to log, desk }
rule still { match not beat for 3 * registry[device].every  by device in registry  alert { what: device }  resolve on beat  to log, desk }
"""


def choose_rule(chance, n):
    """A rule and its n-th text: some keep its state, some begin anew. None is the text that holds."""
    texts = {
        "failed": 'rule failed "as of %d" { watch login [not ok]  by user  alert { who: user, amount: amount }  to log, desk }' % n,
        "thrice": 'rule thrice "as of %d" { match a: login [not ok] then b: login [not ok] then c: login [ok] within %dm  by user'
                  '  alert { total: a.amount + c.amount }  to log, desk }' % (n, 1 + n % 3 // 2),
        "quiet": 'rule quiet "as of %d" { match login [not ok] then not login [ok] for 20s  by user  alert { who: user }  to log, desk }' % n,
        "many": 'rule many "as of %d" { watch login  by user  over 1m  when sum(amount) > %d.00  alert { total: sum(amount) }  throttle 30s  to log, desk }'
                % (n, 250 + n % 3 * 50),
        "lost": 'rule lost "as of %d" { match b: beat then not beat for %ds  by device  alert { last: b.n }  to log, desk }' % (n, 14 + n % 2),
        "jump": 'rule jump "as of %d" { watch beat [n > prev(n) + %d]  by device  alert { n: n }  to log, desk }' % (n, 35 + n % 10),
        "listed": 'rule listed "as of %d" { watch login [user in watched and amount > %d.00]  by user  alert { who: user }  to log, desk }' % (n, n % 50),
        "still": 'rule still "as of %d" { match not beat for 3 * registry[device].every  by device in registry  alert { what: device }'
                 '  resolve on beat  to log, desk }' % n,
    }
    name = chance.choice(sorted(texts))
    return name, texts[name] + "\n"


def choose_list(chance, n):
    return "# as of %d\n" % n + "".join("u%d\n" % i for i in range(5) if chance.random() < 0.4)


def choose_table(chance, n):
    """With a device that there is in no other one."""
    return "device,every\nx%d,5s\n" % n + "".join("d%d,%ds\n" % (i, chance.randrange(3, 9)) for i in range(8) if chance.random() < 0.5)


class Changes:
    def __init__(self, seed, daemon_of):
        """daemon_of(): the daemon that listens now, or None."""
        self.random = random.Random(seed)
        self.daemon_of = daemon_of
        self.sent = []              # [note, what it makes of things, status or None], in the order they were sent; one at a time
        self.faults = []
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)

    def first(self):
        """What holds at the beginning: names of things, and their texts."""
        return {"lists/watched": "u1\nu3\n", "tables/registry": "device,every\nd0,4s\nd1,5s\nd7,6s\n"}

    # ---- sending

    def ask(self, daemon, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=20)
        try:
            connection.request(method, path, body.encode() if body is not None else None, headers or {})
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def choose(self, daemon, note):
        """(what it makes, method, path, body, headers) of a change. What is to be known for it is asked for first."""
        n = int(note[1:])
        kind = self.random.choice(["rule"] * 4 + ["list", "table", "table", "extra", "mode", "bundle"])
        query = "?" + urllib.parse.urlencode({"note": note})
        text = {"Content-Type": "text/plain", "If-Match": "*"}
        if kind == "rule":
            name, rule = choose_rule(self.random, n)
            return {"rules/" + name: rule}, "PUT", "/v1/rules/" + name + query, rule, text
        if kind == "list":
            lines = choose_list(self.random, n)
            return {"lists/watched": lines}, "PUT", "/v1/lists/watched" + query, lines, text
        if kind == "table":
            rows = choose_table(self.random, n)
            return {"tables/registry": rows}, "PUT", "/v1/tables/registry" + query, rows, text
        if kind == "extra":
            there = self.ask(daemon, "GET", "/v1/rules/extra")[0] == 200
            if there:
                return {"rules/extra": None}, "DELETE", "/v1/rules/extra" + query, None, {"If-Match": "*"}
            rule = ("rule extra { match a: login [not ok] then b: login [ok and amount > %d.00] within 30s  by user  warm up 5s  to log, desk }\n"
                    % (n % 150))    # it is new each time, and is filled with the past
            return {"rules/extra": rule}, "PUT", "/v1/rules/extra" + query, rule, {"Content-Type": "text/plain"}
        if kind == "mode":
            name = self.random.choice(["failed", "quiet", "lost", "still"])
            now = {rule["name"]: rule["mode"] for rule in json.loads(self.ask(daemon, "GET", "/v1/rules")[1])["rules"]}
            body = json.dumps({"mode": self.random.choice(sorted({"live", "shadow", "off"} - {now[name]}))})
            return None, "PUT", "/v1/rules/%s/mode" % name, body, {"Content-Type": "application/json"}
        name, rule = choose_rule(self.random, n)
        lines, rows = choose_list(self.random, n), choose_table(self.random, n)
        body = {"rules": [{"name": name, "text": rule}], "lists": [{"name": "watched", "text": lines}], "tables": [{"name": "registry", "text": rows}],
                "note": note}
        return ({"rules/" + name: rule, "lists/watched": lines, "tables/registry": rows}, "POST", "/v1/bundles", json.dumps(body),
                {"Content-Type": "application/json"})

    def change(self, daemon):
        note = "n%d" % len(self.sent)
        try:
            makes, method, path, body, headers = self.choose(daemon, note)
        except (OSError, http.client.HTTPException, ValueError, KeyError):
            return      # it could not be asked, or is no longer there
        entry = [note, makes, None]
        self.sent.append(entry)
        try:
            entry[2], answer = self.ask(daemon, method, path, body, headers)
        except (OSError, http.client.HTTPException):
            return      # nobody knows
        if entry[2] not in (200, 201, 429, 503):
            self.faults.append("%s %s: %d %s" % (method, path, entry[2], answer))

    def work(self):
        while not self.done.wait(self.random.random() * 0.03):
            daemon = self.daemon_of()
            if daemon and daemon.port:
                self.change(daemon)

    def stop(self):
        self.done.set()
        self.thread.join(60)

    # ---- looking

    def check(self, records, now):
        """records: of the journal; now(name): the text that holds, None: there is none. Gives what is wrong, or None."""
        if self.faults:
            return "refused: %s" % self.faults[0]
        controls = [record for record in records if record["kind"] == "control" and not record["whole"]]
        notes = [record["note"] for record in controls if record["note"]]
        known = {note: (makes, status) for note, makes, status in self.sent if makes}
        acknowledged = [note for note, makes, status in self.sent if makes and status in (200, 201)]
        if [note for note in notes if note in set(acknowledged)] != acknowledged:
            return "changes that were answered: %s\nchanges in the journal: %s" % (acknowledged, notes)
        if len(set(notes)) != len(notes) or any(note not in known or known[note][1] == 429 for note in notes):
            return "changes in the journal that were not made once: %s" % notes
        modes = [makes is None and status == 200 for _, makes, status in self.sent].count(True)
        if sum(any(line.startswith("mode\t") for line in record["changes"]) for record in controls) < modes:
            return "%d changes of modes were answered, and not all are in the journal" % modes
        holds = self.first()
        for note in notes:
            holds.update(known[note][0])
        for name, text in sorted(holds.items()):
            found = now(name)
            if (found or "").strip() != (text or "").strip():
                return "%s is\n%s\nand the journal's changes make it\n%s" % (name, found, text)
        return None
