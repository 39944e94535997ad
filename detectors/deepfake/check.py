"""Are there signs that a face was manipulated? A desk tool over pictures and clips: people as A, B, ..., where, in which seconds, and how often it errs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from detectors import drawing, image, inputs, registry, video
from detectors.deepfake.check_words import WORDS
from detectors.deepfake.compression import bits_a_pixel, jpeg_quality
from detectors.deepfake.examine import FACES, KINDS, LEAST_FACES, SMALLEST, Examiner, FaceEvidence, sampled
from detectors.messages import Message, Param
from detectors.registry import tool
from detectors.types import (
    Evidence,
    Frame,
    ModelCard,
    PictureEvidence,
    PlotEvidence,
    PlotSeries,
    Progress,
    Report,
    ReportField,
    ReportPart,
    TableEvidence,
    TimelineEntry,
    Verdict,
)

PEOPLE = 12  # of a crowd, those who are largest or there most often
EVERY_S, MOST_FRAMES = 0.5, 32  # a clip is looked at this often, between FACES and so many times
LONGEST = 1920  # pixels of a clip's frame: more shows no more of a crop of 160
WEAK_JPEG, RESAVED_JPEG = 60, 82  # qualities below which nothing was measured, and up to which the figures of JPEG 75 are given

WORTH = 1.5  # times as often must manipulated faces be above the threshold for it to mean something
CURVES = 5  # people in the plot: more cannot be told apart
COUNTED = {"above": "real_above", "found": "fakes_above", "missed": "fakes_below"}  # what sentences count, by its name in the card


@dataclasses.dataclass(frozen=True, slots=True)
class ExaminedPerson:
    """One person as the report names it ("A"): its faces in the order of time, its score, and what that allows: "sign", "cannot" or "none"."""

    name: str
    faces: tuple[FaceEvidence, ...]
    score: float
    answer: str

    @property
    def worst(self) -> FaceEvidence:
        """The face of the highest score."""
        return max(self.faces, key=lambda face: face.score)


@dataclasses.dataclass(frozen=True, slots=True)
class Likeness:
    """Which measured files this one is like: a group of the card's metrics; `within`: whether it lies inside what was measured; `fields`: how the file is."""

    row: str
    within: bool
    fields: tuple[ReportField, ...]


