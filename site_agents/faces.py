"""Faces at a restricted door (mode M1 only): each track is judged by its best faces, in open set, in memory; a stranger stays a stranger.

Where the door's rules ask for it, a picture of a face gets no name either.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from detectors.faces import identify
from detectors.faces.embed import SIDE, align, side_of
from detectors.faces.fuse import TrackFaces
from detectors.faces.identify import Identification
from detectors.faces.quality import Quality, judge
from detectors.faces.small import SMALL
from detectors.liveness.live import NOT_LIVE
from detectors.rules import registry
from detectors.rules.scene import CameraRule, RuleFinding
from detectors.types import Box, Detection, Face, Frame
from federated.trust.staff_list import StaffEntry
from site_agents.liveness import TrackLiveness
from site_agents.staff_list_store import Staff

FINDER, SHARP, SMALL_NET, LIVENESS = "faces", "face-embedding", "face-embedding-small", "face-liveness"
BIOMETRIC = (FINDER, SHARP, SMALL_NET, LIVENESS)
LOOKS = 3  # faces a decision rests on at the least
GONE_S = 3.0  # not seen for so long: the visit is over and everything about it is forgotten
FPIR = 0.01  # of strangers who may be given a name, unless the rule says otherwise
MARGIN = 0.6  # of a face's size, kept around it in the picture of a recognition
BINS = 200  # of the histogram of strangers' best cosines, -1 to 1


@dataclasses.dataclass(slots=True)
class FaceVisit:
    """One face track, in memory only. `best` is its best frame with the face's box and quality."""

    name: str
    began: float
    seen: float
    sharp: TrackFaces
    small: TrackFaces
    best: tuple[Frame, Box, float]
    sides: list[float] = dataclasses.field(default_factory=list)  # of the aligned pictures of the faces that count, in pixels of the frame
    answer: Identification | None = None  # as of the last look; None again while a net for larger faces, or a neighbour, has not answered yet
    reported: Identification | None = None  # the recognition that stands in the face log
    doubtful: bool = False  # another face had the same name in the same picture: one person is in one place, so neither name stands
    doubt_reported: bool = False
    liveness: TrackLiveness | None = None  # None as long as no rule asked whether the face is live
    asked: float | None = None  # of the others, whose face it is, and the cosine that it needs

    @property
    def net(self) -> str:
        """Whose embeddings count: the small-face net's only while every face was small."""
        return SHARP if self.sharp.frames else SMALL_NET

    @property
    def faces(self) -> TrackFaces:
        """What the decision rests on."""
        return self.sharp if self.net == SHARP else self.small

    @property
    def conclusion(self) -> Identification | None:
        """What the visit comes to when it ends now: the last answer, else the one that was reported."""
        return self.answer or self.reported

    @property
    def not_live(self) -> bool:
        """Whether it was found to be a picture of a face."""
        return self.liveness is not None and self.liveness.not_live

    @property
    def in_doubt(self) -> bool:
        """Whether a name that was given does not stand any more."""
        return self.doubtful or self.not_live


@dataclasses.dataclass(frozen=True, slots=True)
class RecognitionLimits:
    """How sure a door wants to be: the wanted share of strangers who get a name, or the site's own least cosine."""

    fpir: float = FPIR
    threshold: float | None = None


def limits_of(rule: CameraRule) -> RecognitionLimits | None:
    """How sure a door's rule wants to be: `fpir` in percent, `threshold` the site's own least cosine (0: from the length of the list).

    None when the numbers make no sense: such a rule is left out.
    """
    try:
        values = registry.kinds()[rule.kind].values(rule.values)
    except ValueError:
        return None
    return RecognitionLimits(values.get("fpir", FPIR * 100) / 100, values.get("threshold") or None)


class PeerRecognition(Protocol):
    """The neighbours (`site_agents.neighbours.live.NeighbourService`); no call waits. `complete`: this door keeps the whole list and never has to ask."""

    complete: bool

    def expected(self) -> tuple[StaffEntry, ...]: ...
    def ask(self, key: str, probe: np.ndarray, threshold: float) -> None: ...
    def answer(self, key: str) -> Any: ...
    def recognised(self, key: str, person: str, score: float) -> None: ...
    def unknown(self) -> None: ...
    def gone(self, key: str) -> None: ...


