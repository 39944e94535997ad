"""Agents as witnesses of the audit log: four ways to change it unseen, each noticed; anchors, their time stamps, and what an operator reads."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import io
import json
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.cache import cache
from django.core.management import call_command
from django.core.management.base import CommandError
from django.utils import timezone

from federated.contract.heartbeat import HeartbeatAnswer
from federated.trust import signing, witness
from portal.alerts import house
from portal.alerts.models import Alert
from portal.core import audit, audit_check, audit_witness
from portal.core.models import AuditFinding, AuditRow, AuditWitness
from portal.core.severity import Severity
from portal.house import actions, anchors
from portal.house import tasks as house_tasks
from portal.sites import config
from portal.sites.config import portal_key
from portal.sites.models import Agent
from site_agents.credentials import KEY
from site_agents.signed_config import Identity
from site_agents.witness import WitnessStore, export
from tests.portal.portal_scene import Machine, machine, person, place, signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_home(settings, tmp_path):
    """Anchors of one test are no witnesses in the next; no cache remembers another test's agents."""
    cache.clear()
    config.portal_key.cache_clear()
    settings.HOME = tmp_path / "home"
    yield
    config.portal_key.cache_clear()


@dataclasses.dataclass(slots=True)
class Box:
    """An enrolled agent's machine: its keys, its folder, its real store."""

    machine: Machine
    folder: Path
    store: WitnessStore

    @classmethod
    def at(cls, camera: Any, folder: Path) -> Box:
        found = machine(camera)
        folder.mkdir(parents=True)
        signing.load_or_make_key(folder / KEY)
        key = signing.load_or_make_key(folder / KEY)
        found.key, found.agent.public_key = key, signing.public_text(key)
        found.agent.save(update_fields=["public_key"])
        portal = {"agent_id": str(found.agent.pk), "site": camera.site.slug, "camera": camera.slug, "portal_public_key": signing.public_text(portal_key())}
        (folder / "portal.json").write_text(json.dumps(portal))
        return cls(found, folder, cls.open(folder, portal))

    @staticmethod
    def open(folder: Path, portal: dict[str, Any]) -> WitnessStore:
        identity = Identity(portal["site"], portal["camera"], portal["portal_public_key"])
        return WitnessStore(folder, identity, portal["agent_id"], kept_every_s=0)

    def restart(self) -> None:
        """As after a power cut: nothing but the disk is left."""
        self.store = self.open(self.folder, json.loads((self.folder / "portal.json").read_text()))

    def beat(self, receipt: dict[str, Any] | None = None) -> HeartbeatAnswer:
        """One real heartbeat: the last head goes back, the next one comes."""
        kept = self.store.receipt(self.machine.key)
        body = {"t": time.time(), "contract": "1.2", "audit": receipt or (kept and kept.to_json())}
        answer = self.machine.send("POST", "heartbeat", {name: value for name, value in body.items() if value is not None})
        assert answer.status_code == 200, answer.content
        parsed = HeartbeatAnswer.read(answer.content)
        self.store.take(parsed.audit, self.machine.key)
        return parsed

    def file(self) -> Path:
        """What `site_agents witness` writes."""
        path = self.folder / "witness.json"
        path.write_text(json.dumps(export(self.folder)))
        return path


@pytest.fixture
def boxes(tmp_path):
    """Two agents at two sites, who were given the head after some of sixteen rows."""
    found = [Box.at(place("square").door, tmp_path / "gate"), Box.at(place("museum").square, tmp_path / "hall")]
    for n in range(1, 17):
        audit.record(actor="system", verb=f"test.{n}", subject=f"thing:{n}")
        for box in found if n in (6, 8, 9, 16) else ():
            box.beat()
    return found


def verify(*arguments: Any) -> tuple[int, str]:
    """`manage.py verify-audit`: exit status and everything it wrote."""
    out = io.StringIO()
    try:
        call_command("verify_audit", *map(str, arguments), stdout=out, stderr=out)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue()
    return 0, out.getvalue()


def rebuild(without: int) -> None:
    """The whole chain again, every hash and number fitting, as if that row had never been."""
    rows = [row for row in AuditRow.objects.order_by("seq") if row.seq != without]
    AuditRow.objects.all().delete()
    previous = audit.GENESIS
    for number, row in enumerate(rows, 1):
        row.pk, row.seq, row.previous = None, number, previous
        row.hash = previous = audit.digest(row)
        row.save(force_insert=True)


