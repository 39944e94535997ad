"""The live wall over real sockets: frames only while somebody looks, only of the reader's cameras, only as long as the session lasts."""

from __future__ import annotations

import contextlib
import struct

import pytest
from channels.db import database_sync_to_async as in_thread
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache import cache

from portal.accounts.models import User
from portal.asgi import application
from portal.live import wall
from portal.live.base import FORBIDDEN, SIGNED_OUT
from portal.live.states import CaseConsumer, RunConsumer
from portal.live.wall import WallConsumer
from tests.portal.alert_scene import JPEG, scene, user
from tests.portal.signed_client import send_in_process
from tests.portal.socket_client import ApplicationCommunicator, SocketClient, in_one_loop
from tests.portal.training_scene import run

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def square():
    cache.clear()
    return scene()


def session_of(reader):
    session = SessionStore()
    session[HASH_SESSION_KEY] = reader.get_session_auth_hash()
    session.create()
    return session


@contextlib.asynccontextmanager
async def browser(consumer, reader, **kwargs):
    socket = SocketClient(consumer, reader, await in_thread(session_of)(reader), **kwargs)
    await socket.connect()
    try:
        yield socket
    finally:
        await socket.disconnect()


async def frames(socket, count):
    """The next frames, as {camera number: jpeg}."""
    found = {}
    while len(found) < count:
        message = await socket.receive_message()
        if isinstance(message, bytes):
            found[struct.unpack(">I", message[:4])[0]] = message[4:]
    return found


def beat(scene):
    """What the agent is told with its next heartbeat: whether somebody looks."""
    return send_in_process("POST", "/api/v1/heartbeat", b'{"t": 1}', scene.key, str(scene.agent.pk)).json()["watch"]


def put_frame(scene, jpeg=JPEG):
    return send_in_process("PUT", "/api/v1/frame", jpeg, scene.key, str(scene.agent.pk)).status_code


@in_one_loop
async def test_a_frame_goes_from_the_agent_to_the_browser_that_looks(square):
    async with browser(WallConsumer, square.operator) as socket:
        await socket.send_message({"visible": True})
        await socket.receive_message()
        assert await in_thread(beat)(square) is True
        assert await in_thread(put_frame)(square) == 204
        assert await frames(socket, 1) == {square.camera.pk: JPEG}


def test_while_nobody_looks_no_frame_is_asked_for_and_none_is_kept(square):
    assert beat(square) is False
    assert put_frame(square) == 204
    assert cache.get(f"frame:{square.camera.pk}") is None


@in_one_loop
async def test_somebody_at_another_site_asks_nothing_of_this_camera(square):
    museum = await in_thread(scene)("museum")
    async with browser(WallConsumer, museum.operator) as socket:
        await socket.send_message({"visible": True})
        await socket.receive_message()
        assert await in_thread(beat)(square) is False
        assert await in_thread(beat)(museum) is True


@in_one_loop
async def test_who_guards_two_sites_sees_both(square):
    museum = await in_thread(scene)("museum")
    both = await in_thread(user)("both@square.example", "operator")
    for each in (square, museum):
        await in_thread(cache.set)(f"frame:{each.camera.pk}", JPEG + each.site.slug.encode(), 10)
    async with browser(WallConsumer, both) as socket:
        await socket.send_message({"visible": True})
        seen = await frames(socket, 2)
    assert seen == {each.camera.pk: JPEG + each.site.slug.encode() for each in (square, museum)}


@in_one_loop
async def test_a_new_frame_follows_the_old_one(square):
    await in_thread(cache.set)(f"frame:{square.camera.pk}", JPEG, 10)
    async with browser(WallConsumer, square.operator) as socket:
        await socket.send_message({"visible": True})
        await frames(socket, 1)
        await in_thread(cache.set)(f"frame:{square.camera.pk}", JPEG + b"2", 10)
        assert await frames(socket, 1) == {square.camera.pk: JPEG + b"2"}


@in_one_loop
async def test_a_page_that_is_hidden_gets_no_more_frames(square):
    async with browser(WallConsumer, square.operator) as socket:
        await socket.send_message({"visible": True})
        await socket.receive_message()
        await socket.send_message({"visible": False})
        with contextlib.suppress(AssertionError):
            while not await socket.receive_nothing(0.9):
                await socket.receive_message()
        assert await socket.receive_nothing(0.9)


