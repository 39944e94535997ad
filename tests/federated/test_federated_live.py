"""A real SuperLink and three real SuperNodes on loopback TLS, started once; the tests run in the order they stand in."""

from __future__ import annotations

import json
import os
import signal
import ssl
import threading
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from federated_live import Federation, federation, wait_for

from federated.contract.run_events import RunEvent
from federated.contract.run_plan import RunPlan
from federated.learning import control, fab, refusals
from federated.trust import pki, signing
from tests.waiting import patience

pytestmark = [pytest.mark.process, pytest.mark.story, pytest.mark.timeout(240)]
CONTROL_PATHS = ["start-run", "stop-run", "list-runs", "register-node", "unregister-node", "list-nodes", "stream-logs"]
ELSEWHERE = ["/v1/runtime/acquire-task", "/v1/fleet/../control/start-run", "/v1/fleet/%2e%2e/control/start-run", "/docs", "/openapi.json", "/"]


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    with federation(tmp_path_factory.mktemp("federation")) as running:
        yield running


@pytest.fixture(scope="module")
def first_run(live):
    """One round over three sites, one of which lets nothing run; its events."""
    _sign_config(live.root / "site2", bundles=[])
    run_id = control.start_run(RunPlan("anomaly", rounds=1, min_sites=2), link=live.link)
    return list(control.events(run_id, link=live.link))


def _sign_config(folder: Path, **document) -> None:
    key = Ed25519PrivateKey.generate()
    portal = json.loads((folder / "portal.json").read_text())
    (folder / "portal.json").write_text(json.dumps({**portal, "portal_public_key": signing.public_text(key)}))
    (folder / "config.json").write_text(json.dumps(signing.sign_document(document, key)))


def _round(events: list[RunEvent]) -> RunEvent:
    return next(event for event in events if event.kind == "round")


def _post(live: Federation, address: str, path: str, headers: dict[str, str] | None = None) -> int:
    request = urllib.request.Request(f"https://{address}{path}", data=b"", headers={"content-type": "application/protobuf", **(headers or {})})
    context = ssl.create_default_context(cafile=str(live.home / "pki" / "ca.crt"))
    try:
        with urllib.request.urlopen(request, context=context, timeout=patience(10)) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def test_a_run_ends_with_a_model_that_changed(first_run, live):
    kinds = [event.kind for event in first_run if event.kind not in ("waiting", "progress")]
    assert kinds == ["round", "gate", "result", "ended"], first_run
    assert first_run[-1].status == "completed"
    result = next(event for event in first_run if event.kind == "result")
    assert Path(result.path).parent.parent == live.home.resolve() / "superlink" / "runs"
    assert result.card["sha256"] == result.sha256


def test_the_sites_own_numbers_fell(first_run):
    gate = next(event for event in first_run if event.kind == "gate")
    assert len(gate.votes) == 2
    assert all(vote.after < vote.before for vote in gate.votes)
    assert all(vote.alone < vote.before for vote in gate.votes)


def test_the_site_with_an_empty_allow_list_refused_the_bundle(first_run, live):
    rows = {row.node: row for row in _round(first_run).sites}
    refused = rows.pop(live.ids["site2"])
    assert (refused.status, refused.bytes_up) == ("failed", 0)
    assert "not on this node's allow-list" in refused.reason
    assert {row.status for row in rows.values()} == {"accepted"}
    assert "REFUSED" in live.log("site2")


def test_bytes_over_the_wire_are_weights_not_footage(first_run):
    weights = next(row.bytes_up for row in _round(first_run).sites if row.bytes_up)
    assert weights < 300_000
    assert first_run[-1].bytes_received < 4 * weights


def test_no_frame_of_the_footage_is_in_what_a_site_sends(first_run, live):
    sent = bytes(live.tap.sent)
    with np.load(live.root / "site1" / "training" / "anomaly" / "000.npz") as clip:
        frames = clip["frames"]
    assert len(sent) > 200_000, "the tap heard less than one set of weights"
    pieces = [frame[row, left : left + 24].tobytes() for frame in frames for row in (5, 80, 150) for left in (0, 100, 200)]
    assert not [piece for piece in pieces if piece in sent]


