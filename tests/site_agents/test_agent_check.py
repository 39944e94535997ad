"""`check`: one line for each thing, "ok" or "problem" and what to do; configuration mistakes with their line."""

from __future__ import annotations

import json
import socket
import threading
import time

import pytest
from agent_lab import enrolled, write_config

from site_agents import check as check_module
from site_agents import signed_config
from site_agents.__main__ import main
from site_agents.check import check
from site_agents.config import load


@pytest.fixture
def box(tmp_path, peer, address):
    """An enrolled box whose portal answers."""
    enrolled(tmp_path / "square", peer).close()
    return write_config(tmp_path / "square", address)


def lines(config) -> dict[str, tuple[bool, str]]:
    return {line.what: (line.ok, line.detail) for line in check(load(config))}


def test_a_good_box_is_ok_in_every_line(box, capsys):
    assert main(["check", "--config", str(box)]) == 0
    report = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in report] == [
        f"ok       {what}" for what in ("configuration", "source", "detectors", "disk", "portal", "enrolment", "signed configuration", "training")
    ]


def test_it_tells_what_it_found(box):
    report = lines(box)
    assert report["source"] == (True, "file 768 x 576")
    assert report["enrolment"][1].startswith("miracles/square as ")
    assert report["training"] == (True, "no: switched off in agent.toml")
    assert report["signed configuration"] == (True, "none yet; it comes with the first heartbeat")


def test_nothing_is_changed_by_looking(box):
    before = {file.name: file.read_bytes() for file in box.parent.iterdir()}
    list(check(load(box)))
    assert {file.name: file.read_bytes() for file in box.parent.iterdir()} == before


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('kind = "file"', 'kind = "flie"', "agent.toml:4: kind must be one of"),
        ("loop = true", "loop = 1", "agent.toml:6: loop must be true or false"),
        ('name = "square"', 'nmae = "square"', "agent.toml:1: unknown key 'nmae'"),
        ("[source]", "[sauce]", "agent.toml:3: unknown key 'sauce'"),
        ('portal = "http', 'portal = "ftp', "agent.toml:2: portal must be an address"),
        ("loop = true", "loop = ", "agent.toml:6: Invalid value"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_line(box, capsys, old, new, words):
    box.write_text(box.read_text().replace(old, new))
    assert main(["check", "--config", str(box)]) == 2
    report = capsys.readouterr().err
    assert words in report
    assert len(report.splitlines()) == 1


def test_a_source_that_is_not_there_is_a_problem_and_the_rest_is_looked_at(box, capsys):
    box.write_text(box.read_text().replace("square.webm", "gone.webm"))
    assert main(["check", "--config", str(box)]) == 1
    report = capsys.readouterr().out
    assert "problem  source:" in report
    assert "gone.webm is no file" in report
    assert "ok       portal:" in report


def test_an_empty_folder_of_pictures_is_a_problem(box, tmp_path):
    (tmp_path / "pictures").mkdir()
    write_config(box.parent, "http://127.0.0.1:1", kind="folder", path=str(tmp_path / "pictures"))
    assert lines(box)["source"] == (False, f"{tmp_path / 'pictures'} holds no picture that can be read")


def test_a_source_that_hangs_does_not_hang_the_check(box, monkeypatch):
    """A camera that takes the connection and then says nothing."""
    monkeypatch.setattr(check_module, "FIRST_FRAME_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        write_config(box.parent, "http://127.0.0.1:1", kind="stream", path=f"http://127.0.0.1:{silent.getsockname()[1]}/video")
        began = time.monotonic()
        ok, report = lines(box)["source"]
    assert (ok, report) == (False, "no frame within 0 s (timeout)")
    assert time.monotonic() - began < 15
    for thread in threading.enumerate():
        if thread.daemon and "(read)" in thread.name:
            thread.join(20)


def test_a_portal_that_does_not_answer_is_a_problem(box):
    write_config(box.parent, "http://127.0.0.1:1")
    ok, report = lines(box)["portal"]
    assert not ok
    assert "check address, network and firewall" in report


def test_a_box_that_is_not_enrolled_says_how(tmp_path, address):
    report = lines(write_config(tmp_path / "new", address))
    assert report["enrolment"][0] is False
    assert "site_agents enrol --config agent.toml --code CODE" in report["enrolment"][1]
    assert report["training"] == (True, "known after enrolment")


@pytest.mark.parametrize("name", ["key.pem", "node.key"])
def test_a_key_that_others_can_read_is_a_problem(box, name):
    (box.parent / name).chmod(0o644)
    ok, report = lines(box)["enrolment"]
    assert (ok, report) == (False, f"{name} can be read by others: chmod 600 {box.parent / name}")


def test_a_lost_key_is_a_problem_and_none_is_made(box):
    (box.parent / "key.pem").unlink()
    assert lines(box)["enrolment"] == (False, "key.pem is missing: enrol again")
    assert not (box.parent / "key.pem").exists()


def test_a_nearly_full_disk_is_a_problem(box, monkeypatch):
    monkeypatch.setattr(check_module, "LEAST_DISK", 10**18)
    ok, report = lines(box)["disk"]
    assert not ok
    assert "at least 1000000000000 are wanted" in report


def test_kept_orders_are_told(box, peer):
    signed_config.save(box.parent, peer.config(version=4, legal_mode="M1"))
    assert lines(box)["signed configuration"] == (True, "version 4, M1, 0 rules, 0 masks")


def test_orders_that_are_not_believed_are_a_problem(box, peer):
    signed_config.save(box.parent, {**peer.config(), "legal_mode": "M1"})
    assert lines(box)["signed configuration"][0] is False


def test_a_damaged_enrolment_is_a_problem(box):
    (box.parent / "portal.json").write_text(json.dumps({"agent_id": "x"}))
    report = lines(box)
    assert report["enrolment"][0] is False
    assert "damaged" in report["enrolment"][1]
