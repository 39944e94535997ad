"""The rounds of one run, on the SuperLink's side: wait for sites, send, collect, guard, checkpoint, and at the end the vote, the gate and the files.

Written as our own loop over the public hooks of Flower's strategies: theirs waits for ever for missing sites, has no quorum, keeps nothing
when it is killed, and reports success without a model.

Exceptions::

    RunFailed       the run ends without a model; the message is the reason the administrator reads
    +-- RunRefused  sites trained, but the gate refused the result
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MessageType, RecordDict
from flwr.serverapp import Grid

from detectors.types import ModelCard
from federated import fab, gate, guard, weights
from federated.plan import RunConfig
from federated.task import Task
from federated.weights import Arrays

POLL_S = 0.5
PRESENCE_S = 5.0  # between looks at which of the awaited sites are still online


class RunFailed(Exception):
    """The run ends without a model."""


class RunRefused(RunFailed):
    """The gate refused the result."""


class Report(Protocol):
    """Where progress goes: `kind` and the event's own fields."""

    def __call__(self, kind: str, **fields: Any) -> None: ...


@dataclasses.dataclass(slots=True)
class Progress:
    """What must survive a crash: written to `checkpoint.npz` and `checkpoint.json` after each round."""

    round: int
    start: Arrays
    arrays: Arrays
    before: dict[str, float]  # node id -> loss with the starting weights
    samples: dict[str, int]


