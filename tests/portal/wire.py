"""What an agent puts on the wire: an event's JSON and real RFC 9421 signatures; no Django here."""

from __future__ import annotations

import time
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from detectors.types import uuid7
from federated.trust.signing import HttpMessage, sign_http


def event(site: str, camera: str, **changes: Any) -> dict[str, Any]:
    """An event's JSON with everything an agent must say."""
    t = changes.pop("t", time.time())
    plain = {"id": uuid7(t), "site": site, "camera": camera, "t": t, "seq": 1, "kind": "person_in_zone", "score": 0.9, "legal_mode": "M0"}
    return {**plain, "detections": [], "snapshot": None, "clip": None, "models": {}, "data": {"zone": "altar"}, **changes}


def signed_headers(method: str, url: str, body: bytes, key: Ed25519PrivateKey, key_id: str, now: float | None = None) -> dict[str, str]:
    """The headers of a signed request."""
    message = HttpMessage(method, url, {"Content-Type": "application/json"}, body)
    sign_http(message, key, key_id, now=now)
    return message.headers


def send_over_http(address: str, method: str, path: str, body: bytes, key: Ed25519PrivateKey, key_id: str) -> httpx.Response:
    """One signed call to a portal that really listens."""
    headers = signed_headers(method, address + path, body, key, key_id)
    return httpx.request(method, address + path, content=body, headers=headers, timeout=30)
