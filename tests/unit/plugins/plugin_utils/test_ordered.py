# Copyright: (c) 2026, the ccsnet.op25b contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from itertools import combinations, pairwise, product

import pytest
from ansible_collections.ccsnet.op25b.plugins.plugin_utils import acl, ordered
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.errors import Op25bError
from ansible_collections.ccsnet.op25b.plugins.plugin_utils.ordered import Entry
from hypothesis import event, given
from hypothesis import strategies as st

# -- sets of packets, against every packet of a small universe ---------------------------------------------------------

SIZES = (3, 2, 4, 4, 3, 3)
EVERYTHING = tuple(((0, size - 1),) for size in SIZES)
UNIVERSE = list(product(*(range(size) for size in SIZES)))


@st.composite
def spans(draw, size):
    numbers = sorted(draw(st.sets(st.integers(0, size - 1), min_size=1)))
    found = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return tuple(found)


def boxes():
    # Most sides are whole, as in real lists: boxes drawn at will in six dimensions rarely meet.
    return st.tuples(*(st.one_of(st.just(((0, size - 1),)), spans(size)) for size in SIZES))


def holds(box, packet):
    return all(any(first <= number <= last for first, last in side) for side, number in zip(box, packet, strict=True))


def inside(many, packet):
    return any(holds(box, packet) for box in many)


@given(boxes(), boxes())
def test_two_boxes_meet_where_both_hold(left, right):
    both = ordered.meet(left, right)
    for packet in UNIVERSE:
        assert (both is not None and holds(both, packet)) == (holds(left, packet) and holds(right, packet))


@given(st.lists(boxes(), max_size=3), st.lists(boxes(), max_size=3))
def test_what_is_taken_out_is_gone_and_nothing_else(pieces, taken):
    rest = ordered.without(pieces, taken)
    for packet in UNIVERSE:
        assert inside(rest, packet) == (inside(pieces, packet) and not inside(taken, packet))


# -- the place of our entries, against every packet --------------------------------------------------------------------


@st.composite
def entries(draw, permits, exact):
    made = draw(st.lists(boxes(), min_size=1, max_size=2))
    return Entry(draw(permits), tuple(made), draw(exact), f"entry {draw(st.integers(0, 10**9))}")


def lists(permits=(True, False), exact=(True,)):
    return st.lists(entries(st.sampled_from(permits), st.sampled_from(exact)), max_size=4)


def decides(many, packet):
    """What the first entry that matches says: True, False, or None where none does."""
    return next((entry.permit for entry in many if inside(entry.boxes, packet)), None)


def harm(ours, theirs, place):
    """Whether some packet gets another verdict than it should: what they deny is let through, or what we deny is."""
    for packet in UNIVERSE:
        mine, other = decides(ours, packet), decides(theirs, packet) or False
        whole = decides([*theirs[:place], *ours, *theirs[place:]], packet) or False
        if mine is False and whole:
            return True
        if mine is not False and whole and not other:
            return True
    return False


@given(lists(), lists(), st.data())
def test_a_place_is_wrong_where_a_packet_shows_it_and_only_there(ours, theirs, data):
    place = data.draw(st.integers(0, len(theirs)))
    found = ordered.conflict(ours, theirs, place)
    assert (found is not None) == harm(ours, theirs, place)
    event("wrong" if found else "right")


@given(lists(exact=(True, False)), lists((True, False, None), (True, False)), st.data())
def test_where_an_entry_may_match_more_or_less_any_reading_of_it_is_safe(ours, theirs, data):
    """An entry that is not exact matches some part of its boxes, one without a verdict may say either."""
    place = data.draw(st.integers(0, len(theirs)))
    if ordered.conflict(ours, theirs, place) is not None:
        event("refused")
        return

    def read(entry):
        permit = data.draw(st.booleans()) if entry.permit is None else entry.permit
        smaller = data.draw(boxes()) if not entry.exact else EVERYTHING
        return Entry(permit, tuple(box for box in (ordered.meet(box, smaller) for box in entry.boxes) if box))

    assert not harm([read(entry) for entry in ours], [read(entry) for entry in theirs], place)


