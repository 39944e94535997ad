"""What an administrator types to make a site or a camera."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.core.secrets import refuse_secret
from portal.sites.models import Camera, Site


class _SharedTexts(forms.ModelForm):
    """A form whose texts others read: what holds a secret is refused where it was typed."""

    def _clean_fields(self) -> None:
        super()._clean_fields()
        for name, value in list(self.cleaned_data.items()):
            if isinstance(value, str):
                try:
                    refuse_secret(value)
                except forms.ValidationError as error:
                    self.add_error(name, error)


class SiteForm(_SharedTexts):
    class Meta:
        model = Site
        fields = ["name", "slug", "place", "note", "latitude", "longitude"]
        labels = {
            "name": _("Name"),
            "slug": _("Short name in addresses"),
            "place": _("Place"),
            "note": _("Note"),
            "latitude": _("Latitude"),
            "longitude": _("Longitude"),
        }
        help_texts = {
            "slug": _("Letters, digits and -; it cannot be changed later."),
            "note": _("Everybody with a role at this site reads it."),
        }
        widgets = {"note": forms.Textarea(attrs={"rows": 2})}


class SiteChangeForm(SiteForm):
    """What can be changed of a site that is there."""

    class Meta(SiteForm.Meta):
        fields = ["name", "place", "note", "latitude", "longitude"]


class CameraForm(_SharedTexts):
    class Meta:
        model = Camera
        fields = ["name", "slug", "kind", "note", "plan_x", "plan_y", "heading"]
        labels = {
            "name": _("Name"),
            "slug": _("Short name in addresses"),
            "kind": _("Kind"),
            "note": _("Note"),
            "plan_x": _("Place on the plan, from the left (0 to 1)"),
            "plan_y": _("Place on the plan, from the top (0 to 1)"),
            "heading": _("Looks towards (degrees clockwise from the top)"),
        }
        help_texts = {
            "slug": _("Letters, digits and -; it cannot be changed later: the agent is enrolled under it."),
            "note": _("Such as where it hangs. Everybody with a role at this site reads it; no password belongs here."),
        }


class CameraChangeForm(CameraForm):
    """What can be changed of a camera that is there."""

    class Meta(CameraForm.Meta):
        fields = ["name", "kind", "note", "plan_x", "plan_y", "heading"]
