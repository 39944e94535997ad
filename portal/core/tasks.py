"""What the house itself does over and over: jobs of a worker that was killed are done again (every task of the portal may be run twice without harm), jobs
that ended long ago are deleted, and so are files that nobody holds any more.
"""

from __future__ import annotations

import logging

from procrastinate.contrib.django import app

from portal.core import clock_check, media

DONE_KEPT_DAYS = 7  # jobs that ended well or were cancelled
FAILED_KEPT_DAYS = 30  # for whoever looks for the cause
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


@app.periodic(cron="40 3 * * *")
@app.task(name="core.delete_old_jobs", queue="default", queueing_lock="core.delete_old_jobs")
async def delete_old_jobs(timestamp: int) -> None:
    """Once a night: delete jobs that ended long ago; what they did stands elsewhere. Those that wait or are at work stay, however old they are."""
    await app.job_manager.delete_old_jobs(DONE_KEPT_DAYS * 24, include_cancelled=True, include_aborted=True)
    await app.job_manager.delete_old_jobs(FAILED_KEPT_DAYS * 24, include_failed=True)


@app.periodic(cron="5 5 * * *")
@app.task(name="core.sweep_media", queue="default", queueing_lock="core.sweep_media")
def sweep_media(timestamp: int) -> None:
    """Every night, after the jobs that delete by date: delete the files that a killed process left behind."""
    if not clock_check.jumped() and (gone := media.sweep()):
        log.warning("%d files that nobody holds deleted", gone)
