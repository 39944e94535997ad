"""The watch room's strip of when alerts came, and what a decision in the pane offers to take back."""

from __future__ import annotations

import datetime

import pytest
from alert_scene import scene
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone

from portal.alerts.filters import AlertFilters
from portal.alerts.strip import strip

pytestmark = pytest.mark.django_db


@pytest.fixture
def square():
    return scene()


@pytest.fixture
def operator(client, square):
    client.force_login(square.operator, "django.contrib.auth.backends.ModelBackend")
    return client


@pytest.mark.parametrize(("verb", "sent", "word"), [("acknowledge", {}, "Acknowledged"), ("resolve", {"reason": "false_alarm"}, "False alarm")])
def test_a_decision_in_the_pane_offers_to_take_it_back_and_a_repeated_one_does_not(operator, square, verb, sent, word):
    alert = square.alert()
    first, second = (operator.post(reverse(f"alerts:{verb}", args=[alert.pk]), sent, headers={"HX-Request": "true"}) for _ in range(2))
    assert word in first["HX-Trigger"]
    assert "HX-Trigger" not in second
    assert operator.post(reverse("alerts:bulk", args=["undo"]), {"alert": alert.pk}).json() == {"done": [alert.pk]}
    alert.refresh_from_db()
    assert (alert.state, alert.reason, alert.assignee) == ("new", "", None)


def asked(square, **filters):
    request = RequestFactory().get("/", filters)
    request.user = square.operator
    return strip(request, AlertFilters.read(request.GET))


def test_the_strip_counts_by_severity_and_each_bar_leads_to_its_alerts(operator, square):
    for n, kind in enumerate(("object_left", "anomaly")):
        square.alert(kind=kind, seq=n)
    shown = asked(square)
    assert len(shown["bars"]) in (96, 97)
    assert shown["total"] == {"high": 1, "medium": 0, "low": 1}
    bar = next(bar for bar in shown["bars"] if bar["n"])
    assert operator.get(f"/?{bar['query']}").content.decode().count('class="row"') == bar["n"]
    assert operator.get("/alerts/strip").status_code == 200


@pytest.mark.parametrize(
    "filters",
    [{"since": "2026-10-25"}, {"since": "nonsense"}, {"since": "2026-10-25", "until": "2026-10-24"}, {"until": "9999-12-31"}, {"until": "0001-01-01"}],
)
def test_no_stretch_of_time_breaks_the_strip(square, filters):
    square.alert(t=(timezone.now() - datetime.timedelta(hours=2)).timestamp())
    assert 1 <= len(asked(square, **filters)["bars"]) <= 400
