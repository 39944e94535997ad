"""Signatures that portal and sites trust each other by: forged, altered, stale, replayed and foreign ones must fail."""

from __future__ import annotations

import json
import random

import pytest

from federated.trust import signing
from federated.trust.signing import HttpMessage, SignatureRejected, SignatureStale

NOW = 1_800_000_000.0


@pytest.fixture
def key(tmp_path):
    return signing.load_or_make_key(tmp_path / "key.pem")


@pytest.fixture
def other(tmp_path):
    return signing.load_or_make_key(tmp_path / "other.pem")


def message(**changes) -> HttpMessage:
    return HttpMessage(**{"method": "POST", "url": "http://portal.example/api/v1/events?full=1", "headers": {}, "body": b'{"events": []}', **changes})


def signed(key, **changes) -> HttpMessage:
    made = message(**changes)
    signing.sign_http(made, key, "agent-1", NOW)
    return made


def verify(made, key, now=NOW):
    return signing.verify_http(made, lambda name: signing.public_text(key) if name == "agent-1" else None, now)


def test_a_key_is_kept_for_its_owner_only(tmp_path):
    first = signing.load_or_make_key(tmp_path / "deep" / "key.pem")
    assert signing.public_text(first) == signing.public_text(signing.load_or_make_key(tmp_path / "deep" / "key.pem"))
    assert (tmp_path / "deep" / "key.pem").stat().st_mode & 0o777 == 0o600


def test_a_public_key_survives_the_round_trip(key):
    text = signing.public_text(key)
    assert len(text) == 44
    assert signing.public_text(signing.public_from_text(text)) == text


@pytest.mark.parametrize("text", ["", "rubbish", "AAAA", "é" * 44, "A" * 44 + "=="])
def test_rubbish_is_no_public_key(text):
    with pytest.raises(SignatureRejected):
        signing.public_from_text(text)


def test_a_signed_message_is_believed(key):
    found = verify(signed(key), key)
    assert (found.key_id, found.created) == ("agent-1", NOW)
    assert len(found.nonce) == 32


def test_two_signatures_never_share_a_nonce(key):
    assert len({verify(signed(key), key).nonce for _ in range(50)}) == 50


def test_a_repeated_message_shows_the_same_nonce(key):
    made = signed(key)
    assert verify(made, key).nonce == verify(made, key).nonce


@pytest.mark.parametrize(
    "change",
    [
        {"method": "PUT"},
        {"url": "http://portal.example/api/v1/heartbeat?full=1"},
        {"url": "http://portal.example/api/v1/events?full=0"},
        {"url": "http://portal.example/api/v1/events"},
        {"body": b'{"events": [1]}'},
        {"body": b""},
    ],
)
def test_an_altered_message_is_refused(key, change):
    made = signed(key)
    for name, value in change.items():
        setattr(made, name, value)
    with pytest.raises(SignatureRejected):
        verify(made, key)


@pytest.mark.parametrize("header", ["Signature", "Signature-Input", "Content-Digest"])
def test_a_message_without_one_of_its_headers_is_refused(key, header):
    made = signed(key)
    del made.headers[header]
    with pytest.raises(SignatureRejected):
        verify(made, key)


def test_an_unsigned_message_is_refused(key):
    with pytest.raises(SignatureRejected):
        verify(message(), key)


def test_a_forged_signature_is_refused(key, other):
    with pytest.raises(SignatureRejected):
        verify(signed(other), key)


def test_an_unknown_or_revoked_key_is_refused(key):
    with pytest.raises(SignatureRejected, match="agent-1"):
        signing.verify_http(signed(key), lambda name: None, NOW)


@pytest.mark.parametrize("late", [301.0, 3600.0, -301.0, -86400.0])
def test_a_stale_message_tells_by_how_much_the_clocks_differ(key, late):
    with pytest.raises(SignatureStale) as caught:
        verify(signed(key), key, NOW + late)
    assert caught.value.skew == late


@pytest.mark.parametrize("late", [0.0, 299.0, -299.0])
def test_a_little_skew_is_allowed(key, late):
    assert verify(signed(key), key, NOW + late)


def test_a_stale_forgery_is_a_forgery_first(key, other):
    with pytest.raises(SignatureRejected) as caught:
        verify(signed(other), key, NOW + 9999)
    assert not isinstance(caught.value, SignatureStale)


