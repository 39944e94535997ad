"""The SuperLink's end of a run: reads the plan, reports progress as METRIC lines in the run's log, leaves the files in `<home>/superlink/runs/<id>/`."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import time
from pathlib import Path

from flwr.app import Context
from flwr.serverapp import Grid, ServerApp

from federated.contract.run_events import RunEvent
from federated.learning import root, task
from federated.learning.control import METRIC
from federated.learning.plan import check, from_run_config
from federated.learning.rounds import FederatedRun

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Run the plan in the run's configuration. An exception's text becomes the reason that the administrator reads."""
    plan = from_run_config(dict(context.run_config))
    home = Path(os.environ["SPECOLA_HOME"]).resolve()
    check(plan, root=root.present(plan.task, home))
    FederatedRun(str(context.run_id), plan, task.load(plan.task), grid, home / "superlink" / "runs" / str(context.run_id), Metrics()).go()


class Metrics:
    """Numbers each event from 1 and writes it as one line, in one piece, so that lines of other threads cannot cut it."""

    def __init__(self) -> None:
        self.seq = 0

    def __call__(self, event: RunEvent) -> None:
        self.seq += 1
        sys.stdout.write(METRIC + json.dumps(dataclasses.replace(event, seq=self.seq, t=time.time()).to_json()) + "\n")
        sys.stdout.flush()
