"""Which weights each detector uses: what was published, what was there before it, and always a way back to the release's own."""

from __future__ import annotations

import hashlib
import json

import pytest
from agent_lab import other_weights

import detectors
from detectors.errors import DetectorError
from site_agents.models import Installed, ModelStore

OWN = detectors.card("anomaly").sha256


@pytest.fixture
def models(tmp_path):
    return ModelStore(tmp_path)


def put(models: ModelStore, content: bytes, name: str = "anomaly") -> str:
    """A published file, as a download leaves it."""
    sha256 = hashlib.sha256(content).hexdigest()
    models.path(name, sha256).parent.mkdir(parents=True, exist_ok=True)
    models.path(name, sha256).write_bytes(content)
    return sha256


def test_without_anything_published_the_release_is_used(models):
    assert models.installed("anomaly") == Installed(None, None)
    assert models.load("anomaly").card.sha256 == OWN
    assert models.names() == []


def test_an_installed_model_is_used_also_after_a_restart(models, tmp_path):
    sha256 = put(models, other_weights())
    models.install("anomaly", sha256)
    assert ModelStore(tmp_path).load("anomaly").card.sha256 == sha256
    assert ModelStore(tmp_path).names() == ["anomaly"]


def test_what_was_used_before_stays_as_the_way_back_and_older_ones_go(models):
    shas = []
    for n in range(3):
        shas.append(put(models, other_weights(note=f"v{n}")))
        models.install("anomaly", shas[-1])
    first, second, third = shas
    assert models.installed("anomaly") == Installed(third, second)
    assert [models.path("anomaly", each).exists() for each in (first, second, third)] == [False, True, True]


def test_going_back_to_the_release_keeps_the_file(models):
    sha256 = put(models, other_weights())
    models.install("anomaly", sha256)
    models.install("anomaly", None)
    assert models.installed("anomaly") == Installed(None, sha256)
    assert models.path("anomaly", sha256).exists()


@pytest.mark.parametrize("damage", [b"", b"not a model", other_weights()[:1000]])
def test_a_file_damaged_on_the_disk_leads_back_to_the_release(models, damage, caplog):
    sha256 = put(models, other_weights())
    models.install("anomaly", sha256)
    models.path("anomaly", sha256).write_bytes(damage)
    assert models.load("anomaly").card.sha256 == OWN
    assert models.names() == []
    assert "back to the release's own" in caplog.text


def test_a_file_that_is_gone_leads_back_to_the_release(models):
    sha256 = put(models, other_weights())
    models.install("anomaly", sha256)
    models.path("anomaly", sha256).unlink()
    assert models.load("anomaly").card.sha256 == OWN


@pytest.mark.parametrize("content", ["", "{", "[]", '{"anomaly": 3}', '{"anomaly": {"current": "a"}}'])
def test_a_damaged_list_means_the_release(models, tmp_path, content, caplog):
    (tmp_path / "models" / "installed.json").write_text(content)
    assert ModelStore(tmp_path).names() == []
    assert "damaged" in caplog.text


def test_the_list_is_written_whole(models, tmp_path):
    for n in range(3):
        models.install("anomaly", put(models, other_weights(note=str(n))))
    assert [file.name for file in (tmp_path / "models").iterdir() if file.is_file()] == ["installed.json"]
    assert set(json.loads((tmp_path / "models" / "installed.json").read_text())) == {"anomaly"}


def test_options_reach_the_detector(models):
    assert models.load("people", threshold=0.9).threshold == 0.9


def test_an_unknown_detector_is_one_sentence(models):
    with pytest.raises(DetectorError, match="there is no detector 'telepathy'"):
        models.load("telepathy")
