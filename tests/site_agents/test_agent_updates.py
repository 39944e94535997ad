"""Models from the portal: fetched, verified, tried, swapped in without losing a frame, and given back."""

from __future__ import annotations

import hashlib
import json
import threading
import time

import pytest
from agent_lab import other_weights, scene, senseless_weights, wait_for
from portal_peer import Peer

import detectors
from federated.learning import personal
from site_agents import updates as updates_module
from site_agents.clock import Clock
from site_agents.errors import ModelRefused, PortalUnreachable
from site_agents.models import Installed, ModelStore, weights_digest
from site_agents.pipeline import Pipeline
from site_agents.signed_config import SignedConfig
from site_agents.updates import Updates, check_document

OWN = detectors.card("anomaly").sha256
GOOD, BETTER, OWN_WEIGHTS = other_weights(note="v2"), other_weights(note="v3"), other_weights(note="own")


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def models(folder):
    return ModelStore(folder)


@pytest.fixture
def pipeline(models):
    """Without the people detector: it has no part in this and takes its time."""
    made = Pipeline(models.load, Clock())
    made.apply_config(SignedConfig(version=1, valid_until=4e9, detectors={"people": {"enabled": False}}))
    return made


@pytest.fixture
def updates(models, link, peer, pipeline):
    made = Updates(models, link, peer.public, pipeline.swap, budget_ms=2000)
    pipeline.failed = made.fail
    yield made
    made.stop()


def wish(updates: Updates, *documents) -> None:
    updates.want(list(documents))
    updates.work()


def in_use(pipeline: Pipeline) -> str:
    pipeline.step(scene())
    return pipeline.loaded["anomaly"]


def outcomes(peer: Peer) -> list[tuple[str, str]]:
    return [(each["sha256"], each["outcome"]) for each in peer.outcomes]


def test_a_published_model_is_fetched_tried_and_used(updates, peer, pipeline, models):
    wish(updates, peer.model(GOOD))
    assert in_use(pipeline) == sha(GOOD)
    assert models.installed("anomaly") == Installed(sha(GOOD), None)
    assert outcomes(peer) == [(sha(GOOD), "installed")]


def test_the_same_wish_again_does_nothing(updates, peer):
    document = peer.model(GOOD)
    wish(updates, document)
    peer.files.clear()
    wish(updates, document)
    assert len(peer.outcomes) == 1


def test_a_file_that_is_here_already_is_not_fetched_again(updates, peer, models):
    document = peer.model(GOOD)
    peer.files.clear()
    models.path("anomaly", sha(GOOD)).parent.mkdir(parents=True)
    models.path("anomaly", sha(GOOD)).write_bytes(GOOD)
    wish(updates, document)
    assert outcomes(peer) == [(sha(GOOD), "installed")]


def test_a_file_with_another_sha256_is_refused(updates, peer, pipeline, models):
    document = peer.model(GOOD)
    peer.files[sha(GOOD)] = GOOD[:-1] + b"!"
    wish(updates, document)
    assert in_use(pipeline) == OWN
    assert "not what was signed" in peer.outcomes[0]["reason"]
    assert list(models.folder.rglob("*.onnx")) == []


def test_a_file_of_another_size_is_refused(updates, peer, pipeline):
    document = peer.model(GOOD)
    peer.files[sha(GOOD)] = GOOD + b"more"
    wish(updates, document)
    assert in_use(pipeline) == OWN
    assert outcomes(peer) == [(sha(GOOD), "refused")]


def test_a_document_signed_by_somebody_else_is_not_even_fetched(updates, peer, pipeline, tmp_path, caplog):
    foreign = Peer(tmp_path).model(GOOD)
    wish(updates, foreign)
    assert in_use(pipeline) == OWN
    assert "not signed by our portal" in caplog.text
    assert outcomes(peer) == [(foreign["sha256"], "refused")]


def test_a_document_that_is_not_believed_is_reported_once_however_often_it_comes(updates, peer, tmp_path):
    foreign = Peer(tmp_path).model(GOOD)
    for version in ("1", "2"):
        wish(updates, {**foreign, "version": version})
    wish(updates, "nonsense", {"detector": "anomaly", "sha256": "no digest"})
    assert outcomes(peer) == [(foreign["sha256"], "refused")]


def test_a_document_changed_after_signing_is_refused(peer):
    with pytest.raises(ModelRefused, match="not signed by our portal"):
        check_document({**peer.model(GOOD), "sha256": "0" * 64}, peer.public)


