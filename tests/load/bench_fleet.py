"""How often one SuperLink answers SuperNodes that ask for work: real keys, signatures and TLS on loopback; a thousand nodes ask 333 times a second."""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from cryptography.hazmat.primitives.serialization import load_ssh_private_key

from federated.learning import control, process
from federated.trust import pki
from tests.load.stand import conclude, parser, percentile, progress

START_S = 60
PULL_S = 3.0  # a SuperNode asks so often


def main(arguments: list[str]) -> int:
    """Start a SuperLink, register nodes, let them ask, stop it, print."""
    options = parser("fleet", __doc__ or "")
    options.add_argument("--nodes", type=int, default=8, help="SuperNodes that ask as fast as they are answered")
    options.add_argument("--seconds", type=float, default=8.0)
    options.add_argument("--most", type=int, default=20_000, help="calls after which to stop in any case")
    chosen = options.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="specola-fleet-") as folder:
        home = Path(folder)
        with superlink(home) as (server, fleet):
            keys = [node_key(home, number) for number in range(chosen.nodes)]
            progress(chosen, f"{chosen.nodes} nodes ask for {chosen.seconds:.0f} s ...")
            waits, seconds, busy = ask_all(server, fleet, home / "pki" / "ca.crt", keys, chosen)
    cost = busy / len(waits)
    figures = {"nodes": chosen.nodes, "pulls": len(waits), "seconds": seconds, "pulls_per_s": len(waits) / seconds, "cpu_ms_per_pull": cost * 1000}
    figures |= {"pulls_per_core_s": 1 / cost, "nodes_per_core": int(PULL_S / cost), "p50_s": percentile(waits, 0.5), "p95_s": percentile(waits, 0.95)}
    return conclude({**figures, "load_before": os.getloadavg()[1]}, passed=len(waits) > chosen.nodes)


@contextlib.contextmanager
def superlink(home: Path) -> Iterator[tuple[psutil.Process, str]]:
    """The product's own SuperLink in a process of its own."""
    ports = [f"127.0.0.1:{process.free_port()}" for _ in range(2)]
    command = [sys.executable, "-m", "federated.learning.superlink", "--home", str(home), "--control", ports[0], "--fleet", ports[1]]
    with (home / "superlink.log").open("wb") as log:
        server = subprocess.Popen(command, env=process.calm_environment(), stdout=log, stderr=log)
    os.environ["SPECOLA_HOME"] = str(home)
    try:
        _wait_for(server, home)
        yield psutil.Process(server.pid), ports[1]
    finally:
        process.stop([server])


def node_key(home: Path, number: int) -> Path:
    """A key that the SuperLink knows."""
    path = home / f"node-{number}.key"
    control.register_node(pki.make_node_key(path), link=control.ControlLink.of(home))
    return path


def ask_all(server: psutil.Process, fleet: str, ca: Path, keys: list[Path], chosen: argparse.Namespace) -> tuple[list[float], float, float]:
    """Every node in a thread of its own: seconds of each answered call, seconds in all, and the SuperLink's processor seconds, from when all are connected."""
    waits, troubles, ready = list[float](), list[BaseException](), threading.Barrier(len(keys) + 1)
    workers = [threading.Thread(target=_ask, args=(fleet, ca, key, ready, chosen, waits, troubles)) for key in keys]
    for worker in workers:
        worker.start()
    with contextlib.suppress(threading.BrokenBarrierError):
        ready.wait(START_S)
    busy, began = cpu_s(server), time.monotonic()
    for worker in workers:
        worker.join()
    assert not troubles, troubles[0]
    return waits, time.monotonic() - began, cpu_s(server) - busy


def cpu_s(server: psutil.Process) -> float:
    """Processor seconds of the SuperLink itself, without its executor."""
    spent = server.cpu_times()
    return spent.user + spent.system


def _ask(fleet: str, ca: Path, key: Path, ready: threading.Barrier, chosen: argparse.Namespace, waits: list[float], troubles: list[BaseException]) -> None:
    from flwr.proto.fleet_pb2 import ActivateNodeRequest, PullMessagesRequest
    from flwr.proto.node_pb2 import Node
    from flwr.supercore.interceptors.http.runtime_version import RuntimeVersionHttpInterceptor
    from flwr.supercore.primitives.asymmetric import public_key_to_bytes
    from flwr.supernode.fleet_http_client import FleetHttpClient
    from flwr.supernode.node_auth_http_interceptor import NodeAuthHttpInterceptor

    private = load_ssh_private_key(key.read_bytes(), password=None)
    guards = [RuntimeVersionHttpInterceptor(component_name="SuperNode"), NodeAuthHttpInterceptor(private, private.public_key())]  # type: ignore[arg-type]
    try:
        with FleetHttpClient.from_server_address(fleet, False, ca.read_bytes(), interceptors=guards) as client:
            activated = client.ActivateNode(ActivateNodeRequest(public_key=public_key_to_bytes(private.public_key()), heartbeat_interval=30))  # type: ignore[arg-type]
            asked = PullMessagesRequest(node=Node(node_id=activated.node_id))
            client.PullMessages(asked)
            ready.wait(START_S)
            until = time.monotonic() + chosen.seconds
            while (began := time.monotonic()) < until and len(waits) < chosen.most:
                client.PullMessages(asked)
                waits.append(time.monotonic() - began)
    except BaseException as error:  # noqa: BLE001 - the edge of a thread: told to the one who waits for it
        troubles.append(error)
        ready.abort()


def _wait_for(server: subprocess.Popen[bytes], home: Path) -> None:
    until = time.monotonic() + START_S
    while True:
        try:
            control.nodes(link=control.ControlLink.of(home))
            return
        except (control.FederationError, OSError):
            if server.poll() is not None or time.monotonic() > until:
                raise
            time.sleep(0.2)
