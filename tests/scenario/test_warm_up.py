"""A rule that says `warm up` and comes while the daemon runs begins with what it would know, had it been there before; and tells nothing of the past."""
import json
import random
import threading
import unittest

from harness import Daemon, Folder, egret, wait_for

STREAM = "stream pay { id: string  card: string  amount: int  at: time } with time at\n"
PATTERN = "rule pair { match a: pay [amount == 1] then b: pay [amount == 2] within 1h  by card  warm up 1m  alert { card: card } }"
WINDOW = "rule many { watch pay  by card  over 1h  when count() >= 3  warm up 1m  alert { n: count() } }"


def at(second):
    minute, second = divmod(second, 60)
    hour, minute = divmod(minute, 60)
    day, hour = divmod(hour + 9, 24)
    return "2026-01-%02dT%02d:%02d:%02dZ" % (5 + day, hour, minute, second)


def pay(number, second, card, amount):
    return {"id": "e%d" % number, "card": card, "amount": amount, "at": at(second)}


class WarmUp(Folder):
    def start(self, *args, rules=STREAM, name="data"):
        folder = self.path(name + "-rules")
        self.write(name + "-rules/r.egret", rules)
        daemon = Daemon(folder, self.path(name), "--idle", "1h", *args)
        self.addCleanup(daemon.kill)
        return daemon.wait_until_ready()

    def post(self, daemon, *events):
        self.assertEqual(daemon.post("pay", list(events))[0], 202)

    def put(self, daemon, rule, query=""):
        name = rule.split()[1]
        status, _, answer = daemon.request("PUT", "/v1/rules/" + name + query, rule + "\n", {"Content-Type": "text/plain", "If-None-Match": "*"})
        self.assertIn(status, (200, 201), answer)
        return json.loads(answer)["rules"][0]

    def journal_alerts(self, name="data"):
        """What a new evaluation of the journal gives; it ends with 3 when an epoch gave others when it was evaluated first."""
        done = egret("journal", "alerts", "--data", self.path(name))
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    # ---- what it is for

    def test_a_pattern_that_began_before_the_rule_came(self):
        daemon = self.start()
        self.post(daemon, pay(1, 0, "open", 1), pay(2, 1, "ended", 1), pay(3, 2, "ended", 2), pay(4, 61, "other", 7))
        told = self.put(daemon, PATTERN)
        self.assertEqual(told["warm_up"]["complete"], True)
        self.assertEqual(told["warm_up"]["events"], 4)
        self.post(daemon, pay(5, 120, "open", 2), pay(6, 121, "ended", 2), pay(7, 122, "late", 2))
        alert, = daemon.wait_for_alerts(1)
        self.assertEqual(alert["key"], {"card": "open"})
        self.assertEqual([event["event"]["id"] for event in alert["events"]], ["e1", "e5"])
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual([a["id"] for a in self.journal_alerts()], [alert["id"]])

    def test_a_window_that_filled_before_the_rule_came(self):
        daemon = self.start()
        self.post(daemon, *[pay(i, i, "two", 1) for i in range(2)], *[pay(10 + i, 10 + i, "three", 1) for i in range(3)], pay(19, 70, "x", 1))
        self.put(daemon, WINDOW)
        self.post(daemon, pay(20, 80, "two", 1), pay(21, 81, "three", 1), pay(22, 82, "one", 1))
        alert, = daemon.wait_for_alerts(1)      # of "three" the edge was in the past, and nobody was told
        self.assertEqual((alert["key"], alert["fields"]["n"]), ({"card": "two"}, 3))
        self.post(daemon, pay(23, 83, "one", 1), pay(24, 84, "one", 1))
        self.assertEqual([a["key"]["card"] for a in daemon.wait_for_alerts(2)], ["two", "one"])
        self.assertEqual(daemon.stop(), 0)

    def test_an_absence_is_measured_from_the_past(self):
        daemon = self.start()
        self.post(daemon, pay(1, 0, "silent", 1), pay(2, 30, "other", 9))
        self.put(daemon, "rule quiet { match a: pay [amount == 1] then not pay for 1m  by card  warm up 20s  alert { card: card } }")
        self.post(daemon, pay(3, 61, "other", 9))
        alert, = daemon.wait_for_alerts(1)
        self.assertEqual((alert["key"]["card"], alert["time"]), ("silent", "2026-01-05T09:01:00Z"))

    def test_the_age_of_what_is_known_is_bounded_by_the_window_as_ever(self):
        daemon = self.start()
        self.post(daemon, pay(1, 0, "c", 1), pay(2, 3500, "c", 1), pay(3, 3601, "x", 1))
        self.put(daemon, WINDOW)
        self.post(daemon, pay(4, 3602, "c", 1))         # the first has left
        self.post(daemon, pay(5, 3603, "c", 1))
        alert, = daemon.wait_for_alerts(1)
        self.assertEqual(alert["time"], at(3603))

    def test_what_the_dry_run_and_the_status_say(self):
        daemon = self.start()
        self.post(daemon, pay(1, 0, "open", 1))
        told = self.put(daemon, PATTERN, "?dry_run=true")
        self.assertEqual(sorted(told["warm_up"]), ["complete", "silent_until", "since"])
        self.assertEqual(told["warm_up"]["silent_until"], at(60))       # from the start of the evaluation on it counts, as ever
        self.assertEqual(daemon.request("GET", "/v1/rules/pair")[0], 404)
        self.assertIsNone(json.loads(daemon.request("GET", "/v1/status")[2])["warming_up"])
        self.assertNotIn("warm_up", self.put(daemon, PATTERN.replace("  warm up 1m", "").replace("pair", "cold")))
        self.post(daemon, pay(2, 61, "open", 2))
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(daemon.alerts(), [])

    def test_a_rule_whose_state_is_kept_is_not_new(self):
        daemon = self.start()
        self.post(daemon, pay(1, 0, "open", 1), pay(3, 70, "x", 9))
        self.assertIsNone(self.put(daemon, PATTERN)["warm_up"]["silent_until"])
        status, _, answer = daemon.request("PUT", "/v1/rules/pair", PATTERN.replace("alert {", "alert { why: \"x\" ") + "\n",
                                           {"Content-Type": "text/plain", "If-Match": "*"})
        self.assertEqual(status, 200)
        changed, = json.loads(answer)["rules"]
        self.assertEqual((changed["state"], changed.get("warm_up")), ("kept", None))
        self.post(daemon, pay(2, 71, "open", 2))
        self.assertEqual(daemon.wait_for_alerts(1)[0]["fields"]["why"], "x")

    def test_a_journal_that_begins_later_is_said(self):
        daemon = self.start("--keep-bytes", "20000", "--checkpoint", "2000")
        body = lambda first: [pay(i, i // 10, "c%d" % (random.Random(i).randrange(10 ** 9)), 1) for i in range(first, first + 2000)]
        for first in range(0, 12000, 2000):
            self.post(daemon, *body(first))
        n = [12000]

        def dropped():
            n[0] += 1
            self.post(daemon, pay(n[0], n[0] // 10, "late", 1))
            return daemon.metric("egret_journal_dropped_blocks_total")
        wait_for(dropped, "blocks of the journal to go")
        told = self.put(daemon, PATTERN)
        self.assertEqual(told["warm_up"]["complete"], False)
        wait_for(lambda: any("begins later than its `warm up` asks for" in line for line in daemon.err), "the warning")
        self.post(daemon, pay(99999, n[0] // 10 + 1, "late", 2))
        self.assertEqual(daemon.wait_for_alerts(1)[0]["key"]["card"], "late")

    # ---- beside others

    def meanwhile(self, daemon, name, act):
        """Puts a rule and calls act(daemon) while it is being filled. Gives the answer's status, and what act gave; None: it was too late."""
        answers, text = [], PATTERN.replace("pair", name).replace("amount == 1", "amount == 1 and card in watched")
        thread = threading.Thread(target=lambda: answers.append(daemon.request("PUT", "/v1/rules/" + name, text + "\n", {"Content-Type": "text/plain"})))
        thread.start()
        while not answers and not json.loads(daemon.request("GET", "/v1/status")[2])["warming_up"]:
            pass
        result = act(daemon)
        early = daemon.request("GET", "/v1/rules/" + name)[0] == 404
        thread.join()
        return answers[0][0], result if early else None

    def try_meanwhile(self, act):
        """The same with more and more of the past, until it was not too late."""
        self.write("data-rules/watched.txt", "x\n")
        daemon = self.start("--checkpoint", "100000000", rules=STREAM + 'list watched: "watched.txt"\n')
        self.post(daemon, pay(1, 0, "late", 1))
        for i in range(12):
            for first in range(0, 2000 * i, 2000):
                self.post(daemon, *[pay(i * 100000 + first + n, 61 + i, "c%d" % (n % 50), n % 90 + 3) for n in range(2000)])
            self.post(daemon, pay(i * 100000 + 99999, 61 + i, "late", 4))
            status, result = self.meanwhile(daemon, "pair%d" % i, act)
            if result is not None:
                return daemon, "pair%d" % i, status, result
        raise AssertionError("it was always too late")

    def test_what_others_change_meanwhile_is_what_holds(self):
        def watch(daemon):
            return daemon.request("PUT", "/v1/lists/watched", "x\nlate\n", {"Content-Type": "text/plain", "If-Match": "*"})[0]
        daemon, name, status, changed = self.try_meanwhile(watch)
        self.assertEqual((status, changed), (201, 200))
        self.post(daemon, pay(2, 300, "late", 2))
        alerts = daemon.wait_for_alerts(1)      # by the list of before there would be none
        self.assertIn((name, ["e1", "e2"]), [(a["rule"], [event["event"]["id"] for event in a["events"]]) for a in alerts])
        self.assertEqual(daemon.stop(), 0)
        self.assertIn(alerts[0]["id"], [a["id"] for a in self.journal_alerts()])

    def test_one_at_a_time(self):
        def put(daemon):
            status, _, answer = daemon.request("PUT", "/v1/rules/many", WINDOW + "\n", {"Content-Type": "text/plain"})
            daemon.request("DELETE", "/v1/rules/many", headers={"If-Match": "*"})
            return status, json.loads(answer)
        _, name, status, (refused, answer) = self.try_meanwhile(put)
        self.assertEqual((status, refused), (201, 409), answer)
        self.assertIn("rule %s is being warmed up" % name, answer["detail"])

    # ---- crashes

    def crash(self, *args):
        """Killed as soon as the answer is there, and once more after the restart."""
        daemon = self.start(*args)
        self.post(daemon, pay(1, 0, "open", 1), pay(2, 1, "ended", 1), pay(3, 2, "ended", 2), pay(4, 70, "open", 5))
        self.put(daemon, PATTERN)
        daemon.kill()
        daemon = self.start(*args)
        self.put(daemon, WINDOW)
        daemon.kill()
        daemon = self.start(*args)
        self.post(daemon, pay(5, 120, "open", 2), pay(6, 121, "ended", 3))
        alerts = daemon.wait_for_alerts(3)
        self.assertEqual(sorted((a["rule"], a["key"]["card"]) for a in alerts), [("many", "ended"), ("many", "open"), ("pair", "open")])
        self.assertEqual(daemon.stop(), 0)
        self.assertEqual(sorted(a["id"] for a in self.journal_alerts()), sorted(a["id"] for a in alerts))

    def test_killed_behind_the_answer(self):
        self.crash()

    def test_killed_behind_the_answer_with_several_shards(self):
        self.crash("--shards", "3")

    def test_stopped_behind_the_answer(self):
        daemon = self.start("--shards", "2")
        self.post(daemon, *[pay(i, 0, "c%d" % i, 1) for i in range(500)], pay(501, 61, "x", 1))
        self.put(daemon, PATTERN)
        self.assertEqual(daemon.stop(), 0)
        daemon = self.start("--shards", "3")
        self.assertTrue(any("the state as of record" in line for line in daemon.err))
        self.post(daemon, *[pay(1000 + i, 62, "c%d" % i, 2) for i in range(500)])
        daemon.wait_for_alerts(500)
        self.assertEqual(daemon.stop(), 0)

    # ---- as if it had been there

    RULES = {
        "sequence": "{ match a: pay [amount < 20] then b: pay [amount > a.amount + 60] then c: pay [amount < b.amount] within 40s  by card"
                    "  alert { total: a.amount + c.amount } }",
        "loop": "{ match a: pay [amount < 15] then many: pay [amount > 30] {2,} then z: pay [amount < 10] within 1m  by card  alert { n: count(many) } }",
        "branch": "{ match a: pay [amount < 10] or b: pay [amount > 90] then z: pay [amount >= 40 and amount < 50] within 30s  by card  alert { c: card } }",
        "silence": "{ match a: pay [amount > 80] then not pay [amount < 50] for 12s  by card  alert { c: card } }",
        "sliding": "{ watch pay  by card  over 20s  when sum(amount) > 400  alert { total: sum(amount) } }",
        "tumbling": "{ watch pay  by card  over tumbling 30s  when distinct(amount) > 6  alert { n: distinct(amount) } }",
        "held": "{ watch pay  by card  over 20s  when avg(amount) > 55 for 5s  alert { mean: avg(amount) } }",
        "jump": "{ watch pay [amount > prev(amount) + 85]  by card  alert { amount: amount } }",
        "known": "{ watch pay [amount > 30 + seen.mean]  by card  alert { amount: amount } }",
        "above": "{ match base then base within 30s  by card  alert { c: card } }",
    }

    def rule(self, name):
        text = self.RULES[name]
        return "rule %s %s%s }" % (name, text[:-1], "  warm up 2m")

    def script(self, seed):
        """Events out of order, some late, some twice; in batches."""
        chance = random.Random(seed)
        batches, now, sent = [], 0.0, []
        for number in range(40):
            batch = []
            for i in range(60):
                now += chance.random() / 2
                if sent and chance.random() < 0.05:
                    batch.append(chance.choice(sent[-200:]))
                    continue
                second = max(0, int(now - chance.choice([0, 0, 0, 1, 2, 4, 30])))
                batch.append(pay(number * 60 + i, second, "c%d" % chance.randrange(12), chance.randrange(100)))
                sent.append(batch[-1])
            batches.append(batch)
        return batches

    def compare(self, seed, before, *args):
        declared = ("stream pay { id: string  card: string  amount: int  at: time } with time at, lateness 5s, identity id within 1m\n"
                    "profile seen { from pay by card  mean: avg(amount over 1h) }\n"
                    "rule base { watch pay [amount > 70]  by card  alert { c: card } }\n")
        batches = self.script(seed)
        names = sorted(self.RULES)
        all_along = self.start(*args, rules=declared + "\n".join(self.rule(name) for name in names) + "\n", name="a%d" % seed)
        later = self.start(*args, rules=declared + "rule user { watch pay [amount > 10 * seen.mean]  by card }\n", name="b%d" % seed)
        for batch in batches[:before]:
            self.post(all_along, *batch)
            self.post(later, *batch)
        past = [(a["rule"], a["id"]) for a in self.journal_alerts("a%d" % seed) if a["rule"] in self.RULES]
        for name in names:
            self.put(later, self.rule(name))
        for batch in batches[before:]:
            self.post(all_along, *batch)
            self.post(later, *batch)
        self.assertEqual((all_along.stop(), later.stop()), (0, 0))
        expected = [(a["rule"], a["id"]) for a in self.journal_alerts("a%d" % seed) if a["rule"] in self.RULES][len(past):]
        found = [(a["rule"], a["id"]) for a in self.journal_alerts("b%d" % seed) if a["rule"] in self.RULES]
        self.assertEqual(found, expected)
        self.assertEqual({rule for rule, _ in found}, set(names))       # else nothing was compared

    def test_it_tells_what_it_would_have_told(self):
        self.compare(1, 20)

    def test_it_tells_what_it_would_have_told_with_several_shards(self):
        self.compare(2, 23, "--shards", "3")


if __name__ == "__main__":
    unittest.main()
