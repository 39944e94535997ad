"""Jobs of a worker that was killed are done again: every task of the portal may be run twice without harm."""

from __future__ import annotations

import logging

from procrastinate.contrib.django import app

log = logging.getLogger(__name__)


@app.periodic(cron="* * * * *")
@app.task(name="core.retry_stalled", queue="default", queueing_lock="core.retry_stalled")
async def retry_stalled(timestamp: int) -> None:
    """Every minute: give the jobs of workers without a heartbeat to a living one."""
    for job in await app.job_manager.get_stalled_jobs():
        log.warning("the worker of job %s (%s) is gone: the job is done again", job.id, job.task_name)
        try:
            await app.job_manager.retry_job(job)
        except Exception:  # the edge of a job: the other jobs still wait, the traceback is for us
            log.exception("job %s cannot be done again", job.id)
