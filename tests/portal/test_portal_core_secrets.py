"""No password or key in a text that others read: what is found, where it is refused, and what stood there before is masked."""

from __future__ import annotations

import dataclasses
import datetime
import importlib
import inspect
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.utils import timezone

from portal.accounts import actions as account_actions
from portal.accounts import user_actions
from portal.alerts import actions as alert_actions
from portal.alerts import bulk_actions
from portal.alerts.models import HistoryEntry
from portal.analysis import actions as desk
from portal.analysis import case_actions, examiners
from portal.core import audit, audit_check
from portal.core.models import AuditFinding, AuditRow
from portal.core.secrets import MASK, holds_secret, mask_data, mask_secrets, refuse_secret
from portal.facts import actions as fact_actions
from portal.facts.content import Citation
from portal.house import actions as house_actions
from portal.people import actions as people_actions
from portal.people import expiry
from portal.sites import actions, camera_actions, rules
from portal.training.rollout import canary
from tests.portal import whole_portal
from tests.portal.alert_scene import scene
from tests.portal.facts_scene import TEXT as FACT
from tests.portal.portal_scene import person, problems, signed_in

SECRET = "rtsp://admin:p#ss@10.0.0.7:554/stream1"  # noqa: S105 - of a camera that is not there
SECRETS = (
    SECRET,
    "rtsp://admin:p@ss/word@cam.local/1",
    "the gate, rtsp://:hunter2@cam/1, upstairs",
    "http://10.0.0.7/cgi/video?user=admin&pwd=hunter2",
    "http://10.0.0.7/video?channel=1&PASSWORD=hunter2",
    "https://cloud.example/live?token=abc",
    "rtsp://10.0.0.7/user=admin_password=tlJw_channel=1_stream=0.sdp",
    "Password: hunter2",
    "Authorization: Basic YWRtaW46aHVudGVyMg==",
    "rtsp%3A%2F%2Fadmin%3Ahunter2%40cam",
    "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----",
)
HARMLESS = (
    "The corridor, from the porter's lodge; ask maria@example.org for the password",
    "rtsp://10.0.0.7:554/stream1",
    "http://10.0.0.7:8080/a@b?user=admin",
    "Passo del Brennero: 12 cars, bypass=no",
    "Boarding pass: 12",
    "A basic camera installed in 2019",
    f"rtsp://admin:{MASK}@10.0.0.7/stream1",
)


@pytest.mark.parametrize("text", SECRETS)
def test_a_secret_is_refused_with_a_sentence_and_masked(text):
    with pytest.raises(ValidationError) as refused:
        refuse_secret(text)
    assert "others read it" in problems(refused)
    assert not holds_secret(mask_secrets(text))
    assert not any(secret in mask_secrets(text) for secret in ("p#ss", "p@ss", "hunter2", "tlJw", "abc", "YWRtaW46"))


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_a_secret_stays_as_it_is(text):
    assert mask_secrets(refuse_secret(text)) == text


