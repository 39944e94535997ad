"""`manage.py test` and `manage.py lock`: what they ask of pytest and uv."""

from __future__ import annotations

import ast
import json
import os
import re
import tomllib
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import pytest

from infra import flaky, lock, testing
from infra.errors import InfraError
from tests import waiting

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted(lock.FLOORS)


def locked(name):
    """What a lock installs on Linux: package -> version."""
    lines = (ROOT / "requirements" / name).read_text().splitlines()
    found = [re.match(r"([\w.-]+)==(\S+?)(?: ;(.*))? \\", line) for line in lines]
    elsewhere = ("!= 'linux'", " == 'win32'", "< '3.11.3'")
    return {match[1]: match[2] for match in found if match and not any(mark in (match[3] or "") for mark in elsewhere)}


def test_long_tests_run_only_when_asked_for():
    assert testing.pytest_arguments([], long=False) == ["-rfEs", "-m", "not long"]
    assert testing.pytest_arguments([], long=True) == ["-rfEs"]


def test_the_callers_marks_are_joined_with_ours():
    given = testing.pytest_arguments(["-x", "-m", "browser or data", "tests/e2e"], long=False)
    assert given == ["-rfEs", "-m", "not long and (browser or data)", "-x", "tests/e2e"]


def test_everything_runs_in_two_parts_that_leave_nothing_out():
    shared, alone = testing.parts_of(["-x", "--durations=5"])
    assert shared.arguments[0] == "-n"
    assert [f"--ignore={place}" for place in alone.arguments] == [argument for argument in shared.arguments if argument.startswith("--ignore")]
    assert all((ROOT / place).exists() for place in alone.arguments)


@pytest.mark.parametrize("rest", [["tests/infra"], ["tests/infra/test_infra_testing.py::test_x"], ["-n0"], ["--lf"], ["--collect-only"]])
def test_named_files_are_one_run_of_exactly_those(rest):
    assert [part.arguments for part in testing.parts_of(rest)] == [[]]


def outcome(status=0, output="", **tests):
    made = {name: {"outcome": result, "seconds": 1.0, "again": ""} for name, result in tests.items()}
    return testing.SuiteOutcome(status, output, 60.0, ROOT, made)


@pytest.fixture
def history(tmp_path, monkeypatch):
    """Where this test's runs are remembered."""
    monkeypatch.setenv("SPECOLA_TEST_HISTORY", str(tmp_path / "history.json"))
    return tmp_path / "history.json"


@pytest.fixture
def no_pytest(history, monkeypatch):
    """`manage.py test` with outcomes from a list in place of pytest's."""
    outcomes = []
    monkeypatch.setattr(testing, "ensure_system_packages", lambda: None)
    monkeypatch.setattr(testing, "run_pytest", lambda arguments: outcomes.pop(0))
    return outcomes


@pytest.mark.parametrize(("first", "second", "status"), [(0, 0, 0), (1, 0, 1), (0, 1, 1), (0, 5, 0), (5, 0, 0), (5, 5, 5), (0, 2, 2), (3, 1, 3)])
def test_a_failure_in_either_part_fails_the_command_and_both_run(no_pytest, first, second, status):
    no_pytest += [outcome(first), outcome(second)]
    assert testing.main([]) == status
    assert no_pytest == []


def test_the_run_says_at_the_start_what_it_runs_and_how_long_that_took_last_time(no_pytest, capsys):
    for _ in range(2):
        no_pytest += [outcome(0, test_a="passed"), outcome(0, test_b="passed")]
        assert testing.main([]) == 0
    first, second = capsys.readouterr().out.split("manage.py test: ")[1:]
    assert first.startswith("2 parts")
    assert first.count("not timed here yet") == 2
    assert second.count("1.0 min last time") == 2


