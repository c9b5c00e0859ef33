#!/usr/bin/env python3
"""test_naive.py: the oracle against cases worked out by hand from the language reference and the rules' own [+] and [-]."""
import os
import sys
import unittest
from fractions import Fraction

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from generator import Generator
from naive import run
from printer import file_text
from rules import Absence, Atom, Event, Item, Part, Rule
from shrink import smaller

S, M, H = 1000, 60_000, 3_600_000
END = 10 * 24 * H


def stream(*rows):
    """Rows are (seconds, stream, v) or (seconds, stream, {fields}); key k is "x" when not given."""
    events = []
    for pos, (at, name, f) in enumerate(rows):
        f = dict(f) if isinstance(f, dict) else {"v": f}
        events.append(Event(pos, name, int(at * S), {"k": "x", "w": None, **f}))
    return events


def step(name, source="", cond=None, low=1, high=1, **more):
    return Item(name, [Atom(source or name, cond)], low, high, **more)


def sequence(*items, **more):
    return Rule("sequence", keys=["k"], items=list(items), **more)


def threshold(when, over, watch=(("a", None, ""),), **more):
    return Rule("threshold", keys=["k"], when=when, over=over, watch=[Atom(*w) for w in watch], **more)


def count(label=None, where=None, over=None):
    return ("win", "count", label, None, where, over)


def f(name):
    return ("f", name)


def const(x):
    return ("const", x)


def matches(rule, *rows):
    """(seconds, positions bound) of each alert."""
    return [(a.time / S, [p for _, p in a.evidence]) for a in run([rule], stream(*rows), END)]


def times(rule, *rows):
    return [a.time / S for a in run([rule], stream(*rows), END)]


def kinds(rule, *rows):
    return [(a.kind, a.time / S) for a in run([rule], stream(*rows), END)]