@tool("deepfake-check", family="deepfake", media=("picture", "video"), inputs=1, words=WORDS)
class DeepfakeCheck:
    """Signs of manipulation in the faces of a picture or a clip: a weak hint, with its error rates."""

    def __init__(self, opened: None, card: ModelCard) -> None:
        self.card, self._examiner = card, Examiner()

    def report(self, paths: Sequence[Path], progress: Progress) -> Report:
        """The report on one picture or clip. Raises BadInput with the reason."""
        progress(0.0, Message("deepfake-reading"))
        return self._of_picture(paths[0], progress) if "picture" in inputs.media_of(paths[0]) else self._of_clip(paths[0], progress)

    def _of_picture(self, path: Path, progress: Progress) -> Report:
        content = image.read_bytes(path)
        picture = image.read(content)
        progress(0.2, Message("deepfake-examining"))
        found = self._examiner.picture(picture)
        like = _like_picture(content, picture, found)
        people = [ExaminedPerson(_letter(n), (face,), face.score, self._answer("picture", like, face.score)) for n, face in enumerate(found[:PEOPLE])]
        progress(0.9, Message("deepfake-writing"))
        evidence: list[Evidence] = []
        if people:
            drawn = drawing.draw_faces(picture, [each.faces[0].face for each in people], [each.name for each in people])
            evidence += [PictureEvidence("people", Message("deepfake-evidence-people"), drawn), _picture_table(people), *map(_face_and_map, people)]
        verdict = self._verdict("picture", people, like, left_out=len(found) - len(people))
        return Report(verdict, parts=self._parts(like), evidence=tuple(evidence), models=self._models("face-probe"))

    def _of_clip(self, path: Path, progress: Progress) -> Report:
        clip = video.probe(path)
        wanted = int(np.clip(clip.frames / clip.fps / EVERY_S, FACES, MOST_FRAMES))
        step = Message("deepfake-examining")
        frames = sampled(path, wanted, longest=LONGEST, seen=lambda n: progress(min(0.4, 0.4 * n / wanted), Message("deepfake-reading")))
        found = self._examiner.people(self._shown(frames, progress, step))
        like, high = self._like_clip(path, clip, len(frames)), self._bounds("clip")[1]
        people = [
            ExaminedPerson(_letter(n), each.faces, each.score, self._answer("clip", like, each.score) if len(each.faces) >= LEAST_FACES else "cannot")
            for n, each in enumerate(found[:PEOPLE])
        ]
        progress(0.9, Message("deepfake-writing"))
        evidence: list[Evidence] = []
        if people:
            evidence += [_curves(people, high), _clip_table(people, high), *map(_face_and_map, people)]
        verdict = self._verdict("clip", people, like, left_out=len(found) - len(people))
        lasts = frames[-1].t if frames else None  # they lie evenly over the whole, also where the header is wrong about that
        return Report(verdict, self._parts(like), _timeline(people, high), tuple(evidence), self._models("face-embedding"), seconds=lasts)

    @staticmethod
    def _shown(frames: Sequence[Frame], progress: Progress, step: Message) -> Iterator[tuple[float, np.ndarray]]:
        for n, frame in enumerate(frames):
            progress(0.4 + 0.5 * n / len(frames), step)
            yield frame.t, frame.image

    def _answer(self, medium: str, like: Likeness, score: float) -> str:
        low, high = self._bounds(medium)
        return "none" if score <= low else "sign" if score >= high and not self._worthless(like) else "cannot"

    def _worthless(self, like: Likeness) -> bool:
        """Whether real faces of such files are above the threshold nearly as often as manipulated ones."""
        metrics = self.card.metrics[like.row]
        return metrics["fakes_above"]["value"] < WORTH * metrics["real_above"]["value"]

    def _bounds(self, medium: str) -> tuple[float, float]:
        bounds = self.card.thresholds[medium]
        return bounds["low"], bounds["high"]

    def _like_clip(self, path: Path, clip: video.Clip, looked_at: int) -> Likeness:
        bits = bits_a_pixel(path.stat().st_size, clip.frames or video.count(path), clip.width, clip.height)
        measured = self.card.thresholds["clip_bits_a_pixel"]
        fields = (
            ReportField("frames", Message("deepfake-frames"), looked_at),
            ReportField("size", Message("deepfake-size"), f"{clip.width} x {clip.height}"),
            ReportField("bits", Message("deepfake-bits"), round(bits, 3)),
        )
        return Likeness("clips", measured["low"] <= bits <= measured["high"], fields)

    def _verdict(self, medium: str, people: Sequence[ExaminedPerson], like: Likeness, left_out: int) -> Verdict:
        """The answer for the whole file: that of the person who stands out most, with what speaks for caution."""
        if not people:
            return Verdict(Message("deepfake-cannot"), None, None, "unsure", (Message("deepfake-no-face", {"pixels": SMALLEST}),))
        low, high = self._bounds(medium)
        answers = {each.answer for each in people}
        answer = "sign" if "sign" in answers else "none" if answers == {"none"} else "cannot"
        worst = max((each for each in people if answer != "sign" or each.answer == "sign"), key=lambda each: each.score)
        why = "sign" if worst.score >= high else answer
        reasons = [Message(f"deepfake-{why}-why", {"person": worst.name, "score": worst.score, "low": low, "high": high})]
        if why != answer and self._worthless(like):
            reasons.append(Message("deepfake-worthless"))
        if answer == "sign" and medium == "picture":
            reasons.append(Message(f"deepfake-kind-{_kind(worst.faces[0])}"))
        if few := [each for each in people if medium == "clip" and len(each.faces) < LEAST_FACES]:
            reasons.append(Message("deepfake-few", {"person": ", ".join(each.name for each in few), "least": LEAST_FACES}))
        reasons += self._errors(like, answer)
        reasons.append(Message(f"deepfake-answers-{medium}", self._answered(medium)))
        reasons.append(Message(f"deepfake-auc-{medium}", self._aucs(medium)))
        if len(people) > 1:
            reasons.append(Message("deepfake-many", {"count": len(people)}))
        if left_out:
            reasons.append(Message("deepfake-left-out", {"most": PEOPLE, "count": left_out}))
        reasons += [Message("deepfake-fooled"), Message("deepfake-never-measured")]
        return Verdict(Message(f"deepfake-{answer}"), round(worst.score, 4), high, "suspicious" if answer == "sign" else "unsure", tuple(reasons))

    def _errors(self, like: Likeness, answer: str) -> list[Message]:
        """How often this tool errs on files like this one, by the card."""
        counts: dict[str, Param] = {key: self.card.metrics[like.row][name]["count"] for key, name in COUNTED.items()}
        counts |= {"real": self.card.metrics[like.row]["real_above"]["of"], "fakes": self.card.metrics[like.row]["fakes_above"]["of"]}
        found = [] if like.within else [Message(f"deepfake-unlike-{'clip' if like.row == 'clips' else 'picture'}")]
        found.append(Message(f"deepfake-errs-{like.row.replace(' ', '-')}", {key: counts[key] for key in ("real", "above", "fakes", "found")}))
        if answer == "none":
            found.append(Message("deepfake-errs-none", {key: counts[key] for key in ("fakes", "missed")}))
        return found

    def _answered(self, medium: str) -> dict[str, Param]:
        """Of how many files measured this tool said anything, and of how many wrongly."""
        metrics = self.card.metrics[f"answers {medium}"]
        return {"files": metrics["answered"]["of"], "answered": metrics["answered"]["count"], "wrong": metrics["wrong"]["count"]}

    def _aucs(self, medium: str) -> dict[str, Param]:
        rows = {"": "clips"} if medium == "clip" else {"": "stills received", "seen_": "photographs"}
        return {f"{prefix}{key}": self.card.metrics[row]["auc"][key] for prefix, row in rows.items() for key in ("value", "low", "high")}

    def _parts(self, like: Likeness) -> tuple[ReportPart, ...]:
        parts = [ReportPart("file", Message("deepfake-part-file"), like.fields)]
        for row in [like.row] if like.row == "clips" else [like.row, "photographs"]:
            metrics, code = self.card.metrics[row], row.replace(" ", "-")
            fields = tuple(ReportField(name, Message(f"deepfake-rate-{name.replace('_', '-')}"), _rate(metrics[name])) for name in COUNTED.values())
            parts.append(ReportPart(f"errors-{code}", Message(f"deepfake-part-{code}"), fields))
        return tuple(parts)

    def _models(self, other: str) -> dict[str, str]:
        return {name: registry.card(name).sha256 for name in ("faces", "face-manipulated", other)}


