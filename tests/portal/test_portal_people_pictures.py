"""What people really hand in as pictures: each gets a clear answer, and nothing is kept of what does not fit."""

from __future__ import annotations

import datetime
import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from alert_scene import scene
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone, translation
from PIL import Image, ImageDraw, ImageFilter

import detectors
from detectors.types import Box, Face
from portal.core.models import AuditRow
from portal.people import actions, lookalikes, pictures, queries
from portal.people.models import Person, Template
from portal.sites.models import Site

pytestmark = pytest.mark.django_db
STAFF = Path(__file__).resolve().parents[2] / "infra" / "footage" / "staff"
HEIC = Path(__file__).resolve().parents[1] / "media" / "portrait-turned.heic"  # rotated by its container, and by EXIF once more
PAPER = {"legal_basis": "consent", "document": "folder 7", "alternative": "badge", "expires": timezone.now() + datetime.timedelta(days=30)}


def portrait(number: int = 1) -> Image.Image:
    return Image.open(STAFF / f"custode-{number}.jpg").convert("RGB")


def saved(picture: Image.Image, kind: str = "JPEG", **options) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def face(number: int = 1) -> bytes:
    return (STAFF / f"custode-{number}.jpg").read_bytes()


def on_canvas(factor: float, size: tuple[int, int] = (640, 480)) -> bytes:
    """A portrait of this scale on a grey wall."""
    wall, small = Image.new("RGB", size, "grey"), portrait()
    small = small.resize((max(1, int(small.width * factor)), max(1, int(small.height * factor))), Image.Resampling.LANCZOS)
    wall.paste(small, (200, 100))
    return saved(wall, "PNG")


def side_by_side() -> bytes:
    both = Image.new("RGB", (600, 360))
    both.paste(portrait(1), (0, 0))
    both.paste(portrait(2), (300, 0))
    return saved(both)


def cartoon() -> bytes:
    """A round head with two dots and a line."""
    sheet = Image.new("RGB", (300, 360), "white")
    pen = ImageDraw.Draw(sheet)
    pen.ellipse((60, 60, 240, 280), outline="black", width=6)
    pen.ellipse((105, 140, 125, 160), fill="black")
    pen.ellipse((175, 140, 195, 160), fill="black")
    pen.line((115, 230, 185, 230), fill="black", width=6)
    return saved(sheet)


def dark() -> bytes:
    return saved(Image.fromarray((np.asarray(portrait()) * 0.05).astype(np.uint8)), "PNG")


def animated(kind: str) -> bytes:
    return saved(portrait(1), kind, save_all=True, append_images=[portrait(2)], duration=200)


