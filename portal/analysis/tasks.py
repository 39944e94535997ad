"""The worker's part: let the tool look at the files."""

from __future__ import annotations

import dataclasses
import json
import logging
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from procrastinate.contrib.django import app

from portal.analysis import actions, ports, queries, retention, sandbox, tools, uploads
from portal.analysis.errors import ToolFailure
from portal.analysis.limits import limits_of
from portal.analysis.models import Case, CaseFile
from portal.core import clock_check, full_disk, media

FACTS_FOR = "persuasion"  # the family of tools whose texts are looked up
log = logging.getLogger(__name__)


@app.task(name="analysis.run_case", queue="analysis")
def run_case(case_id: int) -> None:
    """Make the report of a case, in a child process; a case whose worker was killed is simply examined again, and ends once."""
    if (case := actions.begin_examination(case_id=case_id)) is None:
        return
    folder = settings.MEDIA_FOLDER / "incoming" / f"case-{case.pk}-{uuid.uuid4().hex[:8]}"
    try:
        folder.mkdir(parents=True)
        actions.keep_report(case_id=case.pk, findings=_with_facts(case.tool, _examine(case, folder)))
    except sandbox.Unwanted:
        log.info("case %s was cancelled", case.pk)
    except ToolFailure as error:
        actions.fail_case(case_id=case.pk, code=error.code, params=error.params)
    except Exception as error:  # the edge of a job: the person must not wait for ever, the traceback is for us
        log.exception("case %s failed", case.pk)
        actions.fail_case(case_id=case.pk, code="disk" if full_disk.is_full(error) else "broke", params={})
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@app.periodic(cron="*/10 * * * *")
@app.task(name="analysis.sweep_uploads", queue="default", queueing_lock="analysis.sweep_uploads")
def sweep_uploads(timestamp: int) -> None:
    """Every ten minutes: drop the uploads that were abandoned."""
    if gone := uploads.sweep():
        log.info("%d abandoned uploads dropped", gone)


@app.periodic(cron="17 4 * * *")
@app.task(name="analysis.forget_ended", queue="default", queueing_lock="analysis.forget_ended")
def forget_ended(timestamp: int) -> None:
    """Every night: delete the cases whose end date is past."""
    if clock_check.jumped():
        return
    gone = retention.forget_ended()
    log.info("%d ended cases and %d files deleted", gone["cases"], gone["files"])


def _examine(case: Case, folder: Path) -> sandbox.Findings:
    given = list(case.files.filter(for_tool=True))
    files = [media.path(file.sha256) for file in given]
    if not all(file.exists() for file in files):
        raise ToolFailure("missing")
    if (entry := tools.entry_of(case.tool)) is None:
        raise ToolFailure("gone")
    try:
        return sandbox.examine(
            entry=entry,
            files=files,
            folder=folder,
            limits=limits_of(entry.name, entry.media),
            on_stage=lambda share, stage: actions.show_progress(case_id=case.pk, share=share, stage=stage),
            wanted=lambda: queries.is_wanted(case.pk),
            options=case.options,
        )
    except ToolFailure as error:
        raise ToolFailure(error.code, **_with_names(error.params, given)) from error


def _with_facts(tool: str, findings: sandbox.Findings) -> sandbox.Findings:
    """What a tool that reads for persuasion found, and which facts its text leans on: asked here because the tool's process has no database, and kept as
    plain data, so that a report never changes with the facts.
    """
    entry, report = tools.entry_of(tool), findings.report
    text = next((each["text"] for each in report["evidence"] if each["kind"] == "marked-text"), None)
    if entry is None or entry.family != FACTS_FOR or text is None:
        return findings
    found = ports.facts_in(text)
    more = {"parts": [*report["parts"], *found.parts], "evidence": [*report["evidence"], *found.evidence], "facts": found.facts}
    return dataclasses.replace(findings, report=report | more)


def _with_names(params: dict[str, Any], files: Sequence[CaseFile]) -> dict[str, Any]:
    """What a tool says of its files, which it saw under their sha256, with the names that people gave them."""
    text = json.dumps(params)
    for file in files:
        text = text.replace(file.sha256, json.dumps(file.name)[1:-1])
    return json.loads(text)