def _letter(n: int) -> str:
    return chr(ord("A") + n)


def _kind(face: FaceEvidence) -> str:
    """Of KINDS, the one that lies farthest above real faces."""
    return KINDS[int(np.argmax(face.kinds))]


def _rate(metric: Mapping[str, float]) -> Message:
    return Message("deepfake-rate", {"share": metric["value"], "low": metric["low"], "high": metric["high"], "part": metric["count"], "of": metric["of"]})


def _like_picture(content: bytes, picture: np.ndarray, found: Sequence[FaceEvidence]) -> Likeness:
    quality = jpeg_quality(content)
    small = bool(found) and found[0].scale > 1
    row = "stills small" if small else "stills resaved" if quality is not None and quality <= RESAVED_JPEG else "stills received"
    fields = [ReportField("size", Message("deepfake-size"), f"{picture.shape[1]} x {picture.shape[0]}")]
    fields.append(ReportField("quality", Message("deepfake-quality"), quality))
    return Likeness(row, quality is None or quality >= WEAK_JPEG, tuple(fields))


def _face_and_map(person: ExaminedPerson) -> PictureEvidence:
    face, code = person.worst, "deepfake-evidence-person" + ("-at" if len(person.faces) > 1 else "")
    params: dict[str, Param] = {"person": person.name, "t": face.t} if len(person.faces) > 1 else {"person": person.name}
    return PictureEvidence(f"person-{person.name.lower()}", Message(code, params), drawing.side_by_side(face.crop, drawing.heated(face.crop, face.where)))


