"""Django's entry to the training app."""

from django.apps import AppConfig


class TrainingConfig(AppConfig):
    name = "portal.training"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Pictures of canaries are not for others to delete."""
        from portal.core import media
        from portal.training.rollout import canary_comparison

        media.hold(canary_comparison.holds)