def cut_ten() -> None:
    AuditRow.objects.filter(seq__gt=6).delete()


def empty() -> None:
    AuditRow.objects.all().delete()


def without_one() -> None:
    rebuild(without=9)


def change_one() -> None:
    AuditRow.objects.filter(seq=4).update(actor="user:somebody.else@square.example")


def test_an_untouched_log_holds_and_its_witnesses_are_counted(boxes):
    status, text = verify("--witness", *(box.file() for box in boxes))
    assert (status, AuditFinding.objects.count()) == (0, 0)
    assert "The audit log holds: 16 rows" in text
    assert "2 witnesses vouch" not in text
    assert "vouch for the rows up to 16" in text


@pytest.mark.parametrize(("tamper", "first"), [(cut_ten, 7), (empty, 1), (without_one, 9), (change_one, 4)])
def test_a_changed_log_is_named_by_its_first_row_and_its_witnesses(boxes, tamper, first):
    tamper()
    status, text = verify("--witness", *(box.file() for box in boxes))
    assert status == 1
    assert f"First row that is missing or changed: row {first}.\n" in text
    if tamper is not change_one:  # there the chain itself is the proof: its hashes still are as they were given out
        for box in boxes:
            assert f"agent {box.machine.agent.pk} at {box.store.identity.site}" in text.split("Proven by 2 witness(es)")[1]


@pytest.mark.parametrize("tamper", [cut_ten, empty, without_one])
def test_the_next_heartbeat_of_any_agent_finds_it_at_once(boxes, tamper):
    tamper()
    boxes[1].beat()
    finding = AuditFinding.objects.get()
    assert (finding.seq, finding.agent, finding.own_signature) == (16, str(boxes[1].machine.agent.pk), True)
    assert AuditRow.objects.filter(verb="audit.changed").count() == 1
    reader = signed_in(person("all@square.example", "administrator"))
    assert "the audit log was changed: row 16 or one before it" in reader.get("/health/").content.decode()
    assert "The audit log was changed" in reader.get("/audit/").content.decode()
    boxes[1].beat()
    assert AuditFinding.objects.count() == 1
    house.check()
    alert = Alert.objects.get(kind="audit_changed")
    assert (alert.severity, alert.detail) == (Severity.HIGH, "16")


def test_a_log_that_grew_to_its_old_length_again_is_found_too(boxes):
    AuditRow.objects.filter(seq__gt=15).delete()
    audit.record(actor="system", verb="something.else")
    boxes[0].beat()
    assert AuditFinding.objects.get().found == AuditRow.objects.get(seq=16).hash


def test_portal_and_database_rebuilt_together_are_caught_by_two_exported_files(boxes):
    files = [box.file() for box in boxes]
    rebuild(without=9)
    for model in (AuditWitness, AuditFinding, Agent):
        model.objects.all().delete()
    (config.settings.HOME / "secrets" / "portal.key").unlink()
    config.portal_key.cache_clear()
    assert verify()[0] == 0, "from the inside nothing is left to see"
    status, text = verify("--witness", *files)
    assert status == 1
    assert "First row that is missing or changed: row 9." in text
    assert "signed by another portal key" in text
    for box in boxes:
        assert f"agent {box.machine.agent.pk}" in text
        assert signing.fingerprint(signing.public_text(box.machine.key)) in text
    assert "compare each fingerprint with the witness's own" in text


def test_what_an_agent_was_given_survives_a_power_cut_and_is_carried_back(boxes):
    boxes[0].restart()
    assert boxes[0].store.receipt(boxes[0].machine.key).head.seq == 16
    cut_ten()
    boxes[0].beat()
    assert AuditFinding.objects.get().seq == 16


def test_a_store_that_is_damaged_is_set_aside_and_begun_anew(boxes, caplog):
    boxes[0].store.path.write_bytes(b"no database at all" * 300)
    boxes[0].restart()
    assert boxes[0].store.receipt(boxes[0].machine.key) is None
    assert "is damaged" in caplog.text
    boxes[0].beat()
    assert boxes[0].store.receipt(boxes[0].machine.key).head.seq == 16


