"""Pages of the memory for facts."""

from __future__ import annotations

from django.urls import path

from portal.facts import import_views, views

app_name = "facts"
urlpatterns = [
    path("facts/", views.listing, name="list"),
    path("facts/new", views.new, name="new"),
    path("facts/import", import_views.import_facts, name="import"),
    path("facts/waiting/", views.waiting, name="waiting"),
    path("facts/<int:pk>/", views.fact, name="fact"),
    path("facts/<int:pk>/edit", views.edit, name="edit"),
    path("facts/<int:pk>/retire", views.retire, name="retire"),
    path("facts/versions/<int:pk>/", views.version, name="version"),
    path("facts/versions/<int:pk>/approve", views.approve, name="approve"),
    path("facts/versions/<int:pk>/refuse", views.refuse, name="refuse"),
]
