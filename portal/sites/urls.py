"""Addresses of the pages of sites, cameras and agents."""

from __future__ import annotations

from django.urls import path

from portal.sites import agent_views, supervision, views

app_name = "sites"
urlpatterns = [
    path("healthz/programs", supervision.programs, name="programs"),
    path("sites/", views.site_map, name="map"),
    path("sites/new/", views.new_site, name="new_site"),
    path("sites/<slug:slug>/", views.site, name="site"),
    path("sites/<slug:slug>/tiles/", views.site_tiles, name="tiles"),
    path("sites/<slug:slug>/neighbours/", views.neighbours, name="neighbours"),
    path("sites/<slug:slug>/flow/", views.site_flow, name="flow"),
    path("sites/<slug:slug>/stop/", views.stop, name="stop"),
    path("sites/<slug:slug>/resume/", views.resume, name="resume"),
    path("sites/<slug:slug>/kept/", views.kept, name="kept"),
    path("sites/<slug:slug>/cameras/new/", views.new_camera, name="new_camera"),
    path("sites/<slug:site>/cameras/<slug:camera>/", views.camera, name="camera"),
    path("sites/<slug:site>/cameras/<slug:camera>/frame.jpg", views.frame, name="frame"),
    path("sites/<slug:site>/cameras/<slug:camera>/mode/", views.mode, name="mode"),
    path("agents/", agent_views.agents, name="agents"),
    path("agents/<int:pk>/code/", agent_views.make_code, name="make_code"),
    path("agents/<uuid:pk>/renew/", agent_views.renew, name="renew"),
    path("agents/<uuid:pk>/revoke/", agent_views.revoke, name="revoke"),
]
