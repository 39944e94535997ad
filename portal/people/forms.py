"""What a manager fills in to enrol somebody."""

from __future__ import annotations

import datetime
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from portal.accounts.models import Role, User
from portal.accounts.queries import sites_of
from portal.people.models import LegalBasis, Person
from portal.sites.models import Camera, LegalMode


class SeveralFiles(forms.ClearableFileInput):
    allow_multiple_selected = True


class SeveralFilesField(forms.FileField):
    """One or more files, each judged as a FileField judges one."""

    widget = SeveralFiles

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        return [super(SeveralFilesField, self).clean(each, initial) for each in data or [None]]


class DayInput(forms.DateInput):
    """A browser's date field understands ISO 8601 only, whatever the reader's language."""

    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d")


class ChangeForm(forms.Form):
    """Another end date, other doors."""

    expires = forms.DateField(label=_("End date"), widget=DayInput())
    doors = forms.ModelMultipleChoiceField(None, label=_("Doors"), required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, *arguments: Any, person: Person, **named: Any):
        super().__init__(*arguments, **named)
        self.fields["doors"].queryset = Camera.objects.filter(site=person.site, legal_mode=LegalMode.M1).order_by("name")
        self.fields["expires"].initial, self.fields["doors"].initial = timezone.localdate(person.expires), person.doors.all()

    def wish(self) -> dict[str, Any]:
        """The arguments of the action."""
        return {"expires": end_of(self.cleaned_data["expires"]), "doors": list(self.cleaned_data["doors"])}


def end_of(day: datetime.date) -> datetime.datetime:
    """The last second of that day here."""
    return timezone.make_aware(datetime.datetime.combine(day, datetime.time(23, 59, 59)))


def doors_of(user: User) -> QuerySet[Camera]:
    """The restricted doors of the sites that the user manages."""
    return Camera.objects.filter(site__in=sites_of(user, Role.MANAGER), legal_mode=LegalMode.M1).select_related("site").order_by("site__name", "name")


class PersonForm(forms.Form):
    """The paper and the pictures; what must be true of them is judged by the action."""

    site = forms.ModelChoiceField(None, label=_("Site"), empty_label=None)
    name = forms.CharField(label=_("Name"), max_length=120)
    title = forms.CharField(label=_("Role"), max_length=120, required=False)
    legal_basis = forms.ChoiceField(label=_("Legal basis"), choices=LegalBasis.choices)
    document = forms.CharField(label=_("Signed document"), max_length=200, help_text=_("Where it is kept, for example a file number."))
    alternative = forms.CharField(
        label=_("Way in without biometrics that was offered"),
        max_length=200,
        required=False,
        help_text=_("For example a badge or a key at the same door. Without one, consent of an employee is hardly free."),
    )
    without_alternative = forms.BooleanField(required=False, label=_("There is none, and I answer for enrolling all the same"))
    expires = forms.DateField(label=_("End date"), widget=DayInput(), help_text=_("At most a year from now."))
    doors = forms.ModelMultipleChoiceField(
        None,
        label=_("Doors"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("None chosen: every restricted door of the site, also later ones."),
    )
    pictures = SeveralFilesField(
        label=_("Pictures"), widget=SeveralFiles(attrs={"accept": "image/*"}), help_text=_("One face in each, three to five; they are not kept.")
    )
    alike = forms.BooleanField(required=False, label=_("It is another person who looks the same"))
    turn = forms.BooleanField(required=False, label=_("Turn pictures that lie on their side or head"))

    def __init__(self, *arguments: Any, user: User, **named: Any):
        super().__init__(*arguments, **named)
        self.fields["site"].queryset = sites_of(user, Role.MANAGER)
        self.fields["doors"].queryset = doors_of(user)
        self.fields["expires"].initial = timezone.localdate() + datetime.timedelta(days=180)

    def paper(self) -> dict[str, Any]:
        """The arguments of the action: the end date as the last moment of that day."""
        chosen = {name: value for name, value in self.cleaned_data.items() if name != "pictures"}
        return {**chosen, "doors": list(chosen["doors"]), "expires": end_of(chosen["expires"])}
