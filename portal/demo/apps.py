"""Django's entry to the demo app."""

from django.apps import AppConfig


class DemoConfig(AppConfig):
    name = "portal.demo"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from portal.core import naming
        from portal.demo.names import NAMES

        naming.ship(NAMES)
