"""Pages of people and access."""

from __future__ import annotations

from django.urls import path

from portal.people import erase_views, views

app_name = "people"
urlpatterns = [
    path("people/", views.listing, name="list"),
    path("people/<uuid:uid>/revoke", views.revoke, name="revoke"),
    path("people/<uuid:uid>/erase", erase_views.erase, name="erase"),
]
