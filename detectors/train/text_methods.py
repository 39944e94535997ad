"""The thirteen methods of TweepFake behind one interface: `python -m detectors.train.text_methods FOLDER --out WORK [--only NAME]`.

Needs scikit-learn (`pip install scikit-learn`) and torch; the rows with an encoder need `pip install transformers` and a folder WORK/encoders/NAME of any
Hugging Face encoder (`detectors/train/text_finetune.py` says where small ones come from). Each method learns on train.csv of FOLDER and is judged on
validation.csv; what it answers is kept in WORK/methods, where `python -m detectors results text --work WORK` finds it, and is learned there if it is not.
"""

from __future__ import annotations

import argparse
import dataclasses
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from detectors.evaluators import tweepfake as judging
from detectors.files import replacing


class TextModel(Protocol):
    """What a fitted method is: `size` in bytes, and a score of texts whose border is 0."""

    def score(self, texts: Sequence[str]) -> np.ndarray:
        """(N,): above 0 where a machine is the likelier author."""
        ...

    @property
    def size(self) -> int:
        """Bytes of everything it needs."""
        ...


PLAIN = ("LR", "RF", "SVC")
ENCODERS = "encoders"  # the folder under WORK that holds folders of encoders
Note = Callable[[str], None]
Fit = Callable[[judging.TweetRows, int, Path, Note], TextModel]


@dataclasses.dataclass(frozen=True, slots=True)
class Method:
    """One of the thirteen: its name as published, what it is called here where that differs, how it learns (posts, seed, work folder, log)."""

    published: str
    own: str
    fit: Fit

    @property
    def name(self) -> str:
        """What it is called here."""
        return self.own or self.published

    @property
    def file(self) -> str:
        """The file of its answers: another encoder or number of epochs has another one."""
        return re.sub(r"[^a-z0-9]+", "-", self.name.lower()) + ".npz"


@dataclasses.dataclass(frozen=True, slots=True)
class MethodAnswers:
    """Scores (N,) of the judged posts; processor seconds of learning, processor milliseconds a post, bytes of the model."""

    scores: np.ndarray
    seconds: float
    pace: float
    size: float


def _words(name: str) -> Fit:
    def fit(rows: judging.TweetRows, seed: int, work: Path, note: Note) -> TextModel:
        from detectors.train import text_words

        features, carried = text_words.bag_of_words(rows.texts)
        return text_words.fit(name, features, carried, rows.texts, rows.machine, seed)

    return fit


def _characters(name: str) -> Fit:
    def fit(rows: judging.TweetRows, seed: int, work: Path, note: Note) -> TextModel:
        from detectors.train import text_characters

        return text_characters.fit(name, rows.texts, rows.machine, text_characters.RECIPES[name], seed, note)

    return fit


def _frozen(name: str) -> Fit:
    def fit(rows: judging.TweetRows, seed: int, work: Path, note: Note) -> TextModel:
        from detectors.train import text_finetune, text_words

        encoder = text_finetune.LocalEncoder(text_finetune.folder_of(work))
        return text_words.fit(name, text_finetune.KeptFeatures(encoder, work), encoder.size, rows.texts, rows.machine, seed)

    return fit


def _finetuned(folder: str) -> Fit:
    def fit(rows: judging.TweetRows, seed: int, work: Path, note: Note) -> TextModel:
        from detectors.train import text_finetune

        return text_finetune.finetune(work / ENCODERS / folder, rows.texts, rows.machine, text_finetune.SHORT, seed, note)

    return fit


def methods(work: Path) -> tuple[Method, ...]:
    """The published ones in their order; the first encoder under WORK/encoders in BERT's place, and one fine-tuned row for each encoder there."""
    encoders = sorted(each.parent.name for each in (work / ENCODERS).glob("*/config.json")) or ["an encoder"]
    return (
        *(Method(f"{name}, bag of words", "", _words(name)) for name in PLAIN),
        *(Method(f"{name}, BERT features", f"{name}, features of {encoders[0]}", _frozen(name)) for name in PLAIN),
        Method("CHAR_CNN", "", _characters("CHAR_CNN")),
        Method("CHAR_GRU", "CHAR_GRU, 1 epoch instead of 25", _characters("CHAR_GRU")),
        Method("CHAR_CNNGRU", "CHAR_CNNGRU, once over 6,000 posts instead of 25 epochs", _characters("CHAR_CNNGRU")),
        *(Method(f"{name}, fine-tuned", f"{name}, upper 3 layers fine-tuned once over 6,000 posts instead of 3 epochs", _finetuned(name)) for name in encoders),
    )


def measure(method: Method, rows: judging.TweetRows, aside: judging.TweetRows, seed: int, work: Path, note: Note = lambda _: None) -> MethodAnswers:
    """Learn and judge, or what an earlier run kept of the same posts and seed. Raises WeightsError where an encoder cannot be had."""
    file = work / "methods" / f"{seed}-{len(rows.texts)}-{len(aside.texts)}-{method.file}"
    if not file.exists():
        begin = time.process_time()
        model = method.fit(rows, seed, work, note)
        learned, charged = time.process_time(), getattr(model, "charged", 0.0)
        scores = model.score(aside.texts)
        pace = 1000 * (time.process_time() - learned + getattr(model, "charged", 0.0) - charged) / len(aside.texts)
        file.parent.mkdir(parents=True, exist_ok=True)
        with replacing(file) as opened:
            np.savez(opened, scores=scores, figures=np.array([learned - begin + charged, pace, model.size]))
    with np.load(file) as stored:
        return MethodAnswers(stored["scores"], *map(float, stored["figures"]))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", metavar="NAME", action="append", help="a name as published, or ENCODER, fine-tuned")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rows, aside = (judging.read(given.folder / name) for name in ("train.csv", "validation.csv"))
    for method in methods(given.out):
        if given.only and method.published not in given.only:
            continue
        found = measure(method, rows, aside, given.seed, given.out, lambda line: print(line, flush=True))
        accuracy = float(((found.scores > 0) == aside.machine).mean())
        print(f"{method.name}: accuracy {accuracy:.3f}, {found.seconds:.0f} s, {found.pace:.2f} ms a post, {found.size / 1e6:.1f} MB", flush=True)


if __name__ == "__main__":
    main()
