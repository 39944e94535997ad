"""Every address and action of the portal, by every role at the wrong site: nothing opens, changes or is named. New ones are found by themselves."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from django.core.cache import cache
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db import transaction
from django.http import Http404

from portal.accounts.models import Membership, User
from portal.accounts.queries import roles_version
from portal.analysis.errors import UploadGone
from portal.core import media
from portal.core.models import AuditRow
from portal.sites.models import Camera
from portal.training.models import Canary, ModelState, ModelVersion
from portal.training.rollout import canary
from tests.portal.alert_scene import JPEG
from tests.portal.portal_scene import person, place, signed_in
from tests.portal.whole_portal import MARK, NODE, Everything, actions, addresses, everything, values_at

pytestmark = pytest.mark.django_db
ROLES = ("operator", "manager", "administrator")
# Pages of a run or a version, which belong to no site: they open for a reader anywhere, and name no camera of a foreign site.
SHARED = {"training:run", "training:export", "training:card", "training:document", "training:canary", "api:run"}
OWN = {"accounts:sign_out", "accounts:new_password", "accounts:end_own_sessions"}  # of whoever calls them: they would end the walk
# A page with a token, a list of alerts of which foreign ones are left out, a second factor of one's own: what they change is looked at below.
PARTLY = {"accounts:welcome", "alerts:bulk", "accounts:remove_factor"}
# Facts belong to no site: who works at any desk reads and writes them; tests/portal/test_portal_facts_pages.py has who approves.
FACTS = {f"facts:{name}" for name in ("fact", "edit", "retire", "version", "approve", "refuse")}
# What somebody does for himself, or at no site at all.
SELF = {
    "accounts.actions.change_password",
    "accounts.actions.choose_language",
    "accounts.actions.change_name",
    "accounts.actions.end_own_sessions",
    "accounts.actions.make_token",
    "accounts.actions.drop_token",
    "accounts.factor_actions.add_totp",
    "accounts.factor_actions.add_passkey",
    "accounts.factor_actions.remove_factor",
    "accounts.factor_actions.renew_recovery_codes",
    "analysis.intake.laid_out",
    "analysis.uploads.begin",
    "sites.actions.make_site",
    "facts.actions.propose",  # facts belong to no site: tests/portal/test_portal_facts.py has who may do what
    "facts.actions.propose_retirement",
    "facts.actions.approve",
    "facts.actions.refuse",
    "facts.importing.import_file",
    "accounts.actions.make_person",
}
DATA: dict[str, Any] = {
    "reason": "because",
    "expires": "2030-01-01",
    "detector": "anomaly",
    "task": "anomaly",
    "sites": NODE,
    "hour": 2,
    "on": "1",
    "required": "1",
    "typed": "x",
}
CHOSEN = {"agrees": True, "columns": {}}
ALLOWED_VERBS = ("account.", "site.made", "case.", "machine.", "fact.", "facts.")


@pytest.fixture
def foreign(settings, tmp_path) -> Everything:
    cache.clear()
    return everything()


def somebody(role: str) -> User:
    """Somebody with this role at another site."""
    other = place("b-place")
    return person(f"{role}@b-place.example", role, other.site)


def answers(client: Any, path: str, data: dict[str, Any], machine: bool) -> list[Any]:
    found = [client.get(path), client.post(path, data)]
    if path.startswith("/api/v1/") and not machine:
        found += [client.generic(method, path, b"{}", content_type="application/json") for method in ("PUT", "PATCH", "DELETE")]
    return found


@pytest.mark.parametrize("role", ROLES[1:])  # an operator opens less than a manager; the actions below are tried by all
def test_no_address_opens_changes_or_names_anything_of_a_foreign_site(foreign, role):
    user = somebody(role)
    client, wrong = signed_in(user), []
    data = {**DATA, "cameras": foreign.camera.pk, "camera": foreign.camera.pk, "site": foreign.site.slug, "run": foreign.run.pk}
    for address in addresses():
        if address.name in OWN:
            continue
        path = address.path(values_at(address, foreign))
        for answer in answers(client, path, data, address.machine):
            method, body = answer.wsgi_request.method, b"" if answer.streaming else answer.content
            if answer.status_code >= 500 or MARK.encode() in body:
                wrong.append((method, path, answer.status_code, "names it" if MARK.encode() in body else ""))
            opened = answer.status_code not in (400, 401, 403, 404, 405, 412, 415)
            if address.parameters and opened and not (method == "GET" and address.name in SHARED) and address.name not in PARTLY | FACTS:
                wrong.append((method, path, answer.status_code, "opens"))
    assert wrong == []
    rows = AuditRow.objects.filter(actor=f"user:{user.email}").values_list("verb", "site", "subject")
    assert [row for row in rows if row[1] == foreign.site.slug or not row[0].startswith(ALLOWED_VERBS)] == []
    assert Membership.objects.filter(user=user).count() == 1


def filled(function: Any, user: User, found: Everything) -> dict[str, Any]:
    """Arguments for an action about the foreign site. Raises KeyError for a parameter that this table lacks: teach it here."""
    table: dict[str, Any] = CHOSEN | {
        "user": found.user if "actor" in inspect.signature(function).parameters else user,
        "actor": user,
        "site": found.site,
        "camera": found.camera,
        "camera_id": found.camera.pk,
        "agent": found.agent,
        "alert_id": found.alert.pk,
        "alert_ids": [found.alert.pk],
        "event_id": found.alert.pk,
        "sha256": media.put(JPEG),
        "assignee_id": None,
        "alternative": "a card",
        "turn": 0,
        "case_id": found.case.pk,
        "upload_id": found.upload.pk,
        "finding_id": found.finding.pk,
        "run_id": found.run.pk,
        "model_id": found.model.pk,
        "canary_id": found.canary.pk,
        "pk": found.recognition.pk,
        "uid": found.person.uid,
        "cameras": [found.camera.pk],
        "detector": "anomaly",
        "task": "anomaly",
        "plan": {"sites": [NODE]},
        "grants": {("operator", found.site.pk)},
        "email": "new@a-place.example" if function.__name__ == "invite" else found.user.email,
        "test_id": found.source_test.pk,
        "tool": "faces",
        "support": "neither",
        "answer": "yes",
        "mode": "M0",
        "legal_basis": "consent",
        "expires": found.person.expires,
        "until": found.person.expires.date().isoformat(),
        "days": 30,
        "hour": 2,
        "enabled": True,
        "required": True,
        "on": False,
        "watching": None,
        "fields": {"name": "x", "slug": "x"},
        "stream": None,
        "without_alternative": True,
        **{"x": 0.5, "y": 0.5, "heading": 0.0},
        "offset": 0,
        "length": 1,
        "priority": 10,
        "content": b"",
        "file": None,
        "tags": "x",
    }
    table |= {"reason": "real", "version": roles_version(found.user)}
    texts = ("note", "text", "name", "title", "document", "typed", "login", "password")
    table |= dict.fromkeys(texts, "x") | dict.fromkeys(("files", "uploads", "pictures", "doors"), ())
    return given(function, table)


def given(function: Any, table: dict[str, Any]) -> dict[str, Any]:
    """Of the table what the function must be given, and the site always."""
    arguments: dict[str, Any] = {}
    for name, each in inspect.signature(function).parameters.items():
        if each.kind is each.VAR_KEYWORD:
            arguments |= table[name]
        elif each.default is each.empty or name == "site":
            arguments[name] = table[name]
    return arguments


@pytest.mark.parametrize("role", ROLES)
def test_no_action_is_done_at_a_foreign_site(foreign, role):
    user, done = somebody(role), []
    found = {name: action for name, action in actions().items() if name not in SELF}
    assert len(found) > 40
    for name, action in found.items():
        try:
            with transaction.atomic():
                arguments = filled(action, user, foreign)
                action(**arguments)
                if AuditRow.objects.filter(actor=f"user:{user.email}").exists():  # a bulk action leaves out what is not one's own
                    done.append(name)
                transaction.set_rollback(True)
        except (PermissionDenied, ObjectDoesNotExist, Http404, UploadGone):
            continue
        except Exception as error:  # noqa: BLE001 - whatever it is, the permission was not asked first
            done.append(f"{name}: {type(error).__name__}: {error}")
    assert done == []


def test_an_administrator_of_one_site_tries_a_version_there_and_nowhere_else(foreign, monkeypatch):
    """The fault as it was found: a canary at another site's camera."""
    user = somebody("administrator")
    own = Camera.objects.get(site__slug="b-place", slug="gate")
    own.agents.create(public_key="own-key", node_id="9002")
    monkeypatch.setattr(ModelVersion, "here", property(lambda self: True))
    fresh = ModelVersion.objects.create(detector="people", version="2", sha256="f" * 64, size=5, signature="x", card={})
    with pytest.raises(PermissionDenied, match="1 camera of a site"):
        canary.start(user=user, model_id=fresh.pk, cameras=[own.pk, foreign.camera.pk])
    assert signed_in(user).post(f"/training/models/{fresh.pk}/publish").status_code == 403
    assert canary.start(user=user, model_id=fresh.pk, cameras=[own.pk]).cameras.count() == 1
    fresh.refresh_from_db()
    assert (fresh.state, Canary.objects.filter(ended=None).count()) == (ModelState.CANARY, 2)


def test_what_a_reader_may_not_see_is_counted_and_not_named(foreign):
    reader = signed_in(somebody("administrator"))
    assert "and 1 camera of another site" in reader.get("/training/").content.decode()
    run = reader.get(f"/api/v1/runs/{foreign.run.pk}").json()
    assert {site["name"] for each in run["rounds"] for site in each["sites"]} == {"camera 1 of another site"}
    assert (run["reason"], run["three"]["rows"][0]["name"]) == ("node camera 1 of another site left", "camera 1 of another site")
    assert 'frames_dropped_total{site="",camera=""} 0' in reader.get("/metrics").content.decode()
    everywhere = signed_in(person("all@square.example", "administrator"))
    assert f"Porta {MARK}" in everywhere.get(f"/training/runs/{foreign.run.pk}/").content.decode()
    assert 'frames_dropped_total{site="a-place",camera="gate"}' in everywhere.get("/metrics").content.decode()
