"""`manage.py test` and `manage.py lock`: what they ask of pytest and uv."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

from infra import lock, testing
from infra.errors import InfraError

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted(lock.FLOORS)


def locked(name):
    """What a lock installs on Linux: package -> version."""
    lines = (ROOT / "requirements" / name).read_text().splitlines()
    found = [re.match(r"([\w.-]+)==(\S+?)(?: ;(.*))? \\", line) for line in lines]
    elsewhere = ("!= 'linux'", " == 'win32'", "< '3.11.3'")
    return {match[1]: match[2] for match in found if match and not any(mark in (match[3] or "") for mark in elsewhere)}


def test_long_tests_run_only_when_asked_for():
    assert testing.pytest_arguments([], long=False) == ["-rs", "-m", "not long"]
    assert testing.pytest_arguments([], long=True) == ["-rs"]


def test_the_callers_marks_are_joined_with_ours():
    given = testing.pytest_arguments(["-x", "-m", "browser or data", "tests/e2e"], long=False)
    assert given == ["-rs", "-m", "not long and (browser or data)", "-x", "tests/e2e"]


def test_everything_runs_in_two_parts_that_leave_nothing_out():
    beside, alone = testing.parts_of(["-x", "--durations=5"])
    assert beside[0] == "-n"
    assert [f"--ignore={place}" for place in alone] == [argument for argument in beside if argument.startswith("--ignore")]
    assert all((ROOT / place).exists() for place in alone)


@pytest.mark.parametrize("rest", [["tests/infra"], ["tests/infra/test_infra_testing.py::test_x"], ["-n0"], ["--lf"], ["--collect-only"]])
def test_named_files_are_one_run_of_exactly_those(rest):
    assert testing.parts_of(rest) == [[]]


def test_a_failure_in_either_part_fails_the_command_and_both_run(monkeypatch):
    asked = []
    monkeypatch.setattr(testing, "ensure_chromium", lambda: None)
    monkeypatch.setattr(testing, "run_pytest", lambda arguments: (asked.append(arguments) or 2 - len(asked), "1 failed"))
    assert testing.main([]) == 1
    assert len(asked) == 2


def test_a_failing_test_fails_the_command(tmp_path, capfd):
    (tmp_path / "test_no.py").write_text("def test_no(): assert False\n")
    status, output = testing.run_pytest(["-p", "no:django", "--rootdir", str(tmp_path), "-c", "/dev/null", str(tmp_path)])
    assert status == 1
    assert "1 failed" in output
    assert "1 failed" in capfd.readouterr().out


def test_tests_skipped_for_lack_of_data_are_found_in_the_summary():
    summary = "SKIPPED [2] tests/x.py:3: no evaluation data: set SPECOLA_DATA\nSKIPPED [1] tests/y.py:3: needs root\n"
    assert len(testing.SKIPPED_FOR_DATA.findall(summary)) == 1


def test_with_data_a_skip_for_lack_of_it_is_a_failure(monkeypatch, capsys):
    monkeypatch.setattr(testing, "ensure_chromium", lambda: None)
    monkeypatch.setattr(testing, "run_pytest", lambda arguments: (0, "SKIPPED [2] tests/x.py:3: set SPECOLA_DATA\n2 skipped\n"))
    assert testing.main([]) == 0
    assert testing.main(["--data"]) == 1
    assert "2 kinds of tests were skipped" in capsys.readouterr().err


def test_without_root_a_missing_chromium_is_one_clear_sentence(monkeypatch):
    monkeypatch.setattr(testing, "find_chromium", lambda: None)
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(InfraError, match="sudo apt-get install -y chromium"):
        testing.ensure_chromium()


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
