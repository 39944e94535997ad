"""The root set's page: who may open it, what it takes, that it is replaced whole, and what the audit log says."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from alert_scene import user
from django.conf import settings
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from django.urls import reverse
from training_scene import administrator, agents, round_event, run, store

from detectors import video
from federated.learning import root, task
from portal.accounts.models import User
from portal.core.models import AuditRow
from portal.training.models import RunNode
from portal.training.runs import footage, queries, root_set

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def walk(tmp_path_factory) -> bytes:
    """A minute of a block that walks through a small grey scene, five frames a second."""
    return made(tmp_path_factory.mktemp("clips") / "walk.webm", 300)


def made(path: Path, frames: int, fps: float = 5.0, shade: int = 90) -> bytes:
    video.write_webm(path, (scene(n, shade) for n in range(frames)), fps)
    return path.read_bytes()


def scene(n: int, shade: int) -> np.ndarray:
    picture = np.full((48, 72, 3), shade, np.uint8)
    picture[10:30, n % 60 : n % 60 + 8] = 220
    return picture


@pytest.fixture(autouse=True)
def home(settings, tmp_path, monkeypatch):
    settings.HOME = tmp_path
    monkeypatch.setenv("SPECOLA_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def admin(client):
    client.person = administrator()
    client.force_login(client.person)
    agents()
    return client


def upload(client, *contents: bytes, task="anomaly", names=()):
    files = [SimpleUploadedFile(name, content) for name, content in zip(names or [f"clip{n}.webm" for n in range(len(contents))], contents, strict=True)]
    return client.post(reverse("training:root"), {"task": task, "file": files})


def words(client) -> str:
    return client.get(reverse("training:root")).content.decode()


def rows() -> list[AuditRow]:
    return list(AuditRow.objects.filter(verb__startswith="root_set.").order_by("id"))


def folders() -> list[str]:
    place = settings.HOME / "superlink" / "root"
    return sorted(file.name for file in place.iterdir()) if place.exists() else []


# --- the happy path


def test_a_video_becomes_a_root_set_that_the_task_can_read(admin, walk):
    assert upload(admin, walk).status_code == 302
    found = task.load("anomaly").samples(root.folder("anomaly", settings.HOME))
    assert len(found.train) > 1500
    assert len(found.held_back) > 0


def test_the_page_says_that_this_footage_lies_at_the_portal(admin):
    assert "This footage lies at the portal." in words(admin)
    assert "There is no root set" in words(admin)


def test_the_page_shows_what_it_is_made_of(admin, walk):
    upload(admin, walk, names=["square in may.webm"])
    page = words(admin)
    assert "square in may.webm" in page
    assert hashlib.sha256(walk).hexdigest()[:16] in page
    assert "<dd>300</dd>" in page


def test_the_frames_are_the_detectors_own_and_taken_five_times_a_second(admin, tmp_path):
    upload(admin, made(tmp_path / "fast.webm", 600, fps=10.0))
    files = sorted((root.folder("anomaly", settings.HOME) / "training" / "anomaly").glob("*.npz"))
    frames = [np.load(file)["frames"] for file in files]
    assert sum(map(len, frames)) == 300
    assert {each.shape[1:] for each in frames} == {(160, 240)}
    assert max(map(len, frames)) == footage.CLIP


def test_of_each_video_a_part_is_held_back(admin, tmp_path):
    dark, bright = (made(tmp_path / f"{shade}.webm", 160, shade=shade) for shade in (40, 180))
    upload(admin, dark, bright)
    found = task.load("anomaly").samples(root.folder("anomaly", settings.HOME)).held_back
    middles = np.median(found[:, -1], axis=(1, 2))
    assert (middles < 100).any()
    assert (middles > 150).any()


def test_a_large_upload_is_read_from_its_file(admin, walk):
    file = TemporaryUploadedFile("walk.webm", "video/webm", len(walk), None)
    file.write(walk)
    file.seek(0)
    assert root_set.replace(user=admin.person, task="anomaly", files=[file])["frames"] == 300


def test_mp4_is_taken_too(admin, tmp_path):
    path = tmp_path / "walk.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 5.0, (72, 48))
    for n in range(300):
        writer.write(scene(n, 90))
    writer.release()
    assert upload(admin, path.read_bytes(), names=["walk.mp4"]).status_code == 302


def test_replacing_leaves_one_set_and_a_row_with_counts_and_digests(admin, walk, tmp_path):
    upload(admin, walk)
    upload(admin, made(tmp_path / "b.webm", 350), names=["b.webm"])
    assert len(folders()) == 2  # the link and what it points to
    first, second = rows()
    assert (first.verb, second.verb, second.subject) == ("root_set.replaced", "root_set.replaced", "root_set:anomaly")
    assert (first.data["frames"], second.data["frames"], second.data["sources"][0]["name"]) == (300, 350, "b.webm")
    assert first.data["sha256"] != second.data["sha256"]
    assert first.data["sources"][0]["sha256"] == hashlib.sha256(walk).hexdigest()


def test_the_same_footage_gives_the_same_digest(admin, walk):
    upload(admin, walk)
    upload(admin, walk)
    assert len({row.data["sha256"] for row in rows()}) == 1


def test_a_set_laid_there_by_hand_is_shown_and_replaced(admin, walk):
    place = root.folder("anomaly", settings.HOME) / "training" / "anomaly"
    place.mkdir(parents=True)
    np.savez(place / "0.npz", frames=np.zeros((10, 160, 240), np.uint8))
    assert "laid into the folder by hand" in words(admin)
    assert upload(admin, walk).status_code == 302
    assert root.folder("anomaly", settings.HOME).is_symlink()


def test_removing_takes_the_footage_with_it_and_leaves_a_row(admin, walk):
    upload(admin, walk)
    assert "gone" in admin.post(reverse("training:root_remove"), {"task": "anomaly"}, follow=True).content.decode()
    assert folders() == []
    assert (rows()[-1].verb, rows()[-1].data["frames"]) == ("root_set.removed", 300)


def test_a_set_laid_there_by_hand_can_be_removed(admin):
    root.folder("anomaly", settings.HOME).mkdir(parents=True)
    (root.folder("anomaly", settings.HOME) / "x.npz").write_bytes(b"x")
    root_set.remove(user=admin.person, task="anomaly")
    assert folders() == []


@pytest.mark.parametrize("name", ["anomaly", "magic", "../../secrets"])
def test_removing_what_is_not_there_is_a_sentence_and_no_row(admin, name):
    answer = admin.post(reverse("training:root_remove"), {"task": name}, follow=True)
    assert "There is no root set to remove." in answer.content.decode()
    assert rows() == []


# --- who may


@pytest.mark.parametrize("role", ["manager", "operator", "auditor"])
def test_only_administrators_see_or_change_it(client, role, walk):
    client.force_login(user(f"{role}@example.org", role))
    assert client.get(reverse("training:root")).status_code == 403
    assert upload(client, walk).status_code == 403
    assert client.post(reverse("training:root_remove"), {"task": "anomaly"}).status_code == 403


def test_a_stranger_signs_in_first(client):
    assert client.get(reverse("training:root")).status_code == 302
    assert reverse("training:root") in client.get(reverse("training:root")).url


def test_the_action_itself_asks_for_the_role(walk):
    person = user("manager@example.org", "manager")
    with pytest.raises(PermissionDenied):
        root_set.replace(user=person, task="anomaly", files=[SimpleUploadedFile("a.webm", walk)])
    with pytest.raises(PermissionDenied):
        root_set.remove(user=person, task="anomaly")


def test_the_console_leads_administrators_there(admin, client):
    link = f'href="{reverse("training:root")}"'
    assert link in admin.get(reverse("training:console")).content.decode()
    client.force_login(user("manager@example.org", "manager"))
    assert link not in client.get(reverse("training:console")).content.decode()


# --- what cannot be used: a sentence, and the set before stays


PLAYLIST = b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n"
BAD = {"nothing": (b"", "is empty"), "text": (b"hello" * 100, "is no MP4, WebM or AVI video"), "playlist": (PLAYLIST, "is no MP4, WebM or AVI video")}


@pytest.mark.parametrize("kind", sorted(BAD))
def test_a_file_that_is_no_video_is_refused_by_name(admin, walk, kind):
    upload(admin, walk)
    before, (content, why) = root_set.of("anomaly"), BAD[kind]
    answer = upload(admin, walk, content, names=["good.webm", "bad.webm"])
    assert answer.status_code == 422
    assert f"bad.webm {why}" in answer.content.decode()
    assert (root_set.of("anomaly"), len(folders()), len(rows())) == (before, 2, 1)


def test_a_torn_video_is_refused_by_name(admin, walk):
    answer = upload(admin, walk[:40], names=["torn.webm"])
    assert "torn.webm is no video that can be decoded" in answer.content.decode()
    assert folders() == []


def test_no_file_at_all_is_a_sentence(admin):
    assert "Choose at least one video" in admin.post(reverse("training:root"), {"task": "anomaly"}).content.decode()


def test_too_short_says_how_much_is_needed(admin, tmp_path):
    answer = upload(admin, made(tmp_path / "short.webm", 100))
    assert "20 seconds of footage are too few: at least 60 are needed." in answer.content.decode()


def test_too_long_names_the_file_that_is_too_much(admin, walk, monkeypatch):
    monkeypatch.setattr(footage, "LONGEST_S", 90.0)
    assert "clip1.webm makes it too long" in upload(admin, walk, walk).content.decode()


def test_too_large_is_refused_before_it_is_read(admin, walk, monkeypatch):
    monkeypatch.setattr(footage, "LARGEST", len(walk) - 1)
    monkeypatch.setattr(footage, "_keep", None)
    assert "too large" in upload(admin, walk).content.decode()


def test_too_many_files_are_refused(admin):
    assert "At most 8 videos" in upload(admin, *[b"x"] * 9).content.decode()


@pytest.mark.parametrize("name", ["face_adapter", "magic", "../../../etc", ""])
def test_a_task_without_footage_has_no_root_set_here(admin, walk, name):
    answer = upload(admin, walk, task=name)
    assert answer.status_code == 422
    assert folders() == []


def test_a_swap_that_fails_leaves_the_set_before_and_no_row(admin, walk, tmp_path, monkeypatch):
    upload(admin, walk)
    before = root_set.of("anomaly")
    monkeypatch.setattr(root_set.Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
    with pytest.raises(OSError, match="disk full"):
        root_set.replace(user=admin.person, task="anomaly", files=[SimpleUploadedFile("b.webm", walk)])
    assert (root_set.of("anomaly"), len(rows())) == (before, 1)


def test_the_videos_name_is_no_path(admin, walk):
    found = root_set.replace(user=admin.person, task="anomaly", files=[SimpleUploadedFile("../../x.webm", walk)])
    assert found["sources"][0]["name"] == "x.webm"


# --- what hangs on it


def strategies(name="anomaly", number=3) -> dict[str, bool]:
    return {each["name"]: each["works"] for each in queries.choices(User.objects.filter(memberships__site=None).first())["offers"][name][number]}


def test_fltrust_is_offered_for_the_task_that_has_a_root_set(admin, walk):
    assert not strategies()["fltrust"]
    upload(admin, walk)
    assert strategies()["fltrust"]
    assert not strategies("face_adapter")["fltrust"]


def test_a_run_by_trust_without_a_root_set_is_refused_with_what_to_do(admin, walk):
    with pytest.raises(ValidationError, match="needs a root set of the task anomaly"):
        run(admin.person, strategy="fltrust")
    upload(admin, walk)
    assert run(admin.person, strategy="fltrust").plan["strategy"] == "fltrust"


def test_a_run_keeps_the_cosines_and_what_the_gate_measured_at_the_portal(admin):
    event = round_event(1, 1, n100="accepted", n101="rejected")
    event["sites"][0]["cosine"] = 0.42
    gate = {"kind": "gate", "seq": 2, "passed": True, "reasons": [], "votes": [], "onnx_difference": 0.0, "root": {"before": 0.5, "after": 0.4}}
    stored = store(run(admin.person), event, gate)
    assert RunNode.objects.get(node="100").cosine == 0.42
    assert queries.run_state(admin.person, stored.pk)["gate"]["root"] == {"before": 0.5, "after": 0.4}
    assert "On the root set at the portal" in admin.get(reverse("training:run", args=[stored.pk])).content.decode()


def test_what_is_known_of_a_damaged_note_is_nothing(admin, walk):
    upload(admin, walk)
    note = root.folder("anomaly", settings.HOME) / root_set.NOTE
    assert json.loads(note.read_text())["frames"] == 300
    note.write_text("{")
    assert root_set.of("anomaly") == {}
    assert admin.get(reverse("training:root")).status_code == 200


def test_the_demo_has_one_of_its_own_clips_made_by_a_worker_once(admin):
    from portal.demo import layout
    from portal.training.runs.tasks import make_root_set

    clips = [settings.ROOT / "infra" / "footage" / f"{name}.webm" for name in ("gate", "drone", "square")]
    make_root_set(by=admin.person.pk, clips=[str(clip) for clip in clips])
    assert [source["name"] for source in root_set.of("anomaly")["sources"]] == ["gate.webm", "drone.webm", "square.webm"]
    make_root_set(by=admin.person.pk, clips=[])
    layout.ask_for_root_set(admin.person, clips)
    assert len(rows()) == 1
