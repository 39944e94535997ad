"""What an administrator asks of a run, as the portal gives it to the SuperLink and the SuperLink to every node."""

from __future__ import annotations

import dataclasses

from federated.contract.message import ContractMessage


@dataclasses.dataclass(frozen=True, slots=True)
class RunPlan(ContractMessage):
    """Pure data: `federated.learning.plan.check` says whether it can work. Run and node ids are decimal text (64-bit numbers do not survive JSON in a browser).

    `min_sites` and `sites` keep their names on the wire until the contract's version changes; both count nodes, one camera's training end each.
    """

    task: str
    rounds: int = 3
    local_epochs: int = 1
    strategy: str = "fedavg"
    min_sites: int = 2  # the quorum: fewer accepted replies in a round end the run
    sites: tuple[str, ...] = ()  # ids of the nodes that may take part; every node when empty
    deadline_s: float = 300.0  # a round goes on without the nodes that have not answered by then
    wait_s: float = 60.0  # how long to wait for `min_sites` nodes to be there before giving up
    learning_rate: float = 0.0  # 0: the task's own
    seed: int = 0
    base_model: str | None = None  # ONNX or NPZ file on the SuperLink's machine whose weights to start from; None: fresh weights
    resume: str | None = None  # run id whose checkpoint to go on from
    share: float = 1.0  # of the nodes that are there, drawn anew for each round; never fewer than `min_sites`
    compare: bool = True  # with the vote each node also says what it reaches alone
    privacy: str = "none"  # "central": noise at the portal, for all that a node has; "local": noise at each node, for each of its samples
    epsilon: float = 0.0  # wanted for the whole run; 0 without privacy
    delta: float = 1e-5
    clip: float = 0.0  # longest update of a node (central) or gradient of a sample (local); 0: the task's own
    personal: str = "fine-tune"  # own weights of each node, made of the shared ones with the vote: "fine-tune" all, "last-layer", or "none" (since 1.2)
