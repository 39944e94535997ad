"""The watch room's pages, the alerts' API and the evidence: who gets them, what they hold, what they refuse."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.core.cache import cache
from django.urls import reverse
from rest_framework.authtoken.models import Token

from portal.alerts.models import Alert, AlertState
from portal.core import media
from tests.portal.alert_scene import JPEG, WEBM, scene

pytestmark = pytest.mark.django_db
PERSON = {"kind": "person", "score": 0.8, "box": [1, 2, 3, 4], "track": None, "data": {}}
VERBS = {"acknowledge": {}, "assign": {"assignee": ""}, "resolve": {"reason": "real"}, "reopen": {}, "note": {"text": "hello"}}


@pytest.fixture
def square(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "MEDIA_FOLDER", tmp_path)
    cache.clear()
    return scene()


@pytest.fixture
def alert(square):
    return square.alert(
        snapshot=media.put(JPEG), clip=media.put(WEBM), detections=[{"kind": "person", "score": 0.8, "box": [1, 2, 3, 4], "track": None, "data": {}}]
    )


@pytest.fixture
def operator(client, square):
    client.force_login(square.operator, "django.contrib.auth.backends.ModelBackend")
    return client


def signed_in(client, user):
    client.force_login(user, "django.contrib.auth.backends.ModelBackend")
    return client


def page_of(alert, verb="alert"):
    return reverse(f"alerts:{verb}", args=[alert.pk])


def evidence_of(alert, kind="snapshot"):
    return reverse("alerts:media", args=[alert.pk, kind])


def test_the_watch_room_shows_the_alert(operator, alert):
    html = operator.get("/").content.decode()
    assert f'id="alert-{alert.pk}"' in html
    assert "altar" in html


def test_the_watch_room_of_a_quiet_site_says_so(operator):
    assert "All quiet" in operator.get("/").content.decode()


def test_a_filter_that_fits_nothing_says_so(operator, alert):
    assert "Nothing fits the filter" in operator.get("/?q=zeppelin").content.decode()


@pytest.mark.parametrize("query", ["page=99999", "page=x", "camera=x", "state=x", "q=%00", "site[]=1"])
def test_a_strange_query_is_no_error(operator, alert, query):
    assert operator.get(f"/?{query}").status_code == 200


@pytest.mark.parametrize("rows", [1, 40])
def test_the_watch_room_costs_the_same_few_queries_for_any_number_of_rows(operator, square, rows, django_assert_max_num_queries):
    square.record(*[square.event(kind=f"kind_{n}", seq=n) for n in range(rows)])
    with django_assert_max_num_queries(20):  # three roles and their sites for the frame, the rows, counters, choices, the strip
        assert operator.get("/").status_code == 200


def test_a_page_and_a_pane_show_the_same_alert(operator, alert):
    page, pane = operator.get(page_of(alert)), operator.get(page_of(alert), headers={"HX-Request": "true"})
    assert b"<html" in page.content
    assert b"<html" not in pane.content
    assert all(f'data-shown="{alert.pk}"' in answer.content.decode() for answer in (page, pane))


def test_what_an_agent_sent_is_never_markup(operator, square):
    alert = square.alert(data={"zone": "<script>alert(1)</script>"}, detections=[{"kind": "</script><b>", "score": 1, "box": None, "track": None, "data": {}}])
    assert b"<script>alert" not in operator.get("/").content
    assert b"</script><b>" not in operator.get(page_of(alert)).content


@pytest.mark.parametrize("address", [page_of, evidence_of])
def test_an_alert_of_another_site_is_not_there(client, alert, address):
    assert signed_in(client, scene("museum").operator).get(address(alert)).status_code == 404


@pytest.mark.parametrize("address", [page_of, evidence_of])
def test_a_stranger_is_sent_to_sign_in(client, alert, address):
    answer = client.get(address(alert))
    assert (answer.status_code, answer["Location"].startswith(reverse("accounts:sign_in"))) == (302, True)


@pytest.mark.parametrize(("verb", "body"), VERBS.items(), ids=VERBS)
def test_an_administrator_may_not_act_by_page(client, square, alert, verb, body):
    assert signed_in(client, square.administrator).post(page_of(alert, verb), body).status_code == 403
    assert Alert.objects.get().entries.count() == 0


@pytest.mark.parametrize(("verb", "body"), VERBS.items(), ids=VERBS)
def test_a_look_changes_nothing(operator, alert, verb, body):
    assert operator.get(page_of(alert, verb), body).status_code == 405


def test_resolving_by_page_leads_back_to_the_alert(operator, alert):
    assert operator.post(page_of(alert, "resolve"), {"reason": "false_alarm"})["Location"] == page_of(alert)
    assert Alert.objects.get().state == AlertState.RESOLVED


def test_resolving_by_pane_answers_with_the_pane(operator, alert):
    answer = operator.post(page_of(alert, "resolve"), {"reason": "real"}, headers={"HX-Request": "true"})
    assert (answer.status_code, b"Reopen" in answer.content) == (200, True)


def test_a_refused_resolution_keeps_what_was_typed(operator, alert):
    answer = operator.post(page_of(alert, "resolve"), {"reason": "boredom", "note": "half a sentence"})
    assert (answer.status_code, "half a sentence" in answer.content.decode()) == (422, True)


@pytest.mark.parametrize(("kind", "content_type", "content"), [("snapshot", "image/jpeg", JPEG), ("clip", "video/webm", WEBM)])
def test_evidence_has_its_type_and_is_not_guessed(operator, alert, kind, content_type, content):
    answer = operator.get(evidence_of(alert, kind))
    assert (answer.status_code, answer["Content-Type"], answer.content) == (200, content_type, content)
    assert (answer["X-Content-Type-Options"], answer["Cache-Control"]) == ("nosniff", "private, no-cache")


RANGES = {
    "bytes=0-9": (206, WEBM[:10]),
    "bytes=5-": (206, WEBM[5:]),
    "bytes=-7": (206, WEBM[-7:]),
    "bytes=0-999999": (206, WEBM),
    "bytes=999999-": (416, b""),
    "bytes=9-5": (416, b""),
    "bytes=-": (200, WEBM),
    "bytes=0-1,4-5": (200, WEBM),
    "lines=1-2": (200, WEBM),
}


@pytest.mark.parametrize(("asked", "answered"), RANGES.items(), ids=RANGES)
def test_a_player_gets_the_part_it_asks_for(operator, alert, asked, answered):
    answer = operator.get(evidence_of(alert, "clip"), headers={"Range": asked})
    assert (answer.status_code, answer.content) == answered


def test_evidence_the_browser_has_is_not_sent_again(operator, alert):
    etag = operator.get(evidence_of(alert))["ETag"]
    assert operator.get(evidence_of(alert), headers={"If-None-Match": etag}).status_code == 304


def test_evidence_that_has_not_come_yet_is_404_and_the_page_says_so(operator, square):
    alert = square.alert(snapshot="ab" * 32)
    assert operator.get(evidence_of(alert)).status_code == 404
    assert "still on its way" in operator.get(page_of(alert)).content.decode()


def test_a_token_reads_alerts_by_api(client, square, alert):
    token = Token.objects.create(user=square.operator)
    answer = client.get("/api/v1/alerts?state=new", headers={"Authorization": f"Token {token.key}"})
    assert [row["id"] for row in answer.json()["results"]] == [alert.pk]


@pytest.mark.parametrize(("verb", "body"), {**VERBS, "notes": VERBS["note"], "assign": {"assignee": None}}.items())
def test_an_administrator_may_not_act_by_api(client, square, alert, verb, body):
    answer = signed_in(client, square.administrator).post(f"/api/v1/alerts/{alert.pk}/{'notes' if verb == 'note' else verb}", body, "application/json")
    assert answer.status_code == 403


def test_the_api_acts_and_answers_with_the_alert(operator, alert):
    answer = operator.post(f"/api/v1/alerts/{alert.pk}/resolve", {"reason": "test"}, "application/json")
    assert (answer.status_code, answer.json()["state"], answer.json()["reason"]) == (200, "resolved", "test")


@pytest.mark.parametrize(("path", "status"), [("alerts", 403), ("alerts/1", 403), ("alerts/1/acknowledge", 403)])
def test_the_api_is_closed_to_strangers(client, path, status):
    call = client.post if path.endswith("acknowledge") else client.get
    assert call(f"/api/v1/{path}").status_code in (status, 401)


def test_the_api_finds_no_alert_of_another_site(client, alert):
    museum = signed_in(client, scene("museum").operator)
    assert museum.get(f"/api/v1/alerts/{alert.pk}").status_code == 404
    assert museum.get("/api/v1/alerts").json()["results"] == []


def test_the_wall_is_for_people_with_a_role(client, square):
    assert client.get(reverse("live:wall")).status_code == 302
    assert square.camera.name in signed_in(client, square.operator).get(reverse("live:wall")).content.decode()
