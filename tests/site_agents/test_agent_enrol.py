"""Enrolment: a one-time code becomes an identity; private keys are made here and never leave."""

from __future__ import annotations

import json
import stat
import time

import pytest
from agent_lab import write_config
from portal_peer import AGENT, CODE

from federated.trust import csr, pki, signing
from site_agents import credentials, signed_config
from site_agents.__main__ import main
from site_agents.clock import Clock
from site_agents.config import load
from site_agents.enrol import enrol
from site_agents.errors import NotEnrolled, PortalRefused, PortalUnreachable
from site_agents.link import PortalLink, read_portal


@pytest.fixture
def config(tmp_path, address):
    return load(write_config(tmp_path / "box", address))


def test_a_good_code_makes_an_identity(config, peer):
    result = enrol(config, CODE)
    assert (result["agent_id"], result["site"], result["camera"]) == (AGENT, "miracles", "square")
    assert read_portal(config.folder) == result
    assert sorted(file.name for file in config.folder.iterdir()) == ["agent.toml", "certificate.pem", "key.pem", "node.key", "portal.json"]


def test_the_first_signed_call_is_believed(config, peer):
    result = enrol(config, CODE)
    link = PortalLink(config.portal, signing.load_or_make_key(config.folder / "key.pem"), result["agent_id"], Clock())
    assert link.call("POST", "/heartbeat", {"config_version": 0}).status_code == 200
    link.close()


def test_only_public_halves_leave(config, peer):
    enrol(config, CODE)
    (sent,) = peer.enrolments
    assert set(sent) == {"code", "csr", "node_public_key", "versions", "contract"}
    assert "PRIVATE" not in json.dumps(sent)
    assert sent["versions"]["specola"]


def test_private_keys_are_readable_by_their_owner_only(config):
    enrol(config, CODE)
    for name in ("key.pem", "node.key"):
        assert stat.S_IMODE((config.folder / name).stat().st_mode) == 0o600


def test_blanks_around_a_copied_code_do_no_harm(config):
    assert enrol(config, f"  {CODE}\n")["agent_id"] == AGENT


@pytest.mark.parametrize("code", ["wrong", "", "x" * 10_000, "☃"])
def test_a_wrong_code_is_refused_and_nothing_is_kept(config, code):
    with pytest.raises(PortalRefused, match="wrong, used or expired"):
        enrol(config, code)
    assert not (config.folder / "portal.json").exists()


def test_a_used_code_is_refused_and_the_first_enrolment_stays(config):
    first = enrol(config, CODE)
    with pytest.raises(PortalRefused):
        enrol(config, CODE)
    assert read_portal(config.folder) == first


def test_an_expired_code_is_refused(config, peer):
    peer.codes["late"] = time.time() - 1
    with pytest.raises(PortalRefused, match="403"):
        enrol(config, "late")


def test_an_enrolment_that_was_cut_off_is_repeated_with_the_same_keys(config, peer):
    with pytest.raises(PortalRefused):
        enrol(config, "wrong")
    enrol(config, CODE)
    first, second = peer.enrolments
    assert csr.read(first["csr"]).public == csr.read(second["csr"]).public
    assert first["node_public_key"] == second["node_public_key"]


def keys_of(folder):
    return signing.public_text(signing.load_or_make_key(folder / "key.pem")), pki.make_node_key(folder / "node.key")


def test_the_certificate_is_ours_and_kept(config, peer):
    enrol(config, CODE)
    certificate = credentials.read(config.folder)
    assert certificate.not_before < time.time() < certificate.not_after
    assert f"BEGIN {'CERTIFICATE'}" in (config.folder / "certificate.pem").read_text()


def test_who_enrols_again_gets_new_keys_because_the_old_may_be_revoked(config, peer):
    enrol(config, CODE)
    before, peer.codes["second"] = keys_of(config.folder), float("inf")
    enrol(config, "second")
    after = keys_of(config.folder)
    assert not set(before) & set(after)
    assert peer.agent_key == after[0]
    assert not (config.folder / "next").exists()


def test_a_refused_second_enrolment_leaves_the_first_ones_keys(config, peer):
    enrol(config, CODE)
    before = keys_of(config.folder)
    with pytest.raises(PortalRefused):
        enrol(config, "wrong")
    assert keys_of(config.folder) == before


def test_a_second_enrolment_killed_before_its_files_are_moved_is_finished_at_the_next_start(config, peer, monkeypatch):
    enrol(config, CODE)
    peer.codes["second"] = float("inf")
    with monkeypatch.context() as patch:
        patch.setattr(credentials, "finish_move", lambda folder: False)
        enrol(config, "second")
    assert peer.agent_key != keys_of(config.folder)[0]
    assert credentials.finish_move(config.folder)
    assert peer.agent_key == keys_of(config.folder)[0]


@pytest.mark.parametrize("certificate", [None, "", "rubbish", 7])
def test_an_answer_without_a_certificate_of_ours_is_no_enrolment(config, peer, certificate):
    real = peer.enrol
    peer.enrol = lambda result: (201, {**real(result)[1], "certificate": certificate})
    with pytest.raises(PortalUnreachable, match="makes no sense"):
        enrol(config, CODE)
    assert not (config.folder / "portal.json").exists()


def test_orders_of_an_earlier_life_are_forgotten(config, peer):
    signed_config.save(config.folder, peer.config(version=99))
    enrol(config, CODE)
    assert not (config.folder / signed_config.FILE).exists()


@pytest.mark.parametrize("answer", [{}, {"agent_id": "a"}, [], {"agent_id": 3, "site": "s", "camera": "c", "portal_public_key": "k"}])
def test_a_senseless_answer_is_no_enrolment(config, peer, answer):
    peer.enrol = lambda result: (201, answer)
    with pytest.raises(NotEnrolled, match="enrol the agent again"):
        enrol(config, CODE)


def test_a_portal_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(PortalUnreachable, match="does not answer"):
        enrol(load(write_config(tmp_path / "box", "http://127.0.0.1:1")), CODE)


def test_a_page_that_is_no_portal_is_one_sentence(config, peer):
    peer.enrol = lambda result: (200, b"<html>Welcome to your router</html>")
    with pytest.raises(PortalUnreachable, match="no portal of ours"):
        enrol(config, CODE)


def test_the_command_says_who_we_are(config, capsys):
    assert main(["enrol", "--config", str(config.folder / "agent.toml"), "--code", CODE]) == 0
    assert capsys.readouterr().out == "enrolled as the agent of miracles/square\n"


def test_the_command_asks_for_a_code_that_shall_stand_in_no_history(config, monkeypatch, capsys):
    monkeypatch.setattr("builtins.input", lambda question: CODE)
    assert main(["enrol", "--config", str(config.folder / "agent.toml")]) == 0


def test_a_refused_code_is_one_line_and_exit_1(config, capsys):
    assert main(["enrol", "--config", str(config.folder / "agent.toml"), "--code", "wrong"]) == 1
    assert capsys.readouterr().err == "agent: the portal answered 403: this code is wrong, used or expired\n"
