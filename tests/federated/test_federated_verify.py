"""Anybody can check a model's signed card and its file with the portal's public key."""

from __future__ import annotations

import hashlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from federated.trust import signing, verify

KEY, CONTENT = Ed25519PrivateKey.generate(), b"weights"


@pytest.fixture
def files(tmp_path):
    """The document and the file, as downloaded."""
    body = {"detector": "anomaly", "version": "2", "sha256": hashlib.sha256(CONTENT).hexdigest(), "size": 7, "card": {"licence": "Apache-2.0", "x": 0.1}}
    (tmp_path / "card.json").write_text(json.dumps(signing.sign_document(body, KEY)))
    (tmp_path / "model.onnx").write_bytes(CONTENT)
    return tmp_path


def check(files, *more, key=KEY):
    return verify.main([str(files / "card.json"), "--key", signing.public_text(key), *more])


def test_a_good_card_and_file_are_said_to_be_good(files, capsys):
    assert check(files) == 0
    assert check(files, "--file", str(files / "model.onnx")) == 0
    assert capsys.readouterr().out.count("good: anomaly 2") == 2


def test_a_changed_card_is_refused(files, capsys):
    printed = json.loads((files / "card.json").read_text())
    (files / "card.json").write_text(json.dumps({**printed, "card": {"licence": "MIT"}}))
    assert check(files) == 1
    assert "the signature does not belong to this document" in capsys.readouterr().err


def test_another_portals_key_is_refused(files):
    assert check(files, key=Ed25519PrivateKey.generate()) == 1


def test_another_file_is_refused(files, capsys):
    (files / "model.onnx").write_bytes(b"other")
    assert check(files, "--file", str(files / "model.onnx")) == 1
    assert "sha256" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "[]", "{}", "nonsense"])
def test_what_is_no_document_is_one_sentence(files, text, capsys):
    (files / "card.json").write_text(text)
    assert check(files) == 1
    assert capsys.readouterr().err.startswith("verify: ")


def test_a_missing_file_is_one_sentence(tmp_path, capsys):
    assert check(tmp_path) == 1
    assert "card.json" in capsys.readouterr().err