class Sequences(unittest.TestCase):
    def test_the_first_fitting_event_is_taken(self):
        rule = sequence(step("a"), step("b", cond=(">", f("v"), const(1))))
        self.assertEqual(matches(rule, (0, "a", 0), (1, "b", 1), (2, "b", 2), (3, "b", 3)), [(2, [0, 2])])

    def test_equal_times_are_ordered_by_position(self):
        rule = sequence(step("a"), step("b"), within=0)
        self.assertEqual(matches(rule, (0, "b", 0), (0, "a", 0), (0, "b", 0)), [(0, [1, 2])])

    def test_within_is_inclusive_and_counts_from_the_first_event(self):
        rule = sequence(step("a"), step("b"), step("c"), within=5 * S)
        self.assertEqual(matches(rule, (0, "a", 0), (4, "b", 0), (5, "c", 0)), [(5, [0, 1, 2])])
        self.assertEqual(matches(rule, (0, "a", 0), (4, "b", 0), (5.001, "c", 0)), [])

    def test_link_within_counts_from_the_last_bound_event(self):
        rule = sequence(step("a", low=2, high=None), step("b", link_within=5 * S))
        self.assertEqual(matches(rule, (0, "a", 0), (9, "a", 0), (14, "b", 0)), [(14, [0, 1, 2])])
        self.assertEqual(matches(rule, (0, "a", 0), (9, "a", 0), (14.001, "b", 0)), [])

    def test_next_allows_nothing_between_on_the_streams_of_the_rule(self):
        rule = sequence(step("a"), step("b", link="next"), unless=[([Atom("u", ("<", f("v"), const(0)))], None)])
        self.assertEqual(matches(rule, (0, "a", 0), (1, "z", 0), (2, "b", 0)), [(2, [0, 2])])
        self.assertEqual(matches(rule, (0, "a", 0), (1, "u", 0), (2, "b", 0)), [])

    def test_next_looks_at_the_last_bound_event_whatever_was_left_out(self):
        rule = sequence(step("a"), step("o", low=0), step("b", link="next"))
        self.assertEqual(matches(rule, (0, "a", 0), (1, "b", 0)), [(1, [0, 1])])
        self.assertEqual(matches(rule, (0, "a", 0), (1, "o", 0), (2, "b", 0)), [(2, [0, 1, 2])])

    def test_an_event_that_fits_both_goes_on_unless_greedy(self):
        plain = sequence(step("x", "a", low=1, high=None), step("y", "a"))
        greedy = sequence(step("x", "a", low=1, high=3, greedy=True), step("y", "a"))
        rows = [(t, "a", 0) for t in range(4)]
        self.assertEqual(matches(plain, *rows[:3]), [(1, [0, 1])])
        self.assertEqual(matches(greedy, *rows), [(3, [0, 1, 2, 3])])

    def test_an_optional_step_gives_way_to_the_next_one(self):
        rule = sequence(step("a"), step("o", "b", low=0), step("y", "b"))
        self.assertEqual(run([rule], stream((0, "a", 0), (1, "b", 0)), END)[0].evidence, [("a", 0), ("y", 1)])
        rule.items[1].greedy = True
        found = run([rule], stream((0, "a", 0), (1, "b", 0), (2, "b", 0)), END)
        self.assertEqual(found[0].evidence, [("a", 0), ("o", 1), ("y", 2)])

    def test_strict_loops_have_no_gap(self):
        rule = sequence(step("a", low=3, high=3, strict=True), unless=[([Atom("u", ("<", f("v"), const(0)))], None)])
        self.assertEqual(matches(rule, (0, "a", 0), (1, "a", 0), (2, "u", 0), (3, "a", 0), (4, "a", 0)), [])
        self.assertEqual(matches(rule, (0, "a", 0), (1, "u", 0), (2, "a", 0), (3, "z", 0), (4, "a", 0), (5, "a", 0)), [(5, [2, 4, 5])])

    def test_own_within_of_a_loop_keeps_what_it_has(self):
        rule = sequence(step("a", low=2, high=None, own_within=5 * S), step("b"))
        self.assertEqual(matches(rule, (0, "a", 0), (5, "a", 0), (6, "a", 0), (7, "b", 0)), [(7, [0, 1, 3])])
        self.assertEqual(matches(rule, (0, "a", 0), (6, "a", 0), (7, "b", 0)), [])

    def test_a_loop_at_the_end_is_complete_at_its_minimum(self):
        rule = sequence(step("a"), step("b", low=2, high=None))
        self.assertEqual(matches(rule, (0, "a", 0), (1, "b", 0), (2, "b", 0), (3, "b", 0)), [(2, [0, 1, 2])])

    def test_with_when_it_goes_on_until_that_holds(self):
        rule = sequence(step("a"), step("b", low=2, high=None), when=(">=", ("agg", "sum", 1, "v", None), const(6)))
        self.assertEqual(matches(rule, (0, "a", 0), (1, "b", 1), (2, "b", 2), (3, "b", 3), (4, "b", 9)), [(3, [0, 1, 2, 3])])
        optional = sequence(step("a"), step("b", low=0), when=(">", ("agg", "count", 1, None, None), const(0)))
        self.assertEqual(matches(optional, (0, "a", 0), (1, "b", 0)), [])
        no_loop = sequence(step("a"), step("b"), when=(">", ("step", 1, "v"), const(1)))
        self.assertEqual(matches(no_loop, (0, "a", 0), (1, "b", 1), (2, "b", 2)), [])

    def test_unless_and_the_step_that_takes_the_event(self):
        rule = sequence(step("a"), step("b"), step("c"), unless=[([Atom("u"), Atom("c", ("==", f("v"), const(1)))], 1)])
        self.assertEqual(matches(rule, (0, "a", 0), (1, "u", 0), (2, "b", 0), (3, "c", 1)), [(3, [0, 2, 3])])
        self.assertEqual(matches(rule, (0, "a", 0), (1, "b", 0), (2, "u", 0), (3, "c", 0)), [])

    def test_unbound_steps_are_null(self):
        rule = sequence(step("o", "a", low=0), step("b"), fields=[("f", ("step", 0, "v")), ("n", ("agg", "count", 0, None, None)),
                                                                  ("s", ("agg", "sum", 0, "v", None)), ("m", ("agg", "max", 0, "v", None))])
        self.assertEqual(run([rule], stream((0, "b", 0)), END)[0].fields, [None, 0, 0, None])

    def test_three_rises(self):
        rise = (">", f("v"), ("prev", "v"))
        rule = sequence(step("r", "a"), step("up", "a", rise, 3, 3, strict=True, link="next"), within=15 * M, skip=("no",),
                        when=(">=", ("-", ("agg", "last", 1, "v", None), ("step", 0, "v")), const(2)))
        self.assertEqual(matches(rule, *[(t, "a", v) for t, v in enumerate((1, 2, 3, 4, 5))]), [(3, [0, 1, 2, 3]), (4, [1, 2, 3, 4])])
        self.assertEqual(matches(rule, *[(t, "a", v) for t, v in enumerate((1, 2, 2, 3, 4))]), [])

    def test_keys(self):
        rule = sequence(step("a"), step("b"))
        rows = [(0, "a", {"k": "x", "v": 0}), (1, "b", {"k": "y", "v": 0}), (2, "b", {"k": None, "v": 0}), (3, "b", {"k": "x", "v": 0})]
        self.assertEqual(matches(rule, *rows), [(3, [0, 3])])


