"""Hundreds of damaged media files through the desk and the enrolment: each must end in a finding or a sentence, and the worker must outlive them all."""

from __future__ import annotations

import concurrent.futures
import io
import random
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pi_heif
from PIL import Image

from detectors import registry
from detectors.attacks import tampered_clips
from detectors.video import encoder_frame
from tests.e2e.server import prepared_portal, serving, working
from tests.load.bench_desk import Person
from tests.load.stand import conclude, own_services, parser, progress
from tests.portraits import STAFF, face, wall

BATCH, THREADS, WHOLE_READ = 20, 4, 2_000_000  # cases at once, requests at once, bytes of a longer file that are taken
FOOTAGE = STAFF.parent
FILMS = (("mp4", "libx264"), ("mov", "libx265"), ("mkv", "libx264"), ("webm", "libvpx"), ("avi", "mpeg4"), ("mpg", "mpeg2video"), ("m4a", ""))
NAMES = ("scan.png", "cafe\u0301.jpg", "\u202egpj.exe", "../../etc/passwd", "x" * 300 + ".jpg", "IMG 0001.HEIC", "no-ending", "a\x00b.png", ".jpg")


def main(arguments: list[str]) -> int:
    """Send the files in batches; count answers of 5xx, cases that are lost or have no reason, and cases that outlast their limit."""
    options = parser("mutants", __doc__ or "")
    options.add_argument("--files", type=int, default=300)
    options.add_argument("--tool", default="picture-check", help="a tool that takes one picture, or one video")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--from", dest="folder", type=Path, help="a folder of more files to damage")
    options.add_argument("--limit", type=float, default=600, help="seconds in which a batch must be over")
    chosen = options.parse_args(arguments)
    rng, figures, reasons = random.Random(chosen.seed), Counter[str](), Counter[str]()
    clips = "video" in registry.tool_entry(chosen.tool).media
    whole_file = (FOOTAGE / "square.webm").read_bytes() if clips else wall(1)
    wholes = (films() if clips else originals()) + (
        [each.read_bytes()[:WHOLE_READ] for each in sorted(chosen.folder.iterdir()) if each.is_file()] if chosen.folder else []
    )
    with own_services() as home, prepared_portal(home) as portal, serving(portal), working(portal) as worker:
        guard, manager = Person(portal, "operator"), Person(portal, "manager")
        site = int(portal.django(f"from portal.sites.models import Site; print(Site.objects.get(slug={portal.site!r}).pk)"))
        whole = guard.findings([guard.open_case(chosen.tool, (whole_file,))])
        slowest, began = 0.0, time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
            for first in range(0, chosen.files, BATCH):
                batch = [(rng.choice(NAMES), damaged(wholes, rng)) for _ in range(min(BATCH, chosen.files - first))]
                started = time.monotonic()
                enrolled = [pool.submit(_enrol, manager, site, *each) for each in batch]
                opened = list(pool.map(lambda each: _open(guard, chosen.tool, *each), batch))
                for answer in (*opened, *(each.result() for each in enrolled)):
                    _count_answer(answer, figures)
                cases = [answer.json()["id"] for answer in opened if answer.status_code == 201]
                for status, problem, _verdict, _parts in guard.findings(cases):
                    figures[f"cases_{status}"] += 1
                    figures["cases_without_reason"] += status == "failed" and not problem
                    reasons[str(problem)] += status == "failed"
                reasons.update(answer.text for answer in opened if answer.status_code != 201)
                slowest = max(slowest, time.monotonic() - started)
                progress(chosen, f"{first + len(batch)} files, {dict(figures)}, {slowest:.0f} s the slowest batch")
        figures["worker_deaths"] += worker.poll() is not None
        figures["whole_picture_differs"] += guard.findings([guard.open_case(chosen.tool, (whole_file,))]) != whole
    wrong = ("worker_deaths", "answers_5xx", "refusals_without_sentence", "cases_without_reason", "whole_picture_differs")
    report = {"tool": chosen.tool, "files": chosen.files, "seed": chosen.seed, "seconds": time.monotonic() - began, "slowest_batch_s": slowest}
    report |= {each: figures[each] for each in wrong} | {each: figures[each] for each in sorted(set(figures) - set(wrong))}
    for reason, number in reasons.most_common():
        progress(chosen, f"{number} x {reason}")
    return conclude(report, passed=slowest <= chosen.limit and not any(figures[each] for each in wrong))


