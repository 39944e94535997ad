"""A site's folder: where the fleet is, whose bundles may run, how its processes start and end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from federated_live import wait_for

from federated.learning import agent_folder, executor, fab, node, process
from federated.trust import signing

pytestmark = pytest.mark.process


@pytest.fixture
def key(tmp_path):
    return signing.load_or_make_key(tmp_path / "portal.pem")


def configure(folder, key, document, **changes):
    (folder / "portal.json").write_text(json.dumps({"portal_public_key": signing.public_text(key)}))
    (folder / "config.json").write_text(json.dumps({**signing.sign_document(document, key), **changes}))


def test_without_a_configuration_only_the_installed_package_may_run(tmp_path):
    assert agent_folder.allowed_bundles(tmp_path) == {fab.digest()}


def test_a_configuration_that_lists_nothing_changes_nothing(tmp_path, key):
    configure(tmp_path, key, {"version": 1})
    assert agent_folder.allowed_bundles(tmp_path) == {fab.digest()}


@pytest.mark.parametrize("bundles", [[], ["aa"], ["aa", "bb"]])
def test_a_signed_list_replaces_it(tmp_path, key, bundles):
    configure(tmp_path, key, {"bundles": bundles})
    assert agent_folder.allowed_bundles(tmp_path) == set(bundles)


def test_a_list_that_was_written_in_later_lets_nothing_run(tmp_path, key):
    configure(tmp_path, key, {"version": 1}, bundles=["evil"])
    assert agent_folder.allowed_bundles(tmp_path) == set()


@pytest.mark.parametrize("content", ["", "{", "[]x", '{"bundles": 7}', '{"bundles": ["a"]}', '{"bundles": ["a"], "signature": "AAAA"}'])
def test_a_damaged_configuration_lets_nothing_run(tmp_path, key, content):
    configure(tmp_path, key, {})
    (tmp_path / "config.json").write_text(content)
    assert agent_folder.allowed_bundles(tmp_path) == set()


def test_a_site_that_is_not_enrolled_is_told_what_to_do(tmp_path):
    with pytest.raises(agent_folder.AgentFolderError, match="site_agents enrol"):
        agent_folder.fleet(tmp_path)


@pytest.mark.parametrize("content", ["{}", '{"fleet": null}', "[]"])
def test_a_portal_without_a_federation_is_said_so(tmp_path, content):
    (tmp_path / "portal.json").write_text(content)
    with pytest.raises(agent_folder.AgentFolderError, match="no federation"):
        agent_folder.fleet(tmp_path)


def test_a_damaged_enrolment_names_the_file(tmp_path):
    (tmp_path / "portal.json").write_text("{")
    with pytest.raises(agent_folder.AgentFolderError, match=r"portal\.json is damaged"):
        agent_folder.fleet(tmp_path)


def test_a_node_that_cannot_start_says_why_in_one_line(tmp_path, capsys):
    assert node.main(["--home", str(tmp_path)]) == node.EXIT_USAGE
    assert capsys.readouterr().err.startswith("node: ")


class Runtime:
    """A Runtime API that hands out one task and remembers what was reported about it."""

    def __init__(self, monkeypatch, kind="server"):
        self.reported: list[str] = []
        monkeypatch.setattr(executor, "_runtime_client", lambda *_, **__: self)
        monkeypatch.setattr(executor, "_report", lambda client, kind, reason: self.reported.append(reason))
        self.executor = executor.Executor(kind, "127.0.0.1:1", b"secret", None)

    def close(self):
        pass


def test_a_bundle_that_is_not_listed_is_refused_without_a_fork(monkeypatch):
    runtime = Runtime(monkeypatch)
    runtime.executor.allowed = lambda: {"good"}
    monkeypatch.setattr(executor.os, "fork", lambda: pytest.fail("a process was started"))
    runtime.executor.take("evil", "token")
    assert "not on this node's allow-list" in runtime.reported[0]


def test_the_allow_list_is_read_for_every_task(monkeypatch):
    runtime, asked = Runtime(monkeypatch), []
    runtime.executor.allowed = lambda: asked.append(1) or set()
    runtime.executor.take("a", "token")
    runtime.executor.take("b", "token")
    assert len(asked) == 2


def test_a_task_whose_process_is_killed_is_reported_at_once(monkeypatch):
    runtime = Runtime(monkeypatch)
    runtime.executor.allowed = lambda: {"good"}
    monkeypatch.setattr(executor, "_run_server", lambda *_: time.sleep(60))
    runtime.executor.take("good", "token")
    (child,) = runtime.executor.tasks
    runtime.executor.reap(child)
    assert runtime.reported == []
    os.kill(child, signal.SIGKILL)
    wait_for(lambda: runtime.executor.reap(child) or not runtime.executor.tasks, "the child's end")
    assert "killed by signal 9" in runtime.reported[0]


def test_a_task_that_raises_ends_its_own_process_only(monkeypatch, capfd):
    runtime = Runtime(monkeypatch)
    runtime.executor.allowed = lambda: {"good"}
    monkeypatch.setattr(executor, "_run_server", lambda *_: 1 / 0)
    runtime.executor.take("good", "token")
    (child,) = runtime.executor.tasks
    wait_for(lambda: runtime.executor.reap(child) or not runtime.executor.tasks, "the child's end")
    assert "ZeroDivisionError" in capfd.readouterr().err


def test_back_off_grows_and_forgets_after_a_steady_time():
    backoff, delays = process.Backoff(), []
    for now in range(6):
        backoff.begin(now)
        delays.append(backoff.delay(now + 0.5))
    assert delays == [1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    backoff.begin(100)
    assert backoff.delay(100 + process.STEADY_S + 1) == 0.0


def test_a_child_ends_with_its_parent_however_that_ends():
    child = "import os, sys, time; from federated.learning import process; process.die_with(int(sys.argv[1])); print(os.getpid(), flush=True); time.sleep(60)"
    parent = f"import os, subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}, str(os.getpid())])"
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, env=process.calm_environment()) as running:
        pid = int(running.stdout.readline())
        running.kill()
        running.wait()
        wait_for(lambda: _ended(pid), "the child's end", 5)


def _ended(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
    except FileNotFoundError:
        return True


def test_a_child_that_ignores_sigterm_is_killed():
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        process.stop([child], grace_s=0.2)
        assert child.returncode == -signal.SIGKILL


def test_children_run_without_telemetry():
    environment = process.calm_environment()
    assert (environment["FLWR_TELEMETRY_ENABLED"], environment["FLWR_DISABLE_UPDATE_CHECK"]) == ("0", "1")