def test_the_tap_would_have_heard_it(first_run, live):
    sent, traffic = bytes(live.tap.sent), bytes(live.tap.received)
    final = next(Path(next(event for event in first_run if event.kind == "result").path).parent.glob("checkpoint-*.npz"))
    with np.load(final) as arrays:
        largest = max((arrays[name] for name in arrays.files if " a:" in name), key=np.size)
    assert largest.tobytes()[:64] in traffic, "the final weights went to this site for its vote"
    assert b"NUMPY" in sent, "arrays travel uncompressed, so a frame would be seen"
    assert b"loss-after" in sent


def test_events_can_be_followed_again_from_any_point(first_run, live):
    run_id = Path(next(event for event in first_run if event.kind == "result").path).parent.name
    again = list(control.events(run_id, after=2, link=live.link))
    assert [event.seq for event in again] == [event.seq for event in first_run if event.seq > 2]


def test_missing_sites_end_a_run_with_the_reason(live):
    run_id = control.start_run(RunPlan("anomaly", rounds=1, min_sites=9, wait_s=1), link=live.link)
    ended = list(control.events(run_id, link=live.link))[-1]
    assert (ended.status, ended.reason) == ("failed", "3 of the 9 nodes needed were online after 1 s")


def test_a_run_can_be_stopped(live):
    run_id = control.start_run(RunPlan("anomaly", rounds=1, min_sites=9, wait_s=3000), link=live.link)
    events = control.events(run_id, link=live.link)
    assert next(events).kind == "waiting"
    control.stop_run(run_id, link=live.link)
    control.stop_run(run_id, link=live.link)
    assert list(events)[-1].status == "stopped"


def test_a_foreign_bundle_is_refused_before_any_of_its_code_runs(live, monkeypatch, tmp_path):
    mark = tmp_path / "code-ran"
    evil = f"import pathlib\npathlib.Path({str(mark)!r}).touch()\n"
    project = fab.project().replace("federated.learning.server_app", "evil").replace("federated.learning.client_app", "evil")
    monkeypatch.setattr(fab, "build", lambda: fab.bundle(project, **{"evil.py": evil}))
    run_id = control.start_run(RunPlan("anomaly", rounds=1), link=live.link)
    ended = list(control.events(run_id, link=live.link))[-1]
    assert ended.status == "failed"
    assert "not on this node's allow-list" in ended.reason
    assert not mark.exists()


@pytest.mark.parametrize("path", CONTROL_PATHS)
def test_the_control_api_is_not_on_the_fleet_listener(live, path):
    token = (live.home / "superlink" / "control.token").read_text()
    assert _post(live, live.fleet, f"/v1/control/{path}", {control.TOKEN_HEADER: token}) == 404


def test_a_start_of_a_run_from_the_agents_side_was_kept_for_the_audit_log_once(live):
    kept = [each for each in refusals.take(live.home / "superlink") if each["path"] == "/v1/control/start-run"]
    assert [(each["listener"], each["status"]) for each in kept] == [("fleet", 404)]


def kept_refusals(live: Federation, site: str) -> list[dict]:
    """What the SuperLink kept of this site's refused calls."""
    key = refusals.digest_of(pki.check_node_public_key(pki.make_node_key(live.root / site / "node.key")))
    refusals.settle(live.home / "superlink")
    return [each for each in refusals.take(live.home / "superlink") if each["key"] == key]


@pytest.mark.parametrize("path", ELSEWHERE)
def test_nothing_else_is_on_the_fleet_listener(live, path):
    assert _post(live, live.fleet, path) == 404


def test_the_certificate_alone_commands_nothing(live):
    assert _post(live, live.control, "/v1/control/list-nodes") == 404
    with pytest.raises(control.Refused):
        control.nodes(link=control.ControlLink(live.control, live.link.ca, "wrong"))


def test_another_authority_is_not_believed(live, tmp_path):
    other = pki.ensure_authority(tmp_path)
    with pytest.raises(control.Unreachable):
        control.nodes(link=control.ControlLink(live.control, other.ca, live.link.token))


def test_registering_twice_gives_the_same_id(live):
    public = pki.make_node_key(live.root / "site0" / "node.key")
    assert control.register_node(public, link=live.link) == live.ids["site0"]


def test_an_unknown_run_is_refused(live):
    with pytest.raises(control.Refused):
        control.status("1234", link=live.link)