def entry(permit, side, text, exact=True):
    return Entry(permit, ((((0, 2),), ((0, 1),), side, ((0, 3),), ((0, 2),), ((0, 2),)),), exact, text)


EVERY = entry(True, ((0, 3),), "permit any")
FIRST = entry(True, ((0, 0),), "permit the first")
NOT_FIRST = entry(False, ((0, 0),), "deny the first")
NOT_SECOND = entry(False, ((1, 1),), "deny the second")


@pytest.mark.parametrize(
    ("ours", "theirs", "stands", "place"),
    [
        ([NOT_FIRST], [EVERY], None, 0),
        ([FIRST], [NOT_SECOND, EVERY], None, 0),
        ([FIRST], [NOT_FIRST, EVERY], None, 1),
        # It stays where it stands, though an earlier place would be right, too.
        ([NOT_FIRST], [NOT_SECOND, EVERY], 1, 1),
        # It stands where it is no longer right.
        ([NOT_FIRST], [NOT_SECOND, EVERY], 2, 0),
    ],
)
def test_the_place_is_the_one_that_is_held_or_the_first_that_is_right(ours, theirs, stands, place):
    assert ordered.place(ours, theirs, stands, "EDGE") == place


def test_what_cannot_be_read_stands_neither_before_a_denial_nor_behind_a_permit():
    strange = [Entry(None, EVERY.boxes, exact=False, text="evaluate SESSIONS"), EVERY]
    assert ordered.conflict([NOT_FIRST], strange, 0) is None
    assert ordered.conflict([NOT_FIRST], strange, 1) == (
        "evaluate SESSIONS",
        "lets through what is to be blocked (deny the first)",
    )
    assert ordered.conflict([FIRST], strange, 1) is None
    assert ordered.conflict([FIRST], strange, 0)[0] == "evaluate SESSIONS"


def test_without_a_right_place_the_entry_in_the_way_is_told():
    with pytest.raises(Op25bError) as err:
        ordered.place([FIRST, NOT_SECOND], [entry(True, ((1, 1),), "permit the second"), NOT_FIRST, EVERY], None, "EDGE")
    assert str(err.value) == (
        "EDGE: no place in this access list is right for the policy; in the way of the head is 'deny the first', which denies "
        "what would be permitted before it (permit the first). Change it, or bind a list of its own."
    )
    with pytest.raises(Op25bError, match="'the implicit deny at the end', which denies what would be permitted before it"):
        ordered.place([FIRST], [], None, "EDGE")


# -- numbers -----------------------------------------------------------------------------------------------------------


@st.composite
def numberings(draw):
    """Our lines as they are, those that are wanted, and the room for them."""
    low = draw(st.integers(0, 5))
    high = low + draw(st.one_of(st.integers(1, 12), st.integers(1, 10000)))
    names = draw(st.permutations("abcdefghij"))
    room = st.integers(low + 1, max(low + 1, high - 1))
    numbers = sorted(draw(st.sets(room, max_size=min(6, high - low - 1)))) if high - low > 1 else []
    have = dict(zip(numbers, names, strict=False))
    return have, draw(st.permutations("abcdefghij"))[: draw(st.integers(0, 10))], low, high, draw(st.sampled_from([1, 10, 1000]))


def longest(have, want):
    """The length of the longest common subsequence, by trying all of them."""
    subsets = (subset for size in range(len(have), 0, -1) for subset in combinations(have, size))
    return next((len(subset) for subset in subsets if [line for line in want if line in subset] == list(subset)), 0)


@given(numberings())
def test_lines_that_stay_keep_their_numbers_and_no_number_is_used_twice(case):
    have, want, low, high, step = case
    found = ordered.renumber(have, want, low, high, step)
    if found is None:
        event("no room")
        assert gap_is_full(have, want, low, high)
        return
    assert [line for _number, line in sorted(found.items())] == list(want)
    assert all(low < number < high for number in found)
    kept = {number: line for number, line in found.items() if have.get(number) == line}
    assert len(kept) == longest(list(have.values()), want)
    # New lines stand before old ones go.
    assert not (found.keys() - kept.keys()) & have.keys()
    event("numbered")


