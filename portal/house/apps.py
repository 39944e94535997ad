"""Django's entry to the house app. It is the last of INSTALLED_APPS: when it is ready, every port is filled and every job has a task, or nothing starts."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules

from portal.core import jobs, ports


class HouseConfig(AppConfig):
    name = "portal.house"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from portal.analysis import ports as analysis_ports
        from portal.core import health
        from portal.house import audit_words
        from portal.house.health import audit_log

        health.register(audit_log)
        analysis_ports.verb_in_words.fill(audit_words.verb_in_words)
        autodiscover_modules("ports")
        ports.check()
        jobs.check()
