"""Django's entry to the live app."""

from django.apps import AppConfig


class LiveConfig(AppConfig):
    name = "portal.live"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from portal.live import pushes

        pushes.subscribe()