def test_the_store_keeps_the_day_and_of_the_year_one_head_an_hour(tmp_path):
    key, own = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    store = WitnessStore(tmp_path, Identity("square", "gate", signing.public_text(key)), "7", kept_every_s=0)
    now = time.time()
    hour = now - now % 3600
    ages = [400 * 86400, *(40 * 86400 + n * 60 for n in range(30)), *(n * 60 for n in range(30))]
    import sqlite3  # here only: the store's own clock is the present

    with contextlib.closing(sqlite3.connect(store.path)) as db, db:
        for n, age in enumerate(ages):
            db.execute("INSERT INTO heads VALUES (?, ?, ?, '', ?, '', '')", (n + 1, "a" * 64, hour - age, hour - age))
    store.take(witness.sign_head(seq=100, sha256="b" * 64, t=now, key=key), own)
    with contextlib.closing(sqlite3.connect(store.path)) as db:
        received = [hour - row[0] for row in db.execute("SELECT received FROM heads WHERE seq < 100")]
    assert 400 * 86400 not in received
    assert sum(age >= 86400 for age in received) in (1, 2)
    assert sum(age < 86400 for age in received) == 30


def test_an_agent_cannot_make_up_a_head_nor_bring_anothers_receipt(boxes):
    made_up = witness.sign_head(seq=15, sha256="e" * 64, t=time.time(), key=Ed25519PrivateKey.generate())
    key, agent = boxes[0].machine.key, boxes[0].machine.agent
    boxes[0].beat(witness.sign_receipt(site="square", agent=str(agent.pk), head=made_up, received=time.time(), key=key).to_json())
    assert AuditFinding.objects.get().own_signature is False
    other = boxes[1].store.receipt(boxes[1].machine.key)
    boxes[0].beat(other.to_json())
    boxes[0].beat({**boxes[0].store.receipt(key).to_json(), "received": 5.0})
    assert AuditFinding.objects.count() == 1


def test_an_agent_keeps_no_head_that_its_portal_has_not_signed(boxes, caplog):
    boxes[0].store.take(witness.sign_head(seq=99, sha256="e" * 64, t=time.time(), key=Ed25519PrivateKey.generate()), boxes[0].machine.key)
    assert boxes[0].store.receipt(boxes[0].machine.key).head.seq == 16
    assert "not signed" in caplog.text


def test_a_witness_file_that_was_changed_counts_for_nothing(boxes):
    path = boxes[0].file()
    document = json.loads(path.read_text())
    document["receipts"][3]["head"]["hash"] = "e" * 64
    path.write_text(json.dumps(document))
    with pytest.raises(CommandError, match="was changed"):
        verify("--witness", path)
    path.write_text("[" * 100_000)
    with pytest.raises(CommandError):
        verify("--witness", path)


def test_a_finding_is_closed_by_an_administrator_of_every_site_only_and_the_next_night_stays_quiet(boxes):
    cut_ten()
    boxes[0].beat()
    finding = AuditFinding.objects.get()
    local = person("b@museum.example", "administrator", boxes[1].machine.agent.camera.site)
    assert signed_in(local).post(f"/audit/findings/{finding.pk}/settle", {"reason": "x"}).status_code == 403
    everywhere = signed_in(person("all@square.example", "administrator"))
    assert everywhere.post(f"/audit/findings/{finding.pk}/settle", {"reason": "backup of yesterday restored"}).status_code == 302
    finding.refresh_from_db()
    assert finding.reason == "backup of yesterday restored"
    assert AuditRow.objects.get(verb="audit.settled").data["row"] == 16
    actions.walk_audit()
    assert audit_witness.open_findings() == []


def test_receipts_older_than_their_time_go_but_not_in_the_night_after_the_clock_jumped(boxes, monkeypatch):
    stored = AuditWitness.objects.count()
    assert stored
    later = timezone.now() + audit_witness.KEPT + datetime.timedelta(days=1)
    for night, left in ((later, stored), (later + datetime.timedelta(days=1), 0)):
        monkeypatch.setattr(timezone, "now", lambda night=night: night)
        house_tasks.walk_audit(timestamp=0)
        assert AuditWitness.objects.count() == left


def test_the_night_finds_what_no_heartbeat_brings_back(boxes):
    anchors.write_today()
    AuditWitness.objects.all().delete()
    empty()
    report = actions.walk_audit()
    assert (report.first, [each.by.startswith("anchor") for each in report.contradictions]) == ((1, 1), [True])
    assert AuditFinding.objects.get().agent == ""


