"""Addresses of the pages of sites, cameras and agents."""

from __future__ import annotations

from django.urls import path

from portal.sites import agent_views, manage_views, source_views, supervision, views

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
    path("sites/<slug:slug>/settings/", manage_views.site_settings, name="site_settings"),
    path("sites/<slug:slug>/switch/", manage_views.switch_site, name="switch_site"),
    path("sites/<slug:slug>/delete/", manage_views.delete_site, name="delete_site"),
    path("sites/<slug:slug>/plan/", manage_views.upload_plan, name="upload_plan"),
    path("sites/<slug:slug>/plan/<str:sha256>", manage_views.plan, name="plan"),
    path("sites/<slug:slug>/cameras/new/", views.new_camera, name="new_camera"),
    path("sites/<slug:site>/cameras/<slug:camera>/", views.camera, name="camera"),
    path("sites/<slug:site>/cameras/<slug:camera>/frame.jpg", views.frame, name="frame"),
    path("sites/<slug:site>/cameras/<slug:camera>/mode/", views.mode, name="mode"),
    path("sites/<slug:site>/cameras/<slug:camera>/settings/", manage_views.camera_settings, name="camera_settings"),
    path("sites/<slug:site>/cameras/<slug:camera>/move/", manage_views.move, name="move"),
    path("sites/<slug:site>/cameras/<slug:camera>/switch/", manage_views.switch, name="switch"),
    path("sites/<slug:site>/cameras/<slug:camera>/delete/", manage_views.delete_camera, name="delete_camera"),
    path("sites/<slug:site>/cameras/<slug:camera>/view/", manage_views.accept_view, name="accept_view"),
    path("sites/<slug:site>/cameras/<slug:camera>/source/test/", source_views.test, name="source_test"),
    path("sites/<slug:site>/cameras/<slug:camera>/source/<uuid:pk>/", source_views.result, name="source_result"),
    path("sites/<slug:site>/cameras/<slug:camera>/source/<uuid:pk>.jpg", source_views.picture, name="source_picture"),
    path("sites/<slug:site>/cameras/<slug:camera>/source/<uuid:pk>/use/", source_views.use, name="source_use"),
    path("sites/<slug:site>/cameras/<slug:camera>/source/own/", source_views.give_back, name="source_own"),
    path("sites/<slug:site>/cameras/<slug:camera>/state/", manage_views.camera_state, name="camera_state"),
    path("agents/", agent_views.agents, name="agents"),
    path("agents/<int:pk>/code/", agent_views.make_code, name="make_code"),
    path("agents/<uuid:pk>/renew/", agent_views.renew, name="renew"),
    path("agents/<uuid:pk>/revoke/", agent_views.revoke, name="revoke"),
]
