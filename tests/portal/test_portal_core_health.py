"""The health page: every part is asked, one that is down is named with what to do, and never hides the others."""

from __future__ import annotations

import collections
import datetime
import html

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import OperationalError, connection
from django.utils import timezone, translation
from redis.exceptions import ConnectionError as RedisGone

from federated.learning import control
from portal.core import health
from portal.sites import health as sites
from portal.sites.models import Agent
from tests.portal.portal_scene import machine, person, place, signed_in

pytestmark = pytest.mark.django_db
Usage = collections.namedtuple("Usage", "total used free")


@pytest.fixture
def square():
    cache.clear()
    return place()


@pytest.fixture
def no_superlink(monkeypatch):
    def refuse(**_):
        raise control.Unreachable("nothing answers at 127.0.0.1:1")

    monkeypatch.setattr(control, "nodes", refuse)


def node(state):
    return control.NodeInfo("1", state, "", 0, "")


def database_down(monkeypatch):
    def refuse(*_):
        raise OperationalError("connection refused\nmore lines")

    monkeypatch.setattr(connection, "cursor", refuse)


def valkey_down(monkeypatch):
    def refuse(*_, **__):
        raise RedisGone("Connection refused")

    monkeypatch.setattr(cache, "set", refuse)


def disk_full(monkeypatch):
    monkeypatch.setattr(health.shutil, "disk_usage", lambda _: Usage(2**30, 2**30, 2**20))


def home_gone(monkeypatch):
    def refuse(_):
        raise FileNotFoundError("no such folder")

    monkeypatch.setattr(health.shutil, "disk_usage", refuse)


def test_the_database_says_its_size():
    assert health.database().level == "ok"
    assert "MB stored" in health.database().detail


def test_a_database_that_is_away_is_a_problem_with_advice(monkeypatch):
    database_down(monkeypatch)
    found = health.database()
    assert (found.level, found.detail) == ("problem", "connection refused")
    assert "manage.py up" in found.advice


def test_messages_are_kept_and_passed_on():
    assert health.messages().level == "ok"


def test_a_cache_that_is_away_is_a_problem(monkeypatch):
    valkey_down(monkeypatch)
    assert health.messages().level == "problem"
    assert "Valkey" in health.messages().advice


def test_a_cache_that_forgets_is_a_problem(monkeypatch):
    monkeypatch.setattr(cache, "get", lambda *_: None)
    assert health.messages().detail == "forgets what it is given"


def test_no_worker_is_a_problem_that_counts_what_waits():
    from portal.analysis.tasks import run_case

    run_case.defer(case_id=1)
    found = health.worker()
    assert found.level == "problem"
    assert "1 jobs wait" in found.detail


def living_worker(seconds_ago=0):
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - %s * interval '1 second')", [seconds_ago])


def test_a_worker_that_says_it_lives_is_well():
    living_worker()
    assert health.worker().level == "ok"


def test_a_worker_that_was_silent_for_long_does_not_count():
    living_worker(health.WORKER_S + 5)
    assert health.worker().level == "problem"


@pytest.mark.parametrize(("age", "level"), [(datetime.timedelta(hours=1), "warning"), (datetime.timedelta(hours=25), "ok")])
def test_a_job_that_failed_since_yesterday_is_a_warning(age, level):
    living_worker()
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO procrastinate_jobs (queue_name, task_name, status) VALUES ('default', 'test', 'failed') RETURNING id")
        job = cursor.fetchone()[0]
        cursor.execute("DELETE FROM procrastinate_events WHERE job_id = %s", [job])
        cursor.execute("INSERT INTO procrastinate_events (job_id, type, at) VALUES (%s, 'failed', %s)", [job, timezone.now() - age])
    assert health.worker().level == level


def test_a_superlink_that_is_away_is_a_problem_but_not_for_the_alerts(no_superlink):
    found = sites.superlink(None)
    assert (found.level, found.detail) == ("problem", "nothing answers at 127.0.0.1:1")
    assert "alerts go on" in found.advice


@pytest.mark.parametrize(("states", "level"), [([], "ok"), (["online", "online"], "ok"), (["online", "offline"], "warning"), (["registered"], "warning")])
def test_a_site_that_is_not_online_is_a_warning(monkeypatch, states, level):
    monkeypatch.setattr(control, "nodes", lambda: [node(state) for state in states])
    assert sites.superlink(None).level == level


def test_a_disk_with_room_says_how_much():
    assert "GB free" in health.disk().detail


@pytest.mark.parametrize("trouble", [disk_full, home_gone])
def test_a_full_or_missing_disk_is_a_problem(monkeypatch, trouble):
    trouble(monkeypatch)
    assert health.disk().level == "problem"
    assert health.disk().advice


def test_cameras_without_agents_are_no_trouble(square):
    found = sites.agents(square.person("operator"))
    assert (found.level, found.detail) == ("ok", "0 of 2 cameras live")