def test_tests_skipped_for_lack_of_data_are_found_in_the_summary():
    summary = "SKIPPED [2] tests/x.py:3: no evaluation data: set SPECOLA_DATA\nSKIPPED [1] tests/y.py:3: needs root\n"
    assert len(testing.SKIPPED_FOR_DATA.findall(summary)) == 1


def test_with_data_a_skip_for_lack_of_it_is_a_failure(no_pytest, capsys):
    lacking = outcome(0, "SKIPPED [2] tests/x.py:3: set SPECOLA_DATA\n2 skipped\n")
    no_pytest += [lacking] * 4
    assert testing.main([]) == 0
    assert testing.main(["--data"]) == 1
    assert "2 kinds of tests were skipped" in capsys.readouterr().err


# Second chances: real pytest on files of the test's own.

FLAKY = """
import pathlib
import pytest
MARKS

def test_sometimes():
    mark = pathlib.Path(__file__).with_suffix(".ran")
    again = mark.exists()
    mark.touch()
    assert again
"""
PROCESS = "pytestmark = pytest.mark.process"


@pytest.fixture
def folder(tmp_path, history, monkeypatch):
    """A folder of tests of its own, and `run()`: `manage.py test` of that folder -> (exit status, what was printed last)."""
    monkeypatch.setattr(testing, "ensure_system_packages", lambda: None)
    suite = tmp_path / "suite"
    suite.mkdir()

    def run(capfd):
        for mark in suite.glob("*.ran"):
            mark.unlink()
        status = testing.main(["-p", "no:django", "-p", "no:cacheprovider", f"--rootdir={suite}", "--config-file=/dev/null", str(suite)])
        return status, capfd.readouterr().out

    return SimpleNamespace(path=suite, run=run)


def test_a_failing_test_fails_the_command(folder, capfd):
    (folder.path / "test_no.py").write_text("def test_no(): assert False\ndef test_yes(): pass\n")
    status, printed = folder.run(capfd)
    assert status == 1
    assert re.fullmatch(r"=+ 1 failed, 1 passed in [\d.]+s =+", printed.splitlines()[-1])
    assert "once more, alone" not in printed


def test_a_process_test_that_passes_alone_leaves_the_run_green_and_its_name_behind(folder, history, capfd):
    (folder.path / "test_flaky.py").write_text(FLAKY.replace("MARKS", PROCESS))
    status, printed = folder.run(capfd)
    assert status == 0
    assert "flaky: failed, and passed when run once more alone" in printed
    assert printed.splitlines()[-3] == "  test_flaky.py::test_sometimes"
    assert re.fullmatch(r"=+ 1 passed, 1 flaky in [\d.]+s =+", printed.splitlines()[-1])
    assert [(entry["test"], entry["run"]) for entry in json.loads(history.read_text())["flaky"]] == [("test_flaky.py::test_sometimes", 1)]


def test_a_test_that_starts_no_process_has_no_second_chance(folder, history, capfd):
    (folder.path / "test_flaky.py").write_text(FLAKY.replace("MARKS", ""))
    assert folder.run(capfd)[0] == 1
    assert json.loads(history.read_text())["flaky"] == []


def test_the_same_name_twice_within_ten_runs_is_a_failure_and_later_not(folder, history, capfd):
    (folder.path / "test_flaky.py").write_text(FLAKY.replace("MARKS", PROCESS))
    assert folder.run(capfd)[0] == 0
    status, printed = folder.run(capfd)
    assert status == 1
    assert "for the second time within 10 runs: that is a failure" in printed
    kept = json.loads(history.read_text())
    history.write_text(json.dumps({**kept, "run": 11}))
    assert folder.run(capfd)[0] == 0  # run 12: ten runs after the second


def test_a_process_test_that_always_fails_is_a_failure_after_its_second_chance(folder, history, capfd):
    (folder.path / "test_broken.py").write_text(f"import pytest\n{PROCESS}\ndef test_broken(): assert False\n")
    status, printed = folder.run(capfd)
    assert status == 1
    assert printed.count("once more, alone") == 1
    assert re.fullmatch(r"=+ 1 failed in [\d.]+s =+", printed.splitlines()[-1])
    assert json.loads(history.read_text())["flaky"] == []


