"""What a door's false match rate is: strangers counted by its agent, recognitions verified by two people, a threshold of its own."""

from __future__ import annotations

import datetime

import pytest
from alert_scene import Scene, scene
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client
from django.utils import timezone

from portal.core.models import AuditRow
from portal.people import doors
from portal.people.models import DoorDay, Person, Recognition
from portal.sites import actions, rules
from portal.sites.models import Rule

pytestmark = pytest.mark.django_db
WHOLE = [[0, 0], [1, 0], [1, 1], [0, 1]]


@pytest.fixture
def square() -> Scene:
    """A door in mode M1 with a rule about faces."""
    made = scene()
    made.camera.legal_mode, made.camera.kind = "M1", "door"
    made.camera.save()
    watching = {"zones": [{"name": "Door", "polygon": WHOLE}], "rules": [{"kind": "unknown_person", "zone": "Door", "min_s": 1}]}
    actions.save_watching(user=made.manager, camera_id=made.camera.pk, watching=rules.read(watching))
    return made


def beats(square: Scene, *, people: int = 10, unknown: int = 0, threshold: float = 0.44, **scores: int) -> None:
    """The door's agent says what it has counted since it began, and the portal looks."""
    square.agent.health = {"door": {"people": people, "threshold": threshold, "visits": {"unknown": unknown}, "scores": {n[1:]: k for n, k in scores.items()}}}
    square.agent.last_seen = timezone.now()
    square.agent.save()
    doors.count()


def recognised(square: Scene, count: int, verdict: str, score: float = 0.6, **changes) -> None:
    paper = {"legal_basis": "consent", "document": "x", "owner": square.manager, "expires": timezone.now() + datetime.timedelta(days=9)}
    person, _made = Person.objects.get_or_create(site=square.site, name="Anna", defaults=paper)
    numbers = {
        "gallery_version": 1,
        "people": 10,
        "score": score,
        "threshold": 0.44,
        "frames": 5,
        "net": "face-embedding",
        "started": timezone.now(),
        **changes,
    }
    done = Recognition.objects.count()
    Recognition.objects.bulk_create(
        Recognition(camera=square.camera, person=person, visit=f"{done + n:032x}", verdict=verdict, **numbers) for n in range(count)
    )


def test_counts_add_up_over_the_looks(square):
    beats(square, unknown=3, b120=2, b130=1)
    beats(square, unknown=5, b120=3, b130=2)
    (day,) = DoorDay.objects.all()
    assert (day.strangers, day.scores) == (5, {"120": 3, "130": 2})


def test_a_look_that_brings_no_news_adds_nothing(square):
    for _ in range(3):
        beats(square, unknown=3, b120=3)
    assert DoorDay.objects.get().strangers == 3


def test_what_was_counted_before_a_restart_is_kept(square):
    beats(square, unknown=7, b120=7)
    beats(square, unknown=2, b120=1, b140=1)
    day = DoorDay.objects.get()
    assert (day.strangers, day.scores) == (9, {"120": 8, "140": 1})


def test_a_list_of_another_length_has_scores_of_its_own(square):
    beats(square, people=10, unknown=4, b120=4)
    beats(square, people=11, unknown=5, b125=1)
    assert {day.people: (day.strangers, day.scores) for day in DoorDay.objects.all()} == {10: (4, {"120": 4}), 11: (1, {"125": 1})}


def test_yesterdays_counts_are_not_todays(square):
    beats(square, unknown=4, b120=4)
    DoorDay.objects.update(day=timezone.localdate() - datetime.timedelta(days=1))
    beats(square, unknown=6, b120=6)
    assert [(day.strangers, day.scores) for day in DoorDay.objects.order_by("day")] == [(4, {"120": 4}), (2, {"120": 2})]


NONSENSE = [None, [], {}, {"people": "ten"}, {"people": True}, {"people": 4, "visits": [], "scores": {"x": 1, "999": 2, "3": -1, "4": "many"}}]


@pytest.mark.parametrize("status", NONSENSE, ids=str)
def test_whatever_an_agent_says_counting_stands(square, status):
    square.agent.health, square.agent.last_seen = {"door": status}, timezone.now()
    square.agent.save()
    doors.count()
    assert sum(day.strangers for day in DoorDay.objects.all()) == 0


def test_an_agent_that_is_silent_is_not_counted_again(square):
    beats(square, unknown=4)
    square.agent.last_seen = timezone.now() - datetime.timedelta(minutes=5)
    square.agent.save()
    assert doors.count() == 0


def test_the_rate_is_that_of_strangers_with_a_name(square):
    beats(square, unknown=198)
    recognised(square, 8, "right")
    recognised(square, 2, "wrong")
    found = doors.measure(square.camera)
    assert (found.strangers, found.wrong, found.counted, found.rate) == (198, 2, 200, 0.01)
    low, high = found.interval
    assert low < 0.01 < high
    assert round(high, 3) == 0.036


def test_with_half_of_them_verified_half_of_the_strangers_count(square):
    beats(square, unknown=200)
    recognised(square, 4, "right")
    recognised(square, 1, "wrong")
    recognised(square, 5, "waiting")
    found = doors.measure(square.camera)
    assert (found.missing, found.counted) == (5, 101)


