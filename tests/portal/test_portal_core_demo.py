"""The commands: the demo is laid out once and repaired after; the worker takes up what a killed one left."""

from __future__ import annotations

import datetime
import json
import shutil

import pytest
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from django.db import connection
from procrastinate.contrib.django.models import ProcrastinateJob

from portal.accounts.models import User
from portal.core import tasks
from portal.core.management.commands import worker
from portal.core.models import AuditRow
from portal.demo import layout
from portal.people.models import Person
from portal.sites.models import Camera, EnrolmentCode, Site
from tests.portal.portal_scene import machine, signed_in

pytestmark = pytest.mark.django_db
SHIPPED = django_settings.ROOT / "infra" / "footage"
SMALL = """
[[cameras]]
name = "square"
title = "The lawn"
zones = [{name = "lawn", polygon = [[0, 0], [1, 0], [1, 1]]}]
rules = [{kind = "person_in_zone", zone = "lawn", min_s = 2}]
[[cameras]]
name = "gate"
kind = "door"
legal_mode = "M1"
"""


@pytest.fixture
def folder(tmp_path, settings):
    """A folder of footage as small as can be, and an empty home."""
    settings.HOME = tmp_path / "home"
    (tmp_path / "manifest.toml").write_text(SMALL)
    return tmp_path


def lay_out(folder, capsys):
    """What `up` reads: the last line of the command."""
    call_command("demo", "--footage", str(folder))
    return json.loads(capsys.readouterr().out.strip().splitlines()[-1])


def test_the_demo_ends_in_one_json_object_with_a_password_and_codes(folder, capsys):
    output = lay_out(folder, capsys)
    assert output["email"] == layout.EMAIL
    assert [agent["name"] for agent in output["agents"]] == ["square", "gate"]
    assert all(agent["code"] for agent in output["agents"])
    assert User.objects.get().check_password(output["password"])


def test_the_printed_password_must_be_changed_at_once(folder, capsys):
    lay_out(folder, capsys)
    assert User.objects.get().must_change_password
    assert signed_in(User.objects.get()).get("/")["Location"] == "/new-password/"


def test_cameras_watch_what_the_manifest_says(folder, capsys):
    lay_out(folder, capsys)
    square = Camera.objects.get(slug="square")
    assert (square.name, [zone.name for zone in square.zones.all()]) == ("The lawn", ["lawn"])
    assert [rule.kind for rule in square.rules.all()] == ["person_in_zone"]
    assert Camera.objects.get(slug="gate").legal_mode == "M1"


def test_laying_it_out_again_makes_nothing_twice(folder, capsys):
    lay_out(folder, capsys)
    before = [model.objects.count() for model in (User, Site, Camera, EnrolmentCode)]
    lay_out(folder, capsys)
    assert [model.objects.count() for model in (User, Site, Camera, EnrolmentCode)] == before


def test_what_people_changed_stays_changed(folder, capsys):
    lay_out(folder, capsys)
    Camera.objects.filter(slug="square").update(name="My lawn")
    Site.objects.update(name="My square")
    lay_out(folder, capsys)
    assert (Camera.objects.get(slug="square").name, Site.objects.get().name) == ("My lawn", "My square")


def test_a_password_nobody_used_is_renewed_and_the_old_one_ends(folder, capsys):
    first, second = lay_out(folder, capsys)["password"], lay_out(folder, capsys)["password"]
    assert first != second
    assert not User.objects.get().check_password(first)
    assert AuditRow.objects.filter(verb="account.password_renewed").count() == 1


def test_a_password_of_the_persons_own_is_left_alone(folder, capsys):
    lay_out(folder, capsys)
    User.objects.update(must_change_password=False)
    assert lay_out(folder, capsys)["password"] is None


def enrolled(folder, camera, text=None):
    """What an agent on this machine keeps of its enrolment."""
    agent = machine(camera).agent
    kept = folder / "home" / "agents" / camera.slug / "portal.json"
    kept.parent.mkdir(parents=True)
    kept.write_text(text or json.dumps({"agent_id": str(agent.pk)}))
    return agent


def codes(output):
    return {agent["name"]: bool(agent["code"]) for agent in output["agents"]}


def test_an_agent_that_is_enrolled_gets_no_code(folder, capsys):
    lay_out(folder, capsys)
    enrolled(folder, Camera.objects.get(slug="square"))
    assert codes(lay_out(folder, capsys)) == {"square": False, "gate": True}


def test_an_agent_that_was_revoked_gets_a_code(folder, capsys):
    lay_out(folder, capsys)
    agent = enrolled(folder, Camera.objects.get(slug="square"))
    agent.revoked = datetime.datetime.now(datetime.UTC)
    agent.save()
    assert codes(lay_out(folder, capsys))["square"]


@pytest.mark.parametrize(("days", "code"), [(-1, True), (1, False)])
def test_an_agent_whose_certificate_ended_while_the_demo_slept_gets_a_code(folder, capsys, days, code):
    lay_out(folder, capsys)
    agent = enrolled(folder, Camera.objects.get(slug="square"))
    agent.certificate_not_after = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
    agent.save()
    assert codes(lay_out(folder, capsys))["square"] is code


