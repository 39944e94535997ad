"""Django's entry to the sites app."""

from django.apps import AppConfig


class SitesConfig(AppConfig):
    name = "portal.sites"
    default_auto_field = "django.db.models.BigAutoField"
