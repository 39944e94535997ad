"""Django's entry to the people app."""

from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "portal.people"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from portal.alerts import ports as alerts
        from portal.core import media
        from portal.people import circle, gallery, log, queries
        from portal.sites import ports as sites

        media.hold("face log", queries.held)
        alerts.nobody.fill(queries.nobody)
        alerts.record_recognitions.fill(log.record)
        sites.staff_list_news.fill(gallery.news)
        sites.peers_news.fill(circle.circle)