@in_one_loop
async def test_a_page_that_falls_silent_stops_being_looked_at(square):
    patience, wall.WATCH_S = wall.WATCH_S, 0.2
    try:
        async with browser(WallConsumer, square.operator) as socket:
            await socket.send_message({"visible": True})
            await socket.receive_message()
            assert await socket.receive_nothing(1.2)
    finally:
        wall.WATCH_S = patience


@in_one_loop
async def test_a_role_taken_away_takes_its_cameras_off_the_open_wall(square):
    async with browser(WallConsumer, square.operator) as socket:
        await socket.send_message({"visible": True})
        assert len((await socket.receive_message())["cameras"]) == 1
        await in_thread(square.operator.memberships.all().delete)()
        await in_thread(cache.set)(f"frame:{square.camera.pk}", JPEG, 10)
        messages = [await socket.receive_message() for _ in range(3)]
        assert messages[-1]["cameras"] == []
        assert all(isinstance(message, dict) for message in messages[1:])


@in_one_loop
async def test_an_account_that_is_closed_closes_its_open_wall(square):
    async with browser(WallConsumer, square.operator) as socket:
        await socket.send_message({"visible": True})
        await socket.receive_message()
        await in_thread(User.objects.filter(pk=square.operator.pk).update)(is_active=False)
        assert await socket.close_code() == SIGNED_OUT


@pytest.mark.parametrize("message", [{}, {"visible": "yes"}, {"visible": 1}, {"visible": None}, {"frames": "all"}])
def test_nonsense_asks_nothing_of_the_cameras(square, message):
    @in_one_loop
    async def talk():
        async with browser(WallConsumer, square.operator) as socket:
            await socket.send_message(message)
            assert await socket.receive_nothing(0.5)

    talk()
    assert cache.get(f"watch:{square.camera.pk}") is None


@pytest.mark.parametrize(("consumer", "number"), [(RunConsumer, "999999"), (RunConsumer, "x"), (CaseConsumer, "999999"), (CaseConsumer, "x")])
def test_the_progress_of_what_is_not_there_is_forbidden(square, consumer, number):
    @in_one_loop
    async def talk():
        async with browser(consumer, square.manager, id=number) as socket:
            return await socket.close_code()

    assert talk() == FORBIDDEN


@pytest.mark.parametrize(("role", "opens"), [("administrator", True), ("manager", True), ("operator", False)])
def test_a_runs_progress_is_for_those_who_may_read_runs(square, role, opens):
    from tests.portal.training_scene import administrator, agents

    agents("abbey")
    started = run(administrator())

    @in_one_loop
    async def talk():
        async with browser(RunConsumer, getattr(square, role), id=str(started.pk)) as socket:
            return (await socket.receive_message())["state"]["id"] if opens else await socket.close_code()

    assert talk() == (started.pk if opens else FORBIDDEN)


def scope(path, origin=b"http://127.0.0.1:8000"):
    headers = [(b"host", b"127.0.0.1:8000"), (b"origin", origin)]
    return {
        "type": "websocket",
        "path": path,
        "raw_path": path.encode(),
        "headers": headers,
        "query_string": b"",
        "subprotocols": [],
        "client": ("127.0.0.1", 1),
    }


@in_one_loop
async def first_answer(path, **named):
    socket = ApplicationCommunicator(application, scope(path, **named))
    await socket.send_input({"type": "websocket.connect"})
    return await socket.receive_output(5)


@pytest.mark.parametrize("origin", [b"http://evil.example", b"null", b"http://127.0.0.1.evil.example", b"http://[", b"http://x:99999", b"\xff"])
def test_a_page_of_another_origin_opens_no_socket(settings, origin):
    assert first_answer("/ws/wall/", origin=origin)["type"] == "websocket.close"


@pytest.mark.parametrize("path", ["/ws/alerts/", "/ws/wall/", "/ws/runs/1/", "/ws/cases/1/"])
def test_a_stranger_is_told_to_sign_in(path):
    @in_one_loop
    async def talk():
        socket = ApplicationCommunicator(application, scope(path))
        await socket.send_input({"type": "websocket.connect"})
        return [await socket.receive_output(5) for _ in range(2)]

    accepted, closed = talk()
    assert (accepted["type"], closed["type"], closed["code"]) == ("websocket.accept", "websocket.close", SIGNED_OUT)


@pytest.mark.parametrize("path", ["/", "/ws/", "/ws/nothing/", "/ws/runs/a b/", "/ws/runs/\u0663/", "/ws/cases/\u00e9/", "/ws/runs/" + "9" * 65 + "/"])
def test_a_socket_that_is_not_there_is_refused(path):
    assert first_answer(path) == {"type": "websocket.close"}  # before it was accepted: 403
