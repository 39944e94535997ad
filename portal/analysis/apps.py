"""Django's entry to the analysis app."""

from django.apps import AppConfig


class AnalysisConfig(AppConfig):
    name = "portal.analysis"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from portal.analysis import queries, sandbox
        from portal.core import jobs, media
        from portal.sites import ports

        media.hold("cases", queries.held)
        ports.cases_of_site.fill(queries.count_at)
        jobs.at_worker_start(sandbox.warm_up)
