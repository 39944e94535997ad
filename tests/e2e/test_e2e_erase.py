"""Somebody of the staff is erased on a running Specola; `grep` looks for what is left."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import uuid

import numpy as np
import psycopg
import pytest

from infra import state
from tests.e2e.up_process import ROOT
from tests.site_agents.agent_lab import wait_for
from tests.waiting import patience

pytestmark = [pytest.mark.browser, pytest.mark.timeout(500)]
RECOGNISED = "SELECT data ->> 'person' FROM alerts_event WHERE kind = 'recognised' LIMIT 1"
VECTORS = "SELECT vector_send(t.vector) FROM people_template t JOIN people_person p ON p.id = t.person_id WHERE p.uid = %s"
AUDIT = """SELECT pg_relation_filepath('core_auditrow') UNION ALL
    SELECT pg_relation_filepath(indexrelid) FROM pg_index WHERE indrelid = 'core_auditrow'::regclass"""  # a row's subject stands in an index too


def grepped(home, content: bytes) -> set[str]:
    """The files that hold these bytes, as grep finds them; nothing of ours looks."""
    pattern = "".join(f"\\x{byte:02x}" for byte in content)
    done = subprocess.run(["grep", "-rlaP", "--", pattern, str(home)], capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"}, check=False)
    return {line.removeprefix(f"{home}/") for line in done.stdout.splitlines()}


def erase_person(up, uid: str) -> tuple[int, str]:
    environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE")}
    command = [sys.executable, "manage.py", "erase-person", uid]
    done = subprocess.run(
        command, cwd=ROOT, env={**environment, "SPECOLA_HOME": str(up.home)}, capture_output=True, text=True, check=False, timeout=patience(300)
    )
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def erased(up):
    """A guard whom the gate has recognised, what was known of them before, and what the command printed."""
    with psycopg.connect(state.read(up.home)["environment"]["DATABASE_URL"], autocommit=True) as database:
        wait_for(lambda: database.execute(RECOGNISED).fetchone(), "somebody to be recognised", 120)
        uid = database.execute(RECOGNISED).fetchone()[0]
        sent = [row[0][4:] for row in database.execute(VECTORS, [uid], binary=True).fetchall()]
        secrets = [uid.encode(), uid.upper().encode(), uuid.UUID(uid).hex.encode(), uuid.UUID(uid).bytes]
        secrets += [piece for each in sent for piece in (each[:64], np.frombuffer(each, ">f4").astype("<f4").tobytes()[:64])]
        database.execute("CHECKPOINT")  # what PostgreSQL holds in memory is in its files now
        before = [grepped(up.home, secret) for secret in secrets]
        status, output = erase_person(up, uid)
        audit = {row[0] for row in database.execute(AUDIT).fetchall()}
    return uid, secrets, before, status, output, {f"postgres/data/{name}" for name in audit}


def test_before_the_erasing_grep_finds_the_person_in_the_database_and_in_the_agents_list(erased):
    before = set().union(*erased[2])
    assert any("agents/gate/gallery.json" in name for name in before)
    assert any("postgres/data/base" in name for name in before)


def test_the_command_proves_that_nothing_is_left(erased):
    _uid, _secrets, _before, status, output, _audit = erased
    assert status == 0, output[-3000:]
    proof = json.loads(output[output.index("{") :])
    assert proof["clean"]
    assert [each["state"] for each in proof["agents"]] == ["confirmed"]
    assert proof["deleted"]["people.Template"] >= 1
    assert proof["residue"]["files"] > 500


def test_after_the_erasing_grep_over_the_home_folder_finds_the_audit_row_only(erased, up):
    uid, secrets, _before, _status, _output, audit = erased
    found = {name for secret in secrets for name in grepped(up.home, secret)}
    log = {name for name in found if re.search("pg_wal/", name)}  # PostgreSQL copies the audit log's page there before it writes to it again
    assert found - log
    assert found - log <= audit
    assert not {name for name in log if grepped(up.home / name, uuid.UUID(uid).bytes)}


def test_a_second_erasing_looks_again_and_an_unknown_id_is_said_to_be_unknown(erased, up):
    status, output = erase_person(up, erased[0])
    assert status == 0, output[-3000:]
    assert not json.loads(output[output.index("{") :])["first"]
    status, output = erase_person(up, str(uuid.uuid4()))
    assert status == 1
    assert "Nobody with the id" in output
