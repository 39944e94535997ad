"""Django's entry to the analysis app."""

from django.apps import AppConfig


class AnalysisConfig(AppConfig):
    name = "portal.analysis"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from portal.analysis import queries, sandbox
        from portal.core import jobs, media

        media.hold("cases", queries.held)
        jobs.at_worker_start(sandbox.warm_up)
