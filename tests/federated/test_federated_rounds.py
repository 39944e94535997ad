"""Rounds over a grid in this process: the real client application, strategies, guard, gate and files."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path

import federated_attacks as attacks
import numpy as np
import pytest
from federated_lab import Lab
from flwr.app import Error, Message

from federated.learning import weights
from federated.learning.rounds import RunFailed, RunRefused, restore


def slope(path: Path) -> float:
    return float(weights.read(path)["weight"][0, 0])


def test_a_run_leaves_a_model_a_card_and_its_weights(lab):
    result = lab.run().go()
    assert Path(result.path).read_bytes()
    assert json.loads((lab.root / "superlink/runs/1/card.json").read_text()) == json.loads(json.dumps(result.card))
    assert (lab.root / "superlink/weights" / f"{result.sha256}.npz").exists()


def test_it_learns_what_the_sites_know(lab):
    result = lab.run(rounds=8).go()
    assert slope(lab.root / "superlink/weights" / f"{result.sha256}.npz") == pytest.approx(3.0, abs=0.1)


def test_a_round_reports_every_site(lab):
    lab.run(rounds=1).go()
    (event,) = lab.of("round")
    assert (event["round"], event["rounds"], len(event["sites"])) == (1, 1, 3)
    row = lab.row(lab.nodes[0])
    assert row["status"] == "accepted"
    assert row["n"] == 56
    assert row["loss"] < row["loss_before"]
    assert (row["bytes_down"], row["bytes_up"]) == (8, 8)
    assert row["update_norm"] > 0


def test_events_come_in_the_order_of_the_contract(lab):
    lab.run(rounds=2).go()
    assert [event["kind"] for event in lab.events] == ["progress", "round", "progress", "round", "progress", "gate", "result"]
    assert lab.of("gate")[0]["passed"] is True


def test_the_card_says_what_went_in(lab):
    card = lab.run(rounds=2, strategy="trimmed-mean", min_sites=3).go().card
    assert card["data"] == "168 samples of 3 nodes, which never left them"
    assert (card["metrics"]["strategy"], card["metrics"]["rounds"], card["metrics"]["sites"]) == ("trimmed-mean", 2, 3)
    assert all(card["metrics"]["loss_after"][node] < card["metrics"]["loss_before"][node] for node in card["metrics"]["loss_after"])


@pytest.mark.parametrize("name", sorted(attacks.GARBAGE))
def test_garbage_of_one_site_is_left_out_by_name_and_the_others_go_on(lab, name):
    lab.grid.tamper[lab.nodes[1]] = attacks.GARBAGE[name]
    lab.run(rounds=1).go()
    row = lab.row(lab.nodes[1])
    assert row["status"] in ("rejected", "failed")
    assert row["reason"]
    assert [lab.row(node)["status"] for node in (lab.nodes[0], lab.nodes[2])] == ["accepted", "accepted"]


def test_a_hundredfold_update_is_rejected(lab):
    lab.grid.tamper[lab.nodes[0]] = attacks.hundredfold
    lab.run(rounds=1).go()
    assert lab.row(lab.nodes[0])["status"] == "rejected"
    assert "times as long" in lab.row(lab.nodes[0])["reason"]


@pytest.mark.parametrize("strategy", ["fedavg", "trimmed-mean", "median"])
@pytest.mark.parametrize("attack", ["nan", "hundredfold", "wrong_shape"])
def test_one_bad_site_of_five_does_no_harm(big_lab, strategy, attack):
    big_lab.grid.tamper[big_lab.nodes[2]] = getattr(attacks, attack)
    result = big_lab.run(rounds=6, strategy=strategy, min_sites=3).go()
    assert slope(big_lab.root / "superlink/weights" / f"{result.sha256}.npz") == pytest.approx(3.0, abs=0.3)


def test_a_sign_flip_does_no_harm_to_the_trimmed_mean(big_lab):
    big_lab.grid.tamper[big_lab.nodes[2]] = attacks.flipped
    result = big_lab.run(rounds=8, strategy="trimmed-mean", min_sites=3).go()
    assert slope(big_lab.root / "superlink/weights" / f"{result.sha256}.npz") == pytest.approx(3.0, abs=0.3)


def test_a_lost_quorum_ends_the_run_with_everybodys_reason(lab):
    lab.grid.tamper[lab.nodes[0]] = attacks.nan
    (lab.folders[1] / "line.npy").unlink()
    with pytest.raises(RunFailed, match=r"round 1: 1 of 3 nodes accepted, 2 are needed .*not finite.*no line\.npy"):
        lab.run().go()
    assert not lab.of("result")


def test_a_site_without_data_says_so_in_plain_words(lab):
    (lab.folders[1] / "line.npy").unlink()
    lab.run(rounds=1).go()
    assert (lab.row(lab.nodes[1])["status"], lab.row(lab.nodes[1])["reason"]) == ("failed", "no line.npy, one is needed")


def test_an_unexpected_error_gives_away_nothing_local(lab):
    (lab.folders[1] / "line.npy").write_text("secret footage of the north gate")
    lab.run(rounds=1).go()
    reason = lab.row(lab.nodes[1])["reason"]
    assert "secret" not in reason
    assert str(lab.root) not in reason
    assert "the node's log has the details" in reason


def test_missing_sites_end_the_run_after_the_wait(lab):
    lab.grid.offline = set(lab.nodes[1:])
    with pytest.raises(RunFailed, match="1 of the 2 nodes needed were online after 60 s"):
        lab.run().go()
    assert 60 <= lab.now < 62
    assert lab.of("waiting")[0]["need"] == 2


def test_missing_chosen_sites_are_named(lab):
    lab.grid.offline = {lab.nodes[1]}
    with pytest.raises(RunFailed, match=f"missing: {lab.nodes[1]}"):
        lab.run(sites=(str(lab.nodes[0]), str(lab.nodes[1]))).go()


def test_only_the_chosen_sites_take_part(lab):
    lab.run(rounds=1, sites=(str(lab.nodes[0]), str(lab.nodes[2]))).go()
    assert [row["node"] for row in lab.of("round")[0]["sites"]] == [str(lab.nodes[0]), str(lab.nodes[2])]


def test_a_silent_site_is_late_and_the_round_goes_on(lab):
    lab.grid.silent = {lab.nodes[1]}
    lab.run(rounds=1, deadline_s=30).go()
    assert (lab.row(lab.nodes[1])["status"], lab.row(lab.nodes[1])["reason"]) == ("late", "no answer within 30 s")


@pytest.mark.parametrize("code", [3, 4, 5])  # of Flower: message, reply or node unavailable
def test_a_site_that_the_superlink_cannot_reach_is_late_not_failed(lab, monkeypatch, code):
    work, away = lab.grid.work, lab.nodes[1]
    monkeypatch.setattr(lab.grid, "work", lambda asked, node: Message(Error(code=code, reason="?"), reply_to=asked) if node == away else work(asked, node))
    lab.run(rounds=1).go()
    assert (lab.row(lab.nodes[1])["status"], lab.row(lab.nodes[1])["reason"]) == ("late", "went offline during the round")


def test_a_site_that_goes_offline_is_not_awaited_until_the_deadline(lab):
    lab.grid.silent = {lab.nodes[1]}
    present = lab.grid.get_node_ids
    lab.grid.get_node_ids = lambda: [node for node in present() if lab.now < 1 or node != lab.nodes[1]]
    lab.run(rounds=1, deadline_s=3000).go()
    assert lab.row(lab.nodes[1])["reason"] == "went offline during the round"
    assert lab.now < 60


def test_unchanged_weights_are_refused_by_the_gate(lab):
    with pytest.raises(RunRefused, match="have not changed"):
        lab.run(learning_rate=1e-12).go()
    assert lab.of("gate")[0]["passed"] is False
    assert not lab.of("result")
    assert not (lab.root / "superlink/runs/1/model.onnx").exists()


def test_a_result_that_is_worse_on_the_sites_own_data_is_refused(lab):
    good = lab.run(rounds=8).go()
    for node in lab.nodes:
        lab.grid.tamper[node] = attacks.flipped
    with pytest.raises(RunRefused, match="worse than before on the held-back data of 3 of 3 nodes"):
        lab.run("2", rounds=1, base_model=good.path).go()


def test_a_run_goes_on_from_a_published_model(lab):
    first = lab.run(rounds=6).go()
    lab.events.clear()
    lab.run("2", rounds=1, base_model=first.path).go()
    assert lab.row(lab.nodes[0])["loss_before"] == pytest.approx(first.card["metrics"]["loss_after"][str(lab.nodes[0])], rel=1e-4)


def test_a_model_without_kept_weights_is_read_from_its_onnx_file(lab):
    first = lab.run(rounds=6).go()
    (lab.root / "superlink/weights" / f"{first.sha256}.npz").unlink()
    lab.events.clear()
    lab.run("2", rounds=1, base_model=first.path).go()
    assert lab.row(lab.nodes[0])["loss_before"] < 0.1


def test_a_model_of_another_net_is_refused(lab, tmp_path):
    weights.save({"other": np.zeros(3, np.float32)}, tmp_path / "other.npz")
    with pytest.raises(RunFailed, match="cannot start from these weights"):
        lab.run(base_model=str(tmp_path / "other.npz")).go()


def test_a_run_that_was_cut_off_goes_on_from_its_checkpoint(lab):
    whole = lab.run("whole", rounds=4).go().card["metrics"]["loss_after"]
    cut = lab.run("cut", rounds=4)
    lab.grid.get_node_ids = _until(lab, rounds=2)
    with pytest.raises(RunFailed):
        cut.go()
    del lab.grid.get_node_ids
    assert restore(lab.root / "superlink/runs/cut").round == 2
    lab.events.clear()
    resumed = lab.run("more", rounds=4, resume="cut").go().card["metrics"]["loss_after"]
    assert [event["round"] for event in lab.of("round")] == [3, 4]
    assert resumed == pytest.approx(whole, rel=1e-5)


def _until(lab, rounds):
    """Everybody leaves after so many rounds."""
    start = len(lab.of("round"))
    return lambda: lab.nodes if len(lab.of("round")) < start + rounds else []


def test_resuming_without_a_checkpoint_is_an_error_that_names_the_run(lab):
    with pytest.raises(RunFailed, match="run 99 left no checkpoint"):
        lab.run(resume="99").go()


def test_a_damaged_checkpoint_is_an_error(lab):
    lab.run().go()
    (lab.root / "superlink/runs/1/checkpoint-2.npz").write_bytes(b"half")
    with pytest.raises(RunFailed, match="left no checkpoint"):
        lab.run("2", resume="1").go()


def test_the_same_seed_gives_the_same_model(lab):
    one, other = lab.run("1", seed=4).go(), lab.run("2", seed=4).go()
    kept = lab.root / "superlink" / "weights"
    assert slope(kept / f"{one.sha256}.npz") == pytest.approx(slope(kept / f"{other.sha256}.npz"), rel=1e-5)


def test_only_weights_and_numbers_leave_a_site(lab):
    replies = []
    lab.grid.tamper[lab.nodes[0]] = lambda reply: replies.append(copy.deepcopy(reply)) or reply
    lab.run(rounds=1).go()
    trained, voted = replies
    assert list(trained.content.array_records["arrays"]) == ["weight", "bias"]
    assert set(trained.content.metric_records["metrics"]) == {"num-examples", "loss-before", "loss-after"}
    assert set(trained.content.config_records["site"]) == {"version"}
    assert not voted.content.array_records
    assert set(voted.content.metric_records["metrics"]) == {"num-examples", "loss", "loss-before", "loss-alone", "loss-own"}


def test_a_liar_in_four_cannot_veto_but_two_can(tmp_path):
    lab = Lab(tmp_path, 4)
    lie = attacks.metric_lie("loss", 1e9)
    lab.grid.tamper[lab.nodes[0]] = lie
    lab.run("1").go()
    lab.grid.tamper[lab.nodes[1]] = lie
    with pytest.raises(RunRefused, match=re.escape("2 of 4 nodes")):
        lab.run("2").go()


def test_a_message_that_the_superlink_does_not_take_is_a_late_site(lab):
    push = lab.grid.push_messages
    lab.grid.push_messages = lambda messages: [None if message.metadata.dst_node_id == lab.nodes[2] else push([message])[0] for message in messages]
    lab.run(rounds=1).go()
    assert lab.row(lab.nodes[2])["reason"] == "the SuperLink did not take the message"


def test_a_site_cannot_speak_in_anothers_name(lab):
    def pretend(reply):
        reply.metadata.__dict__["_src_node_id"] = lab.nodes[0]
        return attacks.nan(reply)

    lab.grid.tamper[lab.nodes[1]] = pretend
    lab.run(rounds=1).go()
    assert lab.row(lab.nodes[0])["status"] == "accepted"
    assert lab.row(lab.nodes[1])["status"] == "rejected"


def test_sites_that_come_during_the_wait_are_taken(lab):
    lab.grid.offline = set(lab.nodes[1:])
    present = lab.grid.get_node_ids
    lab.grid.get_node_ids = lambda: lab.nodes if lab.now > 10 else present()
    lab.run(rounds=1).go()
    assert len(lab.of("round")[0]["sites"]) == 3
    assert [event["have"] for event in lab.of("waiting")] == [1]


def test_a_site_that_leaves_between_rounds_is_not_awaited(lab):
    present = lab.grid.get_node_ids
    lab.grid.get_node_ids = lambda: present()[: max(2, 3 - len(lab.of("round")))]
    lab.run(rounds=2).go()
    assert [len(event["sites"]) for event in lab.of("round")] == [3, 2]


def test_a_replayed_update_of_an_earlier_round_does_not_stop_the_learning(big_lab):
    first = {}

    def replay(reply):
        if reply.has_error() or "arrays" not in reply.content.array_records:
            return reply
        kept = first.setdefault("arrays", copy.deepcopy(reply.content["arrays"]))
        reply.content["arrays"] = copy.deepcopy(kept)
        return reply

    big_lab.grid.tamper[big_lab.nodes[0]] = replay
    result = big_lab.run(rounds=8, strategy="trimmed-mean", min_sites=3).go()
    assert slope(big_lab.root / "superlink/weights" / f"{result.sha256}.npz") == pytest.approx(3.0, abs=0.3)


def test_only_the_newest_checkpoint_is_kept(lab):
    lab.run(rounds=4).go()
    assert [path.name for path in (lab.root / "superlink/runs/1").glob("checkpoint-*.npz")] == ["checkpoint-4.npz"]


def test_a_crash_between_the_two_files_of_a_checkpoint_keeps_the_older_one(lab, monkeypatch):
    from federated.learning import rounds

    lab.run(rounds=1).go()
    folder = lab.root / "superlink/runs/1"
    progress = restore(folder)
    progress.round = 2
    monkeypatch.setattr(rounds.json, "dumps", lambda *_, **__: pytest.fail("killed here"))
    with pytest.raises(pytest.fail.Exception):
        rounds.save(progress, folder)
    monkeypatch.undo()
    assert restore(folder).round == 1


def test_a_resumed_run_is_judged_against_where_the_first_one_began(lab):
    lab.run("1", rounds=2).go()
    lab.events.clear()
    lab.run("2", rounds=3, resume="1").go()
    before = {vote["node"]: vote["before"] for vote in lab.of("gate")[0]["votes"]}
    assert before[str(lab.nodes[0])] > lab.row(lab.nodes[0])["loss_before"]
