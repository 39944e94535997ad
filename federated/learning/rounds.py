"""The rounds of one run, on the SuperLink's side: wait for nodes, send, collect, guard, checkpoint, and at the end the vote, the gate and the files.

Written as our own loop over the public hooks of Flower's strategies: theirs waits for ever for missing nodes, has no quorum, keeps nothing
when it is killed, and reports success without a model.

Exceptions::

    RunFailed       the run ends without a model; the message is the reason the administrator reads
    +-- RunRefused  nodes trained, but the gate refused the result
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal, Protocol

from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MessageType, RecordDict
from flwr.serverapp import Grid

from detectors.files import write_durably
from detectors.types import ModelCard
from federated.contract.run_events import (
    GateEvent,
    NodeOutcome,
    NodeVote,
    PrivacyStatement,
    ProgressEvent,
    ResultEvent,
    RootLoss,
    RoundEvent,
    RunEvent,
    WaitingEvent,
)
from federated.contract.run_plan import RunPlan
from federated.learning import alone, central, fab, gate, guard, personal, privacy, sampling, weights
from federated.learning import root as root_set
from federated.learning.checkpoint import CheckpointMissing, Progress, restore, save
from federated.learning.errors import PlanError
from federated.learning.plan import NO_ROOT, STRATEGIES
from federated.learning.task import Task, TaskError
from federated.learning.weights import Arrays

POLL_S = 0.5
UNREACHABLE = (3, 4, 5)  # Flower's codes for a message, a reply or a node that is not to be had: the SuperLink's own answers for a node
PRESENCE_S = 5.0  # between looks at which of the awaited nodes are still online


class RunFailed(Exception):
    """The run ends without a model."""


class RunRefused(RunFailed):
    """The gate refused the result."""


class RunReporter(Protocol):
    """Where progress goes; it numbers the events and says when they were."""

    def __call__(self, event: RunEvent) -> None: ...


@dataclasses.dataclass(slots=True)
class FederatedRun:
    """One run: `folder` is its own, `kept` holds the weights of published models by the sha256 of their ONNX file."""

    id: str
    plan: RunPlan
    task: Task
    grid: Grid
    folder: Path
    report: RunReporter
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    root: root_set.Root | None = None  # found by `begin`

    def go(self) -> ResultEvent:
        """Train, judge, export. Returns the result event. Raises RunFailed with the reason."""
        self.folder.mkdir(parents=True, exist_ok=True)
        progress = self.begin()
        strategy = self.strategy(progress) if progress.round < self.plan.rounds else None  # a run that only lacks its vote spends nothing more
        for number in range(progress.round + 1, self.plan.rounds + 1):
            self.round(number, strategy, progress)  # type: ignore[arg-type]
            save(progress, self.folder)
        return self.finish(progress)

    def strategy(self, progress: Progress) -> guard.Guard:
        """The plan's, with noise when the portal is to add it. Raises RunFailed when the rounds before have spent the wanted epsilon."""
        limits = guard.Limits(self.task.max_update_norm, self.plan.min_sites)
        if self.plan.privacy != "central":
            return guard.build(self.plan.strategy, limits, self.plan.min_sites)
        try:
            sigma = privacy.central_sigma(self.plan.epsilon, self.plan.delta, max(1, self.plan.rounds - progress.round), progress.noise)
        except PlanError as error:
            raise RunFailed(str(error)) from error
        return central.build(self.plan.strategy, limits, central.Noise(sigma, privacy.clip_of(self.plan, self.task)))

    def privacy(self, progress: Progress) -> dict[str, Any]:
        """What was promised and spent so far; {} without privacy. At nodes: the largest epsilon that any of them told."""
        if self.plan.privacy == "none":
            return {}
        if self.plan.privacy == "central":
            return privacy.statement(self.plan, self.task, privacy.central_epsilon(progress.noise, self.plan.delta), min(progress.noise, default=None))
        worst = max((each.get("epsilon", 0.0) for each in progress.spent.values()), default=0.0)
        return privacy.statement(self.plan, self.task, worst, min((each["sigma"] for each in progress.spent.values() if "sigma" in each), default=None))

    def begin(self) -> Progress:
        """Fresh weights, those of a model, or the checkpoint of a run that was cut off."""
        self.root, net = self.own_data(), self.task.net(self.plan.seed)
        try:
            if self.plan.resume:
                progress = restore(self.folder.parent / self.plan.resume)
                weights.check(progress.arrays, weights.of(net))
                return self.resumed(progress)
            if self.plan.base_model:
                weights.put(net, _ordered(weights.read_model(Path(self.plan.base_model), self.kept), weights.of(net)))
        except CheckpointMissing as error:
            raise RunFailed(str(error)) from error
        except weights.WeightsMismatch as error:
            raise RunFailed(f"cannot start from these weights: {error}") from error
        start = weights.of(net)
        return Progress(0, start, start, {}, {}, privacy=self.plan.privacy)

    def resumed(self, progress: Progress) -> Progress:
        """Rounds trained in the clear cannot be made private afterwards, nor the other way round. Raises RunFailed."""
        if progress.privacy != self.plan.privacy:
            raise RunFailed(f"the rounds before were trained with privacy {progress.privacy!r}, not {self.plan.privacy!r}: start a new run")
        return progress

    def own_data(self) -> root_set.Root | None:
        """The portal's root set of this task. Raises RunFailed when it cannot be read, or the strategy cannot do without one."""
        try:
            found = root_set.load(self.task, self.folder.parent.parent.parent)
        except TaskError as error:
            raise RunFailed(f"the root set at the portal cannot be used: {error}") from error
        if found is None and STRATEGIES[self.plan.strategy].root:
            raise RunFailed(f"{self.plan.strategy} {NO_ROOT.format(task=self.plan.task)}")
        return found

    @property
    def kept(self) -> Path:
        """Weights of every result, by the sha256 of its ONNX file."""
        return self.folder.parent.parent / "weights"

    def round(self, number: int, strategy: guard.Guard, progress: Progress) -> None:
        """One round: raises RunFailed when the quorum is not there or not left."""
        began = self.clock()
        nodes = sampling.sampled(self.gather(), self.plan.share, self.plan.min_sites, self.plan.seed, number)
        asked = {"epochs": self.plan.local_epochs, "lr": self.plan.learning_rate or self.task.learning_rate, "seed": self.plan.seed + number}
        settings = ConfigRecord(asked)
        record = _record(progress.arrays)
        messages = list(strategy.configure_train(number, record, settings, _Chosen(nodes)))  # type: ignore[arg-type]
        replies, lost = self.exchange(messages, number, meanwhile=lambda: self.train_root(strategy, progress.arrays, **asked))
        arrays, _ = strategy.aggregate_train(number, replies)
        rows = self.account(nodes, strategy.replies, lost, weights.size(progress.arrays))
        accepted = [row for row in rows if row.status == "accepted"]
        progress.out = sorted({*progress.out, *_with("rejected", rows)} - {*_with("accepted", rows)})
        for reply in strategy.replies:
            if reply.accepted:
                progress.before.setdefault(str(reply.node), reply.metrics["loss-before"])
                progress.samples[str(reply.node)] = int(reply.metrics["num-examples"])
            progress.spent |= {str(reply.node): reply.spent} if reply.spent else {}
        progress.noise += [strategy.noise.sigma] if arrays is not None and isinstance(strategy, central.Bounded) else []
        spent = PrivacyStatement(**statement) if (statement := self.privacy(progress)) else None
        seconds = round(self.clock() - began, 2)
        self.report(RoundEvent(round=number, rounds=self.plan.rounds, sites=tuple(rows), loss=_mean_loss(accepted), seconds=seconds, privacy=spent))
        if arrays is None:
            reasons = "; ".join(f"{row.node} {row.status}: {row.reason}" for row in rows if row.status != "accepted")
            raise RunFailed(f"round {number}: {len(accepted)} of {len(nodes)} nodes accepted, {self.plan.min_sites} are needed ({reasons})")
        progress.round, progress.arrays = number, {name: value.numpy() for name, value in arrays.items()}

    def gather(self) -> list[int]:
        """The nodes that take part now; waits for the quorum, but not for ever."""
        until, reported = self.clock() + self.plan.wait_s, -1
        while True:
            online = sorted(self.grid.get_node_ids())
            chosen = [node for node in online if not self.plan.sites or str(node) in self.plan.sites]
            if len(chosen) >= self.plan.min_sites:
                return chosen
            if self.clock() >= until:
                raise RunFailed(f"{len(chosen)} of the {self.plan.min_sites} nodes needed were online after {self.plan.wait_s:.0f} s{self.missing(chosen)}")
            if len(chosen) != reported:
                reported = len(chosen)
                self.report(WaitingEvent(have=reported, need=self.plan.min_sites, seconds_left=round(until - self.clock())))
            self.sleep(POLL_S)

    def missing(self, chosen: list[int]) -> str:
        """Name the chosen nodes that are not there."""
        absent = [node for node in self.plan.sites if int(node) not in chosen]
        return f"; missing: {', '.join(absent)}" if absent else ""

    def train_root(self, strategy: guard.Guard, arrays: Arrays, **asked: Any) -> None:
        """The portal's own update, from the same weights and for as long as a node's; while the nodes train it costs no time."""
        if self.root is not None:
            strategy.root, strategy.measure = self.root.update(arrays, **asked), self.root.loss

    def exchange(
        self, messages: list[Message], number: int, phase: Literal["round", "vote"] = "round", meanwhile: Callable[[], None] = lambda: None
    ) -> tuple[list[Message], dict[int, str]]:
        """Send, and collect replies until all are in, the deadline is over or the rest has gone offline. Also why each silent node is silent."""
        nodes = [message.metadata.dst_node_id for message in messages]
        sent = dict(zip(self.grid.push_messages(messages), nodes, strict=True))
        lost = {node: "the SuperLink did not take the message" for message_id, node in sent.items() if not message_id}
        waiting = {message_id: node for message_id, node in sent.items() if message_id}
        began = self.clock()

        def report() -> None:
            answered = tuple(str(node) for node in nodes if node not in waiting.values() and node not in lost)
            asked = tuple(str(node) for node in nodes)
            seconds = round(self.clock() - began, 1)
            self.report(ProgressEvent(phase=phase, round=number, rounds=self.plan.rounds, asked=asked, answered=answered, seconds=seconds))

        report()
        meanwhile()
        replies, until, look = list[Message](), self.clock() + self.plan.deadline_s, self.clock() + PRESENCE_S
        while waiting:
            for reply in self.grid.pull_messages(list(waiting)):
                node = waiting.pop(reply.metadata.reply_to_message_id)
                if reply.has_error() and reply.error.code in UNREACHABLE:
                    lost[node] = "went offline during the round"
                    continue
                _name_sender(reply, node)
                replies.append(reply)
            if self.clock() >= until:
                lost |= dict.fromkeys(waiting.values(), f"no answer within {self.plan.deadline_s:.0f} s")
                break
            if self.clock() >= look:
                look, online = self.clock() + PRESENCE_S, set(self.grid.get_node_ids())
                gone = {message_id for message_id, node in waiting.items() if node not in online}
                lost |= {waiting.pop(message_id): "went offline during the round" for message_id in gone}
                report()
            if waiting:
                self.sleep(POLL_S)
        return replies, lost

    def account(self, nodes: list[int], replies: Iterable[guard.Reply], lost: dict[int, str], down: int) -> list[NodeOutcome]:
        """One row a node, as the run page shows it."""
        rows = {node: NodeOutcome(node=str(node), status="late", bytes_down=down, reason=lost.get(node, "no answer")) for node in nodes}
        for reply in replies:
            if reply.node in rows and rows[reply.node].status != "accepted":
                rows[reply.node] = _outcome(reply, down)
        return [rows[node] for node in nodes]

    def finish(self, progress: Progress) -> ResultEvent:
        """Let every node measure the result on its own data, export it, judge it, write it down."""
        net = self.task.net(self.plan.seed)
        weights.put(net, progress.arrays)
        draft = self.folder / "candidate.onnx"
        sha256 = self.task.export(net, draft)
        after, lone, own_weights = self.vote(progress, sha256)
        difference = self.task.agreement(net, draft, self.task.probe())
        own = (self.root.loss(progress.start), self.root.loss(progress.arrays)) if self.root else None
        reasons = gate.judge(gate.Candidate(progress.start, progress.arrays, progress.before, after, self.plan.min_sites, difference, own_weights, own))
        votes = tuple(
            NodeVote(node=node, before=progress.before.get(node), alone=lone.get(node), after=loss, own=own_weights.get(node)) for node, loss in after.items()
        )
        # Warned of, not refused: a node alone cannot give the others its model. What counts is what the camera would run.
        warnings = [each for each in (alone.warning(after | own_weights, lone),) if each]
        root, passed = RootLoss(before=own[0], after=own[1]) if own else None, not reasons
        self.report(GateEvent(passed=passed, reasons=tuple(reasons), warnings=tuple(warnings), votes=votes, onnx_difference=difference, root=root))
        if reasons:
            raise RunRefused("the gate refused the result: " + "; ".join(reasons))
        path = draft.rename(self.folder / "model.onnx")
        self.kept.mkdir(exist_ok=True)
        weights.save(progress.arrays, self.kept / f"{sha256}.npz")
        card = self.card(progress, after, sha256, difference, own)
        card["metrics"] |= {"loss_alone": lone, "loss_own": own_weights, "warnings": warnings}
        write_durably(self.folder / "card.json", json.dumps(card, indent=1))
        result = ResultEvent(path=str(path), sha256=sha256, card=card)
        self.report(result)
        return result

    def vote(self, progress: Progress, sha256: str) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
        """Each node's loss on its held-back data with the final weights, with those it reaches alone, and with what it would run: its own weights, made now.

        Also sets right what it had with the first ones.
        """
        asked = alone.question(self.plan, self.task.learning_rate)
        own_weights = personal.question(self.plan, self.task.learning_rate, sha256)
        record = RecordDict({"arrays": _record(progress.arrays), "config": ConfigRecord({"round": self.plan.rounds, **asked, **own_weights})})
        if asked or self.plan.share < 1:  # a node that came in late has not seen the starting weights
            record["start"] = _record(progress.start)
        messages = [Message(content=record, dst_node_id=node, message_type=MessageType.EVALUATE) for node in self.gather() if str(node) not in progress.out]
        replies, _ = self.exchange(messages, self.plan.rounds, "vote")
        names = (alone.BEFORE, alone.NUMBER, personal.NUMBER, "loss")
        before, lone, own, after = ({str(each.metadata.src_node_id): _loss_of(each, name) for each in replies} for name in names)
        progress.before |= alone.finite(before)
        return {node: loss for node, loss in after.items() if loss is not None}, alone.finite(lone), alone.finite(own)

    def card(self, progress: Progress, after: dict[str, float], sha256: str, difference: float, own: tuple[float, float] | None) -> dict[str, Any]:
        """The model's card."""
        nodes, total = len(progress.samples), sum(progress.samples.values())
        metrics = {
            "loss_before": progress.before,
            "loss_after": after,
            "onnx_difference": difference,
            "sites": nodes,
            "samples": progress.samples,
            "rounds": progress.round,
            "local_epochs": self.plan.local_epochs,
            "strategy": self.plan.strategy,
            "privacy": self.privacy(progress) or "none beyond keeping the data at the nodes",
            "parent": self.plan.base_model or "",
            "root": {"before": own[0], "after": own[1]} if own else None,
            "run": self.id,
        }
        made = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d-%H%M%S")
        data = f"{total} samples of {nodes} nodes, which never left them" + ("; measured against a root set at the portal" if own else "")
        card = ModelCard(name=self.task.detector, version=f"{fab.version()}+{made}", sha256=sha256, data=data, metrics=metrics, **self.task.card())
        return dataclasses.asdict(card)


