"""What we take from Flower's private API, name by name: an upgrade that moves any of it fails here first, and says what."""

from __future__ import annotations

import ast
import importlib
import inspect
from datetime import timedelta
from importlib import metadata
from pathlib import Path

import pytest

from federated.learning import claims, control, rounds

ROOT = Path(__file__).parents[2] / "federated"
PUBLIC = {"flwr.app", "flwr.clientapp", "flwr.serverapp", "flwr.serverapp.strategy"}
MAY_USE_PRIVATE = {"control.py", "superlink.py", "node.py", "executor.py", "local.py", "claims.py"}
SIGNATURES = {
    "flwr.superlink.main:create_app": ["config", "superlink_lifespan_class"],
    "flwr.superlink.cli.flower_superlink:_parse_superlink_lifespan_config": [],
    "flwr.supernode.cli.flower_supernode:flower_supernode": [],
    "flwr.supernode.runtime.run_clientapp:run_clientapp": ["runtime_api_address", "token", "insecure", "certificates"],
    "flwr.supernode.runtime.run_clientapp:pull_task_input": ["client"],
    "flwr.supernode.runtime.run_clientapp:push_message": ["client", "message", "context"],
    "flwr.superlink.runtime:run_serverapp": ["runtime_api_address", "log_queue", "token", "insecure", "certificates"],
    "flwr.supercore.logger:mirror_output_to_queue": ["log_queue"],
    "flwr.supercore.retry:make_simple_http_retry_invoker": [],
    "flwr.supercore.control:ControlHttpClient.from_server_address": ["server_address", "insecure", "root_certificates", "interceptors"],
    "flwr.supercore.runtime:RuntimeHttpClient.from_server_address": ["server_address", "insecure", "root_certificates", "interceptors"],
    "flwr.common.serde:fab_to_proto": ["fab"],
    "flwr.common.serde:user_config_to_proto": ["user_config"],
}
CALLS = ["StartRun", "StopRun", "ListRuns", "ListNodes", "RegisterNode", "UnregisterNode", "StreamLogs"]


def imports_of(path: Path) -> set[str]:
    """The flwr modules that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.split(".")[0] == "flwr"}


def test_the_version_is_the_one_this_was_written_for():
    assert metadata.version("flwr") == "1.41.0"


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: path.name)
def test_private_names_are_used_in_few_files_only(path):
    private = imports_of(path) - PUBLIC
    assert not private or path.name in MAY_USE_PRIVATE, f"{path.name} uses {sorted(private)}"


@pytest.mark.parametrize("name", sorted(SIGNATURES))
def test_a_private_function_takes_what_we_give_it(name):
    module, _, path = name.partition(":")
    found = importlib.import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    assert set(SIGNATURES[name]) <= set(inspect.signature(found).parameters)


@pytest.mark.parametrize("call", CALLS)
def test_the_control_client_has_the_calls_we_make(call):
    from flwr.supercore.control import ControlHttpClient

    assert callable(getattr(ControlHttpClient, call))


def test_error_codes_are_the_ones_we_know():
    from flwr.supercore.error import ApiErrorCode

    listed = (ApiErrorCode.PUBLIC_KEY_ALREADY_IN_USE, ApiErrorCode.NODE_NOT_FOUND, ApiErrorCode.RUN_ALREADY_FINISHED)
    assert listed == (control.KEY_IN_USE, control.NO_SUCH_NODE, control.RUN_OVER)


def test_states_are_the_ones_we_know():
    from flwr.common.constant import Status, SubStatus
    from flwr.supercore.constant import NodeStatus

    assert {Status.PENDING, Status.STARTING, Status.RUNNING, Status.FINISHED} == {"pending", "starting", "running", "finished"}
    assert {SubStatus.COMPLETED, SubStatus.FAILED, SubStatus.STOPPED} == {"completed", "failed", "stopped"}
    assert {NodeStatus.REGISTERED, NodeStatus.ONLINE, NodeStatus.OFFLINE, NodeStatus.UNREGISTERED} == {"registered", "online", "offline", "unregistered"}


def test_the_public_door_exports_what_the_portal_was_promised():
    promised = {"register_node", "unregister_node", "nodes", "start_run", "events", "stop_run", "status", "NodeInfo", "ControlLink"}
    assert promised <= set(control.__all__)
    assert all(hasattr(control, name) for name in control.__all__)


def test_the_door_opens_without_flower():
    import subprocess
    import sys

    code = "import sys, federated.learning.control; sys.exit(any(name.split('.')[0] in ('flwr', 'torch') for name in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT.parent, check=False).returncode == 0


def test_the_codes_of_a_site_that_cannot_be_reached_are_the_ones_we_know():
    from flwr.common.constant import ErrorCode

    assert (ErrorCode.MESSAGE_UNAVAILABLE, ErrorCode.REPLY_MESSAGE_UNAVAILABLE, ErrorCode.NODE_UNAVAILABLE) == rounds.UNREACHABLE


@pytest.mark.parametrize("kept", ["memory", "file"])
def test_a_task_that_gets_no_processor_for_minutes_keeps_its_claim(kept, tmp_path, monkeypatch):
    """Flower's own 30 s to the first heartbeat and 60 s between two were over on a box at a load of 25: 401, and the run failed."""
    from flwr.supercore.constant import TaskType
    from flwr.supercore.corestate import in_memory_corestate, sql_corestate

    claims.wait_longer()
    state, module = (sql_state(tmp_path), sql_corestate) if kept == "file" else (memory_state(), in_memory_corestate)
    task = state.create_task(TaskType.CLIENT_APP, 1)
    token, real = state.claim_task(task), module.now
    later = lambda seconds: monkeypatch.setattr(module, "now", lambda: real() + timedelta(seconds=seconds))  # noqa: E731
    later(claims.CLAIM_S - 10)
    assert state.get_task_by_token(token).task_id == task
    assert state.activate_task(task)
    later(3 * claims.CLAIM_S - 20)
    assert state.acknowledge_task_heartbeat(task)
    later(5 * claims.CLAIM_S)
    assert state.get_task_by_token(token) is None


def memory_state():
    """What a SuperNode keeps."""
    from flwr.supercore.object_store import ObjectStoreFactory
    from flwr.supernode.nodestate import InMemoryNodeState

    return InMemoryNodeState(ObjectStoreFactory().store())


def sql_state(folder):
    """What a SuperLink keeps."""
    from flwr.server.superlink.linkstate import LinkStateFactory
    from flwr.supercore.object_store import ObjectStoreFactory
    from flwr.superlink.federation import NoOpFederationManager

    return LinkStateFactory(str(folder / "state.db"), NoOpFederationManager(), ObjectStoreFactory()).state()