@pytest.mark.timeout(20)
@pytest.mark.parametrize("part", ["x", "a:", "a://b:", "a://", "token:", "token: ", "pwd\t", "basic a", "-----BEGIN ", "%", " ", "/"])
def test_a_long_text_is_read_in_one_go(part):
    """A title of a megabyte held the portal up for hours: the time grew with the square of the length."""
    assert not holds_secret(part * (200_000 // len(part)))


def test_texts_anywhere_in_plain_data_are_masked():
    assert mask_data({"a": [SECRET, 7], "b": {"c": None}}) == {"a": [f"rtsp://admin:{MASK}@10.0.0.7:554/stream1", 7], "b": {"c": None}}


WRITES = {
    "site": lambda s: actions.make_site(user=s.boss, slug="new", name="New", note=SECRET),
    "camera": lambda s: actions.make_camera(user=s.boss, site=s.site, slug="new", name="New", note=SECRET),
    "camera's name": lambda s: actions.make_camera(user=s.boss, site=s.site, slug="new", name=SECRET),
    "note": lambda s: actions.change_note(user=s.boss, camera_id=s.camera.pk, note=SECRET),
    "zone": lambda s: rules.read({"zones": [{"name": SECRET, "polygon": [[0, 0], [1, 0], [1, 1]]}]}),
    "mode": lambda s: actions.change_mode(user=s.manager, camera_id=s.camera.pk, mode="M0", reason=SECRET),
    "stop": lambda s: actions.stop_biometrics(user=s.manager, site=s.site, reason=SECRET),
    "resume": lambda s: actions.resume_biometrics(user=s.manager, site=s.site, reason=SECRET),
    "revoke": lambda s: actions.revoke(user=s.boss, agent=s.agent, reason=SECRET),
    "alert's note": lambda s: alert_actions.add_note(user=s.manager, alert_id=s.alert.pk, text=SECRET),
    "resolution": lambda s: alert_actions.resolve(user=s.manager, alert_id=s.alert.pk, reason="other", note=SECRET),
    "case": lambda s: desk.open_case(user=s.manager, text="Is this true?", title=SECRET),
    "case note": lambda s: case_actions.add_note(user=s.manager, case_id=1, text=SECRET),
    "case tags": lambda s: case_actions.set_tags(user=s.manager, case_id=1, tags=SECRET),
    "case file": lambda s: case_actions.add_file(user=s.manager, case_id=1, file=None, reason=SECRET),
    "case closed": lambda s: case_actions.close_case(user=s.manager, case_id=1, reason=SECRET),
    "case end": lambda s: case_actions.change_end(user=s.manager, case_id=1, until="2027-01-01", reason=SECRET),
    "export": lambda s: case_actions.export_case(user=s.manager, case_id=1, reason=SECRET),
    "names answer": lambda s: case_actions.answer_names(user=s.manager, case_id=1, agrees=True, reason=SECRET),
    "conclusion": lambda s: examiners.clean("neither", SECRET),
    "staff": lambda s: enrol(s, document=SECRET),
    "extension": lambda s: expiry.extend(user=s.manager, uid="0" * 32, expires=s.soon, reason=SECRET),
    "own name": lambda s: account_actions.change_name(user=s.manager, name=SECRET),
    "invited": lambda s: user_actions.invite(actor=s.boss, email="new@x.example", name=SECRET, grants=frozenset({("operator", None)}), days=1),
    "renamed": lambda s: camera_actions.change_camera(user=s.boss, camera_id=s.camera.pk, name=SECRET),
    "switched off": lambda s: camera_actions.switch_camera(user=s.boss, camera_id=s.camera.pk, on=False, reason=SECRET),
    "site's note": lambda s: camera_actions.change_site(user=s.boss, site=s.site, note=SECRET),
    "canary": lambda s: canary.take_back(user=s.boss, canary_id=1, reason=SECRET),
    "site's name": lambda s: actions.make_site(user=s.boss, slug="new", name=SECRET),
    "site's place": lambda s: camera_actions.change_site(user=s.boss, site=s.site, place=SECRET),
    "line": lambda s: rules.read({"lines": [{"name": SECRET, "a": [0, 0], "b": [1, 1]}]}),
    "site switched off": lambda s: camera_actions.switch_site(user=s.boss, site=s.site, on=False, reason=SECRET),
    "bulk resolution": lambda s: bulk_actions.resolve_many(user=s.manager, alert_ids=[s.alert.pk], reason="other", note=SECRET),
    "staff's name": lambda s: enrol(s, name=SECRET),
    "staff's role": lambda s: enrol(s, title=SECRET),
    "staff's other way in": lambda s: enrol(s, alternative=SECRET),
    "fact": lambda s: fact_actions.propose(user=s.manager, text=FACT, note=SECRET),
    "fact retired": lambda s: fact_actions.propose_retirement(user=s.manager, fact_id=1, base=None, note=SECRET),
    "fact refused": lambda s: fact_actions.refuse(user=s.manager, version_id=1, reason=SECRET),
    "fact's name": lambda s: fact_actions.propose(user=s.manager, text=dataclasses.replace(FACT, name_en=SECRET)),
    "fact's Italian name": lambda s: fact_actions.propose(user=s.manager, text=dataclasses.replace(FACT, name_it=SECRET)),
    "fact's names": lambda s: fact_actions.propose(user=s.manager, text=dataclasses.replace(FACT, aliases=(SECRET,))),
    "fact's statement": lambda s: fact_actions.propose(user=s.manager, text=dataclasses.replace(FACT, statement_en=SECRET)),
    "fact's Italian statement": lambda s: fact_actions.propose(user=s.manager, text=dataclasses.replace(FACT, statement_it=SECRET)),
    "fact's source": lambda s: fact_actions.propose(user=s.manager, text=dataclasses.replace(FACT, sources=(Citation("A", "B", "1987", SECRET),))),
    "fact's tags": lambda s: fact_actions.propose(user=s.manager, text=dataclasses.replace(FACT, tags=(SECRET,))),
    "finding": lambda s: house_actions.settle_finding(user=s.boss, finding_id=s.finding.pk, reason=SECRET),
}


def enrol(s, **typed):
    fields = {"name": "Anna", "pictures": [], "legal_basis": "consent", "document": "A/1", "expires": s.soon, **typed}
    return people_actions.enrol(user=s.manager, site=s.site, **fields)


# Every column that takes a text of any kind: the write above that puts one into it, or why none is needed.
BY_WRITE = {
    "accounts.User.name": "own name",
    "alerts.HistoryEntry.text": "alert's note",
    "analysis.Case.tags": "case tags",
    "analysis.Case.title": "case",
    "analysis.CaseNote.text": "case note",
    "analysis.Conclusion.note": "conclusion",
    "analysis.NamesAnswer.reason": "names answer",
    "core.AuditFinding.reason": "finding",
    "facts.Decision.reason": "fact refused",
    "facts.FactVersion.aliases": "fact's names",
    "facts.FactVersion.name_en": "fact's name",
    "facts.FactVersion.name_it": "fact's Italian name",
    "facts.FactVersion.note": "fact",
    "facts.FactVersion.sources": "fact's source",
    "facts.FactVersion.statement_en": "fact's statement",
    "facts.FactVersion.statement_it": "fact's Italian statement",
    "facts.FactVersion.tags": "fact's tags",
    "people.Person.name": "staff's name",
    "people.Person.title": "staff's role",
    "people.Person.document": "staff",
    "people.Person.alternative": "staff's other way in",
    "sites.Camera.name": "camera's name",
    "sites.Camera.note": "camera",
    "sites.Line.name": "line",
    "sites.Site.name": "site's name",
    "sites.Site.note": "site",
    "sites.Site.place": "site's place",
    "sites.Zone.name": "zone",
    "training.Canary.reason": "canary",
}
OURS = "the portal makes it: a key, a hash, a number, a code or a word from a list of its own"
AGENTS = "an agent sends it, signed; agents mask addresses (federated/contract/address.py) and their texts come from programs, not from people"
SEALED = "the address without its login, which is sealed beside it"
CHOSEN = "a short name of letters, digits and - only, or one out of a list"
NEEDS_NO_CHECK = {
    OURS: """core.AuditRow.actor core.AuditRow.verb core.AuditRow.subject core.AuditRow.site core.AuditRow.previous core.AuditRow.hash core.AuditWitness.agent
        core.AuditWitness.public_key core.AuditFinding.expected core.AuditFinding.found core.AuditFinding.agent core.AuditFinding.site
        core.AuditFinding.public_key accounts.OneTimeLink.token_hash accounts.UserSession.session_key sites.Site.plan sites.Site.plan_picture
        sites.Agent.public_key sites.Agent.node_public_key sites.Agent.node_id sites.Agent.certificate sites.Agent.certificate_serial
        sites.Agent.next_node_id sites.FormerKeys.public_key sites.FormerKeys.certificate_serial sites.FormerKeys.node_public_key sites.FormerKeys.node_id
        sites.EnrolmentCode.code_sha256 alerts.Alert.picture alerts.HouseCondition.key alerts.AlertLabel.label alerts.HistoryEntry.detail
        alerts.HistoryEntry.before people.Template.model_sha256 people.Template.picture_sha256 people.Verification.nonce people.DoorDay.scores
        people.DoorDay.last training.Run.reason training.Run.note training.Run.flower_id training.Run.gate training.Run.progress training.Run.privacy
        training.RunNode.node training.RunNode.status training.Schedule.note training.ModelVersion.detector training.ModelVersion.version
        training.ModelVersion.sha256 training.ModelVersion.card training.ModelVersion.signature training.Canary.outcome training.Compared.before
        training.Compared.ended training.Disagreement.snapshot analysis.Case.stages analysis.Case.problem analysis.Case.failure analysis.Case.evidence
        facts.Fact.key facts.Fact.shipped_sha256 facts.FactVersion.begins facts.FactVersion.ends facts.FactAlias.text facts.FactAlias.key
        facts.FactAlias.first analysis.CaseFile.sha256 analysis.CaseFile.kind analysis.Upload.sha256 analysis.Upload.kind analysis.Conclusion.nonce
        analysis.NamesAnswer.nonce""",
    AGENTS: """core.AuditWitness.receipt core.AuditFinding.receipt sites.Agent.health sites.Agent.contract_problem sites.SourceTest.outcome
        sites.SourceTest.result alerts.Alert.kind alerts.Alert.zone alerts.Alert.detail alerts.Event.kind alerts.Event.legal_mode alerts.Event.detections
        alerts.Event.snapshot alerts.Event.clip alerts.Event.data alerts.Event.models people.Recognition.visit people.Recognition.net
        people.Recognition.liveness_reason
        people.Recognition.model_sha256 people.Recognition.zone people.Recognition.snapshot training.RunNode.reason training.ModelOutcome.detector
        training.ModelOutcome.sha256 training.ModelOutcome.outcome training.ModelOutcome.reason""",
    SEALED: "sites.CameraSource.address sites.CameraSource.sealed sites.SourceTest.address sites.SourceTest.sealed",
    CHOSEN: """accounts.User.language sites.Site.slug sites.Camera.slug sites.Rule.kind training.Run.task training.Schedule.task analysis.Case.tool""",
    "names of columns that the table itself has, checked one by one": "analysis.Case.options",
    "numbers only, checked one by one (portal/sites/rules.py)": "sites.Camera.masks sites.Zone.polygon sites.Line.a sites.Line.b sites.Rule.parameters",
    "numbers and words from lists, checked one by one (federated/learning/plan.py)": "training.Run.plan training.Schedule.plan",
    "what the actions have checked; the page masks rows of before (below)": "core.AuditRow.data",
    "a hash, shown to nobody": "accounts.User.password",
    "an e-mail address, checked as such": "accounts.User.email",
    "of the browser and its connection, shown to its owner and the administrators": "accounts.UserSession.address accounts.UserSession.browser",
    "evidence is kept under the name it came with; titles made of names are masked": "analysis.CaseFile.name analysis.Upload.name",
    "what the examined text itself holds, shown to those who examine it": "analysis.Case.report",
    "of channels.toml and of the program that failed; addresses with a login are refused there": "notify.ChannelState.name notify.ChannelState.failure",
}
TEXTS = {"CharField", "TextField", "SlugField", "EmailField", "URLField", "JSONField"}


def test_every_text_column_refuses_secrets_or_says_why_it_need_not():
    models = [model for model in apps.get_models() if model.__module__.startswith("portal.")]
    fields = [field for model in models for field in model._meta.concrete_fields if field.get_internal_type() in TEXTS and not field.choices]
    found = sorted(f"{field.model._meta.app_label}.{field.model.__name__}.{field.name}" for field in fields)
    listed = sorted([*BY_WRITE, *" ".join(NEEDS_NO_CHECK.values()).split()])
    assert found == listed, "a new column whose text others read passes portal/core/secrets.py::refuse_secret in its action, with a write in WRITES"
    assert set(BY_WRITE.values()) <= set(WRITES)


# Texts of actions that come from no list: the write above that tries it, or why it is shown to nobody else.
TYPED = {"name", "title", "note", "text", "reason", "document", "alternative"}
TYPED_BY_WRITE = {
    "accounts.actions.change_name.name": "own name",
    "accounts.user_actions.invite.name": "invited",
    "alerts.actions.add_note.text": "alert's note",
    "alerts.actions.resolve.note": "resolution",
    "alerts.bulk_actions.resolve_many.note": "bulk resolution",
    "analysis.actions.give_conclusion.note": "conclusion",
    "analysis.actions.open_case.title": "case",
    "analysis.case_actions.add_file.reason": "case file",
    "analysis.case_actions.add_note.text": "case note",
    "analysis.case_actions.answer_names.reason": "names answer",
    "analysis.case_actions.change_end.reason": "case end",
    "analysis.case_actions.close_case.reason": "case closed",
    "analysis.case_actions.export_case.reason": "export",
    "facts.actions.propose.note": "fact",
    "facts.actions.propose_retirement.note": "fact retired",
    "facts.actions.refuse.reason": "fact refused",
    "house.actions.settle_finding.reason": "finding",
    "people.actions.enrol.alternative": "staff's other way in",
    "people.actions.enrol.document": "staff",
    "people.actions.enrol.name": "staff's name",
    "people.actions.enrol.title": "staff's role",
    "people.expiry.extend.reason": "extension",
    "sites.actions.change_mode.reason": "mode",
    "sites.actions.change_note.note": "note",
    "sites.actions.resume_biometrics.reason": "resume",
    "sites.actions.revoke.reason": "revoke",
    "sites.actions.stop_biometrics.reason": "stop",
    "sites.camera_actions.switch_camera.reason": "switched off",
    "sites.camera_actions.switch_site.reason": "site switched off",
    "training.rollout.canary.take_back.reason": "canary",
}
TYPED_FOR_NOBODY = {
    "accounts.actions.make_person.name": "typed at the command line of the portal's own machine",
    "accounts.factor_actions.add_passkey.name": "stands on the person's own page only",
    "alerts.actions.resolve.reason": "out of a list",
    "alerts.bulk_actions.resolve_many.reason": "out of a list",
    "analysis.actions.open_case.text": "what is examined; whoever sees the case examines it",
    "analysis.case_actions.correct_text.text": "what is examined; whoever sees the case examines it",
    "analysis.from_alerts.open_case.name": "made by the portal",
    "analysis.from_alerts.open_case.title": "made by the portal",
    "analysis.intake.laid_out.text": "what is examined; whoever sees the case examines it",
    "analysis.uploads.begin.name": "evidence is kept under the name it came with",
    "facts.actions.propose.text": "a fact's text, whose parts are tried one by one: see the columns of FactVersion",
    "facts.importing.import_file.name": "a file's name, made harmless, in a note that is checked",
    "sites.source_actions.ask_test.text": "the address of a camera, with its login: sealed",
}


def test_every_text_that_an_action_takes_is_tried_with_a_secret():
    found = {f"{name}.{each}" for name, action in whole_portal.actions().items() for each in inspect.signature(action).parameters if each in TYPED}
    assert sorted(found) == sorted([*TYPED_BY_WRITE, *TYPED_FOR_NOBODY])
    assert set(TYPED_BY_WRITE.values()) <= set(WRITES)


@pytest.fixture
def square():
    made = scene()
    soon = timezone.now() + datetime.timedelta(days=30)
    boss = person("all@square.example", "administrator")
    finding = AuditFinding.objects.create(seq=1, expected="e" * 64)
    return SimpleNamespace(
        boss=boss, soon=soon, finding=finding, alert=made.alert(), **{name: getattr(made, name) for name in ("site", "camera", "agent", "manager")}
    )


@pytest.mark.django_db
@pytest.mark.parametrize("write", WRITES)
def test_every_text_that_others_read_refuses_a_secret(square, write):
    with pytest.raises(ValidationError) as refused:
        WRITES[write](square)
    assert "others read it" in problems(refused)
    assert not AuditRow.objects.filter(data__icontains="p#ss").exists()


@pytest.mark.django_db
def test_the_form_says_at_the_field_what_is_wrong_and_keeps_what_was_typed(square):
    camera = {"name": "Stairs", "slug": "stairs", "kind": "fixed", "plan_x": 0.2, "plan_y": 0.4, "heading": 90, "note": SECRET}
    answer = signed_in(square.boss).post("/sites/square/cameras/new/", camera)
    assert answer.status_code == 422
    assert "others read it" in str(answer.context["form"].errors["note"])
    assert "Stairs" in answer.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["/sites/square/stop/", "/agents/{agent}/revoke/"])
def test_a_button_with_a_reason_says_so_on_the_page(square, page):
    answer = signed_in(person("both@square.example", "administrator")).post(page.format(agent=square.agent.pk), {"reason": SECRET}, follow=True)
    assert "others read it" in answer.content.decode()


@pytest.mark.django_db
def test_the_migration_masks_what_stood_there_before(square):
    square.camera.note, square.camera.name = SECRET, SECRET
    square.camera.save()
    alert_actions.add_note(user=square.manager, alert_id=square.alert.pk, text="The gate was open")
    HistoryEntry.objects.filter(verb="note").update(text=f"see {SECRET}")
    importlib.import_module("portal.house.migrations.0001_mask_secrets").mask(apps, None)
    square.camera.refresh_from_db()
    assert square.camera.note == f"rtsp://admin:{MASK}@10.0.0.7:554/stream1"
    assert "p#ss" not in square.camera.name
    assert HistoryEntry.objects.get(verb="note").text == f"see rtsp://admin:{MASK}@10.0.0.7:554/stream1"


@pytest.mark.django_db
def test_the_audit_page_masks_what_the_log_keeps(square):
    audit.record(actor="system", verb="camera.note_changed", subject="camera:1", site="square", data={"note": SECRET})
    assert "p#ss" not in signed_in(square.manager).get("/audit/").content.decode()
    assert audit_check.first_broken() is None
