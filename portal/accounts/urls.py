"""Addresses of the account pages."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path

from portal.accounts import views

app_name = "accounts"
urlpatterns = [
    path("sign-in/", views.SignIn.as_view(), name="sign_in"),
    path("sign-out/", LogoutView.as_view(), name="sign_out"),
    path("new-password/", views.new_password, name="new_password"),
    path("account/", views.account, name="account"),
    path("account/token/", views.make_token, name="make_token"),
    path("account/token/drop/", views.drop_token, name="drop_token"),
    path("language/", views.language, name="language"),
]
