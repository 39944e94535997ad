"""Post as an agent does: with a real RFC 9421 signature, through Django's test client."""

from __future__ import annotations

import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.test import Client

from tests.portal.wire import signed_headers

HOST = "http://testserver"


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