class FaceRecognizer:
    """Finds the faces of a frame, follows them, and names those that are on the list.

    `detector(name)` gives a loaded detector, or None when it cannot be used; `ask(name, look, nothing)` what one answers, `nothing` when it fails or lacks.
    Embeddings leave this object only towards `others`, and only when this box keeps no whole list.
    """

    def __init__(self, detector: Callable[[str], Any], ask: Callable[[str, Callable[[Any], Any], Any], Any] | None = None) -> None:
        self.detector, self.limits = detector, RecognitionLimits()
        self.ask = ask or self._ask
        self.others: PeerRecognition | None = None
        self.visits: dict[tuple[int, int], FaceVisit] = {}
        self._epoch = 0
        self.histogram, self.counts, self._people = np.zeros(BINS, int), dict.fromkeys(("person", "unknown", "cannot-say", NOT_LIVE), 0), 0
        self._faces: list[Face] = []
        self._galleries: tuple[Any, dict[str, identify.Gallery]] = (None, {})
        self._doubts: list[RuleFinding] = []

    def find(self, frame: Frame) -> list[Detection]:
        """The faces of a frame, to be followed: Detections of kind "face", `data` {look}."""
        self._faces = self.detector(FINDER).find(frame.image)
        return [Detection("face", face.score, face.box, data={"look": n}) for n, face in enumerate(self._faces)]

    def follow(
        self,
        frame: Frame,
        tracks: Sequence[Detection],
        staff: Staff,
        now: float,
        inside: Callable[[Detection], bool],
        must_live: Callable[[Detection], bool] = lambda track: False,
    ) -> list[Detection]:
        """The tracks, those of faces with what is known of them by now: `data` {verdict, person, quality, frames, score, threshold, people}.

        Only faces for which `inside` holds are embedded; those for which `must_live` holds get no name before they were looked at for being live, and their
        `data` has {liveness, looks} too. `now` (Unix seconds) decides who has expired.
        """
        entries = staff.at(now) if self._keeps_all else tuple(entry for entry in self.others.expected() if now < entry.expires)
        followed = [self._judge(frame, track, entries, staff, must_live(track)) if "look" in track.data and inside(track) else track for track in tracks]
        self._faces = []
        followed = [track for track in followed if "look" not in track.data]
        return self._one_place_each(frame, followed)

    def news(self, t: float, staff: Staff) -> list[RuleFinding]:
        """What the face log must hold: a recognition when it is decided and again when the visit is over. Visits that are over are forgotten."""
        findings, self._doubts = self._doubts, []
        for track, visit in list(self.visits.items()):
            if visit.asked is not None and visit.answer is None:
                visit.answer = self._peer_answer(visit)
            answer = visit.answer
            if answer is not None and answer.person is not None and (visit.reported is None or answer.person != visit.reported.person):
                findings.append(self._recognition(visit, answer, answer.person, staff, t))
                visit.reported, visit.doubt_reported = answer, visit.in_doubt
                if self.others is not None and visit.asked is None and not visit.doubtful:
                    self.others.recognised(visit.name, answer.person, answer.score)
            elif visit.in_doubt and visit.reported is not None and not visit.doubt_reported:
                findings.append(self._recognition(visit, visit.reported, visit.reported.person, staff, t))
                visit.doubt_reported = True
            if t - visit.seen > GONE_S or t < visit.seen:
                findings += self._end(visit, staff, t)
                del self.visits[track]
        return findings

    def _end(self, visit: FaceVisit, staff: Staff, t: float) -> list[RuleFinding]:
        """The visit is over: count it, let the neighbours know, and say when a recognised person left."""
        conclusion = visit.conclusion
        if conclusion is not None:
            self._count(conclusion, staff.size, doubtful=visit.doubtful)
        if self.others is not None:
            if self._keeps_all and conclusion is not None and conclusion.kind == "unknown":
                self.others.unknown()
            self.others.gone(visit.name)
        if visit.reported is None or conclusion is None:
            return []
        last = visit.reported if visit.not_live else conclusion
        return [self._recognition(visit, last, visit.reported.person, staff, t, ended=visit.seen)]

    def begin_anew(self) -> None:
        """Track numbers start again: those of before mean nobody that comes now."""
        self._epoch += 1

    def best(self) -> dict[int, tuple[Frame, Box]]:
        """Of the tracks that are followed: the frame that shows the face best, and where."""
        return {track: visit.best[:2] for (epoch, track), visit in self.visits.items() if epoch == self._epoch}

    def forget(self) -> None:
        """Nobody was here."""
        self.visits, self._faces, self._galleries, self._doubts = {}, [], (None, {}), []

    def report(self, staff: Staff) -> dict[str, Any]:
        """What a heartbeat says of the door: how many of the list, the least cosine now, visits by answer, and strangers' best cosines as a histogram."""
        people = staff.size
        found = {str(n): int(count) for n, count in enumerate(self.histogram) if count}
        return {"people": people, "threshold": self._threshold(SHARP, people), "fpir": self.limits.fpir, "visits": dict(self.counts), "scores": found}

    def _one_place_each(self, frame: Frame, tracks: list[Detection]) -> list[Detection]:
        """One person is in one place: of two faces in one picture with the same name, neither keeps it for the rest of its visit. Which of them is a picture
        held up, nobody here can tell.
        """
        named: dict[str, list[Detection]] = {}
        for track in tracks:
            if track.data.get("verdict") == "person":
                named.setdefault(track.data["person"], []).append(track)
        for person, claims in named.items():
            visits = [self.visits[self._epoch, track.track] for track in claims]
            if len(claims) > 1 and not all(visit.doubtful for visit in visits):
                plain = tuple(dataclasses.replace(track, data={"person": None}) for track in claims)
                data = {"person": person, "visits": [visit.name for visit in visits]}
                self._doubts.append(RuleFinding(registry.TWICE, frame.t, max(track.score for track in claims), plain, data, frame))
                for visit in visits:
                    visit.doubtful = True
        return [self._without_name(track) for track in tracks]

    def _without_name(self, track: Detection) -> Detection:
        visit = self.visits.get((self._epoch, track.track))
        if visit is None or not visit.doubtful or track.data.get("verdict") != "person":
            return track
        return dataclasses.replace(track, data={**track.data, "verdict": "cannot-say", "person": None})

    @property
    def _keeps_all(self) -> bool:
        return self.others is None or self.others.complete

    def _judge(self, frame: Frame, track: Detection, entries: tuple, staff: Staff, must_live: bool) -> Detection:
        face = self._faces[track.data["look"]]
        crop = align(frame.image, face.landmarks)
        quality = judge(crop, face)
        visit = self.visits.setdefault(
            (self._epoch, track.track), FaceVisit(uuid.uuid4().hex, frame.t, frame.t, TrackFaces(), TrackFaces(), (frame, face.box, -1.0))
        )
        visit.seen = frame.t
        if quality.value > visit.best[2]:
            visit.best = frame, face.box, quality.value
        if self._look(visit, crop, face, quality) and must_live:
            self._examine(visit, frame, face)
        people = len(entries) if self._keeps_all else staff.size
        visit.answer = self._with_others(visit, self._if_live(visit, self._decide(visit, entries, people), frame.t, must_live))
        answer = visit.answer
        data = {
            "verdict": "looking" if answer is None else answer.kind,
            "person": None if answer is None else answer.person,
            "quality": quality.value,
            "reasons": list(quality.reasons),
            "frames": visit.faces.frames,
            "people": people,
            "gallery_version": staff.version,
        }
        if answer is not None:
            data["score"], data["threshold"] = round(answer.score, 4), round(answer.threshold, 4)
        if visit.liveness is not None:
            data |= visit.liveness.data
        return dataclasses.replace(track, data=data)

    def _look(self, visit: FaceVisit, crop: np.ndarray, face: Face, quality: Quality) -> bool:
        """One face more, embedded by the net for its size; a face that says nothing is not embedded at all: False."""
        small = min(face.box.w, face.box.h) < SMALL
        net, worth = self.detector(SMALL_NET if small else SHARP), _worth(quality, small)
        if net is None or worth < identify.LEAST_QUALITY:
            (visit.small if small else visit.sharp).seen += 1
            return False
        if not small and not visit.sharp.frames:
            visit.sides.clear()  # from the first large face on, the small ones count no more
        if small <= (visit.net == SMALL_NET):
            visit.sides.append(side_of(face.landmarks))
        (visit.small if small else visit.sharp).add(net.embed_crop(crop), worth)
        return True

    def _examine(self, visit: FaceVisit, frame: Frame, face: Face) -> None:
        """One look whether this is a face or a picture of one, at those faces only on which a name could rest; a few of each visit are enough."""
        visit.liveness = visit.liveness or TrackLiveness()
        if visit.liveness.wants_looks:
            look = self.ask(LIVENESS, lambda net: net.judge(frame.image, face.box), None)
            visit.liveness.add(look, frame.t, lambda looks: (net := self.detector(LIVENESS)) and net.judge_track(looks))

    def _if_live(self, visit: FaceVisit, answer: Identification | None, t: float, must_live: bool) -> Identification | None:
        """The answer as far as the face is live: a picture gets none but that it is one, and nobody is named, asked for or called a stranger before."""
        live = visit.liveness
        if live is None:
            return answer
        if live.not_live:
            return Identification(NOT_LIVE, None, live.answer.score, live.answer.threshold)
        if must_live and answer is not None and answer.person is not None:
            live.name_comes_up(answer.person, t)
        waits = must_live and live.answer is None and answer is not None and answer.kind != "cannot-say"
        return None if waits else answer

    def _ask(self, name: str, look: Callable[[Any], Any], nothing: Any) -> Any:
        net = self.detector(name)
        return nothing if net is None else look(net)

    def _with_others(self, visit: FaceVisit, answer: Identification | None) -> Identification | None:
        """A stranger to those who are expected is no stranger yet: somebody with the whole list is asked, once; until then nothing is known."""
        if self._keeps_all or answer is None or answer.kind != "unknown":
            return answer
        if visit.asked is None:
            visit.asked = answer.threshold
            self.others.ask(visit.name, visit.faces.embedding(), answer.threshold)
        return self._peer_answer(visit)

    def _peer_answer(self, visit: FaceVisit) -> Identification | None:
        """What the neighbour that was asked has answered; None while it has not, and when its answer is lost."""
        if self.others is None or visit.asked is None:
            return None
        decided = self.others.answer(visit.name)
        if decided is None:
            return None
        return Identification("unknown" if decided.person is None else "person", decided.person, decided.score, visit.asked)

    def _decide(self, visit: FaceVisit, entries: tuple, people: int) -> Identification | None:
        """None while there are too few faces to say anything. Small faces alone may name somebody; they are too little to call anybody a stranger."""
        faces = visit.faces
        threshold = self._threshold(visit.net, people, float(np.median(visit.sides)) if visit.sides else SIDE)
        if faces.frames < LOOKS:
            poor = visit.sharp.seen + visit.small.seen >= LOOKS and not faces.frames
            return Identification("cannot-say", None, 0.0, threshold) if poor else None
        answer = identify.identify(self._gallery(visit.net, entries), faces.embedding(), threshold, quality=faces.quality)
        return dataclasses.replace(answer, kind="cannot-say") if visit.net == SMALL_NET and answer.kind == "unknown" else answer

    def _threshold(self, name: str, people: int, side: float = SIDE) -> float:
        net = self.detector(name)
        if self.limits.threshold is not None or net is None:
            return 1.0 if self.limits.threshold is None else self.limits.threshold
        return identify.threshold_between(max(1, people), side, net.card.thresholds["tails"], fpir=self.limits.fpir)

    def _gallery(self, name: str, entries: tuple) -> identify.Gallery:
        """The templates of one net; built again when the list has changed."""
        if self._galleries[0] != entries:
            self._galleries = entries, {}
        if name not in self._galleries[1]:
            vectors = {entry.person: entry.template if name == SHARP else entry.small for entry in entries}
            self._galleries[1][name] = identify.enrol({person: vector[None] for person, vector in vectors.items() if vector is not None})
        return self._galleries[1][name]

    def _recognition(self, visit: FaceVisit, answer: Identification, person: str | None, staff: Staff, t: float, ended: float | None = None) -> RuleFinding:
        """A line for the face log; with `ended` (Unix seconds) the end of one that was written before."""
        data = {
            "visit": visit.name,
            "person": person,
            "started": round(visit.began, 3),
            "net": visit.net,
            "frames": visit.faces.frames,
            "score": round(answer.score, 4),
            "threshold": round(answer.threshold, 4),
            "people": staff.size,
            "gallery_version": staff.version,
        }
        if visit.doubtful:
            data["doubtful"] = True
        if visit.liveness is not None:
            data |= visit.liveness.data
        if ended is not None:
            data["ended"] = round(ended, 3)
        picture = None if ended is not None else _portrait(*visit.best[:2])
        return RuleFinding("recognised", t, float(np.clip(answer.score, 0, 1)), data=data, frame=picture)

    def _count(self, answer: Identification, people: int, *, doubtful: bool = False) -> None:
        """Numbers only: which answer, and how alike a stranger was to the nearest of the list. A list of another size makes other scores."""
        if people != self._people:
            self._people, self.histogram = people, np.zeros(BINS, int)
        self.counts["cannot-say" if doubtful else answer.kind] += 1
        if answer.kind == "unknown" and people:
            self.histogram[int(np.clip((answer.score + 1) / 2 * BINS, 0, BINS - 1))] += 1


def _worth(quality: Quality, small: bool) -> float:
    """How much a face counts, 0..1. Every small face is blurred: there, only how it is turned and lit counts, down to the size at which nothing is left."""
    if not small:
        return quality.value
    return min(value for name, value in quality.parts.items() if name not in ("small", "blurred")) if quality.parts["small"] > 0 else 0.0


def _portrait(frame: Frame, box: Box) -> Frame:
    """The face with a little around it: who verifies a recognition needs to see no more."""
    left, top = int(box.x - MARGIN * box.w), int(box.y - MARGIN * box.h)
    right, bottom = int(box.x + (1 + MARGIN) * box.w), int(box.y + (1 + MARGIN) * box.h)
    return dataclasses.replace(frame, image=frame.image[max(0, top) : max(1, bottom), max(0, left) : max(1, right)].copy())
