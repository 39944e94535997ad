"""The portal's one door to the SuperLink: register nodes, start and stop runs, follow them live (rests on Flower's private API, held by a contract test).

flwr is imported on first use, so that a process that only imports this module stays light. Safe to call from any thread or process: every call opens
its own connection. Node and run ids are decimal text.

Exceptions::

    FederationError
    +-- Unreachable     no SuperLink answers at the address (not started, restarting, or its certificate is not trusted)
    +-- Refused         the SuperLink answered no; `code` is Flower's error code
    (PlanError of federated.learning.errors is raised by `start_run` before anything is sent)
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from federated.contract import run_events
from federated.contract.message import ContractError
from federated.contract.run_events import EndedEvent, ResultEvent, RunEvent
from federated.contract.run_plan import RunPlan
from federated.learning import fab, root
from federated.learning.plan import check, to_run_config
from federated.trust import pki

__all__ = ["ControlLink", "FederationError", "FlowerRunState", "NodeInfo", "Refused", "Unreachable", "events"]
__all__ += ["nodes", "register_node", "start_run", "status", "stop_run", "unregister_node"]

TOKEN_HEADER = "x-specola-control"  # noqa: S105 - the header's name, not the token
METRIC = "METRIC "
KEY_IN_USE, NO_SUCH_NODE, RUN_OVER = 23, 24, 18
PENDING_S = 300.0  # a run that nobody has begun to work on by then is stopped: without this it would wait for ever; a busy machine needs a minute or two

log = logging.getLogger("federated.learning.control")


class FederationError(Exception):
    """The federation could not do what was asked."""


class Unreachable(FederationError):
    """No SuperLink answers."""


class Refused(FederationError):
    """The SuperLink answered no."""

    def __init__(self, message: str, code: int = 0):
        super().__init__(message)
        self.code = code


@dataclasses.dataclass(frozen=True, slots=True)
class ControlLink:
    """Where the SuperLink's control listener is, how to believe it, and the token that lets one command it."""

    address: str
    ca: Path
    token: str

    @classmethod
    def of(cls, home: Path | str | None = None, address: str | None = None) -> ControlLink:
        """The link of a home folder. Defaults: SPECOLA_HOME or `var`, SPECOLA_SUPERLINK or the address that the SuperLink wrote down."""
        home = Path(home or os.environ.get("SPECOLA_HOME", "var"))
        try:
            address = address or os.environ.get("SPECOLA_SUPERLINK") or (home / "superlink" / "control.address").read_text().strip()
            return cls(address, home / "pki" / "ca.crt", (home / "superlink" / "control.token").read_text().strip())
        except FileNotFoundError as error:
            raise Unreachable(f"no SuperLink has been started with this home folder: {error.filename} is missing") from error


@dataclasses.dataclass(frozen=True, slots=True)
class NodeInfo:
    """A registered SuperNode. `state` is "registered" (never seen), "online" or "offline"; `public_key` PEM; `online_until` Unix seconds."""

    id: str
    state: str
    public_key: str
    online_until: float
    last_seen: str


@dataclasses.dataclass(frozen=True, slots=True)
class FlowerRunState:
    """Where a run stands: "pending", "running", "completed", "failed" or "stopped". Bytes are what really went over the wire to and from all nodes."""

    id: str
    state: str
    reason: str
    bytes_sent: int
    bytes_received: int

    @property
    def over(self) -> bool:
        """Whether nothing more will come from this run."""
        return self.state in ("completed", "failed", "stopped")


def register_node(public_key: str, *, link: ControlLink | None = None) -> str:
    """Let the owner of this key (OpenSSH text, EC P-384) join; return its node id. Registering the same key again returns the same id."""
    from flwr.proto.control_pb2 import RegisterNodeRequest

    key = pki.check_node_public_key(public_key)
    try:
        with _client(link) as client:
            return str(client.RegisterNode(RegisterNodeRequest(public_key=key)).node_id)
    except Refused as error:
        if error.code != KEY_IN_USE:
            raise
    for node in nodes(link=link):
        if node.public_key.strip() == key.decode().strip():
            return node.id
    raise Refused("this key was revoked before: the agent must make a new one", KEY_IN_USE)


