"""The plan of a run."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from federated.plan import RunConfig, offered
from federated.task import names

DEFAULT = RunConfig(task="")


class PlanForm(forms.Form):
    """What an administrator chooses; whether it can work is judged by the action."""

    task = forms.ChoiceField(label=_("Task"))
    strategy = forms.ChoiceField(label=_("Strategy"))
    rounds = forms.IntegerField(label=_("Rounds"), min_value=1, max_value=500, initial=DEFAULT.rounds)
    local_epochs = forms.IntegerField(label=_("Local epochs"), min_value=1, max_value=100, initial=DEFAULT.local_epochs)
    min_sites = forms.IntegerField(label=_("Sites that must answer"), min_value=1, initial=DEFAULT.min_sites)
    deadline_s = forms.FloatField(label=_("Deadline of a round (s)"), min_value=1, max_value=86400, initial=DEFAULT.deadline_s)

    def __init__(self, *arguments: Any, **named: Any):
        super().__init__(*arguments, **named)
        self.fields["task"].choices = [(name, name) for name in names()]
        self.fields["strategy"].choices = [(each["name"], each["name"]) for each in offered(10**6)]
