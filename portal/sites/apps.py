"""Django's entry to the sites app."""

from django.apps import AppConfig


class SitesConfig(AppConfig):
    name = "portal.sites"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from portal.core import health
        from portal.sites.health import agents, superlink

        health.register(superlink)
        health.register(agents)