@pytest.mark.parametrize(
    "kept", ["", "{", "[]", "null", '{"agent_id": 7}', '{"agent_id": "not a uuid"}', '{"agent_id": "00000000-0000-0000-0000-000000000000"}']
)
def test_a_damaged_enrolment_on_disk_gets_a_code(folder, capsys, kept):
    lay_out(folder, capsys)
    enrolled(folder, Camera.objects.get(slug="square"), kept or " ")
    assert codes(lay_out(folder, capsys))["square"]


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        ("", "describes no cameras"),
        ("[[cameras", "cannot be read"),
        ('[[cameras]]\nname = "x"\nrules = [{kind = "flying"}]', "flying"),
        ('[[cameras]]\nname = "x"\nzones = [{name = "z", polygon = [[0, 0]]}]', "three points"),
        ('[[cameras]]\nname = "not a slug!"', "slug"),
        ('[[cameras]]\nname = "x"\nlegal_mode = "M1"', "M1"),
    ],
)
def test_a_manifest_that_cannot_work_is_refused_in_one_sentence_and_leaves_nothing(folder, manifest, words):
    (folder / "manifest.toml").write_text(manifest)
    with pytest.raises(CommandError, match=words):
        call_command("demo", "--footage", str(folder))
    assert (Site.objects.count(), Camera.objects.count()) == (0, 0)


def test_a_missing_folder_is_refused_in_one_sentence(tmp_path):
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("demo", "--footage", str(tmp_path / "nowhere"))


def test_the_shipped_demo_enrols_its_staff_from_their_pictures(settings, tmp_path, capsys):
    settings.HOME = tmp_path
    output = lay_out(SHIPPED, capsys)
    assert {agent["name"] for agent in output["agents"]} == {"gate", "square", "room", "drone"}
    assert Person.objects.exists()
    assert all(person.templates.exists() and person.document for person in Person.objects.all())


def test_the_shipped_demos_staff_is_enrolled_once(settings, tmp_path, capsys):
    settings.HOME = tmp_path / "home"
    copy = shutil.copytree(SHIPPED, tmp_path / "footage", ignore=shutil.ignore_patterns("*.webm"))
    lay_out(copy, capsys)
    staff = Person.objects.count()
    shutil.rmtree(copy / "staff")
    lay_out(copy, capsys)
    assert Person.objects.count() == staff


def job(name="core.retry_stalled"):
    return ProcrastinateJob.objects.filter(task_name=name, status="todo")


def test_a_worker_that_starts_will_look_for_what_a_killed_one_left():
    worker.rescue_soon()
    wait = job().get().scheduled_at - datetime.datetime.now(datetime.UTC)
    assert 20 < wait.total_seconds() <= worker.RESCUE_S


@pytest.mark.django_db(transaction=True)
def test_workers_that_start_in_a_row_look_once():
    worker.rescue_soon()
    worker.rescue_soon()
    assert job().count() == 1


def stalled_job():
    """A job in the hands of a worker that has been silent for a minute."""
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 minute') RETURNING id")
        gone = cursor.fetchone()[0]
        cursor.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, status, worker_id) VALUES ('analysis', 'test.report', 'doing', %s) RETURNING id", [gone]
        )
        return cursor.fetchone()[0]


@pytest.mark.django_db(transaction=True)
def test_a_killed_workers_job_waits_for_a_living_one_again(caplog):
    from asgiref.sync import async_to_sync

    pk = stalled_job()
    async_to_sync(tasks.retry_stalled)(timestamp=0)
    assert ProcrastinateJob.objects.get(pk=pk).status == "todo"
    assert "test.report" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_living_workers_job_is_left_to_it():
    from asgiref.sync import async_to_sync

    pk = stalled_job()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_workers SET last_heartbeat = now()")
    async_to_sync(tasks.retry_stalled)(timestamp=0)
    assert ProcrastinateJob.objects.get(pk=pk).status == "doing"


def test_other_clips_are_watched_whole_and_no_origin_is_claimed_for_them(capsys, settings, tmp_path):
    settings.HOME = tmp_path
    call_command("demo", "--clips", "holiday")
    for camera in Camera.objects.all():
        assert "“holiday”" in camera.note
        assert "PETS" not in camera.note
        assert camera.rules.filter(kind="person_in_zone", zone__name="Whole picture").exists()
    assert Camera.objects.get(slug="gate").rules.filter(kind="unknown_person").exists()
    assert Camera.objects.get(slug="square").lines.count() == 0


def test_a_camera_that_plays_our_clip_again_says_so_again(capsys, settings, tmp_path):
    settings.HOME = tmp_path
    call_command("demo", "--clips", "holiday")
    call_command("demo")
    assert "PETS 2009" in Camera.objects.get(slug="square").note
    assert AuditRow.objects.filter(verb="camera.note_changed").count() == 4


def test_only_clips_of_cameras_that_train_are_in_the_root_set_which_has_a_longest_length(settings, tmp_path, capsys, monkeypatch):
    settings.HOME = tmp_path
    asked = []
    monkeypatch.setattr(layout, "ask_for_root_set", lambda user, clips: asked.extend(clip.name for clip in clips))
    lay_out(SHIPPED, capsys)
    assert asked == ["drone.webm", "gate.webm", "square.webm"]
