"""Django's entry to the alerts app."""

from django.apps import AppConfig


class AlertsConfig(AppConfig):
    name = "portal.alerts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.conf import settings

        from portal.alerts import flow, house, labels, queries, retention
        from portal.core import media, serving
        from portal.sites import ports

        media.hold("events and alerts", queries.held)
        ports.alert_labels_news.fill(labels.news)
        ports.open_alerts.fill(queries.open_by_site)
        ports.visitor_flow.fill(flow.visitor_flow)
        ports.camera_records.fill(retention.camera_records)
        ports.delete_camera_records.fill(retention.delete_camera_records)
        serving.repeat(house.check, settings.HOUSE_CHECK_S)