def test_the_anchor_is_written_once_a_day_and_copied_where_the_operator_wants_it(boxes, settings, tmp_path):
    settings.AUDIT_FOLDER = str(tmp_path / "mount")
    assert "cannot be written" in anchors.write_today()[0], "a mount that is missing is not made"
    (tmp_path / "mount").mkdir()
    assert anchors.write_today() == []
    (copy,) = (tmp_path / "mount").iterdir()
    assert json.loads(copy.read_text())["head"]["seq"] == 16
    audit.record(actor="system", verb="test")
    assert anchors.write_today() == []
    assert anchors.newest(anchors.folder()).read_bytes() == copy.read_bytes()
    assert anchors.write_today(timezone.now() + datetime.timedelta(days=1)) == []
    assert len([*(tmp_path / "mount").iterdir()]) == 2
    AuditWitness.objects.all().delete()
    empty()
    anchors.newest(anchors.folder()).unlink()
    status, text = verify("--anchors", tmp_path / "mount")
    assert (status, "signed by this portal's own key" in text) == (1, True)
    copy.write_text(copy.read_text().replace('"seq": 16', '"seq": 17'))
    assert "counts for nothing: it is not signed" in verify()[1]


@contextlib.contextmanager
def time_stamp_authority(folder: Path):
    """A real authority of RFC 3161 on loopback: OpenSSL's, with a root and a signing certificate of its own."""
    folder.mkdir()
    (folder / "tsa.cnf").write_text(
        "[tsa]\nserial=serial\nsigner_cert=tsa.crt\nsigner_key=tsa.key\nsigner_digest=sha256\ndefault_policy=1.2.3.4.1\ndigests=sha256,sha384,sha512\n"
        "ess_cert_id_alg=sha256\n[ext]\nextendedKeyUsage=critical,timeStamping\nbasicConstraints=CA:FALSE\nsubjectKeyIdentifier=hash\n"
        "[ca]\nbasicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nsubjectKeyIdentifier=hash\n"
    )
    (folder / "serial").write_text("01\n")

    def openssl(*arguments: str, data: bytes = b"") -> bytes:
        return subprocess.run(["openssl", *arguments], cwd=folder, input=data, capture_output=True, check=True).stdout

    new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj")
    openssl("req", "-x509", *new, "/CN=root", "-keyout", "ca.key", "-out", "ca.crt", "-days", "30", "-config", "tsa.cnf", "-extensions", "ca")
    openssl("req", *new, "/CN=tsa", "-keyout", "tsa.key", "-out", "tsa.csr", "-config", "tsa.cnf")
    openssl(
        "x509", "-req", "-in", "tsa.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-out", "tsa.crt", "-days", "20", "-extfile", "tsa.cnf", "-extensions", "ext"
    )

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            (folder / "asked.tsq").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            openssl("ts", "-reply", "-queryfile", "asked.tsq", "-out", "answer.tsr", "-config", "tsa.cnf", "-section", "tsa")
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.end_headers()
            self.wfile.write((folder / "answer.tsr").read_bytes())

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()


def test_an_anchor_with_a_time_stamp_proves_when_it_was_made(boxes, settings, tmp_path):
    with time_stamp_authority(tmp_path / "tsa") as address:
        settings.AUDIT_TSA = address
        assert anchors.write_today() == []
    path = anchors.newest(anchors.folder())
    status, text = verify("--tsa-root", tmp_path / "tsa" / "ca.crt")
    assert status == 0, text
    AuditWitness.objects.all().delete()
    empty()
    assert "time stamp of 20" in verify("--tsa-root", tmp_path / "tsa" / "ca.crt")[1]
    path.write_text(path.read_text() + "\n")
    assert "counts for nothing" in verify("--tsa-root", tmp_path / "tsa" / "ca.crt")[1]
    settings.AUDIT_TSA = "http://127.0.0.1:9/"
    (problem,) = anchors.write_today(timezone.now() + datetime.timedelta(days=1))
    assert "no time stamp" in problem


def test_rows_out_of_number_are_named(boxes):
    AuditRow.objects.filter(seq=12).delete()
    report = audit_check.check()
    assert (report.broken, report.first) == (audit_check.ChainBreak(12, audit_check.MISSING), (12, 12))
