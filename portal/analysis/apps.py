"""Django's entry to the analysis app."""

from django.apps import AppConfig


class AnalysisConfig(AppConfig):
    name = "portal.analysis"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from portal.alerts import ports as alerts_ports
        from portal.analysis import from_alerts, queries, sandbox
        from portal.core import jobs, media
        from portal.sites import ports

        media.hold("cases", queries.held)
        ports.cases_of_site.fill(queries.count_at)
        alerts_ports.open_case.fill(from_alerts.open_case)
        jobs.at_worker_start(sandbox.warm_up)
