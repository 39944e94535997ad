"""Addresses of cameras: sealed for the agent the moment they are typed, tried by it, used by it. The portal keeps and shows them without any secret."""

from __future__ import annotations

import base64
import binascii
import dataclasses
import datetime
import uuid
from typing import Any

from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as noop

from federated.contract import address, source
from federated.contract.heartbeat import Heartbeat
from federated.contract.media import JPEG, media_type
from federated.contract.source import SourceDocument, SourceTestMessage
from federated.trust.signing import sign_document
from federated.trust.staff_list import GalleryRejected, seal
from portal.accounts.models import User
from portal.core import audit
from portal.sites import state
from portal.sites.camera_actions import locked_camera
from portal.sites.config import portal_key
from portal.sites.models import Agent, Camera, CameraSource, SourceTest

WAIT_S = 60  # from asking to giving up: four heartbeats and the longest try
PICTURE_S = 600
WRONG = {
    "empty": noop("Type the address of the camera's stream, such as rtsp://192.168.1.20/stream1."),
    "long": noop("This address is too long."),
    "characters": noop("This address holds characters that no address can hold."),
    "scheme": noop("An address begins with its kind, like rtsp:// or http://."),
    "unsupported": noop("An address begins with rtsp://, rtsps://, http://, https://, rtmp://, udp:// or tcp://."),
    "host": noop("This address names no host, or one that cannot be a host."),
    "port": noop("The port must be a number from 1 to 65535."),
}


@transaction.atomic
def ask_test(*, user: User, camera_id: int, text: str, login: str = "", password: str = "") -> SourceTest:
    """Have the camera's agent try an address. Raises ValidationError with a sentence that holds nothing of what was typed.

    `login` and `password` come before those in the address. The whole address is sealed for the agent here and is nowhere else.
    """
    camera = locked_camera(user, camera_id)
    agent = _listening_agent(camera)
    try:
        parsed = address.parse(text)
    except address.AddressError as error:
        raise ValidationError(_(WRONG.get(error.code, WRONG["host"]))) from error
    if login or password:
        parsed = dataclasses.replace(parsed, user=login or parsed.user, password=password or parsed.password)
    try:
        sealed = seal([{"address": parsed.opening}], agent.heartbeat.box, purpose=source.PURPOSE)
    except GalleryRejected as error:
        raise ValidationError(_("The agent's key cannot be used. Restart the agent, then try again.")) from error
    SourceTest.objects.filter(agent=agent, answered=None).delete()
    test = SourceTest.objects.create(agent=agent, address=parsed.redacted[:500], sealed=sealed)
    _audit(user, "camera.source_tested", camera, {"address": test.address})
    return test


@transaction.atomic
def use(*, user: User, camera_id: int, test_id: uuid.UUID) -> CameraSource:
    """Let the agent read the address that it has tried with success. Raises ValidationError."""
    camera = locked_camera(user, camera_id)
    test = SourceTest.objects.select_for_update().filter(pk=test_id, agent__camera=camera, agent__revoked=None, outcome=source.PICTURE).first()
    if test is None or not test.sealed:
        raise ValidationError(_("Test the address first: only one that gave a picture can be used."))
    fields = {"agent": test.agent, "edition": uuid.uuid4(), "address": test.address, "sealed": test.sealed, "set": timezone.now()}
    made, _new = CameraSource.objects.update_or_create(camera=camera, defaults=fields)
    SourceTest.objects.filter(pk=test.pk).update(sealed="")
    _audit(user, "camera.source_changed", camera, {"address": made.address})
    return made


@transaction.atomic
def give_back(*, user: User, camera_id: int) -> None:
    """Let the agent read again what its own agent.toml names. Twice changes nothing."""
    camera = locked_camera(user, camera_id)
    if CameraSource.objects.filter(camera=camera).delete()[0]:
        _audit(user, "camera.source_changed", camera, {"address": "agent.toml"})


def news(agent: Agent, heartbeat: Heartbeat) -> dict[str, Any] | None:
    """The signed document for a heartbeat's answer: an address to try, or the one to use when the agent reads another; None: nothing new."""
    if not heartbeat.box:
        return None
    asked = agent.source_tests.filter(answered=None, asked__gt=timezone.now() - datetime.timedelta(seconds=WAIT_S)).first()
    if asked is not None:
        SourceTest.objects.filter(pk=asked.pk, given=None).update(given=timezone.now())
        return _document(agent.camera, str(asked.pk), asked.sealed, use=False)
    chosen = CameraSource.objects.filter(camera_id=agent.camera_id, agent=agent).first()
    if chosen is not None and heartbeat.source != str(chosen.edition):
        return _document(agent.camera, str(chosen.edition), chosen.sealed, use=True)
    if chosen is None and heartbeat.source:
        return _document(agent.camera, "agent.toml", "", use=True)
    return None


def record(*, agent: Agent, message: SourceTestMessage) -> bool:
    """Keep what came of a try; False when nobody asked for it (any more)."""
    try:
        rows = SourceTest.objects.filter(pk=uuid.UUID(message.id), agent=agent, answered=None)
    except ValueError:
        return False
    good = message.outcome == source.PICTURE
    result = {"codec": message.codec, "width": message.width, "height": message.height, "fps": round(message.fps, 1), "clock_s": message.clock_s}
    changes = {"answered": timezone.now(), "outcome": message.outcome, "result": result, **({} if good else {"sealed": ""})}
    if not rows.update(**changes):
        return False
    if (jpeg := _picture(message.picture)) is not None:
        cache.set(f"source-test:{message.id}", jpeg, PICTURE_S)
    return True


def newest(camera: Camera) -> SourceTest | None:
    """The newest try at this camera by an agent that still counts."""
    return SourceTest.objects.filter(agent__camera=camera, agent__revoked=None).first()


def picture_of(test: SourceTest) -> bytes | None:
    """The small picture of a try, for some minutes after it."""
    return cache.get(f"source-test:{test.pk}")


def _listening_agent(camera: Camera) -> Agent:
    """The camera's agent, when it can try an address now. Raises ValidationError."""
    agent = state.newest(list(camera.agents.filter(revoked=None))).get(camera.pk)
    if agent is None:
        raise ValidationError(_("No agent watches this camera yet: enrol one, it is the agent that tries the address."))
    if state.of(agent, timezone.now()).name in ("silent", "unknown") or agent.heartbeat is None:
        raise ValidationError(_("The agent does not answer now, and only the agent can try the address."))
    if not agent.heartbeat.box:
        raise ValidationError(_("This agent's program is too old to try addresses: update it."))
    return agent


def _document(camera: Camera, number: str, sealed: str, *, use: bool) -> dict[str, Any]:
    document = SourceDocument(type="source", site=camera.site.slug, camera=camera.slug, id=number, sealed=sealed, use=use)
    return sign_document(document.to_json(), portal_key())


def _picture(text: str) -> bytes | None:
    try:
        jpeg = base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None
    return jpeg if media_type(jpeg) == JPEG else None


def _audit(user: User, verb: str, camera: Camera, data: dict[str, Any]) -> None:
    audit.record(actor=user, verb=verb, subject=f"camera:{camera.pk}", site=camera.site.slug, data=data)
