"""Pages of people and access."""

from __future__ import annotations

from django.urls import path

from portal.people import erase_views, expiry_views, log_views, views

app_name = "people"
urlpatterns = [
    path("people/", views.listing, name="list"),
    path("people/enrol/", views.enrol, name="enrol"),
    path("people/enrol/judge", views.judge, name="judge"),
    path("people/<uuid:uid>/", views.person, name="person"),
    path("people/<uuid:uid>/revoke", views.revoke, name="revoke"),
    path("people/<uuid:uid>/erase", erase_views.erase, name="erase"),
    path("people/log/", log_views.log, name="log"),
    path("people/log.csv", log_views.export, name="log_csv"),
    path("people/log/<int:pk>/", log_views.recognition, name="recognition"),
    path("people/log/<int:pk>/picture.jpg", log_views.picture, name="recognition_picture"),
    path("people/doors/", log_views.doors_page, name="doors"),
    path("people/doors/<int:pk>/threshold", log_views.threshold, name="door_threshold"),
    path("people/expiring/", expiry_views.expiring, name="expiring"),
    path("people/<uuid:uid>/extend", expiry_views.extend, name="extend"),
]
