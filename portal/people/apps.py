"""Django's entry to the people app."""

from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "portal.people"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from portal.alerts import ports as alerts
        from portal.core import media
        from portal.people import doors, log, peers, queries, staff_list
        from portal.sites import ports as sites

        media.hold("face log", queries.held)
        alerts.nobody.fill(queries.nobody)
        alerts.record_recognitions.fill(log.record)
        sites.staff_list_news.fill(staff_list.news)
        sites.peers_news.fill(peers.peers_news)
        sites.face_log_of.fill(doors.face_log_of)
        sites.leave_door.fill(doors.leave_door)
        sites.records_of_site.fill(doors.records_of_site)
