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
    alternative = models.CharField(max_length=200, blank=True)  # the way in without biometrics that was offered; none: the owner enrolled all the same
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


class RecognitionVerdict(models.TextChoices):
    """What the two verifiers of a recognition came to."""

    WAITING = "waiting", _("To be verified")
    RIGHT = "right", _("Right person")
    WRONG = "wrong", _("Wrong person")
    UNCLEAR = "unclear", _("Not agreed")


class LivenessAnswer(models.TextChoices):
    """Whether the face at the door was there or a picture of one, where the door's rules ask for it; from "cannot say" on the one that weighs more."""

    UNDECIDED = "cannot-say", _("Cannot say whether it is live")
    LIVE = "live", _("A live face")
    NOT_LIVE = "not-live", _("Not a live face")


LIVENESS_REASONS = {
    "small": _("the face was too small"),
    "dark": _("it was too dark"),
    "bright": _("it was too bright"),
    "flat": _("there was too little contrast"),
    "no-detector": _("the agent lacks the detector, or it failed"),
}


class Recognition(models.Model):
    """One visit of one person to a door as the camera saw it: the record of use that Art. 12(3) of Regulation (EU) 2024/1689 asks for.

    Period of use (`started`, `ended`), the reference database (`gallery_version`, `people`, `net`, `model_sha256`), the matched data
    (`score` and `threshold` as cosines, `frames`, `person`), and the two who verified it.
    """

    camera = models.ForeignKey("sites.Camera", models.CASCADE, related_name="recognitions")
    person = models.ForeignKey(Person, models.CASCADE, related_name="recognitions")
    event = models.ForeignKey("alerts.Event", models.SET_NULL, null=True, related_name="+")
    visit = models.CharField(max_length=32)
    started = models.DateTimeField()
    ended = models.DateTimeField(null=True)
    net = models.CharField(max_length=40)
    model_sha256 = models.CharField(max_length=64, blank=True)
    gallery_version = models.PositiveIntegerField()
    people = models.PositiveIntegerField()
    score = models.FloatField()
    threshold = models.FloatField()
    frames = models.PositiveIntegerField()
    zone = models.CharField(max_length=60, blank=True)
    snapshot = models.CharField(max_length=64, blank=True)  # sha256 of the picture of the face at the door
    doubtful = models.BooleanField(default=False)  # another face in the same picture had the same name
    liveness = models.CharField(max_length=10, choices=LivenessAnswer.choices, blank=True)  # "": no rule of the door asked
    liveness_reason = models.CharField(max_length=20, blank=True)  # of "cannot say"
    verdict = models.CharField(max_length=10, choices=RecognitionVerdict.choices, default=RecognitionVerdict.WAITING)

    class Meta:
        ordering = ["-started", "-id"]
        constraints = [models.UniqueConstraint(fields=["camera", "visit", "person"], name="one_recognition_a_visit")]
        indexes = [models.Index(fields=["camera", "-started"], name="recognition_log"), models.Index(fields=["snapshot"], name="recognition_picture")]

    def __str__(self) -> str:
        return f"{self.person} · {self.camera} · {self.started:%F %T}"

    @property
    def liveness_why(self) -> str:
        """Why nothing can be said of it, in the reader's language."""
        return str(LIVENESS_REASONS.get(self.liveness_reason, ""))


class VerificationAnswer(models.TextChoices):
    YES = "yes", _("Yes, it is this person")
    NO = "no", _("No, it is somebody else")
    UNSURE = "unsure", _("Cannot tell")


class Verification(models.Model):
    """What one of the two verifiers answered, alone. `nonce` seals it in the audit log until both are in; "": from before there were seals."""

    recognition = models.ForeignKey(Recognition, models.CASCADE, related_name="verifications")
    verifier = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    answer = models.CharField(max_length=10, choices=VerificationAnswer.choices)
    nonce = models.CharField(max_length=64, blank=True)
    made = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["recognition", "verifier"], name="one_verification_each")]

    def __str__(self) -> str:
        return f"{self.verifier}: {self.answer}"


class DoorDay(models.Model):
    """What a door counted on one day with a list of so many `people`: strangers, and how alike each was to the nearest of the list. Numbers only.

    `scores` is {bin: count}, 200 bins of the best cosine from -1 to 1; `last` what its agent had counted when it was looked at.
    """

    camera = models.ForeignKey("sites.Camera", models.CASCADE, related_name="door_days")
    day = models.DateField()
    people = models.PositiveIntegerField()
    strangers = models.PositiveIntegerField(default=0)
    scores = models.JSONField(default=dict)
    last = models.JSONField(default=dict)

    class Meta:
        ordering = ["-day"]
        constraints = [models.UniqueConstraint(fields=["camera", "day", "people"], name="one_count_a_day")]

    def __str__(self) -> str:
        return f"{self.camera} · {self.day}"