@dataclasses.dataclass(slots=True)
class Run:
    """One run: `folder` is its own, `kept` holds the weights of published models by the sha256 of their ONNX file."""

    id: str
    plan: RunConfig
    task: Task
    grid: Grid
    folder: Path
    report: Report
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def go(self) -> dict[str, Any]:
        """Train, judge, export. Returns the result event. Raises RunFailed with the reason."""
        self.folder.mkdir(parents=True, exist_ok=True)
        progress = self.begin()
        limits = guard.Limits(self.task.max_update_norm, self.plan.min_sites)
        strategy = guard.build(self.plan.strategy, limits, self.plan.min_sites)
        for number in range(progress.round + 1, self.plan.rounds + 1):
            self.round(number, strategy, progress)
            save(progress, self.folder)
        return self.finish(progress)

    def begin(self) -> Progress:
        """Fresh weights, those of a model, or the checkpoint of a run that was cut off."""
        net = self.task.net(self.plan.seed)
        try:
            if self.plan.resume:
                progress = restore(self.folder.parent / self.plan.resume)
                weights.check(progress.arrays, weights.of(net))
                return progress
            if self.plan.base_model:
                weights.put(net, _ordered(weights.read_model(Path(self.plan.base_model), self.kept), weights.of(net)))
        except weights.WeightsMismatch as error:
            raise RunFailed(f"cannot start from these weights: {error}") from error
        start = weights.of(net)
        return Progress(0, start, start, {}, {})

    @property
    def kept(self) -> Path:
        """Weights of every result, by the sha256 of its ONNX file."""
        return self.folder.parent.parent / "weights"

    def round(self, number: int, strategy: guard.Guard, progress: Progress) -> None:
        """One round: raises RunFailed when the quorum is not there or not left."""
        began = self.clock()
        nodes = self.gather()
        settings = ConfigRecord({"epochs": self.plan.local_epochs, "lr": self.plan.learning_rate or self.task.learning_rate, "seed": self.plan.seed + number})
        record = _record(progress.arrays)
        messages = list(strategy.configure_train(number, record, settings, _Chosen(nodes)))  # type: ignore[arg-type]
        replies, lost = self.exchange(messages)
        arrays, _ = strategy.aggregate_train(number, replies)
        sites = self.account(nodes, strategy.replies, lost, weights.size(progress.arrays))
        accepted = [site for site in sites if site["status"] == "accepted"]
        for reply in strategy.replies:
            if reply.accepted:
                progress.before.setdefault(str(reply.node), reply.metrics["loss-before"])
                progress.samples[str(reply.node)] = int(reply.metrics["num-examples"])
        self.report("round", round=number, rounds=self.plan.rounds, sites=sites, loss=_mean_loss(accepted), seconds=round(self.clock() - began, 2))
        if arrays is None:
            told = "; ".join(f"{site['node']} {site['status']}: {site['reason']}" for site in sites if site["status"] != "accepted")
            raise RunFailed(f"round {number}: {len(accepted)} of {len(nodes)} sites accepted, {self.plan.min_sites} are needed ({told})")
        progress.round, progress.arrays = number, {name: value.numpy() for name, value in arrays.items()}

    def gather(self) -> list[int]:
        """The nodes that take part now; waits for the quorum, but not for ever."""
        until, told = self.clock() + self.plan.wait_s, -1
        while True:
            online = sorted(self.grid.get_node_ids())
            chosen = [node for node in online if not self.plan.sites or str(node) in self.plan.sites]
            if len(chosen) >= self.plan.min_sites:
                return chosen
            if self.clock() >= until:
                raise RunFailed(f"{len(chosen)} of the {self.plan.min_sites} sites needed were online after {self.plan.wait_s:.0f} s{self.missing(chosen)}")
            if len(chosen) != told:
                told = len(chosen)
                self.report("waiting", have=told, need=self.plan.min_sites, seconds_left=round(until - self.clock()))
            self.sleep(POLL_S)

    def missing(self, chosen: list[int]) -> str:
        """Name the chosen sites that are not there."""
        absent = [site for site in self.plan.sites if int(site) not in chosen]
        return f"; missing: {', '.join(absent)}" if absent else ""

    def exchange(self, messages: list[Message]) -> tuple[list[Message], dict[int, str]]:
        """Send, and collect replies until all are in, the deadline is over or the rest has gone offline. Also why each silent node is silent."""
        nodes = [message.metadata.dst_node_id for message in messages]
        sent = dict(zip(self.grid.push_messages(messages), nodes, strict=True))
        lost = {node: "the SuperLink did not take the message" for message_id, node in sent.items() if not message_id}
        waiting = {message_id: node for message_id, node in sent.items() if message_id}
        replies, until, look = list[Message](), self.clock() + self.plan.deadline_s, self.clock() + PRESENCE_S
        while waiting:
            for reply in self.grid.pull_messages(list(waiting)):
                node = waiting.pop(reply.metadata.reply_to_message_id)
                _name_sender(reply, node)
                replies.append(reply)
            if self.clock() >= until:
                lost |= dict.fromkeys(waiting.values(), f"no answer within {self.plan.deadline_s:.0f} s")
                break
            if self.clock() >= look:
                look, online = self.clock() + PRESENCE_S, set(self.grid.get_node_ids())
                gone = {message_id for message_id, node in waiting.items() if node not in online}
                lost |= {waiting.pop(message_id): "went offline during the round" for message_id in gone}
            if waiting:
                self.sleep(POLL_S)
        return replies, lost

    def account(self, nodes: list[int], replies: Iterable[guard.Reply], lost: dict[int, str], down: int) -> list[dict[str, Any]]:
        """One row a site, as the run page shows it."""
        rows = {node: {"status": "late", "reason": reason} for node, reason in lost.items()}
        for reply in replies:
            status = "accepted" if reply.accepted else "rejected" if reply.bytes_up else "failed"
            if rows.get(reply.node, {}).get("status") != "accepted":
                rows[reply.node] = {"status": status, "reason": reply.reason, "norm": reply.norm, "up": reply.bytes_up, **reply.metrics}
        return [_row(node, rows.get(node, {"status": "late", "reason": "no answer"}), down) for node in nodes]

    def finish(self, progress: Progress) -> dict[str, Any]:
        """Let every site measure the result on its own data, export it, judge it, write it down."""
        net = self.task.net(self.plan.seed)
        weights.put(net, progress.arrays)
        after = self.vote(progress.arrays)
        draft = self.folder / "candidate.onnx"
        sha256 = self.task.export(net, draft)
        difference = self.task.agreement(net, draft, self.task.probe())
        reasons = gate.judge(gate.Candidate(progress.start, progress.arrays, progress.before, after, self.plan.min_sites, difference))
        votes = [{"node": node, "before": progress.before.get(node), "after": loss} for node, loss in after.items()]
        self.report("gate", passed=not reasons, reasons=reasons, votes=votes, onnx_difference=difference)
        if reasons:
            raise RunRefused("the gate refused the result: " + "; ".join(reasons))
        path = draft.rename(self.folder / "model.onnx")
        self.kept.mkdir(exist_ok=True)
        weights.save(progress.arrays, self.kept / f"{sha256}.npz")
        card = self.card(progress, after, sha256, difference)
        (self.folder / "card.json").write_text(json.dumps(card, indent=1))
        result = {"path": str(path), "sha256": sha256, "card": card}
        self.report("result", **result)
        return result

    def vote(self, arrays: Arrays) -> dict[str, float]:
        """Each site's loss with these weights on its held-back data."""
        record = RecordDict({"arrays": _record(arrays), "config": ConfigRecord({"round": self.plan.rounds})})
        messages = [Message(content=record, dst_node_id=node, message_type=MessageType.EVALUATE) for node in self.gather()]
        replies, _ = self.exchange(messages)
        return {str(each.metadata.src_node_id): loss for each in replies if (loss := _loss_of(each)) is not None}

    def card(self, progress: Progress, after: dict[str, float], sha256: str, difference: float) -> dict[str, Any]:
        """The model's card."""
        sites, total = len(progress.samples), sum(progress.samples.values())
        metrics = {
            "loss_before": progress.before,
            "loss_after": after,
            "onnx_difference": difference,
            "sites": sites,
            "samples": progress.samples,
            "rounds": progress.round,
            "local_epochs": self.plan.local_epochs,
            "strategy": self.plan.strategy,
            "privacy": "none beyond keeping the data at the sites",
            "parent": self.plan.base_model or "",
            "run": self.id,
        }
        made = datetime.datetime.now(datetime.UTC).strftime("%Y%m%d-%H%M%S")
        data = f"{total} samples of {sites} sites, which never left them"
        card = ModelCard(name=self.task.detector, version=f"{fab.version()}+{made}", sha256=sha256, data=data, metrics=metrics, **self.task.card())
        return dataclasses.asdict(card)