class AfterMatch(unittest.TestCase):
    ROWS = [(0, "a", 0), (1, "a", 0), (2, "b", 0), (3, "b", 0)]

    def found(self, *skip, rows=None):
        return matches(sequence(step("a"), step("b"), skip=skip), *(rows or self.ROWS))

    def test_past_last(self):
        self.assertEqual(self.found("past"), [(2, [0, 2])])

    def test_the_completing_event_starts_nothing(self):
        rows = [(t, "a", 0) for t in range(4)]
        self.assertEqual(matches(sequence(step("x", "a"), step("y", "a")), *rows), [(1, [0, 1]), (3, [2, 3])])
        self.assertEqual(matches(sequence(step("x", "a"), step("y", "a"), skip=("next",)), *rows), [(1, [0, 1]), (2, [1, 2]), (3, [2, 3])])

    def test_no_skip(self):
        self.assertEqual(self.found("no"), [(2, [0, 2]), (2, [1, 2])])

    def test_to_next_drops_what_began_before(self):
        rows = [(0, "a", 9), (1, "a", 1), (2, "b", 5), (3, "b", 10)]
        items = [step("a"), step("b", cond=(">", f("v"), ("step", 0, "v")))]
        self.assertEqual(matches(sequence(*items, skip=("next",)), *rows), [(2, [1, 2])])
        self.assertEqual(matches(sequence(*items, skip=("no",)), *rows), [(2, [1, 2]), (3, [0, 3])])

    def test_to_first_and_last(self):
        items = [step("x", "a"), step("y", "a", low=2, high=2), step("b")]
        rows = [(0, "a", 0), (1, "a", 0), (2, "a", 0), (3, "a", 0), (4, "b", 0)]
        self.assertEqual(matches(sequence(*items, skip=("no",)), *rows), [(4, [0, 1, 2, 4]), (4, [1, 2, 3, 4])])
        self.assertEqual(matches(sequence(*items, skip=("first", 1)), *rows), [(4, [0, 1, 2, 4]), (4, [1, 2, 3, 4])])
        self.assertEqual(matches(sequence(*items, skip=("last", 1)), *rows), [(4, [0, 1, 2, 4])])


class Silence(unittest.TestCase):
    def test_within_and_absence_divide_the_cases(self):
        present = sequence(step("a"), step("b"), within=5 * S)
        absent = sequence(step("a"), absence=[Absence([Atom("b")], 5 * S)])
        for at in (0, 4.999, 5, 5.001, 7):
            self.assertEqual(bool(matches(present, (0, "a", 0), (at, "b", 0))), at <= 5)
            self.assertEqual(matches(absent, (0, "a", 0), (at, "b", 0)), [] if at <= 5 else [(5, [0])])

    def test_to_the_end_of_within(self):
        rule = sequence(step("a"), step("b"), absence=[Absence([Atom("c")])], within=5 * S)
        self.assertEqual(matches(rule, (0, "a", 0), (2, "b", 0)), [(5, [0, 1])])
        self.assertEqual(matches(rule, (0, "a", 0), (2, "b", 0), (5, "c", 0)), [])

    def test_in_the_middle(self):
        rule = sequence(step("a"), step("b", nots=[Absence([Atom("c")])]))
        self.assertEqual(matches(rule, (0, "c", 0), (0, "a", 0), (1, "b", 0)), [(1, [1, 2])])
        self.assertEqual(matches(rule, (0, "a", 0), (1, "c", 0), (2, "b", 0)), [])

    def test_between_is_after_the_last_event_bound(self):
        rule = sequence(step("a", low=1, high=None), step("b", nots=[Absence([Atom("c")])]))
        self.assertEqual(matches(rule, (0, "a", 0), (1, "c", 0), (2, "a", 0), (3, "b", 0)), [(3, [0, 2, 3])])

    def test_a_loop_starts_the_silence_again(self):
        rule = sequence(step("a", low=2, high=None), absence=[Absence([Atom("b")], 5 * S)])
        self.assertEqual(matches(rule, (0, "a", 0), (1, "a", 0), (5, "a", 0)), [(10, [0, 1, 2])])

    def test_a_report_drops_the_other_attempts(self):
        rule = sequence(step("a"), absence=[Absence([Atom("b")], 5 * S)])
        self.assertEqual(matches(rule, (0, "a", 0), (3, "a", 0), (5, "a", 0), (6, "a", 0)), [(5, [0]), (11, [3])])

    def test_lone(self):
        rule = Rule("sequence", keys=["k"], absence=[Absence([Atom("h")], 180 * S)])
        self.assertEqual(times(rule, (0, "h", 0), (180, "h", 0), (400, "h", 0)), [360, 580])

    def test_lone_once_per_silence_and_resolved_by_the_next(self):
        rule = Rule("sequence", keys=["k"], absence=[Absence([Atom("h")], 180 * S)], resolve_on=[Atom("h")])
        self.assertEqual(kinds(rule, (0, "h", 0), (240, "h", 0)), [("alert", 180), ("resolved", 240), ("alert", 420)])

    def test_lone_what_does_not_fit_does_not_end_the_silence(self):
        rule = Rule("sequence", keys=["k"], absence=[Absence([Atom("h", ("==", f("v"), const(1)))], 10 * S)])
        self.assertEqual(times(rule, (0, "h", 0), (4, "h", 0), (8, "h", 1), (12, "h", 0)), [18])


