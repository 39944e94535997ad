"""Who works on a case: added and taken off by whoever may write there, for all cases about the same files; without a site they see it through that alone."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.urls import reverse

from portal.accounts.models import Membership
from portal.analysis import actions, case_actions, custody, queries
from portal.analysis.models import Case
from tests.portal.portal_scene import place, signed_in
from tests.portal.test_portal_analysis import file

pytestmark = pytest.mark.django_db


@pytest.fixture
def at():
    return place()


def opened(user, site=None) -> Case:
    return actions.open_case(user=user, files=[file("torre.jpg")], site=site)


def test_without_a_site_a_colleague_sees_the_case_once_added_and_no_longer_when_taken_off(at):
    opener, colleague = at.person("operator"), at.person("manager")
    case = opened(opener)
    page = reverse("analysis:case", args=[case.pk])
    assert signed_in(colleague).get(page).status_code == 404
    assert signed_in(opener).post(reverse("analysis:people", args=[case.pk]), {"person": colleague.email}).status_code == 302
    shown = signed_in(colleague).get(page)
    assert shown.status_code == 200
    later = case_actions.ask_another(user=colleague, case_id=case.pk, tool="picture-forensics", files=[0])
    assert queries.case_state(opener, later.pk)["people"] == [colleague.email]
    assert queries.case_state(colleague, later.pk) is not None  # about the same files
    lines = [(line.who, line.what, line.about) for line in custody.lines(case)]
    assert (opener.email, "let somebody work on a case", colleague.email) in lines
    assert signed_in(opener).post(reverse("analysis:people", args=[later.pk]), {"remove": colleague.email}).status_code == 302
    assert signed_in(colleague).get(page).status_code == 404


def test_only_people_of_the_site_work_on_its_cases_and_only_its_people_choose_them(at):
    operator, manager, stranger = at.person("operator"), at.person("manager"), place("elsewhere").person("operator")
    case = opened(operator, at.site)
    assert [person.email for person in queries.possible_people(operator, case)] == sorted([operator.email, manager.email])
    with pytest.raises(ValidationError, match="Choose somebody"):
        case_actions.add_person(user=operator, case_id=case.pk, email=stranger.email)
    with pytest.raises((PermissionDenied, Case.DoesNotExist)):
        case_actions.add_person(user=stranger, case_id=case.pk, email=stranger.email)
    case_actions.add_person(user=operator, case_id=case.pk, email=manager.email)
    with pytest.raises(ValidationError, match="Choose somebody"):
        case_actions.add_person(user=operator, case_id=case.pk, email=manager.email)
    with pytest.raises(ValidationError, match="does not work"):
        case_actions.remove_person(user=operator, case_id=case.pk, email=operator.email)
    Membership.objects.filter(user=manager).delete()
    assert queries.case_state(manager, case.pk) is None  # a site's case is seen by its people, whoever works on it


def test_the_desk_shows_the_cases_on_which_one_works(at):
    operator = at.person("operator")
    mine, other = opened(operator, at.site), opened(operator, at.site)
    case_actions.add_person(user=operator, case_id=mine.pk, email=operator.email)
    assert list(queries.filtered(queries.cases(operator), person=operator)) == [mine]
    page = signed_in(operator).get(reverse("analysis:desk"), {"people": "me"}).content.decode()
    assert (page.count(reverse("analysis:case", args=[mine.pk])), reverse("analysis:case", args=[other.pk]) in page) == (1, False)


@pytest.mark.parametrize("email", ["", "nobody@example.org", "\x00", "x" * 5000])
def test_nobody_is_added_by_a_wrong_address(at, email):
    operator = at.person("operator")
    case = opened(operator, at.site)
    answer = signed_in(operator).post(reverse("analysis:people", args=[case.pk]), {"person": email})
    assert (answer.status_code, "Choose somebody" in answer.content.decode()) == (422, True)
    assert not queries.people_of(case).exists()