def unregister_node(node_id: str, *, link: ControlLink | None = None) -> None:
    """Revoke a node: it is refused from its next call on. Revoking an unknown or revoked node changes nothing."""
    from flwr.proto.control_pb2 import UnregisterNodeRequest

    try:
        with _client(link) as client:
            client.UnregisterNode(UnregisterNodeRequest(node_id=int(node_id)))
    except Refused as error:
        if error.code != NO_SUCH_NODE:
            raise


def nodes(*, link: ControlLink | None = None) -> list[NodeInfo]:
    """Every registered node (revoked ones are left out), in the order of their ids."""
    from flwr.proto.control_pb2 import ListNodesRequest

    with _client(link) as client:
        found = client.ListNodes(ListNodesRequest()).nodes_info
    alive = [each for each in found if each.status != "unregistered"]
    return sorted(
        (NodeInfo(str(n.node_id), n.status, n.public_key.decode(), n.online_until, n.last_activated_at) for n in alive), key=lambda node: int(node.id)
    )


def start_run(config: RunPlan, *, link: ControlLink | None = None) -> str:
    """Start a run and return its id. Raises PlanError when the plan cannot work, FederationError when the SuperLink cannot be asked."""
    from flwr.common.serde import fab_to_proto, user_config_to_proto
    from flwr.proto.control_pb2 import StartRunRequest
    from flwr.supercore.fab import Fab

    check(config, root=root.present(config.task))
    bundle = fab_to_proto(Fab(fab.digest(), fab.build(), {}))
    with _client(link) as client:
        run_id = client.StartRun(StartRunRequest(fab=bundle, override_config=user_config_to_proto(to_run_config(config)))).run_id
    if not run_id:
        raise Refused("the SuperLink did not take the run")
    return str(run_id)


def stop_run(run_id: str, *, link: ControlLink | None = None) -> None:
    """Stop a run. Stopping one that is over changes nothing."""
    from flwr.proto.control_pb2 import StopRunRequest

    try:
        with _client(link) as client:
            client.StopRun(StopRunRequest(run_id=int(run_id)))
    except Refused as error:
        if error.code != RUN_OVER:
            raise


def status(run_id: str, *, link: ControlLink | None = None) -> FlowerRunState:
    """Where a run stands. Raises Refused for an unknown run."""
    from flwr.proto.control_pb2 import ListRunsRequest

    with _client(link) as client:
        run = client.ListRuns(ListRunsRequest(run_id=int(run_id))).run_dict[int(run_id)]
    state = run.status.sub_status if run.status.status == "finished" else "running" if run.status.status == "running" else "pending"
    reason = run.status.details.removeprefix("ServerApp failed with exception: ")
    return FlowerRunState(run_id, state, reason, run.bytes_sent, run.bytes_recv)


def events(run_id: str, after: int = 0, *, link: ControlLink | None = None, patience_s: float = 60.0) -> Iterator[RunEvent]:
    """Follow a run live: its events with `seq` > `after`, each exactly once, in order; the last one is an `EndedEvent`.

    Survives a SuperLink that restarts within `patience_s`; if it stays away, the run is reported as failed. `status` is one of
    "completed" (a model passed the gate), "failed" and "stopped".
    """
    link = link or ControlLink.of()
    seen, since = after, time.monotonic()
    unread: list[str] = []
    while True:
        try:
            state, has_result = _begun(run_id, link), False
            unread.clear()  # the log is read from its beginning each time
            for event in _metrics(run_id, link, unread):
                since = time.monotonic()
                has_result = has_result or isinstance(event, ResultEvent)
                if event.seq > seen:
                    seen = event.seq
                    yield event
            since = time.monotonic()
            # The stream may end a moment before the last lines arrive: only one that was opened on a finished run is complete.
            if state.over:
                break
        except Unreachable as error:
            if time.monotonic() - since > patience_s:
                state = FlowerRunState(run_id, "failed", f"the SuperLink cannot be reached any more: {error}", 0, 0)
                break
            time.sleep(min(1.0, patience_s))
    if state.state == "completed" and unread and not has_result:  # "completed" promises a model
        state = dataclasses.replace(state, state="failed", reason=f"the run's result could not be read: {unread[-1]}")
    yield EndedEvent(
        seq=seen + 1,
        status=state.state,  # type: ignore[arg-type]  # over: none of the other states
        reason=state.reason,
        bytes_sent=state.bytes_sent,
        bytes_received=state.bytes_received,
    )


