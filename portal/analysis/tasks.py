"""The worker's part: let the tool look at the files."""

from __future__ import annotations

import logging

from procrastinate.contrib.django import app

import detectors
from detectors.types import Report
from portal.analysis import actions, uploads
from portal.analysis.models import Case, Tool
from portal.core import media

log = logging.getLogger(__name__)


@app.task(name="analysis.run_case", queue="analysis")
def run_case(case_id: int) -> None:
    """Make the report of a case; a case whose worker was killed is simply examined again."""
    case = Case.objects.select_related("site").get(pk=case_id)
    if case.over:
        return
    try:
        actions.keep_report(case=case, report=_examine(case))
    except detectors.BadInput as error:
        actions.fail_case(case=case, problem=str(error))
    except Exception:  # the edge of a job: the person must not wait for ever, the traceback is for us
        log.exception("case %s failed", case.pk)
        actions.fail_case(case=case, problem="The tool broke down on this file. The administrator finds the cause in the worker's log.")


@app.periodic(cron="*/10 * * * *")
@app.task(name="analysis.sweep_uploads", queue="default", queueing_lock="analysis.sweep_uploads")
def sweep_uploads(timestamp: int) -> None:
    """Every ten minutes: drop the uploads that were abandoned."""
    if gone := uploads.sweep():
        log.info("%d abandoned uploads dropped", gone)


def _examine(case: Case) -> Report:
    tool = detectors.shared(case.tool)
    paths = [media.path(file.sha256) for file in case.files.all()]

    def progress(share: float, step: str) -> None:
        actions.show_progress(case=case, share=share, step=step)

    return tool.compare(*paths, progress) if case.tool == Tool.FACE_COMPARE else tool.report(*paths, progress)
