"""A small real HTTP server that speaks the portal's side of the contract: real signatures, real refusals, a memory of what came."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from federated.trust import csr, pki, signing, staff_list

AGENT = "0192f0c1-2b3c-7d4e-8f50-111213141516"
CODE = "one-time-code"


class Peer:
    """What the server has seen and how it should answer. `clock` is its idea of the time."""

    def __init__(self, root: Path) -> None:
        self.root, self.key = root, Ed25519PrivateKey.generate()
        self.agent_key: str | None = None
        self.former_key: str | None = None  # believed beside it until the agent speaks with the new one
        self.renewals: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.ids: set[str] = set()
        self.media: dict[str, bytes] = {}
        self.order: list[tuple[str, str]] = []
        self.beats: list[dict[str, Any]] = []
        self.frames: list[bytes] = []
        self.outcomes: list[dict[str, Any]] = []
        self.disagreements: list[dict[str, Any]] = []
        self.full = False
        self.files: dict[str, bytes] = {}
        self.nonces: set[str] = set()
        self.enrolments: list[dict[str, Any]] = []
        self.codes: dict[str, float] = {CODE: float("inf")}  # each good once, until its end date
        self.answer: dict[str, Any] = {"config": None, "models": [], "watch": False, "stop_biometrics": False}
        self.refuse: Callable[[str, str, bytes], tuple[int, dict[str, Any]] | None] = lambda method, path, body: None
        self.clock: Callable[[], float] = time.time
        self.lock = threading.Lock()

    @property
    def public(self) -> str:
        return signing.public_text(self.key)

    def config(self, **changes: Any) -> dict[str, Any]:
        """A signed configuration; the agent gets it with its next heartbeat."""
        document = {"version": 1, "site": "miracles", "camera": "square", "legal_mode": "M0", "valid_until": time.time() + 3600, "masks": [], "zones": []}
        document |= {"lines": [], "rules": [], "detectors": {}}
        return signing.sign_document({**document, **changes}, self.key)

    def staff_list(self, key: str, version: int, people: dict[str, dict[str, Any]], *, changed: dict[str, int] | None = None, **place: str) -> dict[str, Any]:
        """A signed list of {person: {template, expires, small?}} sealed for `key`; `changed` are the versions of the entries, those named are sent."""
        at = {"site": "miracles", "camera": "square", **place}
        versions = {person: (changed or {}).get(person, version) for person in people}
        sent = people if changed is None else {person: fields for person, fields in people.items() if person in changed}
        entries = [
            staff_list.sign_entry(at["site"], person, fields["template"], fields["expires"], versions[person], self.key, small=fields.get("small"))
            for person, fields in sent.items()
        ]
        return {"list": staff_list.sign_list(at["site"], at["camera"], version, versions, self.key), "sealed": staff_list.seal(entries, key)}

    def model(self, content: bytes, **changes: Any) -> dict[str, Any]:
        """A signed model document, its file ready to be fetched."""
        sha256 = hashlib.sha256(content).hexdigest()
        self.files[sha256] = content
        document = {"detector": "anomaly", "version": "2", "sha256": sha256, "size": len(content), "card": {}}
        return signing.sign_document({**document, **changes}, self.key)

    def handle(self, method: str, url: str, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
        path = url.split("?")[0].removeprefix("/api/v1")
        if path == "/agents/enrol":
            return self.enrol(json.loads(body))
        if self.agent_key is None:
            return 403, {"error": "nobody is enrolled"}
        try:
            message = signing.HttpMessage(method, f"http://portal{url}", headers, body)
            signed, spoke = self.authenticate(message)
        except signing.SignatureStale as error:
            return 401, {"error": str(error), "skew_s": error.skew}
        except signing.SignatureRejected as error:
            return 401, {"error": str(error)}
        with self.lock:
            if signed.nonce in self.nonces:
                return 409, {"error": "replayed"}
            self.nonces.add(signed.nonce)
            refusal = self.refuse(method, path, body)
            if not refusal and path == "/heartbeat" and spoke == self.agent_key:
                self.former_key = None
            return refusal or self.take(method, path, body)

    def authenticate(self, message: signing.HttpMessage) -> tuple[signing.Signed, str | None]:
        """Who signed, and with which of the keys."""
        for key in filter(None, (self.former_key, self.agent_key)):
            try:
                return signing.verify_http(message, lambda key_id, key=key: key if key_id == AGENT else None, now=self.clock()), key
            except signing.SignatureStale:
                raise
            except signing.SignatureRejected as error:
                refused = error
        raise refused

    def certificate(self, request: str, days: int = 30) -> dict[str, Any]:
        """A certificate as the portal's authority signs it, from now on by the peer's clock."""
        now = datetime.datetime.fromtimestamp(self.clock(), datetime.UTC)
        issued = pki.sign_agent(self.root / "authority", AGENT, signing.public_from_text(csr.read(request).public), days, now)
        return {"certificate": issued.pem, "authority": issued.authority}

    def rotate(self, fields: dict[str, Any]) -> tuple[int, Any]:
        """Take new keys; the same again get an answer again."""
        self.renewals.append(fields)
        self.answer.pop("renew_keys", None)
        key = csr.read(fields["csr"]).public
        if key != self.agent_key:
            self.former_key, self.agent_key = self.former_key or self.agent_key, key
        return 200, self.certificate(fields["csr"])

    def enrol(self, fields: dict[str, Any]) -> tuple[int, Any]:
        self.enrolments.append(fields)
        if fields["code"] not in self.codes or self.codes.pop(fields["code"]) < self.clock():
            return 403, {"error": "this code is wrong, used or expired"}
        self.agent_key, self.former_key = csr.read(fields["csr"]).public, None
        names = {"agent_id": AGENT, "site": "miracles", "camera": "square", "portal_public_key": self.public, "fleet": None}
        return 201, {**names, **self.certificate(fields["csr"])}

    def take(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        if (method, path) == ("POST", "/events"):
            return self.take_events(json.loads(body)["events"])
        if method == "PUT" and path.startswith("/media/"):
            name = path.removeprefix("/media/")
            if hashlib.sha256(body).hexdigest() != name:
                return 400, {"error": "another sha256"}
            self.order.append(("media", name))
            kept = name in self.media
            self.media[name] = body
            return (200 if kept else 201), {}
        if (method, path) == ("POST", "/heartbeat"):
            self.beats.append(json.loads(body))
            config = self.answer["config"]
            current = config and self.beats[-1]["config_version"] == config["version"]
            return 200, {**self.answer, "now": self.clock(), "config": None if current else config}
        if (method, path) == ("POST", "/agents/rotate"):
            return self.rotate(json.loads(body))
        if (method, path) == ("PUT", "/frame"):
            self.frames.append(body)
            return 204, {}
        if (method, path) == ("POST", "/agents/models"):
            self.outcomes.append(json.loads(body))
            return 204, {}
        if (method, path) == ("POST", "/agents/disagreements"):
            self.disagreements.append(json.loads(body))
            return 201, {"kept": not self.full, "full": self.full}
        if method == "GET" and path.removeprefix("/models/") in self.files:
            return 200, self.files[path.removeprefix("/models/")]
        return 404, {"error": "no such page"}

    def take_events(self, events: list[dict[str, Any]]) -> tuple[int, Any]:
        accepted, duplicates = [], []
        for event in events:
            if event["id"] in self.ids:
                duplicates.append(event["id"])
                kept = next(each for each in self.events if each["id"] == event["id"])
                kept["clip"] = kept["clip"] or event["clip"]
            else:
                self.ids.add(event["id"])
                self.events.append(event)
                self.order.append(("event", event["id"]))
                accepted.append(event["id"])
        return 200, {"accepted": accepted, "duplicates": duplicates, "rejected": []}


def make_handler(peer: Peer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, fields = peer.handle(self.command, self.path, dict(self.headers), body)
            content = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
            content = b"" if status == 204 else content
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = answer

        def log_message(self, *_: object) -> None:
            """Quiet."""

    return Handler


@contextlib.contextmanager
def serve(peer: Peer, port: int = 0) -> Iterator[str]:
    """The peer on a loopback port; its address."""
    server = ThreadingHTTPServer(("127.0.0.1", port), make_handler(peer))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