class Windows(unittest.TestCase):
    def test_card_testing(self):
        """Five small declines on four cards in ten minutes, edges inclusive."""
        rule = threshold(("and", (">=", count(), const(5)), (">=", ("win", "distinct", None, "v", None, None), const(4))), ("sliding", 10 * M))
        cards = (1, 2, 3, 4, 4)
        self.assertEqual(times(rule, *[(t, "a", v) for t, v in zip((0, 1, 2, 3, 599), cards)]), [599])
        self.assertEqual(times(rule, *[(t, "a", v) for t, v in zip((0, 1, 2, 3, 600), cards)]), [600])
        self.assertEqual(times(rule, *[(t, "a", v) for t, v in zip((0, 1, 2, 3, 600.001), cards)]), [])
        self.assertEqual(times(rule, *[(t, "a", v) for t, v in zip((0, 1, 2, 3, 599), (1, 2, 3, 3, 3))]), [])

    def test_exact_sums(self):
        rule = threshold((">", ("win", "sum", None, "m", None, None), const(Fraction("2000.00"))), ("sliding", 24 * H))
        cents = [(t, "a", {"v": 0, "m": Fraction("0.10")}) for t in range(10)]
        self.assertEqual(times(rule, *cents, (20, "a", {"v": 0, "m": Fraction("1999.00")})), [])
        self.assertEqual(times(rule, *cents, (20, "a", {"v": 0, "m": Fraction("1999.01")})), [20])

    def test_the_edge_is_armed_again_when_events_leave(self):
        rule = threshold((">=", count(), const(2)), ("sliding", 5 * S))
        self.assertEqual(times(rule, (0, "a", 0), (1, "a", 0), (2, "a", 0), (8, "a", 0), (8, "a", 0)), [1, 8])
        self.assertEqual(times(rule, (0, "a", 0), (1, "a", 0), (5, "a", 0), (6, "a", 0)), [1])

    def test_leaving_can_fire(self):
        rule = threshold(("==", count(), const(0)), ("sliding", 5 * S))
        self.assertEqual(times(rule, (0, "a", 0), (5, "a", 0)), [10])

    def test_when_for(self):
        rule = threshold((">=", count(), const(2)), ("sliding", 5 * S), hold=3 * S)
        self.assertEqual(times(rule, (0, "a", 0), (1, "a", 0)), [4])
        rule = threshold((">=", count(), const(2)), ("sliding", 3 * S), hold=3 * S)
        self.assertEqual(times(rule, (0, "a", 0), (0, "a", 0)), [])     # false by leaving at the same instant

    def test_tumbling_is_half_open(self):
        rule = threshold((">=", count(), const(2)), ("tumbling", 10 * S), fields=[("n", count())])
        self.assertEqual(times(rule, (1, "a", 0), (10, "a", 0)), [])
        self.assertEqual(times(rule, (0, "a", 0), (9.999, "a", 0), (10, "a", 0), (25, "a", 0)), [10])

    def test_session_continues_at_exactly_the_gap(self):
        rule = threshold((">=", count(), const(2)), ("session", 10 * S))
        self.assertEqual(times(rule, (0, "a", 0), (10, "a", 0)), [20])
        self.assertEqual(times(rule, (0, "a", 0), (10.001, "a", 0)), [])

    def test_several_windows(self):
        rule = threshold(("or", (">", count(over=("sliding", H)), const(5)), (">", ("win", "sum", None, "v", None, ("sliding", 24 * H)), const(20))), None)
        self.assertEqual(times(rule, *[(t, "a", 1) for t in range(6)]), [5])
        self.assertEqual(times(rule, (0, "a", 10), (7200, "a", 10), (7201, "a", 1)), [7201])

    def test_labels_and_where(self):
        ratio = (">=", ("/", count("d", (">", f("v"), const(1))), count("o")), const(Fraction(1, 2)))
        rule = threshold(ratio, ("ever",), (("a", None, "d"), ("b", None, "o")))
        self.assertEqual(times(rule, (0, "a", 2), (1, "b", 0)), [1])
        self.assertEqual(times(rule, (0, "a", 1), (1, "b", 0), (2, "a", 2)), [2])

    def test_throttle_is_inclusive_and_counts(self):
        rule = Rule("threshold", keys=["k"], watch=[Atom("a")], throttle=5 * S)
        found = run([rule], stream((0, "a", 0), (4, "a", 0), (5, "a", 0), (6, "a", 0)), END)
        self.assertEqual([(a.time, a.held) for a in found], [(0, 0), (6000, 2)])

    def test_resolve_when(self):
        rule = threshold((">=", count(), const(2)), ("sliding", 5 * S), resolve_when=("==", count(), const(0)))
        self.assertEqual(kinds(rule, (0, "a", 0), (1, "a", 0), (5.5, "a", 0)), [("alert", 1), ("resolved", 10.5)])
        rule.resolve_for = 2 * S
        self.assertEqual(kinds(rule, (0, "a", 0), (1, "a", 0)), [("alert", 1), ("resolved", 8)])

    def test_an_open_alert_blocks(self):
        rule = Rule("threshold", keys=["k"], watch=[Atom("a")], resolve_on=[Atom("b")])
        self.assertEqual(kinds(rule, (0, "a", 0), (1, "a", 0), (2, "b", 0), (3, "a", 0)), [("alert", 0), ("resolved", 2), ("alert", 3)])


