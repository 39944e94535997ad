"""Post as an agent does: with a real RFC 9421 signature, through Django's test client or over HTTP."""

from __future__ import annotations

import json
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.test import Client

from federated.signing import HttpMessage, sign_http

HOST = "http://testserver"


def signed_headers(method: str, url: str, body: bytes, key: Ed25519PrivateKey, key_id: str, now: float | None = None) -> dict[str, str]:
    """The headers of a signed request."""
    message = HttpMessage(method, url, {"Content-Type": "application/json"}, body)
    sign_http(message, key, key_id, now=now)
    return message.headers


def send_in_process(method: str, path: str, body: bytes, key: Ed25519PrivateKey, key_id: str, **changes: Any) -> Any:
    """One signed call through Django's test client; `headers` replaces the signature, `now` its time."""
    headers = changes.pop("headers", None) or signed_headers(method, HOST + path, body, key, key_id, **changes)
    return Client().generic(method, path, body, content_type=headers["Content-Type"], headers=headers)


def post_events(agent: Any, key: Ed25519PrivateKey, events: list[dict[str, Any]], **body: Any) -> Any:
    """A batch of events, as the agent's uplink sends it."""
    return send_in_process("POST", "/api/v1/events", json.dumps({"events": events, **body}).encode(), key, str(agent.pk))


def put_media(agent: Any, key: Ed25519PrivateKey, sha256: str, content: bytes) -> Any:
    """A picture or a clip."""
    return send_in_process("PUT", f"/api/v1/media/{sha256}", content, key, str(agent.pk))


def send_over_http(address: str, method: str, path: str, body: bytes, key: Ed25519PrivateKey, key_id: str) -> httpx.Response:
    """One signed call to a portal that really listens."""
    headers = signed_headers(method, address + path, body, key, key_id)
    return httpx.request(method, address + path, content=body, headers=headers, timeout=30)