def _picture_table(people: Sequence[ExaminedPerson]) -> TableEvidence:
    columns = ("person", "answer", "score", *KINDS, "pixels")
    rows = [
        (
            each.name,
            Message(f"deepfake-short-{each.answer}"),
            round(each.score, 2),
            *(round(float(kind), 2) for kind in each.faces[0].kinds),
            round(max(each.faces[0].face.box.w, each.faces[0].face.box.h)),
        )
        for each in people
    ]
    return TableEvidence("scores", Message("deepfake-evidence-scores"), tuple(Message(f"deepfake-column-{each}") for each in columns), tuple(rows))


def _clip_table(people: Sequence[ExaminedPerson], high: float) -> TableEvidence:
    columns = ("person", "answer", "score", "faces", "seconds", "moments")
    rows = [
        (
            each.name,
            Message(f"deepfake-short-{each.answer}"),
            round(each.score, 2),
            len(each.faces),
            _seconds(each.faces),
            tuple(_seconds(run) for run in runs_above(each.faces, high)),
        )
        for each in people
    ]
    return TableEvidence("scores", Message("deepfake-evidence-scores"), tuple(Message(f"deepfake-column-{each}") for each in columns), tuple(rows))


def _seconds(faces: Sequence[FaceEvidence]) -> Message:
    """From the first face to the last."""
    begin, end = faces[0].t, faces[-1].t
    return Message("deepfake-seconds", {"begin": begin, "end": end}) if len(faces) > 1 else Message("deepfake-second", {"t": begin})


def _curves(people: Sequence[ExaminedPerson], high: float) -> PlotEvidence:
    """Each person's score over the seconds, and the threshold."""
    curves = [
        PlotSeries(
            Message("deepfake-person", {"person": each.name}),
            tuple(round(face.t, 3) for face in each.faces),
            tuple(round(face.score, 3) for face in each.faces),
        )
        for each in people[:CURVES]
    ]
    times = [t for each in curves for t in each.x]
    curves.append(PlotSeries(Message("deepfake-threshold"), (min(times), max(times)), (high, high)))
    return PlotEvidence("over-time", Message("deepfake-evidence-curve"), Message("deepfake-axis-seconds"), Message("deepfake-axis-score"), tuple(curves))


def _timeline(people: Sequence[ExaminedPerson], high: float) -> tuple[TimelineEntry, ...]:
    """A moment for each run of a person's faces above the threshold."""
    moments = []
    for each in people:
        for run in runs_above(each.faces, high):
            top = round(max(face.score for face in run), 3)
            words = Message("deepfake-stands-out", {"person": each.name, "begin": run[0].t, "end": run[-1].t})
            if len(run) == 1:
                words = Message("deepfake-stands-out-once", {"person": each.name, "t": run[0].t})
            moments.append(TimelineEntry(round(run[0].t, 3), "stands-out", top, words))
    return tuple(sorted(moments, key=lambda entry: entry.t))


def runs_above(faces: Sequence[FaceEvidence], high: float) -> list[list[FaceEvidence]]:
    """Faces above the threshold in frames that follow one another: where the person is away in between, a new run begins."""
    found: list[list[FaceEvidence]] = []
    for face in faces:
        if face.score >= high:
            if found and face.frame - found[-1][-1].frame <= 1:
                found[-1].append(face)
            else:
                found.append([face])
    return found
