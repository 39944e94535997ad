"""The bootstrap: what it installs, what it leaves alone, what it says when it cannot."""

from __future__ import annotations

import ast
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra import bootstrap
from infra.errors import BootstrapError
from tests.waiting import patience

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def root(tmp_path):
    """A clone with empty locks: installing nothing takes two seconds instead of a minute."""
    (tmp_path / "requirements").mkdir()
    for part in ("portal.lock", "agent.lock", "train.lock", "test.lock", "torch.txt"):
        (tmp_path / "requirements" / part).write_text("# nothing\n")
    return tmp_path


@pytest.fixture(scope="module")
def made_once(tmp_path_factory):
    venv = tmp_path_factory.mktemp("made") / ".venv"
    bootstrap.make_environment(venv)
    return venv


@pytest.fixture
def environment(root, made_once):
    """A real virtual environment in it."""
    return shutil.copytree(made_once, root / ".venv", symlinks=True)


def packages_of(venv):
    return next(venv.glob("lib/python3*/site-packages"))


def old_python(tmp_path, version):
    """Run manage.py as if this were another Python: its check must come before anything newer than that Python."""
    code = f"import sys; sys.version_info = {version}; sys.argv = ['manage.py', 'up']; exec(compile(open('manage.py').read(), 'manage.py', 'exec'))"
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("version", [(3, 6, 9), (3, 10, 0), (3, 12, 1), (3, 14, 0)])
def test_a_wrong_python_is_one_clear_sentence(tmp_path, version):
    done = old_python(tmp_path, version)
    assert done.returncode == 1
    assert done.stderr == f"Specola needs Python 3.11 and this is Python {version[0]}.{version[1]}: run `python3.11 manage.py`.\n"


def test_an_old_python_can_parse_manage_py():
    text = (ROOT / "manage.py").read_text()
    ast.parse(text, feature_version=(3, 4))
    assert "import annotations\n\n" not in text
    assert not re.search(r"\bf['\"]", text)