def test_an_unregistered_node_is_refused(live):
    live.add_site("stranger", register=False)
    live.start_node("stranger")
    wait_for(lambda: "starting again" in live.log("stranger"), "the stranger's refusal")
    assert len(control.nodes(link=live.link)) == 3
    assert "ready for client tasks" not in live.log("stranger")
    assert kept_refusals(live, "stranger")
    live.processes.pop("stranger").terminate()


def test_a_node_killed_hard_leaves_no_orphan(live):
    family = _family(live.processes["site1"].pid)
    assert len(family) >= 3
    os.kill(live.processes["site1"].pid, signal.SIGKILL)
    live.processes.pop("site1").wait()
    wait_for(lambda: not any(Path(f"/proc/{each}").exists() for each in family[1:]), "the children's end", 5)


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(each for child in children for each in _family(int(child)))]


def test_an_executor_killed_hard_fails_its_run_at_once_and_is_replaced(live):
    ready = live.log("superlink").count("ready for server tasks")
    found = waiting_run(live)
    os.kill(_family(live.processes["superlink"].pid)[1], signal.SIGKILL)
    wait_for(lambda: live.log("superlink").count("ready for server tasks") > ready, "the new executor")
    assert found() == ("failed", "the program that carries out runs ended while the run was going on")


def waiting_run(live):
    """A run that waits for nodes that do not exist; gives what returns its last status and reason when it has ended."""
    run_id = control.start_run(RunPlan("anomaly", rounds=1, min_sites=9, wait_s=3000), link=live.link)
    found: list[RunEvent] = []
    follower = threading.Thread(target=lambda: found.extend(control.events(run_id, link=live.link)))
    follower.start()
    wait_for(lambda: found, "the run's first event")

    def end():
        follower.join(patience(30))
        return found[-1].status, found[-1].reason

    return end


def test_a_superlink_killed_hard_fails_its_run_and_the_nodes_come_back(live):
    found = waiting_run(live)
    os.kill(live.processes["superlink"].pid, signal.SIGKILL)
    live.processes["superlink"].wait()
    live.start_superlink()
    assert found() == ("failed", "the SuperLink was restarted while the run was going on")


def test_a_node_renews_its_key_and_is_never_missing(live):
    """The next test trains with the new number."""
    old, key = live.ids["site0"], live.root / "site0" / "node.key"
    key.unlink()
    live.ids["site0"] = control.register_node(pki.make_node_key(key), link=live.link)
    wait_for(lambda: old in {node.id for node in control.nodes(link=live.link) if node.state == "online"}, "the old key, which works on")
    live.processes["site0"].terminate()
    live.processes.pop("site0").wait(patience(10))
    live.start_node("site0")
    wait_for(lambda: "site0" in live.online(), "the new key")
    control.unregister_node(old, link=live.link)
    assert old not in {node.id for node in control.nodes(link=live.link)}
    assert "site0" in live.online()


def test_after_the_restart_the_same_nodes_train_again(live):
    (live.root / "site2" / "config.json").unlink()
    both = (live.ids["site0"], live.ids["site2"])
    run_id = control.start_run(RunPlan("anomaly", rounds=1, sites=both), link=live.link)
    events = list(control.events(run_id, link=live.link))
    assert events[-1].status == "completed", events
    assert {row.status for row in _round(events).sites} == {"accepted"}


def test_a_revoked_node_is_refused_and_cannot_come_back(live):
    control.unregister_node(live.ids["site0"], link=live.link)
    control.unregister_node(live.ids["site0"], link=live.link)
    assert live.ids["site0"] not in {node.id for node in control.nodes(link=live.link)}
    wait_for(lambda: "starting again" in live.log("site0"), "the node's refusal")
    assert kept_refusals(live, "site0")


def test_a_superlink_that_is_gone_is_said_to_be_unreachable(live):
    live.processes["superlink"].terminate()
    assert live.processes["superlink"].wait(patience(10)) == 0
    with pytest.raises(control.Unreachable, match="no SuperLink answers"):
        control.nodes(link=live.link)
    ended = list(control.events("1", link=live.link, patience_s=0.5))
    assert [event.status for event in ended] == ["failed"]
    assert "cannot be reached" in ended[0].reason


def test_sigterm_stops_a_node_and_its_children_quickly(live):
    family = _family(live.processes["site2"].pid)
    live.processes["site2"].terminate()
    live.processes.pop("site2").wait(patience(6))
    assert not any(Path(f"/proc/{each}").exists() for each in family)