def save(progress: Progress, folder: Path) -> None:
    """Write the checkpoint: arrays first, then the small file that says they are complete."""
    joined = {f"a:{name}": value for name, value in progress.arrays.items()} | {f"s:{name}": value for name, value in progress.start.items()}
    weights.save(joined, folder / f"checkpoint-{progress.round}.npz")
    note = {"round": progress.round, "before": progress.before, "samples": progress.samples}
    beside = folder / ".checkpoint.part"
    beside.write_text(json.dumps(note))
    beside.replace(folder / "checkpoint.json")
    (folder / f"checkpoint-{progress.round - 1}.npz").unlink(missing_ok=True)


def restore(folder: Path) -> Progress:
    """Read what `save` wrote. Raises RunFailed when there is no whole checkpoint."""
    try:
        note = json.loads((folder / "checkpoint.json").read_text())
        joined = weights.read(folder / f"checkpoint-{note['round']}.npz")
    except (OSError, ValueError, KeyError, weights.WeightsMismatch) as error:
        raise RunFailed(f"run {folder.name} left no checkpoint to go on from ({error})") from error
    start = {name[2:]: value for name, value in joined.items() if name.startswith("s:")}
    arrays = {name[2:]: value for name, value in joined.items() if name.startswith("a:")}
    return Progress(note["round"], start, arrays, note["before"], note["samples"])


class _Chosen:
    """Stands for the grid where a strategy only asks who is there: it would wait for ever for a site that has just left."""

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
    """Who a reply is from is known from what it answers: an error that Flower made up names itself, and a site must not name another."""
    reply.metadata.__dict__["_src_node_id"] = node


def _row(node: int, found: dict[str, Any], down: int) -> dict[str, Any]:
    loss, samples, norm = found.get("loss-after"), found.get("num-examples"), found.get("norm")
    row = {"node": str(node), "status": found["status"], "loss": loss, "loss_before": found.get("loss-before"), "n": samples}
    return row | {"bytes_down": down, "bytes_up": found.get("up", 0), "update_norm": norm, "reason": found["reason"]}


def _mean_loss(sites: list[dict[str, Any]]) -> float | None:
    total = sum(site["n"] for site in sites)
    return sum(site["loss"] * site["n"] for site in sites) / total if total else None


def _loss_of(reply: Message) -> float | None:
    if reply.has_error() or not reply.content.metric_records:
        return None
    loss = next(iter(reply.content.metric_records.values())).get("loss")
    return float(loss) if isinstance(loss, int | float) else None
