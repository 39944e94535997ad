"""Every case of the desk has an end date: what goes in the night after it, what stays, who may move it, and what a clock that jumps does not do."""

from __future__ import annotations

import datetime
import threading

import pytest
from alert_scene import scene
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone

from portal.analysis import actions, case_actions, custody, queries, retention, tasks
from portal.analysis.models import Case, CaseNote
from portal.core import media
from portal.core.models import AuditRow
from tests.portal.portal_scene import place, signed_in
from tests.portal.test_portal_analysis import file

pytestmark = pytest.mark.django_db
YEAR = 365


@pytest.fixture
def at(settings, tmp_path):
    settings.MEDIA_FOLDER = tmp_path
    return scene()


def day(days: int) -> datetime.date:
    return timezone.localdate() + datetime.timedelta(days=days)


def examined(at, name: str = "torre.jpg", **more) -> Case:
    """A case that a tool was done with."""
    case = actions.open_case(user=at.operator, files=[file(name)], site=at.site, **more)
    tasks.run_case(case_id=case.pk)
    return Case.objects.get(pk=case.pk)


def end_of(case: Case, days: int, by=None) -> Case:
    return case_actions.change_end(user=by or case.opened_by, case_id=case.pk, until=day(days).isoformat(), reason="The court has decided")


def test_a_case_goes_in_the_night_after_its_end_with_all_it_has(at):
    case = examined(at)
    case_actions.add_note(user=at.operator, case_id=case.pk, text="From a reader")
    kept = [each.sha256 for each in case.files.all()] + list(case.evidence.values())
    assert case.end_date == day(YEAR)
    assert retention.forget_ended(day(YEAR)) == {"cases": 0, "files": 0}
    assert all(media.exists(each) for each in kept)
    assert retention.forget_ended(day(YEAR + 1)) == {"cases": 1, "files": len(set(kept))}
    assert not Case.objects.exists()
    assert not CaseNote.objects.exists()
    assert not any(media.exists(each) for each in kept)
    assert AuditRow.objects.get(verb="case.forgotten").data == {"files": 1, "until": day(YEAR).isoformat()}
    assert AuditRow.objects.filter(subject=f"case:{case.pk}", verb="case.opened").exists()  # the log keeps that it was here
    assert signed_in(at.operator).get(reverse("analysis:case", args=[case.pk])).status_code == 404


def test_cases_about_the_same_files_end_together_and_a_shared_file_stays_for_another(at):
    first, other = examined(at), examined(at)
    later = case_actions.ask_another(user=at.operator, case_id=first.pk, tool="picture-forensics", files=[0])
    assert (later.kept_until, later.end_date) == (None, first.end_date)
    end_of(later, 3)
    assert Case.objects.get(pk=first.pk).kept_until == day(3)
    assert retention.forget_ended(day(4)) == {"cases": 0, "files": 0}  # the second is still queued
    actions.cancel_case(user=at.operator, case_id=later.pk)
    gone = retention.forget_ended(day(4))
    assert gone["cases"] == 2
    assert list(Case.objects.all()) == [other]
    assert all(media.exists(each.sha256) for each in other.files.all())


def test_the_end_is_moved_with_a_reason_that_stands_in_the_custody(at):
    case = examined(at)
    end_of(case, 30)
    line = custody.lines(Case.objects.get(pk=case.pk))[-1]
    assert (line.who, line.what, line.why) == (at.operator.email, "changed until when a case is kept", "The court has decided")
    with pytest.raises(ValidationError, match="already"):
        end_of(case, 30)
    with pytest.raises((PermissionDenied, Case.DoesNotExist)):
        end_of(case, 40, by=place("elsewhere").person("operator"))


@pytest.mark.parametrize("until", ["", "soon", "2027-02-31", "0000-00-00", "99999-01-01", "-1", "\x00"])
def test_an_end_that_is_no_day_changes_nothing(at, until):
    case = examined(at)
    client = signed_in(at.operator)
    answer = client.post(reverse("analysis:end_date", args=[case.pk]), {"kept_until": until, "kept_because": "why"})
    assert answer.status_code == 422
    assert "Choose a da" in answer.content.decode()
    assert Case.objects.get(pk=case.pk).kept_until == day(YEAR)


@pytest.mark.parametrize("days", [-1, retention.LONGEST_DAYS + 1])
def test_an_end_that_is_past_or_too_far_changes_nothing(at, days):
    case = examined(at)
    with pytest.raises(ValidationError, match="from today to"):
        end_of(case, days)
    assert Case.objects.get(pk=case.pk).kept_until == day(YEAR)


def test_the_desk_says_what_goes_soon(at):
    case, _other = examined(at, title="Ends soon"), examined(at, title="Stays")
    end_of(case, 10)
    page = signed_in(at.operator).get(reverse("analysis:desk"), {"status": "ending"}).content.decode()
    assert "Ends soon" in page
    assert ">Stays<" not in page
    assert "goes after" in page
    assert queries.case_state(at.operator, case.pk)["kept_until"] == day(10).isoformat()
    form = signed_in(at.operator).get(reverse("analysis:case", args=[case.pk])).content.decode()
    assert f'value="{day(10).isoformat()}"' in form
    assert f'max="{retention.last_end().isoformat()}"' in form


@pytest.mark.django_db(transaction=True)
def test_a_case_that_somebody_changes_at_this_moment_stays_until_the_next_night(at):
    case, done = examined(at), threading.Event()
    held = threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic():
                Case.objects.select_for_update(no_key=True).get(pk=case.pk)
                held.set()
                done.wait(60)
        finally:
            connection.close()

    person = threading.Thread(target=hold)
    person.start()
    assert held.wait(60)
    assert retention.forget_ended(day(YEAR + 1)) == {"cases": 0, "files": 0}
    done.set()
    person.join()
    assert retention.forget_ended(day(YEAR + 1))["cases"] == 1
