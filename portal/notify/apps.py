"""Django's entry to the notify app: every channel is found and channels.toml read, or nothing starts; then it subscribes to what it sends."""

from django.apps import AppConfig
from django.core.exceptions import ImproperlyConfigured


class NotifyConfig(AppConfig):
    name = "portal.notify"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from portal.core import events, health
        from portal.notify import actions, channels, config, notifications
        from portal.notify.health import channels as channels_health

        channels.discover()
        try:
            config.read()
        except config.ChannelsFileError as error:
            raise ImproperlyConfigured(str(error)) from error
        for kind in notifications.table:
            events.subscribe(kind, actions.notify, in_transaction=True)
        health.register(channels_health)