class History(unittest.TestCase):
    def ten_times(self, *values):
        mean, n = ("prof", "mean"), ("prof", "n")
        members = [("n", count()), ("mean", ("win", "avg", None, "m", None, None)), ("ten", const(10))]
        cond = ("and", (">", n, const(5)), (">", ("/", f("m"), const(10)), mean))
        rule = sequence(step("t", "a", cond), profile=(Atom("a"), members))
        return matches(rule, *[(t, "a", {"v": 0, "m": Fraction(x)}) for t, x in enumerate(values)])

    def test_ten_times_the_average(self):
        self.assertEqual(len(self.ten_times(*["10.00"] * 6, "100.01")), 1)
        self.assertEqual(self.ten_times(*["10.00"] * 6, "100.00"), [])
        self.assertEqual(self.ten_times(*["10.00"] * 5, "1000.00"), [])

    def test_new_is_inclusive(self):
        rule = sequence(step("a", cond=("new", "v", 5 * S)))
        self.assertEqual(matches(rule, (0, "a", 1), (5, "a", 1), (10.001, "a", 1), (11, "a", 2)), [(0, [0]), (10.001, [2]), (11, [3])])

    def test_changed_needs_an_event_before(self):
        rule = sequence(step("a", cond=("changed", "v")))
        self.assertEqual(matches(rule, (0, "a", 1), (1, "a", 1), (2, "a", 2), (3, "b", 1), (4, "a", 2)), [(2, [2])])

    def test_null_is_neither_new_nor_changed(self):
        rows = [(t, "a", {"v": 0, "w": w}) for t, w in enumerate((None, 1, None, 1, 2))]
        self.assertEqual(matches(sequence(step("a", cond=("new", "w", 5 * S))), *rows), [(1, [1]), (4, [4])])
        self.assertEqual(matches(sequence(step("a", cond=("changed", "w"))), *rows), [(4, [4])])

    def test_null_compares_false(self):
        for op in ("==", "!=", "<", ">=") :
            rule = sequence(step("a", cond=(op, f("w"), const(1))))
            self.assertEqual(matches(rule, (0, "a", {"v": 0, "w": None})), [])


