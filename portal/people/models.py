"""Staff who agreed to be recognised at a restricted door, and their templates."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from pgvector.django import HnswIndex, VectorField

DIMENSIONS = 128


class LegalBasis(models.TextChoices):
    CONSENT = "consent", _("Explicit consent")
    EMPLOYMENT = "employment", _("Employment law, with the works council's agreement")


class Person(models.Model):
    """Someone on a site's staff list. Nobody stands on it without a legal basis, its document, an owner and an end date.

    `uid` is the name under which agents, events and the audit log know the person; `changed` the version of the site's list with the last change;
    no `doors` means every restricted door of the site.
    """

    uid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey("sites.Site", models.CASCADE, related_name="people")
    name = models.CharField(max_length=120)
    title = models.CharField(max_length=120, blank=True)
    legal_basis = models.CharField(max_length=20, choices=LegalBasis.choices)
    document = models.CharField(max_length=200)  # where the signed paper is kept
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="people_answered_for")
    doors = models.ManyToManyField("sites.Camera", blank=True, related_name="staff")
    changed = models.PositiveIntegerField(default=1)
    expires = models.DateTimeField()
    revoked = models.DateTimeField(null=True, blank=True)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["site", "name"], condition=models.Q(revoked=None), name="one_living_person_of_a_name")]

    def __str__(self) -> str:
        return self.name

    @property
    def valid(self) -> bool:
        """Whether a door may still recognise this person."""
        return self.revoked is None and self.expires > timezone.now()


class Template(models.Model):
    """A face embedding, L2-normalised, and the small-face net's of the same picture; the picture itself is not kept, only its sha256."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="templates")
    vector = VectorField(dimensions=DIMENSIONS)
    small = VectorField(dimensions=DIMENSIONS, null=True)
    model_sha256 = models.CharField(max_length=64)
    picture_sha256 = models.CharField(max_length=64)
    created = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [HnswIndex(name="template_nearest", fields=["vector"], m=16, ef_construction=64, opclasses=["vector_cosine_ops"])]

    def __str__(self) -> str:
        return f"template of {self.person}"
