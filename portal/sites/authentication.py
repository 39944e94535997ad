"""Agents prove who they are by an RFC 9421 signature on every call; each refusal gets the right status and leaves one audit row.

401 unsigned, wrongly signed, stale (`skew_s`: by how much the agent's clock is off), with a replaced key or an expired certificate
403 revoked, or speaking for a foreign camera
409 replayed   413 too large   400 malformed   503 the memory of nonces is away: nothing is believed without it
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from django.http.request import UnreadablePostError
from django.utils import timezone
from redis.exceptions import RedisError
from rest_framework import exceptions, status
from rest_framework.authentication import BaseAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView, exception_handler

from federated.trust import signing
from portal.core import audit
from portal.sites.models import Agent, Camera, FormerKeys

REMEMBER_S = 600  # the whole window in which a signature could be good, on both sides of now
AUDITED = (400, 401, 403, 409, 413)
FORMER = 3  # replaced keys that are tried against a signature: to believe the last for its hour, and to tell a late one why not
MAX_BODY = settings.DATA_UPLOAD_MAX_MEMORY_SIZE


class Refusal(exceptions.APIException):
    """A machine call that is not believed or not taken; the body is `{"error": ..., **more}`."""

    def __init__(self, code: int, reason: str, **more: Any):
        super().__init__(reason)
        self.status_code = code
        self.detail = {"error": reason, **more}


class IsAgent(BasePermission):
    """An enrolled agent that signed its message; AgentAuthentication has refused everybody else."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.auth, Agent)


class AgentAuthentication(BaseAuthentication):
    """Sets `request.auth` to the Agent that signed the call; there is no user."""

    def authenticate(self, request: Request) -> tuple[Any, Agent]:
        agent, signed = _verified_sender(_message(request._request))
        if agent.revoked:
            raise Refusal(403, "this agent was revoked; it must enrol again with a new code")
        _refuse_expired(agent)
        _refuse_replay(signed)
        return None, agent

    def authenticate_header(self, request: Request) -> str:
        return 'Signature realm="specola"'


def refuse_foreign(agent: Agent, site: str, camera: str) -> None:
    """Raise a 403 unless the agent watches this camera of this site."""
    own = agent.camera
    if (own.site.slug, own.slug) != (site, camera):
        raise Refusal(403, f"the agent of {own.site.slug}/{own.slug} may not speak for {site[:60]}/{camera[:60]}")


def answer_exception(exception: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler; what an agent is refused is also written into the audit log, once."""
    response = exception_handler(exception, context)
    request, view = context.get("request"), context.get("view")
    if response is None or (not getattr(view, "machine", False) and AgentAuthentication not in getattr(view, "authentication_classes", ())):
        return response
    if not isinstance(response.data, dict) or "error" not in response.data:
        response.data = {"error": _words(response.data)}
    if response.status_code in AUDITED:
        agent = request.auth if isinstance(getattr(request, "_auth", None), Agent) else None
        reason = _storable(str(response.data["error"])[:300])
        data = {"status": response.status_code, "reason": reason, "method": request.method, "address": _address(request)}
        audit.record(
            actor=f"agent:{agent.pk}" if agent else "unknown",
            verb="machine.refused",
            subject=_storable(request.path[:200]),
            site=agent.camera.site.slug if agent else "",
            data=data,
        )
    return response


def agents_of(camera: Camera) -> list[Agent]:
    """The agents that may speak for a camera now."""
    return list(camera.agents.filter(revoked=None))


def _message(request: HttpRequest) -> signing.HttpMessage:
    try:
        if int(request.headers.get("Content-Length") or 0) > MAX_BODY:
            raise Refusal(413, f"at most {MAX_BODY} bytes")
        body = request.body
    except RequestDataTooBig as error:
        raise Refusal(413, f"at most {MAX_BODY} bytes") from error
    except (UnreadablePostError, ValueError) as error:
        raise Refusal(400, "the body could not be read") from error
    return signing.HttpMessage(request.method or "", f"http://portal{request.get_full_path()}", dict(request.headers), body)


def _verified_sender(message: signing.HttpMessage) -> tuple[Agent, signing.Signed]:
    """The agent that signed, with its present key or one it has just replaced (then on `agent.former`). Raises Refusal 401.

    Also a revoked agent: its calls are answered 403, not 401, so that its keeper understands.
    """
    found: list[Agent] = []

    def present(key_id: str) -> str | None:
        found[:] = [agent] if (agent := _agent(key_id)) else []
        return agent.public_key if agent else None

    try:
        return _verified(message, present, found)
    except signing.SignatureRejected as rejected:
        for former in _former(found):
            try:
                agent, signed = _verified(message, lambda _, key=former.public_key: key, found)
            except signing.SignatureRejected:
                continue
            agent.former = former
            if former.retired is None and agent.overlap_until and agent.overlap_until > timezone.now():
                return agent, signed
            raise Refusal(401, f"this key was replaced by a newer one on {former.replaced:%Y-%m-%d %H:%M} UTC") from rejected
        raise Refusal(401, f"not believed: {rejected}") from rejected


def _verified(message: signing.HttpMessage, find: Callable[[str], str | None], found: list[Agent]) -> tuple[Agent, signing.Signed]:
    try:
        signed = signing.verify_http(message, find)
    except signing.SignatureStale as stale:
        raise Refusal(401, str(stale), skew_s=round(stale.skew, 3)) from stale
    return found[0], signed


def _former(found: list[Agent]) -> list[FormerKeys]:
    """The keys that the agent has replaced, the newest first."""
    return list(found[0].former_keys.order_by("-replaced")[:FORMER]) if found else []


def _agent(key_id: str) -> Agent | None:
    try:
        return Agent.objects.select_related("camera__site").filter(pk=uuid.UUID(key_id)).first()
    except ValueError:
        return None


def _refuse_expired(agent: Agent) -> None:
    """The certificate of the key that signed must not have ended; an agent from before certificates has none, and is asked for new keys instead."""
    end = agent.former.certificate_not_after if agent.former else agent.certificate_not_after
    if end and end <= timezone.now():
        raise Refusal(401, f"certificate expired on {end:%Y-%m-%d %H:%M} UTC: enrol again")


def _refuse_replay(signed: signing.Signed) -> None:
    try:
        fresh = cache.add(f"nonce:{signed.key_id}:{signed.nonce}", 1, REMEMBER_S)
    except (RedisError, OSError) as error:
        raise Refusal(status.HTTP_503_SERVICE_UNAVAILABLE, "the portal cannot check for replays now; send it again") from error
    if not fresh:
        raise Refusal(409, "this message came before")


def _words(detail: Any) -> str:
    if isinstance(detail, dict):
        return str(detail["detail"]) if set(detail) == {"detail"} else "; ".join(f"{name}: {_words(each)}" for name, each in detail.items())
    return "; ".join(map(_words, detail)) if isinstance(detail, list) else str(detail)


def _storable(text: str) -> str:
    """What an agent sent may hold what no database column takes (NUL, half surrogates): that is written as an escape."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")


def _address(request: Request) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))
