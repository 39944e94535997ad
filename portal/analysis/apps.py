"""Django's entry to the analysis app."""

from django.apps import AppConfig


class AnalysisConfig(AppConfig):
    name = "portal.analysis"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from portal.analysis import queries
        from portal.core import media

        media.hold("cases", queries.held)
