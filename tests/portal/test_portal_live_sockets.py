"""The WebSockets: who is let in, what is sent, what is never sent, and how a browser catches up."""

from __future__ import annotations

import contextlib
import datetime
import struct

import pytest
from channels.db import database_sync_to_async as in_thread
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache import cache
from django.utils import timezone

from portal.accounts.models import User
from portal.alerts import actions
from portal.alerts.models import Alert
from portal.core import push
from portal.live.alerts import AlertsConsumer
from portal.live.base import FORBIDDEN, SIGNED_OUT, TRY_AGAIN
from portal.live.states import StateConsumer
from portal.live.wall import WallConsumer
from tests.portal.alert_scene import JPEG, scene
from tests.portal.socket_client import SocketClient, in_one_loop

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def square():
    cache.clear()
    return scene()


def session_of(user):
    session = SessionStore()
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return session


@contextlib.asynccontextmanager
async def browser(consumer, user, **kwargs):
    """A connected socket of a signed-in user."""
    socket = SocketClient(consumer, user, await in_thread(session_of)(user), **kwargs)
    await socket.connect()
    try:
        yield socket
    finally:
        await socket.disconnect()


async def greeted(socket, **hello):
    await socket.send_message({"since": timezone.now().isoformat(), **hello})
    return await socket.receive_message()


@in_one_loop
async def test_a_new_alert_arrives_by_itself_as_the_row_the_page_draws(square):
    async with browser(AlertsConsumer, square.operator) as socket:
        assert (await greeted(socket))["rows"] == []
        alert = await in_thread(square.alert)()
        message = await socket.receive_message()
        assert [row["id"] for row in message["rows"]] == [alert.pk]
        assert f'data-event-t="{alert.last_t.timestamp():.6f}"' in message["rows"][0]["html"]
        assert message["counts"]["new"] == 1


@pytest.mark.parametrize("sent", ["", "{", "[" * 50_000, "NaN", "7", "[]", '"x"', b"\x00\xff"])
def test_what_is_no_message_closes_the_socket(square, sent):
    @in_one_loop
    async def talk():
        async with browser(AlertsConsumer, square.operator) as socket:
            await socket.send_input({"type": "websocket.receive", "bytes" if isinstance(sent, bytes) else "text": sent})
            return await socket.close_code()

    assert talk() == FORBIDDEN


@in_one_loop
async def test_a_message_with_anything_in_it_ends_nothing(square):
    async with browser(AlertsConsumer, square.operator) as socket:
        odd = {"alerts": [[], {}, "x", None, -1, 10**400, True], "filters": {"q": [], "since": "\x00"}, "language": [], "since": "9999-12-31T23:59:59-23:59"}
        await socket.send_message(odd)
        assert (await socket.receive_message())["rows"] == []
        await socket.send_message({"alerts": 5, "filters": 5, "since": 5})
        assert (await socket.receive_message())["rows"] == []


@in_one_loop
async def test_the_row_speaks_the_browsers_language(square):
    async with browser(AlertsConsumer, square.operator) as socket:
        await greeted(socket, language="it")
        await in_thread(square.alert)(score=0.5)
        assert "50 %" in (await socket.receive_message())["rows"][0]["html"]


@in_one_loop
async def test_an_alert_of_another_site_is_not_sent(square):
    museum = await in_thread(scene)("museum")
    async with browser(AlertsConsumer, square.operator) as socket:
        await greeted(socket)
        await in_thread(museum.alert)()
        assert await socket.receive_nothing(0.6)


@in_one_loop
async def test_after_the_role_is_taken_away_only_the_removal_is_sent(square):
    async with browser(AlertsConsumer, square.operator) as socket:
        await greeted(socket)
        await in_thread(square.operator.memberships.all().delete)()
        alert = await in_thread(square.alert)()
        message = await socket.receive_message()
        assert (message["rows"], message["gone"]) == ([], [alert.pk])
        await in_thread(square.alert)(kind="anomaly")
        assert await socket.receive_nothing(0.6)


@in_one_loop
async def test_what_was_missed_is_caught_up(square):
    before = timezone.now() - datetime.timedelta(seconds=1)
    alert = await in_thread(square.alert)()
    async with browser(AlertsConsumer, square.operator) as socket:
        message = await greeted(socket, since=before.isoformat())
        assert [row["id"] for row in message["rows"]] == [alert.pk]


@in_one_loop
async def test_a_row_that_no_longer_fits_the_filter_is_taken_out(square):
    alert = await in_thread(square.alert)()
    async with browser(AlertsConsumer, square.operator) as socket:
        await greeted(socket, filters={"state": "new"})
        await in_thread(actions.acknowledge)(user=square.manager, alert_id=alert.pk)
        assert (await socket.receive_message())["gone"] == [alert.pk]


@in_one_loop
async def test_a_burst_becomes_few_messages_and_loses_nothing(square):
    async with browser(AlertsConsumer, square.operator) as socket:
        await greeted(socket)
        for n in range(30):
            await in_thread(square.alert)(kind=f"kind_{n}", seq=n)
        seen, messages = set(), 0
        while len(seen) < 30:
            seen |= {row["id"] for row in (await socket.receive_message())["rows"]}
            messages += 1
        assert messages < 30


