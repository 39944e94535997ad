"""Users, and the roles they hold at sites."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models
from django.utils.translation import gettext_lazy as _

# The first sign that stands in what a browser calls itself decides: most of them claim to be others too.
BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
SYSTEMS = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS", "macOS"), ("Linux", "Linux"))
CHECK_EMAIL = "check@localhost"  # the account of `manage.py up --check`; no person's


class Role(models.TextChoices):
    MANAGER = "manager", _("Site manager")
    OPERATOR = "operator", _("Security operator")
    ADMINISTRATOR = "administrator", _("Federation administrator")


class UserManager(BaseUserManager):
    def create_user(self, email: str, password: str | None = None, **fields) -> User:
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save()
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields) -> User:
        """For `manage.py createsuperuser`: every role at every site."""
        user = self.create_user(email, password, **fields)
        Membership.objects.bulk_create(Membership(user=user, role=role) for role in Role.values)
        return user


class User(AbstractBaseUser):
    """A person who signs in with an email address. A one-time password sets `must_change_password`."""

    email = models.EmailField(unique=True)
    name = models.CharField(max_length=120, blank=True)
    language = models.CharField(max_length=5, blank=True, default="")  # empty: as the browser asks
    is_active = models.BooleanField(default=True)
    must_change_password = models.BooleanField(default=False)
    created = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    objects = UserManager()

    def __str__(self) -> str:
        return self.name or self.email

    def has_role(self, role: str, site: object | None = None) -> bool:
        """True when the user holds the role for this site (or for all sites); without a site: for any site at all."""
        rows = [row for row in self._roles() if row.role == role]
        return any(site is None or row.site_id is None or row.site_id == site.pk for row in rows)

    def role_sites(self, *roles: str) -> set[int | None]:
        """The sites (by key; None: all of them) at which the user holds one of these roles, as it was when the request began."""
        return {row.site_id for row in self._roles() if row.role in roles}

    def _roles(self) -> list[Membership]:
        if not self.is_active:
            return []
        if not hasattr(self, "_role_cache"):
            self._role_cache = list(self.memberships.all())
        return self._role_cache


class OneTimeLink(models.Model):
    """The last link that let a person in without a password: an invitation or a reset. Only its token's hash is kept."""

    user = models.OneToOneField(User, models.CASCADE, related_name="link")
    token_hash = models.CharField(max_length=64, unique=True)  # sha256, hex
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField()
    used = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.user} until {self.expires:%Y-%m-%d}"


class UserSession(models.Model):
    """Where a person is signed in: one row for each session, so that it can be listed and ended."""

    user = models.ForeignKey(User, models.CASCADE, related_name="signed_in_at")
    session_key = models.CharField(max_length=40, unique=True)
    created = models.DateTimeField(auto_now_add=True)
    seen = models.DateTimeField()
    address = models.CharField(max_length=64, blank=True)
    browser = models.CharField(max_length=200, blank=True)  # what the browser calls itself

    def __str__(self) -> str:
        return f"{self.user} from {self.address}"

    @property
    def device(self) -> str:
        """Browser and system in a person's words, or what the browser calls itself when it is none of the usual ones."""
        browser = next((name for sign, name in BROWSERS if sign in self.browser), "")
        system = next((name for sign, name in SYSTEMS if sign in self.browser), "")
        return " · ".join(filter(None, (browser, system))) or self.browser


class SecondFactorRule(models.Model):
    """A site that lets nobody in without a second factor."""

    site = models.OneToOneField("sites.Site", models.CASCADE, related_name="second_factor_rule")
    since = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return str(self.site)


class Membership(models.Model):
    """A role held by a user at one site, or at all sites when `site` is empty."""

    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role.choices)
    site = models.ForeignKey("sites.Site", models.CASCADE, null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "role", "site"], nulls_distinct=False, name="one_membership")]

    def __str__(self) -> str:
        return f"{self.user} {self.role} @ {self.site or '*'}"
