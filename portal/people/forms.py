"""What a manager fills in to enrol somebody."""

from __future__ import annotations

import datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import Role, User
from portal.accounts.queries import sites_of
from portal.people.models import LegalBasis


class SeveralFiles(forms.ClearableFileInput):
    allow_multiple_selected = True


class SeveralFilesField(forms.FileField):
    """One or more files, each judged as a FileField judges one."""

    widget = SeveralFiles

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        return [super(SeveralFilesField, self).clean(each, initial) for each in data or [None]]


class PersonForm(forms.Form):
    """The paper and the pictures; what must be true of them is judged by the action."""

    site = forms.ModelChoiceField(None, label=_("Site"), empty_label=None)
    name = forms.CharField(label=_("Name"), max_length=120)
    title = forms.CharField(label=_("Role"), max_length=120, required=False)
    legal_basis = forms.ChoiceField(label=_("Legal basis"), choices=LegalBasis.choices)
    document = forms.CharField(label=_("Signed document"), max_length=200, help_text=_("Where it is kept, for example a file number."))
    expires = forms.DateField(label=_("End date"), widget=forms.DateInput(attrs={"type": "date"}), help_text=_("At most a year from now."))
    pictures = SeveralFilesField(label=_("Pictures"), widget=SeveralFiles(attrs={"accept": "image/*"}), help_text=_("One face in each; they are not kept."))

    def __init__(self, *arguments: Any, user: User, **named: Any):
        super().__init__(*arguments, **named)
        self.fields["site"].queryset = sites_of(user, Role.MANAGER)
        self.fields["expires"].initial = timezone.localdate() + datetime.timedelta(days=180)

    def paper(self) -> dict[str, Any]:
        """The arguments of the action: the end date as the last moment of that day."""
        chosen = {name: value for name, value in self.cleaned_data.items() if name != "pictures"}
        last = datetime.datetime.combine(chosen["expires"], datetime.time(23, 59, 59))
        return {**chosen, "expires": timezone.make_aware(last)}
