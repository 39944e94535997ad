"""Files by their sha256, whole or not at all; and messages to browsers, after the change is stored or not at all."""

from __future__ import annotations

import hashlib
import os
import threading

import pytest
from channels.layers import get_channel_layer
from django.db import transaction
from redis.exceptions import ConnectionError as RedisGone

from portal.core import media, push


@pytest.fixture
def store(settings, tmp_path):
    settings.MEDIA_FOLDER = tmp_path / "media"
    return settings.MEDIA_FOLDER


@pytest.fixture
def messages_sent(monkeypatch):
    """What would have gone to browsers."""
    messages = []
    monkeypatch.setattr(push, "send", lambda group, message: messages.append((group, message)))
    return messages


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("content", [b"", b"x", b"\0" * 100_000])
def test_bytes_are_kept_under_their_sha256(store, content):
    sha256 = media.put(content)
    assert sha256 == hashlib.sha256(content).hexdigest()
    assert media.path(sha256).read_bytes() == content


def test_the_same_bytes_are_kept_once(store):
    assert media.put(b"picture") == media.put(b"picture")
    assert len(files(store)) == 1


def test_a_full_disk_leaves_nothing_half(store, monkeypatch):
    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        media.put(b"picture")
    assert files(store) == []


def test_many_at_once_keep_one_whole_file(store):
    content = os.urandom(300_000)
    threads = [threading.Thread(target=media.put, args=[content]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    (kept,) = files(store)
    assert kept.read_bytes() == content


@pytest.mark.parametrize("name", ["", "..", "../../etc/passwd", "a" * 63, "a" * 65, "A" * 64, "g" * 64, "a" * 64 + "\n", "a" * 63 + "/"])
def test_what_is_no_sha256_never_becomes_a_path(store, name):
    with pytest.raises(ValueError, match="not a sha256"):
        media.path(name)


@pytest.mark.parametrize("missing", [None, "", "0" * 64])
def test_what_is_not_kept_does_not_exist(store, missing):
    assert media.exists(missing) is False


@pytest.mark.django_db(transaction=True)
def test_browsers_are_told_after_the_change_is_stored(messages_sent):
    with transaction.atomic():
        push.send_on_commit("alerts-site-1", {"alerts": [7]})
        assert messages_sent == []
    assert messages_sent == [("alerts-site-1", {"alerts": [7]})]


@pytest.mark.django_db(transaction=True)
def test_a_change_that_is_undone_is_told_to_nobody(messages_sent):
    with transaction.atomic():
        push.send_on_commit("alerts-site-1", {"alerts": [7]})
        transaction.set_rollback(True)
    assert messages_sent == []


@pytest.mark.django_db(transaction=True)
def test_an_undone_part_of_a_change_is_told_to_nobody(messages_sent):
    with transaction.atomic():
        push.send_on_commit("whole", {})
        with transaction.atomic():
            push.send_on_commit("part", {})
            transaction.set_rollback(True)
    assert messages_sent == [("whole", {})]


@pytest.mark.parametrize("error", [RedisGone("gone"), ConnectionRefusedError("gone")])
def test_a_dead_channel_layer_undoes_nothing(monkeypatch, caplog, error):
    async def refuse(*_):
        raise error

    monkeypatch.setattr(get_channel_layer(), "group_send", refuse)
    push.send("alerts-site-1", {})
    assert "alerts-site-1 not sent" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_a_file_that_nobody_holds_goes_when_it_is_a_week_old(store, monkeypatch):
    named, stray, fresh, renewed = (media.put(content) for content in (b"named", b"stray", b"fresh", b"renewed"))
    monkeypatch.setitem(media.holders, "test", lambda names: names & {named})
    half = store / stray[:2] / f".{stray}.0123.part"
    half.write_bytes(b"of a writer that was killed")
    foreign = store / stray[:2] / "README"
    foreign.write_text("somebody's own file")
    for path in (media.path(named), media.path(stray), media.path(renewed), half, foreign):
        os.utime(path, (0, 0))
    media.put(b"renewed")  # somebody begins to need it at this moment, outside a transaction
    assert media.sweep() == 2
    assert set(files(store)) == {media.path(named), media.path(fresh), media.path(renewed), foreign}
    assert media.sweep() == 0


def test_a_store_that_does_not_exist_yet_is_swept_without_error(store):
    assert media.sweep() == 0
