"""The line to the portal: every call signed (RFC 9421), the signing clock corrected when the portal says so."""

from __future__ import annotations

import json
import logging
import random
from pathlib import Path
from typing import Any, TypeVar

import httpx

from federated.contract.address import redact, redact_text
from federated.contract.message import ContractError, ContractMessage
from federated.trust import signing
from site_agents.clock import Clock
from site_agents.errors import NotEnrolled, PortalRefused, PortalUnreachable
from site_agents.signed_config import Identity

PREFIX = "/api/v1"
TIMEOUT = httpx.Timeout(20.0, connect=5.0)
LATER = {408, 425, 429, 500, 502, 503, 504, 507}
log = logging.getLogger("site_agents.link")
Answered = TypeVar("Answered", bound=ContractMessage)


class PortalLink:
    """Calls to the portal as one agent. May be used from several threads."""

    def __init__(self, portal: str, key: signing.Ed25519PrivateKey, agent_id: str, clock: Clock) -> None:
        self.portal, self.key, self.agent_id, self.clock = portal.rstrip("/"), key, agent_id, clock
        self._http = httpx.Client(timeout=TIMEOUT, follow_redirects=False)

    def call(
        self, method: str, path: str, body: Any = None, *, content_type: str = "application/json", key: signing.Ed25519PrivateKey | None = None
    ) -> httpx.Response:
        """One signed call, with `key` or our own; `body` is JSON data or bytes. Raises PortalUnreachable (try again later) or PortalRefused."""
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        used = key or self.key
        answer = self._send(method, path, content, content_type, used)
        if answer.status_code == 401 and (skew := _skew(answer)) is not None:
            log.warning("the portal's clock differs from ours by %+.1f s more than we thought: signing with its time", skew)
            self.clock.correct(skew)
            answer = self._send(method, path, content, content_type, used)
        elif answer.status_code == 409:  # a nonce that was seen before; the next one is new
            answer = self._send(method, path, content, content_type, used)
        elif answer.status_code == 401 and key is None and used is not self.key:  # our key was renewed while this call was under way
            answer = self._send(method, path, content, content_type, self.key)
        return _checked(answer)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _send(self, method: str, path: str, content: bytes, content_type: str, key: signing.Ed25519PrivateKey) -> httpx.Response:
        message = signing.HttpMessage(method, f"{self.portal}{PREFIX}{path}", {"Content-Type": content_type}, content)
        signing.sign_http(message, key, self.agent_id, now=self.clock.now())
        try:
            return self._http.request(method, message.url, headers=message.headers, content=content)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise PortalUnreachable(redact_text(f"the portal at {self.portal} does not answer: {error or type(error).__name__}", self.portal)) from error


class RetryDelay:
    """How long to wait after failures: twice as long each time, with jitter, so that a thousand agents do not come back at once."""

    def __init__(self, first: float = 0.5, most: float = 30.0) -> None:
        self.first, self.most, self.failures = first, most, 0

    def succeed(self) -> None:
        """Start again from the shortest wait."""
        self.failures = 0

    def fail(self) -> float:
        """Seconds to wait now."""
        self.failures = min(self.failures + 1, 20)
        return min(self.most, self.first * 2 ** (self.failures - 1)) * random.uniform(0.5, 1.0)


def parsed(kind: type[Answered], answer: httpx.Response) -> Answered:
    """What the portal answered, as the contract types it. Raises PortalUnreachable that names what is wrong: nothing changes, the call comes again."""
    try:
        return kind.read(answer.content)
    except ContractError as error:
        raise PortalUnreachable(f"the portal's answer makes no sense: {error}") from error


def post_unsigned(portal: str, path: str, body: Any) -> dict[str, Any]:
    """The one call that cannot be signed: enrolment. Raises PortalUnreachable or PortalRefused."""
    try:
        return _checked(httpx.post(f"{portal.rstrip('/')}{PREFIX}{path}", json=body, timeout=TIMEOUT)).json()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise PortalUnreachable(redact_text(f"the portal at {portal} does not answer: {error or type(error).__name__}", portal)) from error
    except ValueError as error:
        raise PortalUnreachable(f"what answers at {redact(portal)} is no portal of ours: {error}") from error


def read_portal(folder: Path) -> dict[str, Any]:
    """What enrolment answered. Raises NotEnrolled that says what to do."""
    try:
        fields = json.loads((folder / "portal.json").read_text())
    except FileNotFoundError as error:
        raise NotEnrolled(
            f"{folder} is not enrolled: get a code from the portal and run `python -m site_agents enrol --config agent.toml --code CODE`"
        ) from error
    except (OSError, ValueError) as error:
        raise NotEnrolled(f"{folder / 'portal.json'} is damaged ({error!r}): enrol the agent again") from error
    return check_portal(fields, str(folder / "portal.json"))


def check_portal(fields: Any, where: str) -> dict[str, Any]:
    """An enrolment's answer with everything that must be in it. Raises NotEnrolled."""
    try:
        signing.public_from_text(fields["portal_public_key"])
        for name in ("agent_id", "site", "camera"):
            if not isinstance(fields[name], str) or not fields[name]:
                raise KeyError(name)
    except (ValueError, KeyError, TypeError, signing.SignatureRejected) as error:
        raise NotEnrolled(f"{where} is damaged ({error!r}): enrol the agent again") from error
    return fields


def identity_of(portal: dict[str, Any]) -> Identity:
    """Site, camera and the portal's key, from an enrolment's answer."""
    return Identity(portal["site"], portal["camera"], portal["portal_public_key"])


def _checked(answer: httpx.Response) -> httpx.Response:
    if answer.is_success:
        return answer
    if answer.status_code in LATER or answer.is_redirect or answer.status_code == 404:
        # 404 and redirects: a proxy or another program answers in the portal's place.
        raise PortalUnreachable(f"the portal answered {answer.status_code}")
    raise PortalRefused(answer.status_code, _json(answer))


def _skew(answer: httpx.Response) -> float | None:
    body = _json(answer)
    skew = body.get("skew_s") if isinstance(body, dict) else None
    return float(skew) if isinstance(skew, int | float) and not isinstance(skew, bool) and abs(skew) < 1e10 and skew else None


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return answer.text[:300]