def originals() -> list[bytes]:
    """Pictures in every format that people hand in, and the beginning of a film."""
    pi_heif.register_heif_opener()
    portrait, sheet = Image.open(io.BytesIO(face(1))).convert("RGB"), Image.open(io.BytesIO(wall(1, 2)))
    made = [face(1), face(2), wall(1), wall(1, 2)]
    for kind, picture in (("JPEG", portrait), ("WEBP", portrait), ("BMP", portrait), ("TIFF", portrait), ("GIF", portrait), ("AVIF", portrait), ("PNG", sheet)):
        made.append(_saved(picture, kind))
    made.append(_saved(portrait.convert("CMYK"), "JPEG"))
    made.append(_saved(portrait.convert("L").convert("I;16"), "PNG"))
    made.append(_saved(portrait.convert("RGBA"), "PNG"))
    made.append(_saved(portrait, "GIF", save_all=True, append_images=[sheet.resize(portrait.size)] * 3))
    made.append(_saved(portrait, "WEBP", save_all=True, append_images=[sheet.resize(portrait.size)] * 3))
    made.append((FOOTAGE / "square.webm").read_bytes()[:WHOLE_READ])
    return made


def films() -> list[bytes]:
    """Short clips in the containers and codecs that people hand in, one with sound only, and the beginning of a film."""
    made = [(FOOTAGE / "square.webm").read_bytes()[:WHOLE_READ], (FOOTAGE / "square.webm").read_bytes()[: WHOLE_READ // 8]]
    with tempfile.TemporaryDirectory() as folder:
        for kind, codec in FILMS:
            out = Path(folder) / f"film.{kind}"
            with av.open(str(out), "w") as film:
                if codec:
                    stream = film.add_stream(codec, rate=25)
                    stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
                    for n in range(40):
                        picture = np.roll(cv2.resize(cv2.imdecode(np.frombuffer(wall(1), np.uint8), 1), (160, 96)), 3 * n, 1)
                        film.mux(stream.encode(encoder_frame(picture)))
                    film.mux(stream.encode())
                else:
                    tampered_clips.add_tone(film, film.add_stream("aac", rate=16_000), 1.0)
            made.append(out.read_bytes())
    return made


def _saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def damaged(wholes: list[bytes], rng: random.Random) -> bytes:
    """One file with one to three kinds of damage; the same for the same state of `rng`."""
    content = rng.choice(wholes)
    for _ in range(rng.randint(1, 3)):
        content = rng.choice((_cut, _flipped, _blanked, _spliced, _followed, _lengthened, _doubled, _beheaded))(content, wholes, rng)
    return content


def _cut(content: bytes, _wholes: list[bytes], rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content) + 1)]


def _flipped(content: bytes, _wholes: list[bytes], rng: random.Random) -> bytes:
    changed = bytearray(content)
    for place in _places(len(changed), rng.choice((1, 5, 50)), rng):
        changed[place] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _blanked(content: bytes, _wholes: list[bytes], rng: random.Random) -> bytes:
    at, run = rng.randrange(len(content) + 1), rng.choice((1, 4, 64, 4096))
    return content[:at] + bytes(min(run, len(content) - at)) + content[at + run :]


def _spliced(content: bytes, wholes: list[bytes], rng: random.Random) -> bytes:
    other = rng.choice(wholes)
    return content[: rng.randrange(len(content) + 1)] + other[rng.randrange(len(other)) :]


def _followed(content: bytes, wholes: list[bytes], rng: random.Random) -> bytes:
    """Something behind the end: another picture, or an archive that unpacks to ten megabytes of nothing."""
    if rng.random() < 0.5:
        return content + rng.choice(wholes)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("nothing", bytes(10_000_000))
    return content + packed.getvalue()


def _lengthened(content: bytes, _wholes: list[bytes], rng: random.Random) -> bytes:
    """A number of the header made huge: sizes, lengths of boxes and chunks, counts of entries."""
    at = rng.randrange(max(1, min(len(content), 400)))
    return content[:at] + rng.choice((b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x00\x00\x00\x00", b"\xff\xff")) + content[at + 4 :]


def _doubled(content: bytes, _wholes: list[bytes], rng: random.Random) -> bytes:
    at = rng.randrange(len(content) + 1)
    return content[:at] + content[max(0, at - rng.choice((4, 100, 5000))) :]


def _beheaded(content: bytes, _wholes: list[bytes], rng: random.Random) -> bytes:
    return content[rng.choice((1, 4, 20, 100)) :]


def _places(length: int, number: int, rng: random.Random) -> Iterator[int]:
    for _ in range(number if length else 0):  # half of them among the first kilobyte, where formats keep what matters
        yield rng.randrange(min(length, 1024) if rng.random() < 0.5 else length)


def _open(person: Person, tool: str, name: str, content: bytes) -> Any:
    return person.http.post("/api/v1/cases", data={"tool": tool}, files={"file": (name, content)})


def _enrol(person: Person, site: int, name: str, content: bytes) -> Any:
    return person.http.post("/people/enrol/judge", data={"site": site}, files={"picture": (name, content)})


def _count_answer(answer: Any, figures: Counter[str]) -> None:
    figures["answers"] += 1
    figures["answers_5xx"] += answer.status_code >= 500
    figures["refusals_without_sentence"] += 400 <= answer.status_code < 500 and len(answer.text.strip()) < 20
