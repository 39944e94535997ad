"""Django's entry to the sites app."""

from django.apps import AppConfig


class SitesConfig(AppConfig):
    name = "portal.sites"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from detectors.rules import registry
        from portal.core import health, media, serving
        from portal.sites import camera_actions, listening
        from portal.sites.health import agents, certificates, disks, restarts, superlink, views

        registry.kinds()  # a rule kind that cannot be read stops the start, not the first page
        media.hold("plans", camera_actions.held)
        health.register(superlink)
        health.register(agents)
        health.register(restarts)
        health.register(certificates)
        health.register(disks)
        health.register(views)
        serving.repeat(listening.note, listening.EVERY_S)