def gap_is_full(have, want, low, high):
    """Whether between two lines that stay there are fewer free numbers than new lines."""
    kept = ordered._kept(list(have.items()), want)
    edges = [(-1, low), *sorted(kept.items()), (len(want), high)]
    return any(
        sum(number not in have for number in range(first + 1, last)) < there - here - 1
        for (here, first), (there, last) in pairwise(edges)
    )


def test_new_lines_stand_a_step_apart():
    assert ordered.renumber({}, ["a", "b", "c"], 0, 2000000000, 1000) == {1000: "a", 2000: "b", 3000: "c"}
    assert ordered.renumber({1000: "a", 2000: "c"}, ["a", "b", "c"], 0, 2000000000, 1000) == {1000: "a", 1500: "b", 2000: "c"}


def test_a_line_that_moves_gets_another_number():
    assert ordered.renumber({10: "a", 20: "b", 30: "c"}, ["b", "c", "a"], 0, 100, 10) == {20: "b", 30: "c", 40: "a"}


# -- from an Acl to rules and back -------------------------------------------------------------------------------------


def test_what_an_ordered_list_cannot_say_is_told(build):
    limited = build(
        "all", waves=[{"name": "all", "date": "2019-03-01", "pools": "all", "action": "limit"}], limit={"per_minute": 3}
    )
    with pytest.raises(Op25bError) as err:
        ordered.enforceable(limited, ("drop",), "drop")
    assert str(err.value) == (
        "waves: the action limit of pool east_ftth needs a counter for each customer, and an access list has none; write observe "
        "or block for the pools of this edge."
    )
    places = [{"interface": "east0", "pools": ["east_ftth"], "source_check": True}]
    seen = {"purpose": "notice", "until": "2019-04-01", "hours": 12}
    assert ordered.enforceable(build("pilot", places, observe_sources=seen), ("drop",), "drop")[1] == [
        "reject: an access list of this edge cannot answer with tcp-reset; a blocked sender gets drop.",
        "source_check: an access list cannot look at routes; use the platform's own check of the reverse path on east0.",
        "observe_sources: an access list remembers no addresses; this edge counts, and names no sources.",
    ]
    assert ordered.enforceable(acl.Acl(), ("drop",), "drop") == (acl.Acl(), [])


@pytest.mark.parametrize("label", ["pool east to any", "pool east to any: shout", "pool east at any: block", "exempted"])
def test_a_label_that_is_none_of_ours_is_refused(label):
    with pytest.raises(ValueError, match=label.split()[0]):
        ordered.term_of(label)
    assert ordered.term_of("pool east to any: block") == ("east", "any", "block")


def test_rules_in_order_are_exempted_then_permitted_then_pools(build):
    labels = list(dict.fromkeys(rule.label for rule in ordered.rules(build("pilot"), "out", 6)))
    assert labels == [
        "exempted",
        "permitted",
        "pool east_ftth to mobile: block",
        "pool east_ftth to any: observe",
        "pool west_cable to mobile: observe",
        "pool west_cable to any: observe",
    ]
    assert ordered.rules(build("pilot", return_rule=False), "in", 4) == ()
    assert ordered.all_rules(build("none")) == {}


def test_a_denial_of_later_fragments_is_none_and_a_permit_takes_them():
    smtp = {"protocol": ((6, 6),), "dports": ((25, 25),), "deeper": True}
    assert [box[0] for box in ordered.boxes(4, False, **smtp)] == [(ordered.WHOLE,)]
    assert [box[0] for box in ordered.boxes(4, True, **smtp)] == [(ordered.WHOLE,), (ordered.LATER,)]
    assert [box[5] for box in ordered.boxes(4, True, **smtp)] == [((25, 25),), ((0, 65535),)]
    assert [box[0] for box in ordered.boxes(4, False)] == [((0, 2),)]
    assert [box[0] for box in ordered.boxes(6, False, headless=True)] == [(ordered.HEADLESS,)]
    assert [box[0] for box in ordered.boxes(6, False, fragments=True)] == [(ordered.LATER,)]
