"""What an administrator types to make a site or a camera."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from portal.sites.models import Camera, Site


class SiteForm(forms.ModelForm):
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
        widgets = {"note": forms.Textarea(attrs={"rows": 2})}


class CameraForm(forms.ModelForm):
    class Meta:
        model = Camera
        fields = ["name", "slug", "kind", "note", "plan_x", "plan_y", "heading"]
        labels = {
            "name": _("Name"),
            "slug": _("Short name in addresses"),
            "kind": _("Kind"),
            "note": _("Where the pictures come from"),
            "plan_x": _("Place on the plan, from the left (0 to 1)"),
            "plan_y": _("Place on the plan, from the top (0 to 1)"),
            "heading": _("Looks towards (degrees clockwise from the top)"),
        }