def test_a_refused_document_does_not_take_away_what_is_in_use(updates, peer, pipeline):
    wish(updates, peer.model(GOOD))
    wish(updates, {**peer.model(BETTER), "size": 1})
    assert in_use(pipeline) == sha(GOOD)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"detector": "telepathy"}, "no detector 'telepathy'"),
        ({"detector": "camera-health"}, "has no weights"),
        ({"sha256": "../../etc/passwd"}, "sha256: expected"),
        ({"size": 0}, "size: expected"),
        ({"size": 10**12}, "size: expected"),
        ({"size": "many"}, "size: expected"),
    ],
)
def test_a_document_that_makes_no_sense_is_refused(peer, changes, words):
    with pytest.raises(ModelRefused, match=words):
        check_document(peer.model(GOOD, **changes), peer.public)


@pytest.mark.parametrize("document", [None, 3, [], {}])
def test_what_is_no_document_is_refused(peer, document):
    with pytest.raises(ModelRefused):
        check_document(document, peer.public)


@pytest.mark.parametrize("content", [b"junk", senseless_weights()], ids=["junk", "gives NaN"])
def test_a_model_that_fails_its_self_test_is_refused_and_gone(updates, peer, pipeline, models, content):
    wish(updates, peer.model(content))
    assert in_use(pipeline) == OWN
    assert outcomes(peer) == [(sha(content), "refused")]
    assert list(models.folder.rglob("*.onnx")) == []


def test_a_refused_model_is_not_tried_at_every_heartbeat(updates, peer):
    document = peer.model(b"junk")
    wish(updates, document)
    wish(updates, document)
    assert len(peer.outcomes) == 1


def test_a_refused_model_is_tried_again_later(updates, peer, monkeypatch):
    monkeypatch.setattr(updates_module, "AGAIN_S", 0.0)
    document = peer.model(b"junk")
    wish(updates, document)
    wish(updates, document)
    assert len(peer.outcomes) == 2


def test_one_click_back_uses_the_model_before_without_a_download(updates, peer, pipeline):
    first, second = peer.model(GOOD), peer.model(BETTER)
    wish(updates, first)
    wish(updates, second)
    peer.files.clear()
    wish(updates, first)
    assert in_use(pipeline) == sha(GOOD)
    assert outcomes(peer)[-1] == (sha(GOOD), "rolled back")


@pytest.mark.parametrize("own", [True, False])
def test_the_way_back_may_lead_to_the_release(updates, peer, pipeline, models, own):
    """By naming the release's own weights, or by naming none."""
    wish(updates, peer.model(GOOD))
    wish(updates, *([peer.model(other_weights(), sha256=OWN)] if own else []))
    assert in_use(pipeline) == OWN
    assert models.names() == []
    assert outcomes(peer)[-1] == (OWN, "rolled back")


def test_a_model_that_fails_at_work_is_given_back(updates, peer, pipeline):
    wish(updates, peer.model(GOOD))
    wish(updates, peer.model(BETTER))
    updates.fail("anomaly", "it gives no finite score")
    updates.work()
    assert in_use(pipeline) == sha(GOOD)
    assert peer.outcomes[-1] == {
        "detector": "anomaly",
        "sha256": sha(BETTER),
        "outcome": "failed",
        "reason": "given back: it gives no finite score",
    }


def test_a_model_that_was_given_back_is_not_installed_again_at_once(updates, peer, pipeline):
    document = peer.model(GOOD)
    wish(updates, document)
    updates.fail("anomaly", "broken")
    updates.work()
    wish(updates, document)
    assert in_use(pipeline) == OWN


def test_a_way_back_that_is_damaged_leads_to_the_release(updates, peer, pipeline, models, caplog):
    wish(updates, peer.model(GOOD))
    wish(updates, peer.model(BETTER))
    models.path("anomaly", sha(GOOD)).write_bytes(b"rotten")
    updates.fail("anomaly", "broken")
    updates.work()
    assert in_use(pipeline) == OWN
    assert "cannot be used" in caplog.text


def test_the_releases_own_weights_have_no_way_back(updates, peer):
    updates.fail("anomaly", "broken")
    updates.work()
    assert peer.outcomes == []


def test_while_the_portal_is_away_nothing_changes_and_nothing_is_forgotten(updates, peer, pipeline):
    document = peer.model(GOOD)
    peer.refuse = lambda *_: (503, {})
    with pytest.raises(PortalUnreachable):
        wish(updates, document)
    assert in_use(pipeline) == OWN
    peer.refuse = lambda *_: None
    updates.work()
    assert in_use(pipeline) == sha(GOOD)


def test_a_report_the_portal_will_not_hear_does_not_block_others(updates, peer, pipeline):
    refused = []

    def refuse(method, path, body):
        if path == "/agents/models":
            refused.append(json.loads(body)["sha256"])
            return 400, {}
        return None

    peer.refuse = refuse
    wish(updates, peer.model(GOOD))
    assert in_use(pipeline) == sha(GOOD)
    peer.refuse = lambda *_: None
    wish(updates)
    assert (refused, [each["outcome"] for each in peer.outcomes]) == ([sha(GOOD)], ["rolled back"])