def test_before_anything_is_verified_there_is_no_rate(square):
    beats(square, unknown=50)
    recognised(square, 3, "waiting")
    assert doors.measure(square.camera).rate is None


def test_without_any_recognition_no_stranger_got_a_name(square):
    beats(square, unknown=100)
    found = doors.measure(square.camera)
    assert found.rate == 0
    assert 0.02 < found.interval[1] < 0.05


def test_what_is_older_than_thirty_days_does_not_count(square):
    beats(square, unknown=100)
    DoorDay.objects.update(day=timezone.localdate() - datetime.timedelta(days=40))
    recognised(square, 1, "wrong", started=timezone.now() - datetime.timedelta(days=40))
    found = doors.measure(square.camera)
    assert (found.strangers, found.recognitions) == (0, 0)


def threshold_of(square: Scene) -> float:
    return Rule.objects.get(camera=square.camera, kind="unknown_person", enabled=True).parameters["threshold"]


def test_a_threshold_from_the_doors_own_strangers_is_written_into_its_rule(square):
    beats(square, unknown=500, b110=300, b120=150, b130=45, b138=5)
    version = square.camera.config_version
    found = doors.recalibrate(user=square.manager, camera=square.camera)
    assert 0.30 < found < 0.45
    assert threshold_of(square) == found
    square.camera.refresh_from_db()
    assert square.camera.config_version > version
    row = AuditRow.objects.get(verb="door.recalibrated")
    assert (row.data["scores"], row.data["threshold"]) == (500, found)


def test_wrong_names_push_the_threshold_up(square):
    beats(square, unknown=500, b110=500)
    before = doors.recalibrate(user=square.manager, camera=square.camera)
    recognised(square, 20, "wrong", score=0.62)
    assert doors.recalibrate(user=square.manager, camera=square.camera) > max(before, 0.6)


def test_too_few_scores_are_refused_with_the_number(square):
    beats(square, unknown=42, b110=42)
    with pytest.raises(ValidationError, match="42 of at least 300"):
        doors.recalibrate(user=square.manager, camera=square.camera)
    assert threshold_of(square) == 0


def test_recognitions_that_nobody_verified_are_refused_first(square):
    beats(square, unknown=500, b110=500)
    recognised(square, 3, "waiting")
    with pytest.raises(ValidationError, match="3 recognitions"):
        doors.recalibrate(user=square.manager, camera=square.camera)


def test_a_door_without_a_rule_about_faces_is_refused(square):
    beats(square, unknown=500, b110=500)
    Rule.objects.all().delete()
    with pytest.raises(ValidationError, match="no rule about faces"):
        doors.recalibrate(user=square.manager, camera=square.camera)


def test_back_to_the_lists_threshold(square):
    beats(square, unknown=500, b110=500)
    doors.recalibrate(user=square.manager, camera=square.camera)
    doors.by_list(user=square.manager, camera=square.camera)
    assert threshold_of(square) == 0


def test_an_operator_changes_no_threshold(square):
    with pytest.raises(PermissionDenied):
        doors.recalibrate(user=square.operator, camera=square.camera)


def visit(who, path: str = "/people/doors/", **data) -> tuple[int, str]:
    client = Client()
    client.force_login(who, backend="django.contrib.auth.backends.ModelBackend")
    answer = client.post(path, data, follow=True) if data else client.get(path)
    return answer.status_code, answer.content.decode()


def test_the_page_says_how_many_scores_are_missing(square):
    beats(square, unknown=42, b110=42)
    text = visit(square.manager)[1]
    assert "42 of at least 300" in text
    assert "disabled" in text


def test_the_page_recalibrates_and_takes_it_back(square):
    beats(square, unknown=500, b110=500)
    path = f"/people/doors/{square.camera.pk}/threshold"
    assert "asks for a likeness of" in visit(square.manager, path, by="door")[1]
    assert threshold_of(square) > 0
    assert "by the length of the list again" in visit(square.manager, path, by="list")[1]
    assert threshold_of(square) == 0


def test_a_refusal_stands_on_the_page_with_422(square):
    beats(square, unknown=42, b110=42)
    status, text = visit(square.manager, f"/people/doors/{square.camera.pk}/threshold", by="door")
    assert status == 422
    assert "too few to promise a rate" in text


def test_a_door_of_another_site_is_not_found(square):
    assert visit(scene("tower").manager, f"/people/doors/{square.camera.pk}/threshold", by="list")[0] == 404


def test_a_site_without_a_door_in_mode_m1_says_so(square):
    square.camera.legal_mode = "M0"
    square.camera.save()
    assert "No door in mode M1" in visit(square.manager)[1]


def test_counts_are_forgotten_after_ninety_days(square):
    beats(square, unknown=5)
    DoorDay.objects.update(day=timezone.localdate() - datetime.timedelta(days=91))
    beats(square, unknown=6)
    doors.forget_old()
    assert [day.strangers for day in DoorDay.objects.all()] == [1]
