"""Who still needs a file: one answer in the whole portal, also against somebody who begins to need it while it is being deleted."""

from __future__ import annotations

import threading
import time

import pytest
from alert_scene import JPEG, scene
from django.apps import apps
from django.db import connection, transaction
from django.db.models import CharField

from portal.analysis.models import Case, CaseFile
from portal.core import media

# Every column that may name a file of the media store is asked by one holder; these name none.
NO_FILES = {
    "core.AuditRow.previous": "hash of a row",
    "core.AuditRow.hash": "hash of a row",
    "core.AuditFinding.expected": "hash of a row",
    "core.AuditFinding.found": "hash of a row",
    "sites.EnrolmentCode.code_sha256": "hash of a code",
    "accounts.OneTimeLink.token_hash": "hash of a link's secret",
    "accounts.UserSession.address": "where somebody signed in from",
    "people.Template.model_sha256": "weights of the package",
    "people.Template.picture_sha256": "pictures of enrolment are not kept",
    "people.Recognition.model_sha256": "weights of the package",
    "analysis.Conclusion.nonce": "random",
    "analysis.NamesAnswer.nonce": "random",
    "facts.Fact.shipped_sha256": "hash of the words that a release brought",
    "people.Verification.nonce": "random",
    "training.ModelOutcome.sha256": "what an agent was asked to run; the file is ModelVersion's",
    "training.Compared.before": "the version an agent ran before; the file is ModelVersion's",
}
HELD = {
    "alerts.Alert.picture",
    "sites.Site.plan_picture",
    "alerts.Event.snapshot",
    "alerts.Event.clip",
    "people.Recognition.snapshot",
    "training.ModelVersion.sha256",
    "training.Disagreement.snapshot",
    "analysis.CaseFile.sha256",
    "analysis.Upload.sha256",
}


def test_every_column_that_could_name_a_file_is_held_or_names_none():
    fields = {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        if model.__module__.startswith("portal.")
        for field in model._meta.get_fields()
        if isinstance(field, CharField) and field.max_length == 64
    }
    assert fields == HELD | set(NO_FILES)


@pytest.mark.django_db
def test_a_picture_that_a_cases_tool_made_is_held():
    at = scene()
    sha256 = media.put(b"\x89PNG one")
    Case.objects.create(title="x", opened_by=at.operator, evidence={"faces": sha256})
    assert media.held([sha256, media.put(b"\x89PNG two")], by="cases") == {sha256}
    assert media.release([sha256]) == 0


@pytest.mark.django_db
def test_a_holder_that_nobody_is_called_is_no_answer():
    with pytest.raises(KeyError):
        media.held(["0" * 64], by="casse")


def test_two_apps_cannot_hold_under_one_name():
    with pytest.raises(ValueError, match="cases"):
        media.hold("cases", lambda names: names)


@pytest.mark.django_db(transaction=True)
def test_files_are_deleted_only_after_the_transaction_that_let_them_go():
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        media.release([media.put(JPEG)])
    assert media.exists(media.put(JPEG))


def in_thread(function):
    """Start it with a database connection of its own."""

    def run():
        try:
            function()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def somebody_waits():
    """Until a transaction waits for one of the media store's locks."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s AND NOT granted", [media.LOCK])
            if cursor.fetchone()[0]:
                return True
    return False


@pytest.mark.django_db(transaction=True)
def test_a_case_that_takes_the_picture_while_it_is_being_deleted_has_it():
    """The new holder is in the middle of its transaction when the clean-up comes: the clean-up waits, then sees it."""
    at = scene()
    sha256, gone = media.put(JPEG), []
    with transaction.atomic():
        media.put(JPEG)
        cleaner = in_thread(lambda: gone.append(media.release([sha256])))
        assert somebody_waits()
        case = Case.objects.create(title="taken", opened_by=at.operator)
        CaseFile.objects.create(case=case, name="a", sha256=sha256, size=1, kind="JPEG")
    cleaner.join(30)
    assert (gone, media.exists(sha256)) == ([0], True)


@pytest.mark.django_db(transaction=True)
def test_a_case_that_comes_after_the_deletion_began_writes_the_picture_again(monkeypatch):
    """The clean-up has asked everybody and is about to delete: whoever begins to need the file waits, and then finds it missing."""
    at = scene()
    sha256 = media.put(JPEG)
    asked, goes_on = threading.Event(), threading.Event()

    def slow(names):
        asked.set()
        goes_on.wait(30)
        return set()

    monkeypatch.setitem(media.holders, "slow", slow)
    cleaner = in_thread(lambda: media.release([sha256]))
    assert asked.wait(30)

    def take():
        with transaction.atomic():
            case = Case.objects.create(title="late", opened_by=at.operator)
            CaseFile.objects.create(case=case, name="a", sha256=media.put(JPEG), size=1, kind="JPEG")

    taker = in_thread(take)
    assert somebody_waits()
    goes_on.set()
    cleaner.join(30)
    taker.join(30)
    assert media.path(sha256).read_bytes() == JPEG