class _Chosen:
    """Stands for the grid where a strategy only asks who is there: it would wait for ever for a node that has just left."""

    def __init__(self, nodes: list[int]):
        self.nodes = nodes

    def get_node_ids(self) -> list[int]:
        return self.nodes


def _record(arrays: Arrays) -> ArrayRecord:
    return ArrayRecord({name: Array(value) for name, value in arrays.items()})


def _ordered(arrays: Arrays, like: Arrays) -> Arrays:
    """An ONNX file may list more, and in another order."""
    return {name: arrays[name] for name in like} if set(like) <= set(arrays) else arrays


def _name_sender(reply: Message, node: int) -> None:
    """Who a reply is from is known from what it answers: an error that Flower made up names itself, and a node must not name another."""
    reply.metadata.__dict__["_src_node_id"] = node


def _outcome(reply: guard.Reply, down: int) -> NodeOutcome:
    return NodeOutcome(
        node=str(reply.node),
        status="accepted" if reply.accepted else "rejected" if reply.bytes_up else "failed",
        loss=reply.metrics.get("loss-after"),
        loss_before=reply.metrics.get("loss-before"),
        n=reply.metrics.get("num-examples"),
        epsilon=reply.spent.get("epsilon"),
        bytes_down=down,
        bytes_up=reply.bytes_up,
        update_norm=reply.norm,
        cosine=reply.cosine,
        reason=reply.reason,
    )


def _with(status: str, rows: list[NodeOutcome]) -> list[str]:
    return [row.node for row in rows if row.status == status]


def _mean_loss(rows: list[NodeOutcome]) -> float | None:
    weighted = [(row.loss, row.n) for row in rows if row.loss is not None and row.n]
    total = sum(samples for _, samples in weighted)
    return sum(loss * samples for loss, samples in weighted) / total if total else None


def _loss_of(reply: Message, name: str = "loss") -> float | None:
    if reply.has_error() or not reply.content.metric_records:
        return None
    loss = next(iter(reply.content.metric_records.values())).get(name)
    return float(loss) if isinstance(loss, int | float) else None