def covered(part: str) -> bytes:
    """A portrait with dark glasses or a white mask over it."""
    picture = portrait()
    (right, left, nose, *_mouth) = detectors.shared("faces").find(np.asarray(picture)[..., ::-1].copy())[0].landmarks.tolist()
    pen, between = ImageDraw.Draw(picture), left[0] - right[0]
    if part == "eyes":
        for x, y in (right, left):
            pen.ellipse((x - between * 0.42, y - between * 0.3, x + between * 0.42, y + between * 0.36), fill=(15, 15, 20))
        pen.line((*right, *left), fill=(15, 15, 20), width=5)
    else:
        pen.rectangle((right[0] - between * 0.3, nose[1], left[0] + between * 0.3, nose[1] + between * 1.2), fill=(210, 225, 230))
    return saved(picture, "PNG")


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "an empty file": (lambda: b"", "cannot be read"),
    "no picture": (lambda: b"Dear portal, here is my picture", "cannot be read"),
    "a PDF": (lambda: b"%PDF-1.7\n1 0 obj", "cannot be read"),
    "a picture that is cut off": (lambda: face()[:3000], "cannot be read"),
    "a picture with damaged bytes": (lambda: saved(portrait(), "PNG")[:2000] + b"\0" * 500, "cannot be read"),
    "a bomb of a picture": (lambda: b"\x89PNG\r\n\x1a\n" + b"\0\0\0\rIHDR" + b"\0\1\0\0" * 2 + b"\x08\2\0\0\0", "too large"),
    "nobody": (lambda: saved(Image.new("RGB", (300, 360), "grey")), "no face"),
    "two people": (side_by_side, "2 faces"),
    "a cartoon": (cartoon, "no face"),
    "a face of four pixels": (lambda: on_canvas(0.03), "no face"),
    "a face of fourteen pixels": (lambda: on_canvas(0.12), "come nearer|no face"),
    "a blurred face": (lambda: saved(portrait().filter(ImageFilter.GaussianBlur(6))), "blurred"),
    "a picture on its side": (lambda: saved(portrait().rotate(90, expand=True)), "lies on its side"),
    "a picture on its head": (lambda: saved(portrait().rotate(180)), "stands on its head"),
    "one pixel wide": (lambda: saved(Image.new("RGB", (1, 20_000)), "PNG"), "no face"),
    "one pixel": (lambda: saved(Image.new("RGB", (1, 1)), "PNG"), "no face"),
    "a dark face": (dark, "dark|no face"),
    "dark glasses": (lambda: covered("eyes"), "take off dark glasses"),
    "a mask": (lambda: covered("mouth"), "take off mask or scarf"),
    "an animated GIF": (lambda: animated("GIF"), "animation"),
    "an animated WebP": (lambda: animated("WEBP"), "animation"),
    "an animated PNG": (lambda: animated("PNG"), "animation"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_used_is_refused_with_a_sentence_and_nothing_is_kept(what):
    make, words = REFUSED[what]
    at = scene()
    before = Site.objects.get(pk=at.site.pk).people_version
    with pytest.raises(ValidationError, match=f"Picture 2.*({words})"):
        actions.enrol(user=at.manager, site=at.site, name="Anna", pictures=[face(), make()], **PAPER)
    assert (Person.objects.count(), Template.objects.count()) == (0, 0)
    assert Site.objects.get(pk=at.site.pk).people_version == before
    assert not AuditRow.objects.filter(verb__startswith="person").exists()


def refusal(content: bytes) -> list[str]:
    with pytest.raises(ValidationError) as refused:
        pictures.judge(content)
    return refused.value.messages


ENGLISH = re.compile(r"\b(the|picture|face|faces|read|cannot|large|found|covered|damaged|empty)\b")


@pytest.mark.parametrize("what", REFUSED)
def test_the_same_sentence_is_said_in_italian(what):
    content = REFUSED[what][0]()
    with translation.override("it"):
        (problem,) = refusal(content)
    assert problem.startswith("Questa immagine")
    assert not ENGLISH.search(problem), problem


def upside_down() -> bytes:
    """Stored upside down, with the note in the EXIF data that says so."""
    exif = Image.Exif()
    exif[274] = 3
    return saved(portrait().rotate(180), exif=exif.tobytes())


def sixteen_bit() -> bytes:
    import cv2

    return cv2.imencode(".png", cv2.imread(str(STAFF / "custode-1.jpg")).astype(np.uint16) * 257)[1].tobytes()


def hidden_under_transparency() -> bytes:
    """A portrait with a second one beneath its transparent edge: what nobody sees is no second face."""
    wall = Image.new("RGBA", (700, 360), (0, 0, 0, 0))
    wall.paste(portrait(2), (360, 0))
    wall.putalpha(0)
    wall.paste(portrait(1).convert("RGBA"), (0, 0))
    return saved(wall, "PNG")


TAKEN: dict[str, Callable[[], bytes]] = {
    "CMYK": lambda: saved(portrait().convert("CMYK")),
    "16 bits a channel": sixteen_bit,
    "grey": lambda: saved(portrait().convert("L")),
    "with transparency": lambda: saved(portrait().convert("RGBA"), "PNG"),
    "rotated by EXIF": upside_down,
    "a scan of 12,000 pixels": lambda: saved(portrait().resize((8_000, 12_000), Image.Resampling.BILINEAR), quality=60),
    "WebP": lambda: saved(portrait(), "WEBP"),
    "HEIC": lambda: HEIC.read_bytes(),
    "AVIF": lambda: saved(portrait(), "AVIF"),
    "a motion photo": lambda: face() + b"\0\0\0\x18ftypmp42" + bytes(200_000),
    "behind transparency": hidden_under_transparency,
    "a still GIF": lambda: saved(portrait(), "GIF"),
}


@pytest.mark.parametrize("what", TAKEN)
def test_every_usual_kind_of_file_gives_the_template_of_the_same_face(what):
    plain = pictures.judge(face())
    sample = pictures.judge(TAKEN[what]())
    assert float(plain.vector @ sample.vector) > 0.85


def test_a_profile_is_refused_as_turned_away():
    crop = np.asarray(portrait().resize((112, 112)))
    side = Face(Box(0, 0, 100, 100), 0.9, ((50, 40), (62, 40), (78, 60), (52, 80), (60, 80)))
    with pytest.raises(ValidationError, match="look to the camera"):
        pictures.check_quality(crop, side, "This picture")


def enrolled(at, name: str = "Anna", number: int = 1, **changes) -> Person:
    return actions.enrol(user=at.manager, site=at.site, name=name, **{**PAPER, "pictures": [face(number)], **changes})


def recompressed(number: int = 1, quality: int = 70) -> bytes:
    """Another file of the same face."""
    return saved(portrait(number), quality=quality)


def test_the_same_file_twice_is_refused():
    with pytest.raises(ValidationError, match="1 and 2 are the same file"):
        enrolled(scene(), pictures=[face(), face()])


def test_pictures_of_different_people_are_refused():
    with pytest.raises(ValidationError, match="does not look like the same person"):
        enrolled(scene(), pictures=[face(1), face(2)])


def test_more_pictures_than_anybody_needs_are_refused():
    with pytest.raises(ValidationError, match="too many"):
        enrolled(scene(), pictures=[face()] * 13)


def test_the_same_picture_for_two_people_is_refused_also_when_somebody_insists():
    at = scene()
    enrolled(at)
    with pytest.raises(ValidationError, match="used for Anna already"):
        enrolled(at, "Bruno", alike=True)
    assert Person.objects.count() == 1


def test_the_same_face_under_another_name_is_refused_until_somebody_says_that_it_is_another_person():
    at = scene()
    enrolled(at)
    with pytest.raises(ValidationError, match="looks like Anna") as caught:
        enrolled(at, "Bruno", pictures=[recompressed()])
    assert caught.value.code == "alike"
    twin = enrolled(at, "Bruno", pictures=[recompressed()], alike=True)
    row = AuditRow.objects.get(verb="person.enrolled", subject=f"person:{twin.uid}")
    assert row.data["alike"] == 1
    assert "Anna" not in str(row.data)


def test_at_another_site_the_same_person_may_be_enrolled_with_the_same_picture():
    enrolled(scene())
    assert enrolled(scene("tower")).valid


def test_who_was_revoked_may_be_enrolled_again_with_the_same_picture():
    at = scene()
    actions.revoke(user=at.manager, uid=enrolled(at).uid)
    assert enrolled(at).valid


def test_twins_are_found_on_the_persons_own_page():
    at = scene()
    anna, bruno = enrolled(at), enrolled(at, "Bruno", 2)
    carla = enrolled(at, "Carla", pictures=[recompressed()], alike=True)
    found = lookalikes.of_person(carla)
    assert [(twin.person, twin.close) for twin in found] == [(anna, True), (bruno, False)]


def test_templates_that_disagree_are_seen():
    first, second, other = (pictures.judge(each).vector for each in (face(1), recompressed(1), face(2)))
    agreement = pictures.agreement([first, second, other])
    assert agreement[2] < pictures.same_person() < min(agreement[:2])
    assert pictures.agreement([first]) == [None]


def result(client, site, content: bytes, name: str = "a.jpg"):
    return client.post(reverse("people:judge"), {"site": site.pk, "picture": SimpleUploadedFile(name, content)})


def test_a_picture_is_judged_before_anything_is_saved(client):
    at = scene()
    client.force_login(at.manager)
    assert result(client, at.site, face()).json() == {"fits": True, "problems": [], "alike": [], "turned": False}
    assert "2 faces" in result(client, at.site, side_by_side()).json()["problems"][0]
    assert (Person.objects.count(), Template.objects.count()) == (0, 0)


def test_the_judge_says_who_looks_the_same(client):
    at = scene()
    enrolled(at)
    client.force_login(at.manager)
    assert result(client, at.site, recompressed()).json()["alike"] == ["Anna"]


def test_the_judge_tells_nothing_of_another_site_or_to_an_operator(client):
    at, other = scene(), scene("tower")
    enrolled(at)
    client.force_login(other.manager)
    assert result(client, at.site, recompressed()).status_code == 400
    client.force_login(at.operator)
    assert result(client, at.site, recompressed()).status_code == 403


@pytest.mark.parametrize("site", ["", "x", "9" * 40])
def test_nonsense_asked_of_the_judge_is_400(client, site):
    client.force_login(scene().manager)
    assert client.post(reverse("people:judge"), {"site": site}).status_code == 400


def filled(at, **changes) -> dict:
    day = f"{timezone.now() + datetime.timedelta(days=30):%Y-%m-%d}"
    return {"site": at.site.pk, "name": "Anna", "legal_basis": "consent", "document": "folder 7", "alternative": "badge", "expires": day, **changes}


def test_the_page_offers_the_box_only_after_somebody_looked_the_same(client):
    at = scene()
    enrolled(at)
    client.force_login(at.manager)
    assert 'id="alike" hidden' in client.get(reverse("people:enrol")).text
    answer = client.post(reverse("people:enrol"), filled(at, name="Bruno", pictures=SimpleUploadedFile("b.jpg", recompressed())))
    assert answer.status_code == 422
    assert 'id="alike">' in answer.text
    again = filled(at, name="Bruno", alike="on", pictures=SimpleUploadedFile("b.jpg", recompressed()))
    assert client.post(reverse("people:enrol"), again).status_code == 302


WRONG = [
    {"expires": "2020-01-01"},
    {"expires": "2099-01-01"},
    {"expires": "soon"},
    {"document": ""},
    {"legal_basis": "curiosity"},
    {"name": ""},
    {"doors": "77"},
]


@pytest.mark.parametrize("changes", WRONG, ids=str)
def test_the_page_keeps_nothing_when_the_paper_is_wrong(client, changes):
    at = scene()
    client.force_login(at.manager)
    answer = client.post(reverse("people:enrol"), filled(at, **changes, pictures=SimpleUploadedFile("a.jpg", face())))
    assert answer.status_code == 422
    assert "field-problem" in answer.text or "is-problem" in answer.text
    assert Person.objects.count() == 0


def test_a_file_that_is_too_large_is_refused_by_its_size(client, monkeypatch):
    from portal.people import views

    monkeypatch.setattr(views, "MOST_BYTES", 1 << 20)
    at = scene()
    client.force_login(at.manager)
    large = SimpleUploadedFile("large.jpg", face() + b"\0" * (2 << 20))
    assert "large.jpg is too large: 2 MB, at most 1" in client.post(reverse("people:enrol"), filled(at, pictures=large)).text


def test_only_the_enrolment_page_may_use_the_camera(client):
    client.force_login(scene().manager)
    assert client.get(reverse("people:enrol"))["Permissions-Policy"].startswith("camera=(self)")
    assert client.get(reverse("people:list"))["Permissions-Policy"].startswith("camera=()")


def test_the_persons_page_changes_the_end_date_and_the_doors(client):
    at = scene()
    at.camera.legal_mode = "M1"
    at.camera.save()
    person = enrolled(at)
    client.force_login(at.manager)
    path, day = reverse("people:person", args=[person.uid]), f"{timezone.now() + datetime.timedelta(days=60):%Y-%m-%d}"
    assert client.post(path, {"expires": day, "doors": [at.camera.pk]}).status_code == 302
    person.refresh_from_db()
    assert (f"{timezone.localtime(person.expires):%Y-%m-%d}", list(person.doors.all())) == (day, [at.camera])
    assert client.post(path, {"expires": "2099-01-01"}).status_code == 422


def test_the_persons_page_says_which_doors_know(client):
    at = scene()
    at.camera.legal_mode = "M1"
    at.camera.save()
    person = enrolled(at)
    (here,) = queries.at_doors(person)
    assert (here.version, here.current) == (0, False)
    at.agent.health = {"gallery": {"version": person.changed}}
    at.agent.save()
    assert queries.at_doors(person)[0].current
    client.force_login(at.manager)
    assert "Knows this entry" in client.get(reverse("people:person", args=[person.uid])).text


@pytest.mark.parametrize("health", [None, [], {"gallery": []}, {"gallery": {"version": "nine"}}, {"gallery": {"version": True}}])
def test_whatever_the_agent_said_the_page_stands(client, health):
    at = scene()
    at.camera.legal_mode = "M1"
    at.camera.save()
    at.agent.health = health or {}
    at.agent.save()
    client.force_login(at.manager)
    assert client.get(reverse("people:person", args=[enrolled(at).uid])).status_code == 200
