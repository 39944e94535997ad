"""The plan of a run, and of a nightly one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from federated.contract.run_plan import RunPlan
from federated.learning.plan import PERSONAL, offered, recommended
from federated.learning.privacy import KINDS, LEAST_EPSILON, MOST_EPSILON
from federated.learning.task import names
from portal.training.runs import root_set

DEFAULT = RunPlan(task="")
FIRST = (
    "task",
    "strategy",
    "sites",
    "privacy",
    "epsilon",
    "compare",
    "personal",
    "enabled",
    "rounds",
    "hour",
)  # laid out by hand; every other field is a number
EPSILON = 8.0  # what the form offers first


class PlanForm(forms.Form):
    """What an administrator chooses; whether it can work is checked by the action. `sites` are node ids; none chosen means every site."""

    task = forms.ChoiceField(label=_("Task"))
    strategy = forms.ChoiceField(label=_("Strategy"))
    sites = forms.MultipleChoiceField(label=_("Cameras"), required=False)
    rounds = forms.IntegerField(label=_("Rounds"), min_value=1, max_value=500, initial=DEFAULT.rounds)
    local_epochs = forms.IntegerField(label=_("Local epochs"), min_value=1, max_value=100, initial=DEFAULT.local_epochs)
    min_sites = forms.IntegerField(label=_("Cameras that must answer"), min_value=1, initial=DEFAULT.min_sites)
    deadline_s = forms.FloatField(label=_("Deadline of a round (s)"), min_value=1, max_value=86400, initial=DEFAULT.deadline_s)
    privacy = forms.ChoiceField(label=_("Differential privacy"), required=False, choices=[(kind, kind) for kind in KINDS], initial=DEFAULT.privacy)
    epsilon = forms.FloatField(label=_("Epsilon"), required=False, min_value=LEAST_EPSILON, max_value=MOST_EPSILON, initial=EPSILON)

    personal = forms.ChoiceField(label=_("At each camera afterwards"), required=False, choices=[(kind, kind) for kind in PERSONAL], initial=DEFAULT.personal)
    share = forms.FloatField(label=_("Share of the cameras in a round"), min_value=0.001, max_value=1, initial=1, required=False)
    compare = forms.BooleanField(label=_("Each camera also trains alone"), required=False, initial=DEFAULT.compare)

    def __init__(self, *arguments: Any, nodes: list[dict[str, Any]], **named: Any):
        super().__init__(*arguments, **named)
        enrolled = [node for node in nodes if node["enrolled"]]
        self.fields["task"].choices = [(name, name) for name in names()]
        self.fields["strategy"].choices = [(each["name"], each["name"]) for each in offered(10**6, root=True)]
        self.fields["strategy"].initial = recommended(len(enrolled), root=root_set.present(names()[0]))
        self.fields["sites"].choices = [(node["agent"].node_id, str(node["agent"].camera)) for node in enrolled]

    def clean_share(self) -> float:
        """Left empty: every site."""
        return self.cleaned_data["share"] or DEFAULT.share

    def clean_personal(self) -> str:
        """Left out: what measures best."""
        return self.cleaned_data["personal"] or DEFAULT.personal

    def clean(self) -> dict[str, Any]:
        """Without privacy there is no epsilon, whatever stands in the field."""
        fields = super().clean() or self.cleaned_data
        fields["privacy"] = fields.get("privacy") or DEFAULT.privacy
        fields["epsilon"] = 0.0 if fields["privacy"] == DEFAULT.privacy else fields.get("epsilon") or 0.0
        return fields

    def numbers(self) -> list[forms.BoundField]:
        """The fields that are numbers."""
        return [field for field in self if field.name not in FIRST]


class NightForm(PlanForm):
    """The same, each night at an hour."""

    hour = forms.IntegerField(label=_("Hour (0 to 23)"), min_value=0, max_value=23, initial=2)
    enabled = forms.BooleanField(label=_("Each night"), required=False, initial=True)