class Told(unittest.TestCase):
    """Rules that look at rules."""

    def alerts(self, rules, *rows):
        return [(a.rule.name, a.time / S) for a in run(rules, stream(*rows), END)]

    def low(self, **more):
        return sequence(step("a"), name="low", fields=[("v", ("step", 0, "v")), ("k", ("step", 0, "k"))], **more)

    def late(self):
        return sequence(step("a"), name="late", absence=[Absence([Atom("b")], 10 * S)], fields=[("v", ("step", 0, "v"))])

    def test_an_event_comes_before_what_is_made_of_it(self):
        self.assertEqual(self.alerts([self.low(), sequence(step("a"), step("low"), name="w")], (1, "a", 3)), [("low", 1), ("w", 1)])
        self.assertEqual(self.alerts([self.low(), sequence(step("low"), step("a"), name="w")], (1, "a", 3)), [("low", 1)])

    def test_a_signal_is_told_to_rules_alone(self):
        self.assertEqual(self.alerts([self.low(signal=True), sequence(step("low"), name="w")], (1, "a", 3)), [("w", 1)])

    def test_what_is_held_back_is_not_told(self):
        rules = [self.low(throttle=5 * S), sequence(step("low"), name="w")]
        self.assertEqual(self.alerts(rules, (1, "a", 3), (6, "a", 3), (12, "a", 3)), [("low", 1), ("w", 1), ("low", 12), ("w", 12)])

    def test_an_absence_has_seen_what_was_told_at_its_end(self):
        w = sequence(step("c"), name="a_w", absence=[Absence([Atom("late")], 10 * S)])
        self.assertEqual(self.alerts([self.late(), w], (1, "a", 3), (1, "c", 0)), [("late", 11)])
        self.assertEqual(self.alerts([self.late(), w], (1, "c", 0), (1.5, "a", 3)), [("a_w", 11), ("late", 11.5)])

    def test_a_window_closes_before_the_events_at_its_end(self):
        hour = threshold((">=", count(), const(1)), ("tumbling", 10 * S), name="hour", fields=[("v", f("v"))])
        rules = [hour, sequence(step("hour"), step("c"), name="w")]
        self.assertEqual(self.alerts(rules, (1, "a", 3), (9, "c", 0), (10, "c", 0)), [("hour", 10), ("w", 10)])

    def test_all_alerts_are_not_those_of_who_looks_at_them(self):
        all_of = Rule("threshold", "all", ["rule"], watch=[Atom("alert")])
        above = Rule("threshold", "above", [], watch=[Atom("all")])
        self.assertEqual(self.alerts([self.low(), all_of, above], (1, "a", 3)), [("low", 1), ("all", 1), ("above", 1)])


def seq(*parts, **more):
    return Part("seq", list(parts), **more)


def loop(low, high, part, **more):
    return Part("loop", [part], min=low, max=high, **more)


def of(kind, *parts, **more):
    return Part(kind, list(parts), **{"min": len(parts), **more})


def quiet(letter, seconds):
    return Part("silence", during=[Atom(letter)], time=seconds and seconds * S)


