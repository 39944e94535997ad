"""A tus client for tests and benchmarks: sends made-up bytes in pieces to a real portal, signs in again and goes on when it has to."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
from collections.abc import Callable

import httpx
import numpy as np

from tests.waiting import wait_for

PIECE = 8 * 2**20
WEBM = b"\x1a\x45\xdf\xa3"
TUS = {"Tus-Resumable": "1.0.0"}


def piece_at(offset: int, length: int) -> bytes:
    """The bytes of the made-up film at this offset, the same each time; offsets are multiples of PIECE."""
    content = np.random.default_rng(offset).bytes(length)
    return WEBM + content[4:] if offset == 0 else content


@dataclasses.dataclass(slots=True)
class TusClient:
    """A person at the portal at `address`, who is signed in again whenever the session is gone; `sign_ins` counts."""

    address: str
    email: str
    password: str
    http: httpx.Client = dataclasses.field(init=False)
    sign_ins: int = 0
    resumed: int = 0

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=self.address, timeout=120, headers={"Origin": self.address})
        self.sign_in()

    def sign_in(self) -> None:
        self.http.cookies.clear()
        self.http.get("/sign-in/")
        form = {"username": self.email, "password": self.password, "csrfmiddlewaretoken": self.http.cookies["csrftoken"]}
        assert self.http.post("/sign-in/", data=form).status_code == 302
        self.sign_ins += 1

    def begin(self, size: int, name: str = "film.webm") -> str:
        """Announce a file; its address."""
        named = base64.b64encode(name.encode()).decode()
        answer = self.call("POST", "/api/v1/uploads", headers={"Upload-Length": str(size), "Upload-Metadata": f"filename {named}"})
        assert answer.status_code == 201, answer.text
        return answer.headers["Location"]

    def call(self, method: str, path: str, *, headers: dict[str, str], content: bytes = b"") -> httpx.Response:
        token = {"X-CSRFToken": self.http.cookies.get("csrftoken", "")}
        return self.http.request(method, path, headers={**TUS, **token, **headers}, content=content)

    def send(self, address: str, size: int, moments: dict[int, Callable[[], None]]) -> str:
        """Send all of it; what `moments` holds for a piece's number is called just before that piece goes out. The sha256 of what was sent."""
        offset, sent, due = 0, hashlib.sha256(), dict(moments)
        while offset < size:
            content = piece_at(offset, min(PIECE, size - offset))
            due.pop(offset // PIECE, lambda: None)()
            try:
                answer = self.call("PATCH", address, content=content, headers={"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"})
            except httpx.TransportError:
                self.resumed += 1
                assert self.where(address) == offset, "a piece that was never acknowledged is not there"
                continue
            if answer.status_code in (401, 403):
                self.sign_in()
                assert self.where(address) == offset
                continue
            assert answer.status_code == 204, answer.text
            offset = int(answer.headers["Upload-Offset"])
            sent.update(content)
        return sent.hexdigest()

    def where(self, address: str) -> int:
        """How far the portal is, once it answers."""
        return int(wait_for(lambda: self.offset(address), "the portal answers", seconds=90))

    def offset(self, address: str) -> str:
        try:
            return self.call("HEAD", address, headers={}).headers.get("Upload-Offset", "")
        except httpx.TransportError:
            return ""
