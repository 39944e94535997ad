"""Django's entry to the memory for facts."""

from django.apps import AppConfig


class FactsConfig(AppConfig):
    name = "portal.facts"
    default_auto_field = "django.db.models.BigAutoField"