class Trees(unittest.TestCase):
    """Steps are single letters: the stream each takes."""

    def found(self, letters, events, shape, **more):
        """shape: a function of the steps. Events are letters, a second apart, a dot for none. Gives the letters bound, with their positions."""
        items = [Item(f"s{n}", [Atom(letter)]) for n, letter in enumerate(letters)]
        steps = [Part("step", item=n) for n in range(len(letters))]
        tree = shape(*steps)
        rule = Rule("sequence", keys=["k"], items=items, shape=tree if tree.kind == "seq" else seq(tree), skip=("no",), **more)
        rows = [(at, name, 0) for at, name in enumerate(events) if name != "."]
        alerts = run([rule], stream(*rows), END)
        return [" ".join(str(int(rows[p][0])) for _, p in a.evidence) for a in alerts]

    def times(self, letters, events, shape, **more):
        """The same, but gives the second of each alert; `t` before it: a timeout."""
        items = [Item(f"s{n}", [Atom(letter)]) for n, letter in enumerate(letters)]
        tree = shape(*[Part("step", item=n) for n in range(len(letters))])
        rule = Rule("sequence", keys=["k"], items=items, shape=tree if tree.kind == "seq" else seq(tree), skip=("no",), **more)
        alerts = run([rule], stream(*[(at, name, 0) for at, name in enumerate(events) if name != "."]), END)
        return " ".join("t" * (a.kind == "timeout") + str(int(a.time // S)) for a in alerts)

    def test_or(self):
        self.assertEqual(self.found("abcb", "abcb", lambda a, b, c, d: seq(a, of("or", seq(b, d), c))), ["0 2"])
        self.assertEqual(self.found("abc", "acb", lambda a, b, c: of("or", seq(a, b), c)), ["1", "0 2"])

    def test_and(self):
        self.assertEqual(self.found("abc", "caab", lambda a, b, c: of("some", a, b, c)), ["0 1 3"])
        self.assertEqual(self.found("abc", "abdca", lambda a, b, c: seq(a, of("some", b, c, during=[Atom("d")]))), [])
        rounds = lambda a, b, c, d: of("some", loop(1, 2, seq(a, b), any=True), c, during=[Atom("d")])
        at_end = {"absence": [Absence([Atom("e")], 10 * S)]}
        self.assertIn("0 1 2 4 5", self.found("abcd", "abcdab", rounds, **at_end))      # complete once, the d is none that is forbidden
        self.assertNotIn("0 1 2 3 5", self.found("abcd", "abcadb", rounds, **at_end))   # but it is in a round that goes on
        self.assertEqual(self.found("dabc", "dacb", lambda d, a, b, c: seq(d, of("some", seq(a, b), c, min=1))), ["0 2"])

    def test_rounds(self):
        pairs = lambda a, b, c: seq(loop(1, None, seq(a, b)), c)
        self.assertEqual(self.found("abc", "abac", pairs), ["0 1 3"])
        self.assertEqual(self.found("abc", "aabc", pairs), ["0 2 3", "1 2 3"])
        self.assertEqual(self.found("abc", "abac", lambda a, b, c: seq(loop(2, None, seq(a, b)), c)), [])
        self.assertEqual(self.found("abc", "ab.....ac", lambda a, b, c: seq(loop(1, None, seq(a, b, within=5 * S)), c)), ["0 1 8"])

    def test_a_silence_among_others(self):
        either = lambda a, b, c: seq(a, of("or", b, quiet("d", 3)), c)
        self.assertEqual(self.times("abc", "a....c", either), "5")          # three seconds without d, then c
        self.assertEqual(self.times("abc", "a..d.c", either), "")           # at exactly three seconds it is no silence
        self.assertEqual(self.times("abc", "a..dbc", either), "5")
        both = lambda a, b: seq(a, of("some", b, quiet("d", 3)))
        self.assertEqual(self.times("ab", "ab", both), "3")
        self.assertEqual(self.times("ab", "a....b", both), "5")
        self.assertEqual(self.times("ab", "abd", both), "")
        self.assertEqual(self.times("ab", "b", lambda a, b: of("some", a, quiet("d", 3), min=1)), "")
        self.assertEqual(self.times("a", "a", lambda a: of("some", a, quiet("d", 3))), "3")     # it begins with the first of the others
        self.assertEqual(self.times("a", "a", lambda a: of("some", a, quiet("a", 3))), "3")     # what another takes does not break it

    def test_a_silence_at_the_end_of_a_group(self):
        rounds = lambda a: loop(2, 2, seq(a, quiet("b", 2)))
        self.assertEqual(self.times("a", "a...a", rounds), "6")
        self.assertEqual(self.times("a", "a...ab", rounds), "")
        self.assertEqual(self.times("ac", "a....c", lambda a, c: seq(seq(a, quiet("b", None), within=3 * S), c)), "5")
        self.assertEqual(self.times("ac", "a..b.c", lambda a, c: seq(seq(a, quiet("b", None), within=3 * S), c)), "")

    def test_gaps_in_a_tree(self):
        behind = lambda part, *gaps: (setattr(part, "nots", list(gaps)), part)[1]
        no = lambda time=None, next=False: Absence([Atom("d")], time and time * S, next)
        optional = lambda gap: lambda a, b, c: seq(a, behind(loop(0, 1, b), gap), of("or", c))
        self.assertEqual(self.times("abc", "adc", optional(no())), "")
        self.assertEqual(self.times("abc", "abdc", optional(no())), "3")
        self.assertEqual(self.times("abc", "a.c", optional(no(2))), "")     # too early
        self.assertEqual(self.times("abc", "a..c", optional(no(2))), "3")
        self.assertEqual(self.times("abc", "a.dc", optional(no(2))), "")
        self.assertEqual(self.times("abc", "acd", optional(no(next=True))), "1")
        self.assertEqual(self.times("abc", "adc", optional(no(next=True))), "")
        self.assertEqual(self.times("ab", "ab.d", lambda a, b: seq(of("or", a), b), absence=[no(3), no(1)]), "")
        self.assertEqual(self.times("ab", "ab", lambda a, b: seq(of("or", a), b), absence=[no(3), no(1)]), "4")

    def test_until_in_a_tree(self):
        ended = lambda a, b, c: seq(loop(1, None, seq(a, b), until=[Atom("d")]), c)
        self.assertEqual(self.found("abc", "abdabc", ended), ["0 1 5", "3 4 5"])
        self.assertEqual(self.found("abc", "abadbc", ended), ["0 1 5"])     # the running round is given up
        self.assertEqual(self.found("abc", "adbc", ended), [])

    def test_timeouts_of_a_tree(self):
        both = lambda a, b, c: seq(a, of("some", b, c))
        self.assertEqual(self.times("abc", "ab", both, within=4 * S, timeout=[]), "t4")
        self.assertEqual(self.times("abc", "ab.c", both, within=4 * S, timeout=[]), "")
        either = lambda a, b: seq(a, of("or", b, quiet("d", 3)))
        self.assertEqual(self.times("ab", "a.d", either, within=2 * S, timeout=[]), "t2")

        late = lambda a, b, c: seq(a, (setattr(b, "nots", [Absence([Atom("d")], 3 * S, False)]), of("or", b, c))[1])
        self.assertEqual(self.times("abc", "a", late, within=2 * S, timeout=[]), "t2")       # out of reach from the start

        never = Absence([Atom("d")], ("const", None), False)         # of unknown length: it may wait for ever
        waits = lambda a, b: seq(a, (lambda part: (setattr(part, "link_within", 2 * S), setattr(part, "nots", [never]), part)[2])(loop(0, 1, b)))
        self.assertEqual(self.times("ab", "a", waits, absence=[Absence([Atom("c")], 3 * S, False)], timeout=[]), "")

    def test_links_to_a_group(self):
        after = lambda part, **link: ([setattr(part, name, x) for name, x in link.items()], part)[1]
        rounds = lambda **link: lambda a, b, c, d: seq(a, after(loop(1, None, seq(loop(0, None, seq(b, c)), d)), **link))
        self.assertEqual(self.found("abcd", "abcd", rounds(link="next")), ["0 1 2 3"])
        self.assertEqual(self.found("abcd", "abd", rounds(link="next")), [])         # without b, d is not the next
        self.assertEqual(self.found("abcd", "abd", rounds()), ["0 2"])
        self.assertEqual(self.found("abcd", "ab..d", rounds(link_within=3 * S)), [])
        either = lambda a, b, c: seq(a, after(of("or", loop(2, 2, b), c), link_within=3 * S))
        self.assertEqual(self.found("abc", "ab...c", either), ["0 5"])       # what lost was there until then
        self.assertEqual(self.times("ab", "a", lambda a, b: seq(a, after(seq(loop(0, None, b), quiet("c", 3)), link_within=S))), "3")
        twice = lambda a, b: seq(a, after(loop(1, 2, seq(loop(0, None, b), quiet("c", 3))), link_within=S))
        self.assertEqual(self.times("ab", "a", twice), "")

    def test_an_end_behind_a_late_silence(self):
        either = lambda a, b: seq(a, of("or", b, quiet("c", 8)))
        self.assertEqual(self.times("ab", "a", either, within=5 * S, absence=[Absence([Atom("d")], None, False)]), "8")

    def test_any_inside(self):
        every = lambda part: (setattr(part, "every", True), part)[1]
        self.assertEqual(self.found("abcd", "abbd", lambda a, b, c, d: seq(a, of("or", seq(b, every(Part("step", item=3))), c))), ["0 1 3"])
        self.assertEqual(self.found("abc", "abbc", lambda a, b, c: seq(a, of("some", loop(1, None, b, any=True), c))), ["0 1 2 3", "0 1 3"])

    def test_branches(self):
        every = lambda part: (setattr(part, "every", True), part)[1]
        self.assertEqual(self.found("ab", "abb", lambda a, b: seq(a, every(b))), ["0 1", "0 2"])
        self.assertEqual(self.found("ab", "aab", lambda a, b: seq(loop(1, None, a, any=True), b)), ["0 1 2", "0 2", "1 2"])
        self.assertEqual(self.found("abcd", "abcabd", lambda a, b, c, d: seq(loop(1, None, seq(a, every(b), c)), d)), ["0 1 2 5"])


class Machinery(unittest.TestCase):
    def test_the_generator_is_a_function_of_its_seed(self):
        for seed in range(50):
            one, two = Generator(seed), Generator(seed)
            rules, twins = one.rules(), two.rules()
            self.assertEqual(file_text(rules), file_text(twins))
            self.assertEqual([(e.time, e.stream, e.f) for e in one.events(rules)], [(e.time, e.stream, e.f) for e in two.events(twins)])

    def test_smaller_pairs_leave_the_pair_as_it_was(self):
        for seed in range(50):
            generator = Generator(seed)
            rules = generator.rules()
            events = generator.events(rules)
            before = file_text(rules)
            self.assertTrue(any(True for _ in smaller(rules, events)))
            self.assertEqual(file_text(rules), before)


if __name__ == "__main__":
    unittest.main()