def test_a_flaky_test_does_not_hide_a_failure(folder, capfd):
    (folder.path / "test_flaky.py").write_text(FLAKY.replace("MARKS", PROCESS))
    (folder.path / "test_no.py").write_text("def test_no(): assert False\n")
    status, printed = folder.run(capfd)
    assert status == 1
    assert re.fullmatch(r"=+ 1 failed, 1 passed, 1 flaky in [\d.]+s =+", printed.splitlines()[-1])
    assert "failed:\n  test_no.py::test_no\n" in printed  # CI keeps the end of the output


def test_a_story_is_run_again_from_its_beginning(folder, capfd):
    (folder.path / "test_told.py").write_text(
        FLAKY.replace("MARKS", "pytestmark = [pytest.mark.process, pytest.mark.story]\nfound = []\ndef test_first(): found.append(1)") + "    assert found\n"
    )
    status, printed = folder.run(capfd)
    assert (status, printed.count("once more, alone: test_told.py\n")) == (0, 1)


def test_a_file_that_cannot_be_read_is_a_failure(folder, capfd):
    (folder.path / "test_torn.py").write_text("def test_(:\n")
    assert folder.run(capfd)[0] not in (0, 5)


def test_so_many_failures_are_no_flakiness(folder, capfd):
    (folder.path / "test_many.py").write_text(
        f"import pytest\n{PROCESS}\n@pytest.mark.parametrize('n', range({testing.MOST_AGAIN + 1}))\ndef test_(n): assert False\n"
    )
    status, printed = folder.run(capfd)
    assert status == 1
    assert "once more, alone" not in printed


def test_the_ten_slowest_are_named(folder, capfd):
    (folder.path / "test_many.py").write_text("import pytest\n@pytest.mark.parametrize('n', range(12))\ndef test_(n): pass\n")
    printed = folder.run(capfd)[1]
    assert "The 10 slowest tests:" in printed
    assert len(re.findall(r"^ +[\d.]+ s  test_many", printed, re.MULTILINE)) == 10


@pytest.mark.parametrize("text", ["", "[]", '{"run": 1}', '{"run": 1, "seconds": {}, "flaky": [5]}'])
def test_a_damaged_history_is_started_anew_with_a_sentence(history, capsys, text):
    history.write_text(text)
    kept = flaky.FlakyHistory.read(ROOT)
    assert kept.add(["a"], {}) == []
    assert flaky.FlakyHistory.read(ROOT).run == 1
    assert "starts anew" in capsys.readouterr().err


# Waiting: by condition, never by a fixed sleep.

ON_PURPOSE = {
    ("tests/federated/test_federated_agent_folder.py", "sleep"): "stands for a run that hangs until it is ended",
    ("tests/site_agents/test_agent_sources.py", "sleep"): "the reader is busy: what the test is about",
    ("tests/site_agents/test_agent_outbox.py", "sleep"): "a kill at a moment that is drawn by chance",
    ("tests/site_agents/test_agent_evidence.py", "sleep"): "a slow detector: what the test is about",
    ("tests/e2e/conftest.py", "wait_for_timeout"): "between two looks of a wait by condition",
    ("tests/e2e/test_e2e_federation.py", "wait_for_timeout"): "between two looks of a wait by condition",
    ("tests/e2e/test_e2e_users.py", "wait_for_timeout"): "between two looks of a wait by condition",
    ("tests/detectors/test_detectors_files.py", "sleep"): "between two looks of a wait by condition",
    ("tests/waiting.py", "sleep"): "between two looks of a wait by condition",
}


