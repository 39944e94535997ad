"""Django's entry to the training app."""

from django.apps import AppConfig


class TrainingConfig(AppConfig):
    name = "portal.training"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """What sites asks is answered here; models and pictures of canaries are not for others to delete."""
        from portal.core import events, media
        from portal.sites import ports
        from portal.training.events import RunEnded
        from portal.training.rollout import actions, canary_comparison, queries
        from portal.training.runs.actions import push_run

        ports.desired_models.fill(queries.desired_models)
        ports.desired_versions.fill(queries.desired_versions)
        ports.record_outcome.fill(actions.record_outcome)
        media.hold("canaries", canary_comparison.held)
        media.hold("models", queries.held)
        events.subscribe(RunEnded, lambda ended: push_run(ended.run_id))
