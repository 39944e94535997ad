"""Portal, PostgreSQL and Valkey are killed hard while agents send much and a person watches: nothing is lost or doubled, the page catches up."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager

import psutil
import pytest
from playwright.sync_api import expect

from infra import postgres, valkey
from tests.e2e.conftest import sign_in
from tests.e2e.server import prepared_portal, serving
from tests.load import bench_outbox
from tests.load.stand import own_services
from tests.waiting import patience, patience_ms, wait_for

pytestmark = pytest.mark.browser
COUNT = 800  # events of each of the two agents


@pytest.fixture(scope="module")
def stand(monkeypatch_module):
    """Services and a portal of this file's own, because they are killed."""
    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch_module.delenv(name)
    with own_services() as home, prepared_portal(home) as portal:
        yield portal


@pytest.fixture(scope="module")
def monkeypatch_module():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@contextmanager
def sending(portal):
    """Two real agents' senders with much to say; yields their outboxes."""
    portal.django("from portal.alerts.models import Alert, Event; Event.objects.all().delete(); Alert.objects.all().delete()")
    for file in (portal.home / "agents").glob("*/outbox.db*"):
        file.unlink()
    with bench_outbox.outboxes(portal) as boxes:
        for camera, box in boxes.items():
            bench_outbox.fill(box, portal.site, camera, COUNT, 10)
        senders = bench_outbox.senders_of(portal, boxes)
        for sender in senders:
            sender.start()
        yield boxes
        for sender in senders:
            sender.stop(1.0)


def kill_valkey(home):
    store = valkey.store_in(home)
    (process,) = [each for each in psutil.process_iter(["cmdline"]) if str(store.path) in " ".join(each.info["cmdline"] or [])]
    process.kill()
    process.wait(patience(10))
    return lambda: valkey.start(store)


def kill_postgres(home):
    cluster = postgres.cluster_in(home)
    pid = postgres.running_pid(cluster)
    os.kill(pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=patience(10))
    return lambda: postgres.start(cluster)


def assert_all_there_once(portal):
    assert bench_outbox.look(portal) == (2 * COUNT, 2 * COUNT, 0)


def test_the_portal_killed_while_agents_send_loses_nothing(stand):
    with sending(stand) as boxes:
        with serving(stand) as server:
            bench_outbox.wait_until(boxes, COUNT)
            server.kill()
        with serving(stand):
            bench_outbox.wait_until(boxes, 0)
    assert_all_there_once(stand)


@pytest.mark.parametrize("kill", [kill_valkey, kill_postgres])
def test_a_service_killed_while_agents_send_loses_nothing(stand, kill):
    with serving(stand), sending(stand) as boxes:
        bench_outbox.wait_until(boxes, COUNT)
        restart = kill(stand.home)
        answer = stand.post("square", "POST", "/api/v1/events", b'{"events": []}')
        restart()
        bench_outbox.wait_until(boxes, 0)
    assert answer.status_code >= 500  # nothing was promised meanwhile
    assert_all_there_once(stand)


@pytest.mark.parametrize("kill", [kill_valkey, kill_postgres])
def test_a_watching_browser_catches_up_after_a_service_was_killed(stand, chromium, kill):
    with serving(stand):
        page = chromium.new_page(base_url=stand.address)
        sign_in(page, "operator@specola.example", stand.password)
        page.goto("/")
        expect(page.locator("#rows[data-connected=true]")).to_be_attached()
        kill(stand.home)()
        zone = f"after-{kill.__name__}"
        retried(lambda: stand.send(data={"zone": zone}))
        expect(page.locator("#rows .row", has_text=zone)).to_have_count(1, timeout=patience_ms(40))
        page.close()


def retried(send, seconds=30):
    """As an agent does: the same event again until the portal has it."""

    def arrived():
        try:
            return send()
        except (AssertionError, KeyError, ValueError):
            return None

    return wait_for(arrived, "an event that the portal takes", seconds)
