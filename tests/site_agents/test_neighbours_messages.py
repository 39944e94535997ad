"""The wire's messages: what goes in comes out, and nothing else is believed."""

from __future__ import annotations

import json

import pytest
from neighbours_lab import answer, load, query, seen

from site_agents.errors import MessageRefused
from site_agents.neighbours import messages
from site_agents.neighbours.messages import FIELDS, PeerMessage, decode, encode

BODIES = {
    "SEEN": seen(),
    "LEFT": {"person": "anna", "t": 3.5},
    "QUERY": query(),
    "ANSWER": answer("gate-1", "unknown"),
    "LOAD": load(),
    "GALLERY": {"version": 2, "documents": []},
}


def changed(kind: str, **changes: object) -> bytes:
    return json.dumps({"kind": kind, "src": "gate", "id": "gate-1", **BODIES[kind], **changes}).encode()


@pytest.mark.parametrize("kind", FIELDS)
def test_every_message_comes_out_as_it_went_in(kind):
    message = PeerMessage(kind, "gate", "gate-1", BODIES[kind])
    assert decode(encode(message)) == message


@pytest.mark.parametrize("kind", FIELDS)
def test_a_message_with_a_field_too_many_is_refused(kind):
    with pytest.raises(MessageRefused, match="other fields"):
        decode(changed(kind, more=1))


@pytest.mark.parametrize("kind", FIELDS)
@pytest.mark.parametrize("wrong", [None, [[]], {"a": 1}, "x", 1.5, True])
def test_a_field_of_a_wrong_type_is_refused_or_carried(kind, wrong):
    for name, types in FIELDS[kind].items():
        if isinstance(wrong, types) and not (isinstance(wrong, bool) and types != (bool,)):
            continue
        with pytest.raises(MessageRefused):
            decode(changed(kind, **{name: wrong}))


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[]", b"3", b'{"kind": "EVAL"}', b"[" * 100_000, b'{"kind": ["SEEN"]}'])
def test_what_is_no_message_is_refused(content):
    with pytest.raises(MessageRefused):
        decode(content)


@pytest.mark.parametrize("changes", [{"src": None}, {"src": 3}, {"id": ""}, {"id": "x" * 101}, {"id": "\ud800"}, {"src": "a\n"}])
def test_a_message_without_a_sender_or_an_id_is_refused(changes):
    with pytest.raises(MessageRefused, match="sender"):
        decode(changed("LOAD", **changes))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "1" + "0" * 400])
def test_a_number_that_is_none_is_refused(number):
    with pytest.raises(MessageRefused, match="wait_s"):
        decode(changed("LOAD", wait_s=0.125).replace(b"0.125", number.encode()))


def test_an_answer_with_an_unknown_verdict_is_refused():
    with pytest.raises(MessageRefused, match="verdict"):
        decode(changed("ANSWER", verdict="perhaps"))


def test_a_message_that_is_too_large_is_refused_unread(monkeypatch):
    monkeypatch.setattr(messages, "LARGEST", 10)
    with pytest.raises(MessageRefused, match="too large"):
        decode(changed("LOAD"))


@pytest.mark.parametrize("documents", [[1], ["x"], [None], [[]]])
def test_a_gallery_of_things_that_are_no_documents_is_refused(documents):
    with pytest.raises(MessageRefused, match="documents"):
        decode(changed("GALLERY", documents=documents))


@pytest.mark.parametrize("text", ["\ud800", "a\nb", "x" * 1_001])
def test_a_text_that_cannot_be_said_again_is_refused(text):
    with pytest.raises(MessageRefused, match="person"):
        decode(changed("LEFT", person=text))