@pytest.mark.parametrize("hello", [{"since": "yesterday"}, {"since": "2026-13-45T99:00:00Z"}, {"filters": 7}, {"filters": {"q": [1]}}, {"language": "xx"}])
def test_nonsense_in_a_hello_is_ignored(square, hello):
    @in_one_loop
    async def talk():
        async with browser(AlertsConsumer, square.operator) as socket:
            assert (await greeted(socket, **hello))["type"] == "alerts"

    talk()


@in_one_loop
async def connected_as(user, session):
    socket = SocketClient(AlertsConsumer, user, session)
    await socket.connect()
    return await socket.close_code()


def test_a_stranger_is_turned_away():
    assert connected_as(AnonymousUser(), SessionStore()) == SIGNED_OUT


def test_a_one_time_password_opens_no_socket(square):
    User.objects.update(must_change_password=True)
    assert connected_as(square.operator, session_of(square.operator)) == SIGNED_OUT


def sign_out(user, session):
    session.delete()


def close_account(user, session):
    User.objects.filter(pk=user.pk).update(is_active=False)


def change_password(user, session):
    user.set_password("another long walk by the river")
    user.save()


@pytest.mark.parametrize("end", [sign_out, close_account, change_password])
def test_an_open_socket_closes_when_its_session_ends(square, end):
    @in_one_loop
    async def talk():
        async with browser(AlertsConsumer, square.operator) as socket:
            await greeted(socket)
            await in_thread(end)(square.operator, socket.scope["session"])
            await in_thread(square.alert)()
            return await socket.close_code()

    assert talk() == SIGNED_OUT


def test_a_dead_channel_layer_asks_the_browser_to_come_back(square, monkeypatch):
    async def refuse(self, *_):
        raise ConnectionRefusedError

    monkeypatch.setattr("channels_redis.pubsub.RedisPubSubLoopLayer.group_add", refuse)
    assert connected_as(square.operator, session_of(square.operator)) == TRY_AGAIN


@in_one_loop
async def test_the_wall_asks_for_frames_and_shows_the_newest(square):
    await in_thread(cache.set)(f"frame:{square.camera.pk}", JPEG, 10)
    async with browser(WallConsumer, square.operator) as socket:
        await socket.send_message({"visible": True})
        assert [camera["id"] for camera in (await socket.receive_message())["cameras"]] == [square.camera.pk]
        assert await socket.receive_message() == struct.pack(">I", square.camera.pk) + JPEG
        assert await in_thread(cache.get)(f"watch:{square.camera.pk}") is True


@in_one_loop
async def test_the_same_frame_is_not_sent_again(square):
    await in_thread(cache.set)(f"frame:{square.camera.pk}", JPEG, 10)
    async with browser(WallConsumer, square.operator) as socket:
        await socket.send_message({"visible": True})
        kinds = [type(await socket.receive_message()) for _ in range(4)]
        assert kinds == [dict, bytes, dict, dict]


@in_one_loop
async def test_a_hidden_wall_asks_nothing_of_the_cameras(square):
    async with browser(WallConsumer, square.operator) as socket:
        await socket.send_message({"visible": False})
        assert await socket.receive_nothing(0.6)
        assert await in_thread(cache.get)(f"watch:{square.camera.pk}") is None


@in_one_loop
async def test_the_wall_shows_no_camera_of_another_site(square):
    museum = await in_thread(scene)("museum")
    await in_thread(cache.set)(f"frame:{museum.camera.pk}", JPEG, 10)
    async with browser(WallConsumer, square.operator) as socket:
        await socket.send_message({"visible": True})
        assert [camera["id"] for camera in (await socket.receive_message())["cameras"]] == [square.camera.pk]
        assert await in_thread(cache.get)(f"watch:{museum.camera.pk}") is None


class Counted(StateConsumer):
    """A state that exists for those who hold a role: how many alerts there are."""

    prefix = "counted"
    query = staticmethod(lambda user, name: counted_state(user, name))


def counted_state(user, identifier):
    return {"id": identifier, "alerts": Alert.objects.count()} if user.memberships.exists() else None


@in_one_loop
async def test_a_state_is_read_at_once_and_again_at_each_message(square):
    async with browser(Counted, square.operator, id="7") as socket:
        assert (await socket.receive_message())["state"] == {"id": "7", "alerts": 0}
        await in_thread(square.alert)()
        await in_thread(push.send)("counted-7", {})
        assert (await socket.receive_message())["state"] == {"id": "7", "alerts": 1}


@in_one_loop
async def test_a_state_that_may_no_longer_be_read_closes_the_socket(square):
    async with browser(Counted, square.operator, id="7") as socket:
        await socket.receive_message()
        await in_thread(square.operator.memberships.all().delete)()
        await in_thread(push.send)("counted-7", {})
        assert await socket.close_code() == FORBIDDEN
