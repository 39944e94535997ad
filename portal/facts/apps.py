"""Django's entry to the memory for facts."""

from django.apps import AppConfig


class FactsConfig(AppConfig):
    name = "portal.facts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from portal.analysis import ports
        from portal.facts import reporting

        ports.facts_in.fill(reporting.facts_in)
