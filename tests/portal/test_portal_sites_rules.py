"""What a person draws is checked before it is believed."""

from __future__ import annotations

import copy
import math

import pytest
from django.core.exceptions import ValidationError

from detectors.rules import registry
from portal.sites import rules
from tests.portal.portal_scene import SQUARE, WATCHING, problems


def document(**changes):
    return {**copy.deepcopy(WATCHING), **changes}


def refusal(**changes):
    with pytest.raises(ValidationError) as check:
        rules.read(document(**changes))
    return problems(check)


def test_a_whole_document_is_read():
    read = rules.read(document())
    assert (list(read.zones), list(read.lines), len(read.masks), len(read.rules)) == (["lawn"], ["path"], 1, 3)


def test_nothing_at_all_is_a_document_too():
    assert rules.read({}) == rules.Watching([], {}, {}, [])


def test_numbers_that_were_left_out_get_their_default():
    read = rules.read(document(rules=[{"kind": "loitering", "zone": "lawn"}]))
    assert read.rules == [{"kind": "loitering", "zone": "lawn", "line": None, "parameters": {"min_s": 30}, "severity": 1}]


def test_a_rule_keeps_only_the_place_it_is_about():
    read = rules.read(document(rules=[{"kind": "anomaly", "zone": "lawn", "threshold": 0.7}]))
    assert read.rules[0]["zone"] is None


def test_names_lose_the_spaces_around_them():
    assert list(rules.read(document(zones=[{"name": "  lawn ", "polygon": SQUARE}])).zones) == ["lawn"]


@pytest.mark.parametrize("sent", [None, [], "zones", 7])
def test_what_is_no_object_is_refused(sent):
    with pytest.raises(ValidationError):
        rules.read(sent)


@pytest.mark.parametrize("what", ["masks", "zones", "lines", "rules"])
@pytest.mark.parametrize("sent", ["text", {"a": 1}, 3, [1], [None]])
def test_lists_must_be_lists_of_the_right_things(what, sent):
    assert refusal(**{what: sent})


@pytest.mark.parametrize("name", ["", "   ", "x" * 61, "a\x00b", 5, None, ["lawn"]])
def test_a_zone_needs_a_short_name(name):
    assert "name" in refusal(zones=[{"name": name, "polygon": SQUARE}])


def test_two_zones_of_one_name_are_refused():
    assert "same name" in refusal(zones=[{"name": "lawn", "polygon": SQUARE}] * 2)


@pytest.mark.parametrize("polygon", [None, [], SQUARE[:2], SQUARE * 40, "abc"])
def test_a_zone_has_three_to_sixty_points(polygon):
    assert "points" in refusal(zones=[{"name": "lawn", "polygon": polygon}])


@pytest.mark.parametrize("point", [[1.2, 0.5], [-0.1, 0.5], [0.5], [0.5, 0.5, 0.5], ["a", "b"], [True, False], [math.nan, 0.5], [math.inf, 0], None])
def test_a_point_lies_in_the_picture(point):
    assert "outside" in refusal(zones=[{"name": "lawn", "polygon": [*SQUARE[:3], point]}])


def test_a_flat_zone_is_refused():
    assert "area" in refusal(zones=[{"name": "lawn", "polygon": [[0.1, 0.1], [0.5, 0.5], [0.9, 0.9]]}])


def test_a_line_without_length_is_refused():
    assert "too short" in refusal(lines=[{"name": "path", "a": [0.5, 0.5], "b": [0.5, 0.505]}])


def test_a_mask_is_a_polygon_too():
    assert refusal(masks=[[[0, 0], [1, 1]]])


def test_an_unknown_rule_is_named():
    assert "read_minds" in refusal(rules=[{"kind": "read_minds"}])


@pytest.mark.parametrize(
    "rule", [{"kind": "loitering"}, {"kind": "loitering", "zone": "roof"}, {"kind": "line_crossed", "line": "lawn"}, {"kind": "loitering", "zone": ["lawn"]}]
)
def test_a_rule_must_name_a_zone_or_line_that_is_there(rule):
    assert "not there" in refusal(rules=[rule])


@pytest.mark.parametrize("value", [-1, 99999, 10**400, "2", None, True, math.nan, math.inf, [2]])
def test_a_rules_number_has_limits(value):
    assert refusal(rules=[{"kind": "person_in_zone", "zone": "lawn", "min_s": value}])


@pytest.mark.parametrize("kind", registry.kinds().values(), ids=lambda kind: kind.name)
def test_every_kind_accepts_its_own_defaults(kind):
    place = {"zone": {"zone": "lawn"}, "line": {"line": "path"}, "camera": {}}[kind.about]
    host = next(each.name for each in registry.kinds().values() if each.compares_faces)  # a companion stands beside one that compares faces
    rule, *_ = rules.read(document(rules=[{"kind": kind.name, **place}, *([{"kind": host, **place}] if kind.companion else [])])).rules
    assert rule["parameters"] == {number.name: number.default for number in kind.numbers}
    assert all(number.least <= number.default <= number.most for number in kind.numbers)


BOW = [[0.2, 0.2], [0.8, 0.8], [0.8, 0.2], [0.2, 0.8]]


@pytest.mark.parametrize("polygon", [BOW, [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.5, 0.05], [0.1, 0.9]]])
def test_a_zone_that_crosses_itself_is_refused_with_the_corners_to_drag(polygon):
    words = refusal(zones=[{"name": "lawn", "polygon": polygon}])
    assert words.startswith("lawn crosses itself: the edge between corners ")
    assert "has no area" not in words


def test_a_mask_that_crosses_itself_is_refused_too():
    assert "crosses itself" in refusal(masks=[BOW])


@pytest.mark.parametrize("polygon", [[BOW[0], BOW[2], BOW[1], BOW[3]], [[0.1, 0.1], [0.9, 0.1], [0.9, 0.9], [0.5, 0.3], [0.1, 0.9]]])
def test_a_simple_outline_is_taken_as_it_is_also_a_hollow_one(polygon):
    assert rules.read(document(zones=[{"name": "lawn", "polygon": polygon}], rules=[])).zones["lawn"] == polygon
