"""One alert is one signed message at a real receiver, tried again while it does not answer; a channel is one file; a wrong configuration is one sentence."""

from __future__ import annotations

import base64
import contextlib
import datetime
import hashlib
import hmac
import http.server
import json
import sys
import threading
import uuid
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, transaction
from procrastinate.contrib.django import app
from procrastinate.contrib.django.models import ProcrastinateJob

from portal.alerts.events import AlertRaised
from portal.alerts.models import Alert
from portal.core.audit_witness import AuditLogChanged
from portal.core.events import publish
from portal.notify import channels, config, notifications
from portal.notify.apps import NotifyConfig
from portal.notify.channels import webhook
from portal.notify.health import channels as health_of_channels
from portal.notify.models import ChannelState
from portal.people.events import PeopleExpiring
from portal.sites.events import AgentSilent
from portal.training.events import CanaryTakenBack, RunEnded
from tests.portal.alert_scene import scene

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = b"thirty-two bytes of a secret key"
TOY = """
import dataclasses
from pathlib import Path
from portal.notify.channels import BadOption, Notification, channel

@channel("notebook")
@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Notebook:
    "Writes each message down."
    path: str
    least: int = 0

    def __post_init__(self):
        if self.least < 0:
            raise BadOption("least", "must not be negative")

    def send(self, notification: Notification) -> None:
        with Path(self.path).open("a") as file:
            file.write(f"{notification.kind} {notification.site}/{notification.camera}\\n")
"""


