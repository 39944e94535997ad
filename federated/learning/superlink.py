"""One SuperLink, two listeners: loopback with every API, and the fleet's with nothing but what a SuperNode needs.

Flower's own SuperLink serves all of it on one port, where knowing the authority's certificate is enough to start a run, which is to run code at every node.
Here the fleet listener answers 404 to anything but /v1/fleet/* and /health, the control API wants a token besides, and the executor of this
machine takes no bundle but our own. Rests on Flower's private API (contract test: tests/federated/test_federated_flower_contract.py).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import hmac
import ipaddress
import logging
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from detectors.files import create_durably
from federated.learning import claims, fab, process
from federated.learning.control import TOKEN_HEADER
from federated.learning.refusals import Refusals
from federated.trust import pki

FLEET_PREFIX, HEALTH, CONTROL_PREFIX = "/v1/fleet/", "/health", "/v1/control/"
EXIT_USAGE = 2
log = logging.getLogger("federated.learning.superlink")


class Guarded:
    """The ASGI application in front of Flower's: decides by the listener a request came in through, and notes what is refused."""

    def __init__(self, app: Callable[..., Awaitable[None]], fleet_port: int, token: str, refusals: Refusals | None = None):
        self.app, self.fleet_port, self.token, self.refusals = app, fleet_port, token.encode(), refusals

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif self.allows(scope):
            await self.app(scope, receive, self.listening(scope, send))
        elif scope["type"] == "http":
            self.note(scope, 404)
            await send({"type": "http.response.start", "status": 404, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    def listening(self, scope: dict[str, Any], send: Any) -> Any:
        """Hear what Flower answers a node: it refuses strangers, revoked nodes and false signatures by itself."""
        if not scope["path"].startswith(FLEET_PREFIX) or scope["server"][1] != self.fleet_port:
            return send

        async def passed_on(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start" and 400 <= message["status"] < 500:
                self.note(scope, message["status"])
            await send(message)

        return passed_on

    def note(self, scope: dict[str, Any], status: int) -> None:
        """Keep a refusal for the audit log."""
        if self.refusals:
            self.refusals.note(scope, "fleet" if scope["server"][1] == self.fleet_port else "control", status)

    def allows(self, scope: dict[str, Any]) -> bool:
        """Whether this request may reach Flower at all."""
        path = scope.get("path", "")
        if scope["type"] != "http":
            return False
        if scope["server"][1] == self.fleet_port:
            return path == HEALTH or path.startswith(FLEET_PREFIX)
        given = dict(scope["headers"]).get(TOKEN_HEADER.encode(), b"")
        return not path.startswith(CONTROL_PREFIX) or hmac.compare_digest(given, self.token)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT. Exit code 2 with one sentence when it cannot start."""
    options = _parser().parse_args(arguments)
    process.log_quietly()
    os.umask(0o077)
    try:
        control, fleet = _listen(options.control, loopback=True), _listen(options.fleet)
        authority = pki.ensure_authority(options.home / "pki", [*certificate_hosts(options.fleet), *options.host])
    except (OSError, ValueError, pki.PkiError) as error:
        print(f"superlink: {error}", file=sys.stderr)
        return EXIT_USAGE
    folder = options.home.resolve() / "superlink"
    (folder / "runs").mkdir(parents=True, exist_ok=True)
    token = kept_secret(folder / "control.token")
    kept_secret(folder / "executor.secret")
    (folder / "control.address").write_text(_text(control.getsockname()))
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises the signal again once it has shut down
        asyncio.run(_serve(folder, authority, token, control, fleet))
    return 0


async def _serve(folder: Path, authority: pki.Authority, token: str, control: socket.socket, fleet: socket.socket) -> None:
    import uvicorn

    app = _flower(folder, authority, control.getsockname())
    state = app.state.linkstate_factory.state()
    _end_orphans(state, "the SuperLink was restarted while the run was going on")
    guarded = Guarded(app, fleet.getsockname()[1], token, Refusals(folder))
    server = uvicorn.Server(
        uvicorn.Config(
            guarded, ssl_keyfile=str(authority.key), ssl_certfile=str(authority.certificate), log_level="warning", lifespan="on", timeout_graceful_shutdown=1
        )
    )
    print(f"superlink: control {_text(control.getsockname())}, fleet {_text(fleet.getsockname())}, bundle {fab.digest()[:16]}", flush=True)
    watcher = asyncio.create_task(_keep_executor(server, state, folder, authority, _text(control.getsockname())))
    try:
        await server.serve(sockets=[control, fleet])
    finally:
        watcher.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watcher


async def _keep_executor(server: Any, state: Any, folder: Path, authority: pki.Authority, address: str) -> None:
    """Start the executor of ServerApps when the server is up and again whenever it ends."""
    environment = process.calm_environment(FLWR_HOME=str(folder / "flower"), SPECOLA_HOME=str(folder.parent))
    arguments = ["federated.learning.executor", "server", "--runtime", address, "--secret", str(folder / "executor.secret"), "--ca", str(authority.ca)]
    backoff, child = process.Backoff(), None
    try:
        while True:
            if server.started and (child is None or child.poll() is not None):
                if child:
                    _end_orphans(state, "the program that carries out runs ended while the run was going on")
                await asyncio.sleep(backoff.delay(time.monotonic()) if child else 0)
                backoff.begin(time.monotonic())
                child = process.spawn(arguments, environment)
            await asyncio.sleep(0.2)
    finally:
        process.stop([child] if child else [])


def _flower(folder: Path, authority: pki.Authority, address: tuple[str, int]) -> Any:
    """Flower's SuperLink application with our settings: node authentication on, SQLite, no run-time installation, ServerApps run by our executor."""
    os.environ.update({"FLWR_TELEMETRY_ENABLED": "0", "FLWR_DISABLE_UPDATE_CHECK": "1", "FLWR_HOME": str(folder / "flower")})
    from flwr.superlink.cli.flower_superlink import SuperLinkLifespan, _parse_superlink_lifespan_config
    from flwr.superlink.main import create_app

    process.log_quietly()  # flwr sets its own level when it is imported
    claims.wait_longer()
    tls = ["--ssl-ca-certfile", str(authority.ca), "--ssl-certfile", str(authority.certificate), "--ssl-keyfile", str(authority.key)]
    executor = ["--isolation", "process", "--superexec-auth-secret-file", str(folder / "executor.secret")]
    state = ["--database", str(folder / "state.db"), "--enable-supernode-auth", "--disable-runtime-dependency-installation"]
    before, sys.argv = sys.argv, ["flower-superlink", "--host", address[0], "--port", str(address[1]), *tls, *executor, *state]
    try:
        return create_app(_parse_superlink_lifespan_config(), SuperLinkLifespan)
    finally:
        sys.argv = before


def _end_orphans(state: Any, reason: str) -> None:
    """Runs that were going on when the last SuperLink or its executor was killed cannot go on: say so at once instead of after a heartbeat's patience."""
    for run in state.get_run_info():
        if run.status.status in ("starting", "running"):
            state.finish_task(run.primary_task_id, "failed", reason)
            log.warning("run %s failed: %s", run.run_id, reason)


def _listen(address: str, *, loopback: bool = False) -> socket.socket:
    host, port = _split(address)
    if loopback and not (host == "localhost" or ipaddress.ip_address(host).is_loopback):
        raise ValueError(f"the control listener must stay on loopback, not {host}")
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        raise OSError(f"cannot listen on {address}: {error.strerror}; is another SuperLink running?") from error
    return listener


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError(f"an address is HOST:PORT, not {address!r}")
    return host.strip("[]"), int(port)


def certificate_hosts(fleet: str) -> list[str]:
    """The host of the fleet address, unless it stands for "every interface" and so names none."""
    host, _ = _split(fleet)
    return [] if host in ("0.0.0.0", "::") else [host]  # noqa: S104 - compared, not bound


def _text(address: tuple[Any, ...]) -> str:
    return f"[{address[0]}]:{address[1]}" if ":" in address[0] else f"{address[0]}:{address[1]}"


def kept_secret(path: Path) -> str:
    if not path.exists():
        create_durably(path, secrets.token_urlsafe(32))
    return path.read_text()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="federated.learning.superlink", description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, required=True, help="home folder: pki/ and superlink/ lie in it")
    parser.add_argument("--control", required=True, help="loopback address of the portal's listener, HOST:PORT")
    parser.add_argument("--fleet", required=True, help="address of the agents' listener, HOST:PORT")
    parser.add_argument("--host", action="append", default=[], help="another name or address by which agents know this machine (goes into the certificate)")
    return parser


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
