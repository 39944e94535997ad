"""A node's seat in the federation: Flower's SuperNode with this agent's key, and beside it our executor; both start, restart and end together."""

from __future__ import annotations

import argparse
import json
import logging
import os
import secrets
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path

from federated.learning import agent_folder, claims, process, snapshot
from federated.trust import pki

EXIT_USAGE, EXIT_GAVE_UP = 2, 3
SETTLED_S = 2.0  # a SuperNode that was refused (revoked, or still thought online) is gone by then: only after it the executor is worth its memory
TICK_S = 0.1
log = logging.getLogger("federated.learning.node")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; exit code 2 with one sentence when the folder is not that of an enrolled agent."""
    options = _parser().parse_args(arguments)
    if options.supernode:
        return _supernode(options.parent, options.supernode)
    process.log_quietly()
    process.rank_session()
    if options.parent:
        process.die_with(options.parent)
    try:
        node = SuperNodeProcess(options.home.resolve())
    except (agent_folder.AgentFolderError, pki.PkiError, OSError) as error:
        print(f"node: {error}", file=sys.stderr)
        return EXIT_USAGE
    signal.signal(signal.SIGTERM, node.ask_to_stop)
    signal.signal(signal.SIGINT, node.ask_to_stop)
    node.run()
    return 0


class SuperNodeProcess:
    """The pair of processes of one node. Everything they write lies in `<folder>/training/node`."""

    def __init__(self, folder: Path):
        self.folder, self.work = folder, folder / "training" / "node"
        self.work.mkdir(parents=True, exist_ok=True)
        self.fleet = agent_folder.fleet(folder)
        pki.make_node_key(folder / "node.key")
        snapshot.forget(folder)  # of a run that ended without this node
        (self.work / "ca.crt").write_text(self.fleet.ca_pem)
        (self.work / "node.toml").write_text(f"folder = {json.dumps(str(folder))}\n")
        self.stopping = False

    def ask_to_stop(self, *_: object) -> None:
        """Signal handler: end after this tick."""
        self.stopping = True

    def run(self) -> None:
        """Keep the pair alive until asked to stop."""
        backoff = process.Backoff()
        while not self.stopping:
            backoff.begin(time.monotonic())
            pair = self.start()
            self.watch(pair)
            process.stop(pair)
            self.pause(0.0 if self.stopping else backoff.delay(time.monotonic()))

    def start(self) -> list[subprocess.Popen[bytes]]:
        """A SuperNode on a fresh port with a fresh secret; the executor follows in `watch`."""
        secret = self.work / "secret"
        secret.unlink(missing_ok=True)
        secret.touch(mode=0o600)
        secret.write_text(secrets.token_urlsafe(32))
        self.port = process.free_port()
        self.environment = process.calm_environment(FLWR_HOME=str(self.work / "flower"))
        flags = [
            "--superlink",
            self.fleet.address,
            "--root-certificates",
            str(self.work / "ca.crt"),
            "--auth-supernode-private-key",
            str(self.folder / "node.key"),
        ]
        flags += ["--isolation", "process", "--superexec-auth-secret-file", str(secret), "--host", "127.0.0.1", "--port", str(self.port)]
        flags += ["--node-config", str(self.work / "node.toml")]
        return [process.spawn(["federated.learning.node", "--home", str(self.folder), "--supernode", json.dumps(flags)], self.environment)]

    def watch(self, pair: list[subprocess.Popen[bytes]]) -> None:
        """Return when one of the two has ended or we are to stop."""
        started = time.monotonic()
        while not self.stopping and all(child.poll() is None for child in pair):
            if len(pair) == 1 and time.monotonic() - started > SETTLED_S:
                arguments = [
                    "federated.learning.executor",
                    "client",
                    "--runtime",
                    f"127.0.0.1:{self.port}",
                    "--secret",
                    str(self.work / "secret"),
                    "--folder",
                    str(self.folder),
                ]
                pair.append(process.spawn(arguments, self.environment))
            time.sleep(TICK_S)

    def pause(self, seconds: float) -> None:
        """Wait, but not for longer than until we are to stop."""
        if seconds:
            log.info("the SuperNode or its executor ended; starting again in %.0f s", seconds)
        until = time.monotonic() + seconds
        while not self.stopping and time.monotonic() < until:
            time.sleep(TICK_S)


def _supernode(parent: int, flags: str) -> int:
    """The child that is Flower's SuperNode."""
    process.die_with(parent)
    os.umask(0o077)
    from flwr.supernode.cli.flower_supernode import flower_supernode

    claims.wait_longer()
    sys.argv = ["flower-supernode", *json.loads(flags)]
    code: object = EXIT_GAVE_UP
    try:
        flower_supernode()
    except SystemExit as end:
        code = end.code or 0
    except Exception:  # noqa: BLE001 - the edge of a process that must end whatever happened
        traceback.print_exc()
    # Flower 1.41 gives up for good when a connection is cut in the middle of a TLS handshake, and a thread of its own would keep the process alive, connected
    # to nothing: end it, so that `SuperNodeProcess` starts another. Its exit handlers have run by now.
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else EXIT_GAVE_UP)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="federated.learning.node", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="the agent's folder: portal.json, node.key, training/")
    parser.add_argument("--parent", type=int, help="end when this process ends (it must be our parent)")
    parser.add_argument("--supernode", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