class Receiver(http.server.ThreadingHTTPServer):
    """Keeps what it gets; answers with the statuses of `script` in turn, then 204. None in the script: it lets a byte trickle now and then and never ends."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.got, self.script, self.released = [], [], threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/specola"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.server.got.append((dict(self.headers.items()), self.rfile.read(int(self.headers["content-length"]))))
        status = self.server.script.pop(0) if self.server.script else 204
        while status is None and not self.server.released.wait(0.05):
            self.wfile.write(b"H")
            self.wfile.flush()
        self.send_response(status or 204)
        self.send_header("location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_):
        pass


@pytest.fixture
def receiver():
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def home(tmp_path, settings):
    """A home folder of its own with a secret in it."""
    settings.HOME = tmp_path
    settings.CSRF_TRUSTED_ORIGINS = ["https://specola.example"]
    key = tmp_path / "secrets" / "webhook.key"
    key.parent.mkdir()
    key.touch(mode=0o600)
    key.write_text("whsec_" + base64.b64encode(SECRET).decode() + "\n")
    return tmp_path


@pytest.fixture
def used(home, receiver):
    """The receiver is the webhook of this portal."""
    (home / "channels.toml").write_text(f'[webhook]\nurl = "{receiver.url}"\n')
    return receiver


def work(rounds: int = 1) -> None:
    """The real worker does what is queued; before each further round the clock of the retries is put forward."""
    for number in range(rounds):
        if number:
            with connection.cursor() as cursor:
                cursor.execute("UPDATE procrastinate_jobs SET scheduled_at = now() WHERE status = 'todo'")
        with app.replace_connector(app.connector.get_worker_connector()) as worker:
            worker.run_worker(queues=["notify"], wait=False, install_signal_handlers=False, listen_notify=False)


def jobs() -> list[str]:
    return list(ProcrastinateJob.objects.filter(task_name="notify.deliver").values_list("status", flat=True))


def verified(headers: dict[str, str], body: bytes) -> bool:
    """The recipe of docs/operations.md."""
    named = {name.lower(): value for name, value in headers.items()}
    signed = f"{named['webhook-id']}.{named['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
    fresh = abs(datetime.datetime.now().timestamp() - int(named["webhook-timestamp"])) < 300
    return fresh and f"v1,{expected}" in named["webhook-signature"].split()


def test_one_alert_is_delivered_once_signed_and_names_no_person(used):
    alert = scene().alert(kind="tailgating", data={"zone": "Room of Maria", "known": str(uuid.uuid4()), "track": 1})
    work()
    ((headers, body),) = used.got
    assert verified(headers, body)
    assert not verified(headers, body + b" ")
    payload = json.loads(body)
    assert payload.pop("id") == headers["webhook-id"]
    assert payload == {
        "kind": "alert.raised",
        "t": alert.opened.astimezone(datetime.UTC).isoformat(),
        "site": "square",
        "camera": "gate",
        "link": f"https://specola.example/alerts/{alert.pk}/",
        "data": {"alert": alert.pk, "alert_kind": "tailgating", "severity": "high"},
    }
    work()
    assert (len(used.got), jobs()) == (1, ["succeeded"])


class Killed(BaseException):
    """The portal ends here, as by kill -9: nothing after it is done."""


@pytest.mark.parametrize("commits", [True, False])
def test_a_portal_that_is_killed_right_after_the_commit_loses_no_message(used, commits, monkeypatch):
    """It is queued when, and only when, the alert is there."""

    def killed() -> None:
        raise Killed

    monkeypatch.setattr(connection, "run_and_clear_commit_hooks", killed)
    with contextlib.suppress(Killed), transaction.atomic():
        publish(RAISED)
        transaction.set_rollback(not commits)
    monkeypatch.undo()
    connection.run_on_commit.clear()
    assert jobs() == ["todo"] * commits


def test_a_file_that_became_wrong_stops_no_alert(used, home, caplog):
    (home / "channels.toml").write_text("[pigeon]")
    with transaction.atomic():
        alert = scene().alert()
    assert (Alert.objects.get().pk, jobs()) == (alert.pk, [])
    assert "there is no channel 'pigeon'" in caplog.text


RAISED = AlertRaised(alert_id=1, kind="loitering", site="square", camera="gate", t=datetime.datetime.now(datetime.UTC), severity=1)
OTHERS = [
    (AuditLogChanged(finding_id=3, seq=41, agent="a-1", site="square"), "audit.changed", {"row": 41, "witness": "a-1", "finding": 3}),
    (RunEnded(run_id=7, task="anomaly", state="failed", reason="Maria's camera"), "run.ended", {"run": 7, "task": "anomaly", "state": "failed"}),
    (
        CanaryTakenBack(canary_id=3, model_id=4, detector="anomaly", sha256="0" * 64, reason="Maria says so", automatic=False),
        "canary.taken_back",
        {"canary": 3, "model": 4, "detector": "anomaly", "automatic": False},
    ),
    (AgentSilent(agent_id="a1", site="square", camera_id=5, camera="gate", since=datetime.datetime.now(datetime.UTC)), "agent.silent", {"agent": "a1"}),
    (PeopleExpiring(site="square", owner_id=9, owner="Maria@square.example", uids=("u1", "u2")), "people.expiring", {"people": 2, "owner": 9}),
]


@pytest.mark.parametrize(("event", "kind", "data"), OTHERS, ids=[kind for _, kind, _ in OTHERS])
def test_every_other_event_is_sent_without_the_words_of_people(used, event, kind, data):
    with transaction.atomic():
        publish(event)
    work()
    ((_, body),) = used.got
    payload = json.loads(body)
    assert (payload["kind"], payload["data"]) == (kind, data)
    assert payload["link"].startswith("https://specola.example/")
    assert b"Maria" not in body


def test_each_event_that_is_sent_has_its_case_here_and_its_line_in_the_documentation():
    assert set(notifications.table) == {AlertRaised, *(type(event) for event, _, _ in OTHERS)}
    text = (Path(__file__).resolve().parents[2] / "docs" / "operations.md").read_text()
    assert [kind for kind in ("alert.raised", *(kind for _, kind, _ in OTHERS)) if f"| `{kind}` |" not in text] == []


def test_what_was_not_taken_is_tried_again_later_and_under_the_same_id(used):
    used.script = [500, 500]
    scene().alert()
    work()
    assert ChannelState.objects.get().is_failing
    (first,) = ProcrastinateJob.objects.filter(task_name="notify.deliver").values_list("scheduled_at", flat=True)
    work()
    assert len(used.got) == 1, "not before its time"
    work(3)
    assert (len(used.got), jobs()) == (3, ["succeeded"])
    assert len({headers["webhook-id"] for headers, _ in used.got}) == 1
    assert first > datetime.datetime.now(datetime.UTC)
    assert not ChannelState.objects.get().is_failing


def test_a_receiver_that_lets_bytes_trickle_is_left_after_the_limit(used, monkeypatch):
    monkeypatch.setattr(webhook, "LIMIT_S", 0.4)
    used.script = [None]
    scene().alert()
    work()
    assert (jobs(), ChannelState.objects.get().failure) == (["todo"], "no answer within 0.4 s")
    work(2)
    assert jobs() == ["succeeded"]


def test_a_redirect_is_not_followed(used):
    used.script = [307]
    scene().alert()
    work()
    assert (len(used.got), ChannelState.objects.get().failure) == (1, "answered 307")


def test_a_receiver_that_stays_away_is_given_up_after_seven_attempts(used):
    used.script = [503] * 20
    scene().alert()
    work(10)
    assert (len(used.got), jobs()) == (7, ["failed"])


def test_without_the_file_nothing_is_queued(home, receiver):
    scene().alert()
    assert (jobs(), receiver.got) == ([], [])
    assert health_of_channels(None).detail == "no channel in use"


def test_a_channel_taken_out_of_use_drops_what_waits(used, home):
    scene().alert()
    (home / "channels.toml").write_text("")
    work()
    assert (used.got, jobs()) == ([], ["succeeded"])


def test_the_health_page_shows_when_it_delivered_and_why_it_failed(used):
    assert health_of_channels(None).detail == "webhook: nothing sent yet"
    used.script = [204, 500]
    square = scene()
    square.alert()
    work()
    assert (health_of_channels(None).level, "last delivered" in health_of_channels(None).detail) == ("ok", True)
    square.alert(kind="loitering")
    work()
    found = health_of_channels(None)
    assert (found.level, "answered 500" in found.detail) == ("warning", True)


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("[pigeon]\n", 1, "there is no channel 'pigeon'; there are webhook"),
        ('\n[webhook]\nurl = "https://a.example"\nurll = 1\n', 4, "unknown key 'urll'; there are url, secret"),
        ('# none\n[webhook]\nsecret = "x"\n', 2, "the key 'url' is missing"),
        ("[webhook]\nurl = 5\n", 2, "url: Expected `str`, got `int`"),
        ('webhook = "https://a.example"\n', 1, "webhook is a table: write [webhook]"),
        ("[webhook]\nurl = \n", 2, "Invalid value"),
        ('[webhook]\nurl = "http://a.example/x"\n', 2, "https:// address"),
        ('[webhook]\nurl = "http://169.254.169.254/x"\n', 2, "address of no receiver"),
        ('[webhook]\nurl = "https://user:word@a.example/"\n', 2, "user name"),
        ('[webhook]\nurl = "ftp://a.example/"\n', 2, "begins with ftp"),
        ('[webhook]\nurl = "https:///x"\n', 2, "names no host"),
        ('[webhook]\nurl = "https://a.example:99999"\n', 2, "ort"),
        ('[webhook]\nurl = "https://a.example"\nsecret = "secrets/other.key"\n', 3, "cannot be read from"),
    ],
)
def test_a_wrong_file_is_one_sentence_with_its_line_and_stops_the_start(home, text, line, problem):
    file = home / "channels.toml"
    file.write_text(text)
    with pytest.raises(ImproperlyConfigured) as caught:
        NotifyConfig.create("portal.notify").ready()
    assert str(caught.value).startswith(f"{file}:{line}: ")
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)
    assert (health_of_channels(None).level, health_of_channels(None).detail) == ("problem", str(caught.value))


@pytest.mark.parametrize(
    ("content", "mode", "problem"),
    [
        ("whsec_" + base64.b64encode(SECRET).decode(), 0o640, "has mode 0640"),
        ("whsec_" + base64.b64encode(b"short").decode(), 0o600, "24 to 64 bytes"),
        (base64.b64encode(SECRET).decode(), 0o600, "must be whsec_"),
        ("whsec_*", 0o600, "no base64"),
    ],
)
def test_a_secret_that_is_open_or_weak_is_refused(home, content, mode, problem):
    key = home / "secrets" / "webhook.key"
    key.write_text(content)
    key.chmod(mode)
    (home / "channels.toml").write_text('[webhook]\nurl = "https://a.example"\n')
    with pytest.raises(config.ChannelsFileError, match=problem) as caught:
        config.read()
    assert content not in str(caught.value)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A further folder of channels, as if its files lay beside webhook.py."""
    monkeypatch.setattr(channels, "__path__", [*channels.__path__, str(tmp_path / "more")])
    monkeypatch.setattr(channels, "registered", dict(channels.registered))
    (tmp_path / "more").mkdir()
    yield tmp_path / "more"
    for name in [name for name in sys.modules if name.startswith("portal.notify.channels.") and not name.endswith(".webhook")]:
        del sys.modules[name]