def test_the_bootstrap_needs_the_standard_library_only():
    code = "import sys; sys.path.insert(0, '.'); import infra.commands; print([m for m in sys.modules if m.split('.')[0] in ('psutil', 'psycopg', 'django')])"
    assert subprocess.run([sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_a_fresh_clone_gets_an_environment_and_a_stamp(root, capfd):
    bootstrap.install(root, "agent")
    assert bootstrap.is_complete(root, "agent")
    assert re.search(r"\[1/2\] make the virtual environment … [\d.]+ s\n\[2/2\] install agent.lock", capfd.readouterr().err)


def test_a_complete_environment_is_left_alone(root, environment, capfd):
    bootstrap.install(root, "agent")
    capfd.readouterr()
    bootstrap.install(root, "agent")
    assert capfd.readouterr().err == ""


def test_a_changed_lock_is_installed_again_and_only_that(root, environment, capfd):
    bootstrap.install(root, "portal")
    (root / "requirements" / "portal.lock").write_text("# changed\n")
    assert not bootstrap.is_complete(root, "portal")
    capfd.readouterr()
    bootstrap.install(root, "portal")
    assert [line for line in capfd.readouterr().err.splitlines() if "torch" in line] == []


def test_a_portal_installation_is_good_for_an_agent_too_but_not_the_other_way_round(root, environment):
    bootstrap.install(root, "agent")
    assert not bootstrap.is_complete(root, "portal")
    bootstrap.install(root, "portal")
    (root / "requirements" / "agent.lock").write_text("# changed\n")
    assert bootstrap.is_complete(root, "agent")


@pytest.mark.parametrize("stamp", ["", "{", "[]", '"x"'])
def test_a_broken_stamp_means_nothing_is_known(root, environment, stamp):
    (environment / bootstrap.STAMP).write_text(stamp)
    assert not bootstrap.is_complete(root, "agent")


def test_an_environment_whose_python_is_gone_is_made_anew(root, environment):
    bootstrap.install(root, "agent")
    bootstrap.python_in(environment).unlink()
    assert not bootstrap.is_complete(root, "agent")
    bootstrap.install(root, "agent")
    assert bootstrap.is_sound(environment)


def test_an_environment_without_pip_is_not_sound(environment):
    shutil.rmtree(packages_of(environment) / "pip")
    assert not bootstrap.is_sound(environment)


def test_what_a_killed_pip_left_half_installed_is_removed(environment):
    packages = packages_of(environment)
    for name in ("half-1.0.dist-info", "whole-1.0.dist-info", "~umpy"):
        (packages / name).mkdir()
    (packages / "whole-1.0.dist-info" / "RECORD").touch()
    assert sorted(bootstrap.sweep_halves(packages)) == ["half-1.0.dist-info", "~umpy"]
    assert (packages / "whole-1.0.dist-info").exists()


def test_a_package_that_is_not_to_be_had_is_one_clear_sentence(root, environment, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    (root / "requirements" / "agent.lock").write_text("specola-no-such-package==1.0 --hash=sha256:" + "0" * 64 + "\n")
    with pytest.raises(BootstrapError, match=r"agent.lock could not be installed: a package was not found .*install-agent.lock.log\)"):
        bootstrap.install(root, "agent")
    assert not bootstrap.is_complete(root, "agent")


def test_a_file_with_the_wrong_hash_is_refused(root, environment, tmp_path, monkeypatch):
    wheel = tmp_path / "thing-1.0-py3-none-any.whl"
    wheel.write_bytes(b"not the wheel that was locked")
    (root / "requirements" / "agent.lock").write_text(f"{wheel.as_uri()} --hash=sha256:{'0' * 64}\n")
    with pytest.raises(BootstrapError, match="is not the one the lock names"):
        bootstrap.install(root, "agent")


@pytest.mark.parametrize(
    ("printed", "meant"),
    [
        ("ERROR: Could not install: [Errno 28] No space left on device", "the disk is full"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES", "is not the one the lock names"),
        ("[Errno 30] Read-only file system: 'x'", "read-only"),
        ("ReadTimeoutError: whatever", "a download broke off"),
    ],
)
def test_pips_words_become_a_reason(printed, meant):
    assert meant in bootstrap.reason_for(printed)


def test_an_incomplete_clone_is_one_clear_sentence(root):
    (root / "requirements" / "agent.lock").unlink()
    with pytest.raises(BootstrapError, match="the clone is incomplete"):
        bootstrap.install(root, "agent")


def test_a_read_only_clone_is_one_clear_sentence(mount, monkeypatch):
    with pytest.raises(BootstrapError, match="cannot be written"), bootstrap.only_one(mount("ro") / ".venv.lock"):
        pass


def test_a_second_installation_waits_for_the_first(root):
    code = f"from pathlib import Path; from infra import bootstrap\nwith bootstrap.only_one(Path({str(root / '.venv.lock')!r})): print('mine')"
    with (root / ".venv.lock").open("a+") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        second = subprocess.Popen([sys.executable, "-u", "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert "Another installation is running" in second.stderr.readline()
        assert second.poll() is None
    assert second.communicate(timeout=patience(20))[0] == "mine\n"


def test_the_environment_runs_the_same_command_line_again(root, environment):
    bootstrap.install(root, "agent")
    script = root / "again.py"
    script.write_text(
        "import sys; from pathlib import Path\nfrom infra.bootstrap import ensure_environment\n"
        f"ensure_environment(Path({str(root)!r}), 'agent', sys.argv)\nprint(sys.prefix, sys.argv[1:])"
    )
    done = subprocess.run(
        [sys.executable, str(script), "up", "--port", "1"], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == f"{environment} ['up', '--port', '1']"


def test_the_stamp_says_how_long_the_installation_took(root, environment):
    bootstrap.install(root, "agent")
    assert json.loads((environment / bootstrap.STAMP).read_text())["seconds"] >= 0
