"""Django's entry to the alerts app."""

from django.apps import AppConfig


class AlertsConfig(AppConfig):
    name = "portal.alerts"
    default_auto_field = "django.db.models.BigAutoField"
