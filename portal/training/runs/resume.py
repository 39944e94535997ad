"""Going on from a checkpoint: which run left one, and after which round."""

from __future__ import annotations

import dataclasses

from portal.training.models import Run, RunState

ENDED_EARLY = (RunState.FAILED, RunState.STOPPED)


@dataclasses.dataclass(frozen=True, slots=True)
class Checkpoint:
    """What the SuperLink keeps of a run: its weights after the last round in which enough sites were accepted."""

    run: Run
    round: int


def checkpoint_of(run: Run) -> Checkpoint | None:
    """The run's own checkpoint, or the one it went on from itself when it did not get further; None when nothing was kept."""
    least = int(run.plan.get("min_sites", 1))
    for row in reversed(list(run.rounds.all())):
        if run.flower_id and sum(site.status == "accepted" for site in row.sites.all()) >= least:
            return Checkpoint(run, row.number)
    return checkpoint_of(run.resumes) if run.resumes else None


def resumable(run: Run) -> Checkpoint | None:
    """The checkpoint to offer for a run that ended early; a run whose result the gate has judged does not get a second vote."""
    if run.state not in ENDED_EARLY or run.gate:
        return None
    return checkpoint_of(run)


def chain(run: Run) -> list[Run]:
    """The run and those it goes on from, newest first."""
    found = [run]
    while (earlier := found[-1].resumes) is not None and earlier not in found:
        found.append(earlier)
    return found
