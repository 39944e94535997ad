"""Addresses of the account pages."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path

from portal.accounts import factor_views, user_views, views

app_name = "accounts"
urlpatterns = [
    path("sign-in/", views.SignIn.as_view(), name="sign_in"),
    path("sign-in/second-step/", factor_views.second_step, name="second_step"),
    path("sign-in/passkey/", factor_views.passkey_sign_in, name="passkey_sign_in"),
    path("sign-in/passkey/challenge/", factor_views.passkey_challenge, name="passkey_challenge"),
    path("sign-out/", LogoutView.as_view(), name="sign_out"),
    path("new-password/", views.new_password, name="new_password"),
    path("account/", views.account, name="account"),
    path("account/token/", views.make_token, name="make_token"),
    path("account/token/drop/", views.drop_token, name="drop_token"),
    path("account/second-factor/", factor_views.needed, name="factor_needed"),
    path("account/codes/", factor_views.totp, name="totp"),
    path("account/passkeys/", factor_views.add_passkey, name="add_passkey"),
    path("account/passkeys/offer/", factor_views.passkey_offer, name="passkey_offer"),
    path("account/second-factors/<int:pk>/remove/", factor_views.remove, name="remove_factor"),
    path("account/recovery-codes/", factor_views.recovery_codes, name="recovery_codes"),
    path("account/name/", views.change_name, name="change_name"),
    path("account/sessions/end/", views.end_own_sessions, name="end_own_sessions"),
    path("welcome/<str:token>/", views.welcome, name="welcome"),
    path("users/", user_views.users, name="users"),
    path("users/invite/", user_views.invite, name="invite"),
    path("users/<int:pk>/", user_views.user, name="user"),
    path("users/<int:pk>/roles/", user_views.roles, name="roles"),
    path("users/<int:pk>/close/", user_views.close, name="close"),
    path("users/<int:pk>/open/", user_views.open_again, name="open"),
    path("users/<int:pk>/password/", user_views.reset_password, name="reset_password"),
    path("users/<int:pk>/second-factor/", user_views.reset_second_factor, name="reset_second_factor"),
    path("users/<int:pk>/sessions/", user_views.end_sessions, name="end_sessions"),
    path("users/second-factor/<slug:slug>/", user_views.second_factor_rule, name="second_factor_rule"),
    path("language/", views.language, name="language"),
]
