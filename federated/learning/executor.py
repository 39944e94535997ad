"""Runs the tasks of a SuperNode or of the SuperLink, each in a forked child; a bundle that is not on the allow-list is refused before any of its code runs.

Replaces Flower's SuperExec: that one runs whatever it is sent. torch is imported once, with one thread, before forking, so that a task starts in
milliseconds. Rests on Flower's private API (contract test: tests/federated/test_federated_flower_contract.py).
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from federated.learning import agent_folder, fab, process

POLL_S = 0.5
NICE = {"client": 10, "server": 5}  # of a task: training yields to watching, and so does, a little less, what combines it. At 19 it got no processor at all
log = logging.getLogger("federated.learning.executor")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until killed, or until the parent ends."""
    options = _parser().parse_args(arguments)
    process.die_with(options.parent)
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))  # the children go with it
    process.log_quietly()
    _warm_up(options.kind)
    executor = Executor(options.kind, options.runtime, options.secret.read_bytes(), options.ca.read_bytes() if options.ca else None)
    executor.allowed = (lambda: agent_folder.allowed_bundles(options.folder)) if options.folder else (lambda: {fab.digest()})
    log.info("ready for %s tasks of bundle %s", options.kind, fab.digest()[:16])
    while True:
        executor.step()
        time.sleep(POLL_S)


class Executor:
    """Takes tasks from a Runtime API. `allowed` says which bundles may run now; `tasks` maps a child's process id to its token."""

    allowed: Callable[[], set[str]]

    def __init__(self, kind: str, runtime: str, secret: bytes, ca: bytes | None):
        self.kind, self.runtime, self.ca, self.tasks = kind, runtime, ca, dict[int, str]()
        self.client = _runtime_client(runtime, ca, secret=secret)

    def step(self) -> None:
        """Take at most one task, then see which children have ended."""
        from flwr.proto.runtime_pb2 import AcquireTaskRequest
        from flwr.supercore.constant import TaskType

        answer = self.client.AcquireTask(AcquireTaskRequest(supported_task_types=[TaskType.CLIENT_APP if self.kind == "client" else TaskType.SERVER_APP]))
        if answer.HasField("task") and answer.token:
            self.take(answer.task.fab_hash, answer.token)
        for child in list(self.tasks):
            self.reap(child)

    def take(self, bundle: str, token: str) -> None:
        """Run the task in a child, or refuse it in its own name."""
        if bundle not in self.allowed():
            log.warning("REFUSED bundle %s: it is not on this node's allow-list", bundle)
            self.fail(token, f"refused: bundle {bundle[:16]} is not on this node's allow-list")
            return
        parent, child = os.getpid(), os.fork()
        if child == 0:
            self.work(parent, token)
        self.tasks[child] = token

    def work(self, parent: int, token: str) -> None:
        """The child: run Flower's task loop once and end, whatever happens."""
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        process.die_with(parent)
        # not the executor itself: it does next to nothing, and a task that waits to be taken has a time limit
        os.setpriority(os.PRIO_PROCESS, 0, max(NICE[self.kind], os.getpriority(os.PRIO_PROCESS, 0)))
        try:
            (_run_client if self.kind == "client" else _run_server)(self.runtime, token, self.ca)
        except SystemExit:
            pass
        except BaseException:  # noqa: BLE001 - the edge of a process: log it, then end
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(0)

    def reap(self, child: int) -> None:
        """Forget a child that has ended; report the task of one that was killed, which could not do so itself."""
        ended, state = os.waitpid(child, os.WNOHANG)
        if not ended:
            return
        token = self.tasks.pop(child)
        if os.WIFSIGNALED(state):
            log.error("task process %s was killed by signal %s", child, os.WTERMSIG(state))
            self.fail(token, f"the task's process was killed by signal {os.WTERMSIG(state)} (out of memory?)")

    def fail(self, token: str, reason: str) -> None:
        """Answer a task with an error, so that the other side need not wait for a heartbeat to go missing."""
        client = _runtime_client(self.runtime, self.ca, token=token)
        try:
            _report(client, self.kind, reason)
        except Exception:  # the edge: a task that cannot even be refused must not stop the others
            log.exception("could not report the end of a task")
        finally:
            client.close()


def _report(client: Any, kind: str, reason: str) -> None:
    from flwr.app import Error, Message
    from flwr.common.constant import ErrorCode
    from flwr.proto.runtime_pb2 import PushTaskOutputRequest
    from flwr.supernode.runtime.run_clientapp import pull_task_input, push_message

    if kind == "client":
        message, context, _, _ = pull_task_input(client)
        push_message(client, Message(Error(ErrorCode.INVALID_FAB, reason), reply_to=message), context)
    client.PushTaskOutput(PushTaskOutputRequest(sub_status="failed", details=reason))


def _run_client(runtime: str, token: str, ca: bytes | None) -> None:
    from flwr.supernode.runtime.run_clientapp import run_clientapp

    run_clientapp(runtime_api_address=runtime, token=token, insecure=ca is None, certificates=ca)


def _run_server(runtime: str, token: str, ca: bytes | None) -> None:
    from queue import Queue

    from flwr.supercore.logger import mirror_output_to_queue
    from flwr.superlink.runtime import run_serverapp

    lines: Queue[str | None] = Queue()
    mirror_output_to_queue(lines)
    run_serverapp(runtime_api_address=runtime, log_queue=lines, token=token, insecure=ca is None, certificates=ca)


def _runtime_client(runtime: str, ca: bytes | None, *, secret: bytes | None = None, token: str | None = None) -> Any:
    from flwr.supercore.interceptors import RuntimeTokenHttpInterceptor, RuntimeVersionHttpInterceptor, SuperExecAuthHttpInterceptor
    from flwr.supercore.retry import make_simple_http_retry_invoker
    from flwr.supercore.runtime import RuntimeHttpClient

    guards: list[Any] = [RuntimeVersionHttpInterceptor(component_name="SuperExec")]
    if secret is not None:
        guards.append(SuperExecAuthHttpInterceptor(master_secret=secret, protected_methods=frozenset({"/flwr.proto.Runtime/AcquireTask"})))
    if token is not None:
        guards.append(RuntimeTokenHttpInterceptor(token))
    return RuntimeHttpClient.from_server_address(
        server_address=runtime, insecure=ca is None, root_certificates=ca, retry_invoker=make_simple_http_retry_invoker(), interceptors=guards
    )


def _warm_up(kind: str) -> None:
    """Import all that a task needs, before any fork: a second of work is more than a minute for a child of low priority on a busy machine. torch must not
    have started threads by then."""
    import torch

    torch.set_num_threads(1)
    if kind == "client":
        import flwr.clientapp
        import flwr.supernode.runtime.run_clientapp

        import federated.learning.client_app
    else:
        import flwr.serverapp
        import flwr.superlink.runtime  # noqa: F401

        import federated.learning.server_app  # noqa: F401

    process.log_quietly()  # flwr sets its own level when it is imported


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="federated.learning.executor", description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=["client", "server"])
    parser.add_argument("--runtime", required=True, help="address of the Runtime API, HOST:PORT")
    parser.add_argument("--secret", type=Path, required=True, help="file with the secret shared with the Runtime API")
    parser.add_argument("--ca", type=Path, help="certificate authority of the Runtime API; none: plain HTTP on loopback")
    parser.add_argument("--folder", type=Path, help="the agent's folder (its allow-list); none: only this package's own bundle")
    parser.add_argument("--parent", type=int, required=True)
    return parser


if __name__ == "__main__":
    sys.exit(main())