def test_a_channel_is_one_file_and_gets_every_message(home, folder):
    (folder / "notebook.py").write_text(TOY)
    (home / "channels.toml").write_text(f'[notebook]\npath = "{home / "notes.txt"}"\nleast = 1\n')
    NotifyConfig.create("portal.notify").ready()
    scene().alert()
    work()
    assert (home / "notes.txt").read_text() == "alert.raised square/gate\n"
    assert health_of_channels(None).detail.startswith("notebook: last delivered")


def test_the_bad_option_of_a_channel_is_named_by_line(home, folder):
    (folder / "notebook.py").write_text(TOY)
    channels.discover()
    (home / "channels.toml").write_text('[notebook]\npath = "x"\nleast = -1\n')
    with pytest.raises(config.ChannelsFileError, match=r":3: \[notebook\] least must not be negative"):
        config.read()


def test_two_channels_of_one_name_or_a_file_without_any_stop_the_start(folder):
    (folder / "empty.py").write_text("")
    with pytest.raises(channels.NoChannel, match=r"channels\.empty registers no channel"):
        channels.discover()
    (folder / "empty.py").unlink()
    (folder / "hook.py").write_text(TOY.replace('"notebook"', '"webhook"'))
    with pytest.raises(channels.DuplicateChannel, match="two channels are called 'webhook'"):
        channels.discover()