def test_no_frame_is_lost_while_a_model_is_swapped_in(updates, peer, pipeline):
    """Frames go on through the pipeline while another thread fetches, tries and swaps; every one is judged by one model or the other."""
    updates.start()
    pipeline.step(scene(0))
    updates.want([peer.model(GOOD)])
    used, n = [], 0
    until = time.monotonic() + 20
    while sha(GOOD) not in used and time.monotonic() < until:
        n += 1
        step = pipeline.step(scene(n))
        used.append(pipeline.loaded["anomaly"])
        assert step.frame.n == n
    assert len(used) == n > 3
    assert used == [OWN] * (n - 1) + [sha(GOOD)]


def test_what_is_wanted_while_the_thread_is_busy_is_done_afterwards(updates, peer, pipeline):
    """The portal takes the model back while it is still being fetched: the way back must not be forgotten."""
    fetching, go_on = threading.Event(), threading.Event()

    def slowly(method, path, body):
        if path.startswith("/models/"):
            fetching.set()
            go_on.wait(10)

    document, peer.refuse, peer.lock = peer.model(GOOD), slowly, threading.RLock()
    updates.start()
    updates.want([document])
    assert fetching.wait(10)
    updates.want([])
    go_on.set()
    wait_for(lambda: outcomes(peer)[-1:] == [(OWN, "rolled back")], "the way back")
    assert in_use(pipeline) == OWN


def test_the_thread_tries_again_when_the_portal_is_back(updates, peer, pipeline):
    peer.refuse = lambda *_: (503, {})
    updates.start()
    updates.want([peer.model(GOOD)])
    wait_for(lambda: peer.nonces, "a try")
    peer.refuse = lambda *_: None
    wait_for(lambda: in_use(pipeline) == sha(GOOD), "the model")


def test_stopping_ends_the_thread(updates):
    updates.start()
    updates.stop()
    updates.join(5)
    assert not updates.is_alive()


def make_own(models: ModelStore, shared: bytes, content: bytes) -> None:
    """This camera's own weights for these shared ones, as its node leaves them after the vote."""
    path = models.home / personal.FOLDER / "anomaly" / f"{sha(shared)}.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.with_suffix(".json").write_text(json.dumps({"sha256": sha(content), "shared_loss": 0.5, "own_loss": 0.25}))


def test_a_camera_runs_its_own_weights_in_the_place_of_the_published_ones_and_the_portal_sees_the_published_ones(updates, peer, pipeline, models):
    make_own(models, GOOD, OWN_WEIGHTS)
    wish(updates, peer.model(GOOD))
    assert in_use(pipeline) == sha(GOOD)
    assert pipeline.own_weights == {"anomaly": sha(OWN_WEIGHTS)}
    assert "own weights (loss 0.25" in peer.outcomes[0]["reason"]
    wish(updates, peer.model(BETTER))  # another version is published: the own weights were made from the one before
    assert (in_use(pipeline), pipeline.own_weights) == (sha(BETTER), {})
    wish(updates, peer.model(GOOD))  # and rolled back: they still belong to this one
    assert (in_use(pipeline), pipeline.own_weights) == (sha(GOOD), {"anomaly": sha(OWN_WEIGHTS)})
    wish(updates)  # back to the release's own
    assert (in_use(pipeline), pipeline.own_weights) == (OWN, {})


def test_own_weights_that_fail_the_self_test_are_dropped_and_the_published_ones_run(updates, peer, pipeline, models):
    make_own(models, GOOD, senseless_weights())
    wish(updates, peer.model(GOOD))
    assert (in_use(pipeline), pipeline.own_weights) == (sha(GOOD), {})
    assert outcomes(peer) == [(sha(GOOD), "installed")]
    assert personal.find(models.home, "anomaly", sha(GOOD)) is None


def test_own_weights_that_fail_at_work_are_dropped_before_the_version_is_given_back(updates, peer, pipeline, models):
    make_own(models, GOOD, OWN_WEIGHTS)
    wish(updates, peer.model(GOOD))
    updates.fail("anomaly", "it gives no number")
    updates.work()
    assert (in_use(pipeline), pipeline.own_weights) == (sha(GOOD), {})
    updates.fail("anomaly", "it gives no number")
    updates.work()
    assert in_use(pipeline) == OWN
    assert outcomes(peer)[-1] == (sha(GOOD), "failed")


def test_own_weights_have_a_calibration_of_their_own(updates, peer, models):
    make_own(models, GOOD, OWN_WEIGHTS)
    wish(updates, peer.model(GOOD))
    detector = models.load("anomaly")
    assert weights_digest(detector.card) == sha(OWN_WEIGHTS)
    assert weights_digest(detectors.card("anomaly")) == OWN