def test_no_test_waits_by_a_fixed_sleep():
    found = set()
    for file in sorted((ROOT / "tests").rglob("*.py")):
        if "load" not in file.parts:
            calls = [node.func for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
            found |= {(str(file.relative_to(ROOT)), call.attr) for call in calls if call.attr in ("sleep", "wait_for_timeout")}
    assert found - set(ON_PURPOSE) == set()


@pytest.mark.parametrize(("load", "seconds"), [(0.1, 10), (2.0, 10), (6.0, 30), (80.0, 40)])
def test_a_deadline_grows_with_the_load_up_to_a_bound(monkeypatch, load, seconds):
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0, 0))
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert waiting.patience(10) == seconds


def test_a_wait_gives_what_it_waited_for_or_fails_with_what_it_waited_for(monkeypatch):
    monkeypatch.setattr(os, "getloadavg", lambda: (0.0, 0, 0))
    looks = iter([None, 0, "here"])
    assert waiting.wait_for(lambda: next(looks), "it", meanwhile=lambda: None) == "here"
    with pytest.raises(AssertionError, match="in vain: the moon"):
        waiting.wait_for(lambda: False, lambda: "the moon", 0.0)


@pytest.mark.parametrize(("chromium", "gstreamer", "named"), [(None, "", "chromium"), ("/usr/bin/chromium", "no", "gir1.2-gst-rtsp-server-1.0 python3-gi")])
def test_without_root_missing_packages_of_the_system_are_one_clear_sentence(monkeypatch, chromium, gstreamer, named):
    monkeypatch.setattr(testing, "find_chromium", lambda: chromium)
    monkeypatch.setattr(testing, "gstreamer_problem", lambda: gstreamer)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(InfraError, match=f"sudo apt-get install -y {named}"):
        testing.ensure_system_packages()


def test_without_the_systems_python_there_is_no_gstreamer(monkeypatch):
    monkeypatch.setattr(testing, "SYSTEM_PYTHON", ("/nowhere/python3",))
    assert "sudo apt-get install -y gir1.2" in testing.gstreamer_problem()


@pytest.mark.parametrize("name", LOCKS)
def test_every_lock_has_hashes_and_names_no_registry(name):
    text = (ROOT / "requirements" / name).read_text()
    assert "--hash=sha256:" in text
    assert re.findall(r"https?://|file:|index-url|find-links", text) == []


@pytest.mark.parametrize("name", LOCKS)
def test_torch_is_in_no_lock(name):
    assert "torch" not in locked(name)


def test_an_agents_lock_has_no_django_no_flower_no_torch():
    assert {"django", "flwr", "torch", "onnx", "channels"} & set(locked("agent.lock")) == set()
    assert {"numpy", "opencv-python", "onnxruntime", "httpx", "cryptography"} <= set(locked("agent.lock"))


@pytest.mark.parametrize("name", LOCKS)
def test_all_locks_agree_with_the_portals(name):
    portal = locked("portal.lock")
    assert {package: (wanted, portal[package]) for package, wanted in locked(name).items() if portal.get(package, wanted) != wanted} == {}


@pytest.mark.parametrize("package", ["flwr", "numpy", "opencv-python", "uvicorn", "django", "onnxruntime", "protobuf", "cryptography"])
def test_what_is_installed_is_what_is_locked(package):
    assert version(package) == locked("portal.lock")[package]


def test_torch_is_asked_for_exactly():
    assert [line for line in (ROOT / "requirements" / "torch.txt").read_text().splitlines() if not line.startswith("#")] == ["torch==2.13.0"]
    assert version("torch").startswith("2.13.0")


def test_torchs_own_dependencies_are_in_the_locks():
    assert {"filelock", "sympy", "networkx", "jinja2", "fsspec", "typing-extensions"} <= set(locked("portal.lock")) & set(locked("train.lock"))


def test_everything_pyproject_asks_for_is_locked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for name, extras in lock.FLOORS.items():
        wanted = {re.split(r"[\[<>=~! ;]", line)[0].lower() for line in lock.requirements_of(project, extras)}
        assert wanted - set(locked(name)) == set()