def test_a_silent_agent_is_a_problem_that_names_the_camera(square):
    silent = machine(square.door).agent
    Agent.objects.filter(pk=silent.pk).update(last_seen=timezone.now() - datetime.timedelta(minutes=5))
    found = sites.agents(square.person("operator"))
    assert found.level == "problem"
    assert "Gate of square" in found.detail


def test_agents_of_foreign_sites_are_not_spoken_of(square):
    silent = machine(place("museum").door).agent
    Agent.objects.filter(pk=silent.pk).update(last_seen=timezone.now() - datetime.timedelta(minutes=5))
    assert "museum" not in sites.agents(square.person("operator")).detail


def test_the_worst_level_is_the_level_of_the_whole():
    checks = [health.Check("a", "ok", ""), health.Check("b", "problem", ""), health.Check("c", "warning", "")]
    assert [health.worst(checks[:n]) for n in range(4)] == ["ok", "ok", "problem", "problem"]


@pytest.mark.parametrize(("trouble", "part"), [(valkey_down, "Messages to browsers"), (disk_full, "Disk"), (home_gone, "Disk")])
def test_the_page_shows_one_trouble_and_every_other_part(square, no_superlink, monkeypatch, trouble, part):
    client = signed_in(square.person("operator"))
    trouble(monkeypatch)
    answer = client.get("/health/")
    levels = {check.name: check.level for check in answer.context["checks"]}
    assert levels[part] == "problem"
    assert levels["Database"] == "ok"
    assert len(levels) == 12


def test_the_page_says_in_a_word_that_something_does_not_work(square, no_superlink):
    assert "Something does not work." in signed_in(square.person("operator")).get("/health/").content.decode()


def test_supervisors_are_told_that_requests_can_be_answered():
    answer = signed_in(None).get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize("trouble", [database_down, valkey_down])
def test_supervisors_are_told_that_requests_cannot_be_answered_and_nothing_more(monkeypatch, trouble):
    client = signed_in(None)
    trouble(monkeypatch)
    answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (503, b"not serving\n")


def test_a_missing_superlink_or_a_full_disk_does_not_make_supervisors_restart_the_portal(no_superlink, monkeypatch):
    disk_full(monkeypatch)
    assert signed_in(None).get("/healthz").status_code == 200


def test_a_look_at_the_health_costs_few_queries(square, no_superlink, django_assert_max_num_queries):
    client = signed_in(person("all@square.example", "administrator"))
    for camera in (square.door, square.square):
        machine(camera)
    with django_assert_max_num_queries(32):
        client.get("/health/")


def test_an_agent_that_ended_without_being_asked_to_is_a_warning_with_its_cause(square):
    agent = machine(square.square).agent
    now = timezone.now()
    agent.last_seen, agent.health = (
        now,
        {"t": now.timestamp(), "restarts": {"count_24h": 3, "last_t": now.timestamp() - 60, "cause": "ValueError: no such thing"}},
    )
    agent.save()
    found = sites.restarts(square.person("manager"))
    assert found.level == "warning"
    assert f"{square.square}: 3 (" in found.detail
    assert "ValueError: no such thing" in found.detail
    assert "power supply" in found.advice


@pytest.mark.parametrize(("language", "words"), [("en", "killed from outside"), ("it", "terminato dall'esterno")])
def test_the_cause_is_in_the_readers_language_here_and_on_the_cameras_page(square, language, words):
    agent = machine(square.square).agent
    now = timezone.now()
    agent.last_seen, agent.health = now, {"t": now.timestamp(), "restarts": {"count_24h": 1, "last_t": now.timestamp() - 60, "cause": "killed"}}
    agent.save()
    with translation.override(language):
        assert words in sites.restarts(square.person("manager")).detail
    client = signed_in(square.person("administrator"))
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    page = client.get(f"/sites/{square.site.slug}/cameras/{square.square.slug}/")
    assert words in html.unescape(page.content.decode())


def test_what_ended_more_than_a_day_ago_is_well_again(square):
    agent = machine(square.square).agent
    now = timezone.now()
    agent.health = {"t": now.timestamp(), "restarts": {"count_24h": 1, "last_t": now.timestamp() - 25 * 3600, "cause": "killed"}}
    agent.save()
    assert sites.restarts(square.person("manager")).level == "ok"


@pytest.mark.parametrize(("language", "words"), [("en", "events are in memory only"), ("it", "gli eventi sono solo in memoria")])
def test_an_agent_that_cannot_write_its_events_down_is_named_although_its_picture_is_live(square, language, words):
    agent = machine(square.square).agent
    now = timezone.now()
    camera = {"state": "live", "last_frame_t": now.timestamp()}
    agent.last_seen, agent.health = now, {"t": now.timestamp(), "disk_free": 1e10, "outbox": {"pending": 3, "unsaved": 3}, "camera": camera}
    agent.save()
    with translation.override(language):
        found = sites.disks(square.person("manager"))
    assert found.level == "warning"
    assert f"{square.square}: {words}" in found.detail
