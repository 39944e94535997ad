"""One typed event for what has happened: subscribers are told after the commit and never of what was undone, and one that breaks stops nobody."""

from __future__ import annotations

import dataclasses

import pytest
from django.db import transaction

from portal.core import events
from portal.core.events import AuditEntry, DomainEvent
from portal.core.models import AuditRow
from portal.sites.models import Site

pytestmark = pytest.mark.django_db(transaction=True)


@dataclasses.dataclass(frozen=True, slots=True)
class Rang(DomainEvent):
    """For these tests only."""

    number: int


@dataclasses.dataclass(frozen=True, slots=True)
class RangAloud(Rang):
    """One that stands in the audit log."""

    def audit_entry(self) -> AuditEntry:
        return AuditEntry("bell.rang", f"bell:{self.number}", data={"n": self.number})


@pytest.fixture
def subscribe(monkeypatch):
    """Subscribe for the length of a test."""
    monkeypatch.setattr(events, "handlers", {})
    monkeypatch.setattr(events, "transaction_handlers", {})
    return events.subscribe


def test_subscribers_are_told_after_the_commit(subscribe):
    seen = []
    subscribe(Rang, seen.append)
    with transaction.atomic():
        events.publish(Rang(1))
        assert seen == []
    assert seen == [Rang(1)]


def test_what_is_undone_is_told_to_nobody_and_leaves_no_row(subscribe):
    seen = []
    subscribe(RangAloud, seen.append)
    with transaction.atomic():
        events.publish(RangAloud(1))
        transaction.set_rollback(True)
    assert (seen, AuditRow.objects.count()) == ([], 0)


def test_one_that_breaks_stops_no_other_and_is_logged(subscribe, caplog):
    seen = []

    def broken(event):
        raise RuntimeError("no bell")

    subscribe(Rang, broken)
    subscribe(Rang, seen.append)
    events.publish(Rang(2))
    assert seen == [Rang(2)]
    assert "no bell" in caplog.text


def test_only_this_very_class_is_told(subscribe):
    seen = []
    subscribe(Rang, seen.append)
    events.publish(RangAloud(3))
    assert seen == []


def test_the_audit_log_has_the_events_own_row(subscribe):
    events.publish(RangAloud(4))
    row = AuditRow.objects.get()
    assert (row.verb, row.subject, row.actor, row.data) == ("bell.rang", "bell:4", "system", {"n": 4})


def test_subscribing_twice_tells_once(subscribe):
    seen = []
    subscribe(Rang, seen.append)
    subscribe(Rang, seen.append)
    events.publish(Rang(5))
    assert seen == [Rang(5)]


def test_what_is_no_event_cannot_be_subscribed_to(subscribe):
    with pytest.raises(TypeError, match="no class of events"):
        subscribe(dict, print)


@pytest.mark.parametrize(("undone", "slugs"), [(False, ["bell"]), (True, [])])
def test_what_a_subscriber_writes_in_the_transaction_stands_and_falls_with_it(subscribe, undone, slugs):
    subscribe(Rang, lambda event: Site.objects.create(slug="bell"), in_transaction=True)
    with transaction.atomic():
        events.publish(Rang(6))
        assert Site.objects.filter(slug="bell").exists()
        transaction.set_rollback(undone)
    assert list(Site.objects.values_list("slug", flat=True)) == slugs


@pytest.mark.parametrize("failure", [lambda: Site.objects.create(slug="church"), lambda: 1 / 0], ids=["database", "elsewhere"])
def test_one_that_breaks_in_the_transaction_undoes_what_it_wrote_and_nothing_else(subscribe, caplog, failure):
    seen = []

    def broken(event):
        Site.objects.create(slug="half")
        failure()

    subscribe(Rang, broken, in_transaction=True)
    subscribe(Rang, lambda event: Site.objects.create(slug="bell"), in_transaction=True)
    subscribe(Rang, seen.append)
    with transaction.atomic():
        Site.objects.create(slug="church")
        events.publish(Rang(7))
    assert sorted(Site.objects.values_list("slug", flat=True)) == ["bell", "church"]
    assert seen == [Rang(7)]
    assert "broken failed on Rang(number=7)" in caplog.text