def test_a_later_creation_time_cannot_be_written_in(key):
    made = signed(key)
    made.headers["Signature-Input"] = made.headers["Signature-Input"].replace(str(int(NOW)), str(int(NOW) + 9999))
    with pytest.raises(SignatureRejected):
        verify(made, key, NOW + 9999)


def test_a_signature_for_another_purpose_is_refused(key, monkeypatch):
    monkeypatch.setattr(signing, "TAG", "elsewhere")
    made = signed(key)
    monkeypatch.undo()
    with pytest.raises(SignatureRejected):
        verify(made, key)


@pytest.mark.parametrize("seed", range(40))
def test_no_changed_byte_of_any_part_goes_unnoticed(key, seed):
    rng = random.Random(seed)
    made = signed(key, body=rng.randbytes(rng.randrange(1, 200)))
    part = rng.choice(["body", "Content-Digest", "Signature"])
    if part == "body":
        at = rng.randrange(len(made.body))
        made.body = made.body[:at] + bytes([made.body[at] ^ 1 << rng.randrange(8)]) + made.body[at + 1 :]
    else:
        text = made.headers[part]
        at = rng.randrange(text.index("=:") + 2, len(text) - 6)
        made.headers[part] = text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]
    with pytest.raises(SignatureRejected):
        verify(made, key)


def test_a_signed_document_comes_back_without_its_signature(key):
    document = signing.sign_document({"version": 3, "legal_mode": "M0"}, key)
    assert signing.verify_document(document, signing.public_text(key)) == {"version": 3, "legal_mode": "M0"}


def test_signing_again_replaces_the_signature(key, other):
    document = signing.sign_document(signing.sign_document({"a": 1}, other), key)
    assert signing.verify_document(document, signing.public_text(key)) == {"a": 1}


@pytest.mark.parametrize("change", [{"legal_mode": "M2"}, {"extra": 1}, {"signature": ""}, {"signature": None}, {"signature": "AAAA"}, {"signature": 7}])
def test_an_altered_document_is_refused(key, change):
    with pytest.raises(SignatureRejected):
        signing.verify_document({**signing.sign_document({"version": 3, "legal_mode": "M0"}, key), **change}, signing.public_text(key))


def test_a_document_of_another_key_is_refused(key, other):
    with pytest.raises(SignatureRejected):
        signing.verify_document(signing.sign_document({"a": 1}, other), signing.public_text(key))


def test_a_document_without_a_signature_is_refused(key):
    with pytest.raises(SignatureRejected):
        signing.verify_document({"a": 1}, signing.public_text(key))


def test_what_is_no_number_cannot_be_signed(key):
    with pytest.raises(ValueError, match="JSON"):
        signing.sign_document({"a": float("nan")}, key)


def _random_value(rng: random.Random, depth: int = 0):
    kind = rng.randrange(7 if depth < 3 else 5)
    if kind < 5:
        return [None, rng.random() < 0.5, rng.randrange(-(10**12), 10**12), rng.uniform(-1e6, 1e6), rng.choice(["", "à", "\u2028", "a\nb", '"', "🏛"])][kind]
    if kind == 5:
        return [_random_value(rng, depth + 1) for _ in range(rng.randrange(4))]
    return {str(rng.random()): _random_value(rng, depth + 1) for _ in range(rng.randrange(4))}


@pytest.mark.parametrize("seed", range(40))
def test_any_document_survives_json_and_the_order_of_its_fields(key, seed):
    rng = random.Random(seed)
    body = {f"field{index}": _random_value(rng) for index in range(8)}
    travelled = json.loads(json.dumps(signing.sign_document(body, key)))
    fields = list(travelled.items())
    rng.shuffle(fields)
    assert signing.verify_document(dict(fields), signing.public_text(key)) == body


@pytest.mark.parametrize("seed", range(40))
def test_any_changed_field_of_any_document_is_noticed(key, seed):
    rng = random.Random(seed)
    body = {f"field{index}": _random_value(rng) for index in range(8)}
    document = signing.sign_document(body, key)
    name = rng.choice(list(body))
    document[name] = [document[name], "changed"]
    with pytest.raises(SignatureRejected):
        signing.verify_document(document, signing.public_text(key))