def _begun(run_id: str, link: ControlLink) -> FlowerRunState:
    """Wait until somebody works on the run; stop it with a reason when nobody does."""
    until = time.monotonic() + PENDING_S
    while (state := status(run_id, link=link)).state == "pending":
        if time.monotonic() > until:
            stop_run(run_id, link=link)
            return dataclasses.replace(
                state, state="failed", reason=f"nobody began to work on the run within {PENDING_S:.0f} s: is the SuperLink's executor up?"
            )
        time.sleep(0.2)
    return state


def _metrics(run_id: str, link: ControlLink, unread: list[str]) -> Iterator[RunEvent]:
    """The events in a run's log from its beginning, until the run is over; a line that is none is left out with a warning, the problem goes to `unread`."""
    from flwr.proto.control_pb2 import StreamLogsRequest

    rest = ""
    with _client(link) as client:
        for chunk in client.StreamLogs(StreamLogsRequest(run_id=int(run_id), after_timestamp=0.0)):
            *lines, rest = (rest + chunk.log_output).split("\n")
            for line in lines:
                if line.startswith(METRIC) and (event := _event(run_id, line.removeprefix(METRIC), unread)) is not None:
                    yield event


def _event(run_id: str, line: str, unread: list[str]) -> RunEvent | None:
    dropped: list[str] = []
    try:
        event = run_events.read(line, dropped=dropped)
    except ContractError as error:
        log.warning("run %s: an event is not what the contract says and is left out: %s", run_id, error)
        unread.append(str(error))
        return None
    if event is None or dropped:
        log.info("run %s: a newer SuperLink reports what this side does not understand: %s", run_id, ", ".join(dropped) or "an event of an unknown kind")
    return event


@contextlib.contextmanager
def _client(link: ControlLink | None) -> Iterator[Any]:
    import httpx
    from flwr.supercore.control import ControlHttpClient
    from flwr.supercore.interceptors import RuntimeVersionHttpInterceptor

    link = link or ControlLink.of()
    os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")
    guards = [RuntimeVersionHttpInterceptor(component_name="specola"), _Token(link.token)]
    try:
        with contextlib.closing(ControlHttpClient.from_server_address(link.address, False, link.ca.read_bytes(), guards)) as client:
            yield client
    except FileNotFoundError as error:
        raise Unreachable(f"the SuperLink's certificate authority is missing: {error.filename}") from error
    except httpx.HTTPStatusError as error:
        raise _refusal(error.response) from error
    except httpx.TransportError as error:
        raise Unreachable(f"no SuperLink answers at {link.address}: {error}") from error


def _refusal(response: Any) -> FederationError:
    if response.status_code in (502, 503, 504):
        return Unreachable(f"the SuperLink is not ready: HTTP {response.status_code}")
    try:
        body = response.json()
        return Refused(str(body.get("public_details") or body.get("detail") or body), int(body.get("code", 0)))
    except ValueError:
        return Refused(f"HTTP {response.status_code}")


class _Token:
    """Adds the token to each request: knowing the authority's certificate is not enough to command the SuperLink."""

    def __init__(self, token: str):
        self.token = token

    def intercept(self, context: Any, call_next: Any) -> Any:
        context.request.headers[TOKEN_HEADER] = self.token
        return call_next(context)
