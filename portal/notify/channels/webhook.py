"""Posts each message as signed JSON to one address, as the Standard Webhooks specification describes it (https://www.standardwebhooks.com)."""

from __future__ import annotations

import asyncio
import base64
import binascii
import dataclasses
import hashlib
import hmac
import ipaddress
import json
import stat
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from django.conf import settings

from portal.notify.channels import BadOption, Notification, Undelivered, channel

PREFIX = "whsec_"  # how the specification marks a secret
SECRET_BYTES = range(24, 65)
LIMIT_S = 5.0  # for the whole exchange: one of the worker's places is taken as long
HEADER_ID, HEADER_TIMESTAMP, HEADER_SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"


@channel("webhook")
@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Delivered is what the receiver answers with 2xx within five seconds; redirects are not followed and proxies of the environment not used."""

    url: str
    secret: str = "secrets/webhook.key"  # noqa: S105 - the file it lies in, relative to the home folder; "whsec_" and 24 to 64 bytes in base64

    def __post_init__(self) -> None:
        if problem := _problem_of(self.url):
            raise BadOption("url", f"must be an https:// address (http:// on this machine only) without a user name or #: {problem}")
        self.key()

    def key(self) -> bytes:
        """The secret. Raises BadOption when the file is missing, damaged, or open to others."""
        path = Path(settings.HOME) / self.secret
        try:
            mode, text = stat.S_IMODE(path.stat().st_mode), path.read_text().strip()
            key = base64.b64decode(text.removeprefix(PREFIX), validate=True)
        except OSError as error:
            raise BadOption("secret", f"cannot be read from {path}: {error.strerror}") from error
        except (binascii.Error, UnicodeDecodeError) as error:
            raise BadOption("secret", f"in {path} is no base64") from error
        if mode & 0o077:
            raise BadOption("secret", f"lies open: {path} has mode {mode:04o}, only its owner may read it (chmod 600)")
        if not text.startswith(PREFIX) or len(key) not in SECRET_BYTES:
            raise BadOption("secret", f"in {path} must be {PREFIX} and 24 to 64 bytes in base64")
        return key

    def send(self, notification: Notification) -> None:
        """Post it once. Raises Undelivered."""
        body = json.dumps(dataclasses.asdict(notification), ensure_ascii=False).encode()
        now = str(int(time.time()))
        headers = {
            "content-type": "application/json",
            "user-agent": "Specola",
            HEADER_ID: notification.id,
            HEADER_TIMESTAMP: now,
            HEADER_SIGNATURE: sign(self.key(), notification.id, now, body),
        }
        try:
            status = asyncio.run(_post(self.url, body, headers))
        except TimeoutError as error:
            raise Undelivered(f"no answer within {LIMIT_S:g} s") from error
        except (httpx.HTTPError, OSError) as error:
            raise Undelivered(f"{type(error).__name__}: {str(error)[:200]}") from error
        if not 200 <= status < 300:
            raise Undelivered(f"answered {status}")


def sign(key: bytes, name: str, timestamp: str, body: bytes) -> str:
    """HMAC-SHA256 over id, timestamp and body with full stops between them, in base64, with the scheme's version before it."""
    return "v1," + base64.b64encode(hmac.digest(key, f"{name}.{timestamp}.".encode() + body, hashlib.sha256)).decode()


async def _post(url: str, body: bytes, headers: dict[str, str]) -> int:
    """The status; the answer's body is not read. A limit of the whole, because httpx's own begin again with every byte that trickles in."""
    client = httpx.AsyncClient(follow_redirects=False, trust_env=False, timeout=LIMIT_S)
    async with asyncio.timeout(LIMIT_S), client, client.stream("POST", url, content=body, headers=headers) as response:
        return response.status_code


def _problem_of(url: str) -> str:
    """Why messages cannot go there; "" when they can."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        return str(error)
    if parts.username is not None or parts.password is not None or parts.fragment:
        return "it has one of them"
    if not host:
        return "it names no host"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        local = host == "localhost"
    else:
        local = address.is_loopback
        if address.is_unspecified or address.is_multicast or address.is_link_local:
            return f"{host} is the address of no receiver"
    return "" if parts.scheme == "https" or (parts.scheme == "http" and local) else f"it begins with {parts.scheme or 'nothing'}"
