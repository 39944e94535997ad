"""Pages of people and access."""

from __future__ import annotations

from django.urls import path

from portal.people import erase_views, expiry_views, views

app_name = "people"
urlpatterns = [
    path("people/", views.listing, name="list"),
    path("people/<uuid:uid>/revoke", views.revoke, name="revoke"),
    path("people/<uuid:uid>/erase", erase_views.erase, name="erase"),
    path("people/expiring/", expiry_views.expiring, name="expiring"),
    path("people/<uuid:uid>/extend", expiry_views.extend, name="extend"),
]
