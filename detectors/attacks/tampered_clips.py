"""Tampered and untouched clips with known truth: `python -m detectors.attacks.tampered_clips SOURCES OUT [--count 40] [--seed 0] [--split train|test]`.

SOURCES is a folder of video files, or of folders of numbered frames. Half of them are for setting thresholds (train) and half for measuring (test), by the
sha256 of their name. Of each, the first eight seconds are taken at 25 frames a second. OUT gets the clips and labels.csv (`path,label,kind,source`). What is
done depends on the seed and the name alone.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import struct
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from detectors import image
from detectors.attacks.tampered import COLUMNS, split_of
from detectors.errors import BadInput
from detectors.video import encoder_frame, frames

RATE, SECONDS, LONGEST, LEAST_S = 25, 8.0, 480, 4.0
TONE_HZ, SOUND_RATE = 220, 16_000
SUFFIXES = (".mp4", ".webm", ".avi", ".mov", ".mkv")


def opened(path: Path) -> list[np.ndarray]:
    """The first seconds of a clip, BGR, even sides, as many frames as RATE asks for; sources of a lower rate are taken as they are. Raises BadInput."""
    found = []
    for picture in (frame.image for frame in frames(path)) if path.is_file() else map(image.read, sorted(path.glob("*.jpg"))):
        if len(found) == round(RATE * SECONDS):
            break
        scale = min(1.0, LONGEST / max(picture.shape[:2]))
        size = tuple(max(2, round(side * scale) // 2 * 2) for side in picture.shape[1::-1])
        found.append(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))
    return found


def sources_in(folder: Path) -> list[Path]:
    """Video files, and folders with enough frames of their own."""
    found = [each for each in folder.rglob("*") if each.suffix.lower() in SUFFIXES]
    for each in (each for each in folder.rglob("*") if each.is_dir()):
        numbered = sorted(each.glob("[0-9]*.jpg"))
        if len(numbered) >= LEAST_S * RATE and len({image.read(file).shape for file in numbered[:3]}) == 1:
            found.append(each)
    return sorted(found)


def write(path: Path, pictures: Sequence[np.ndarray], *, crf: int = 23, times: Sequence[int] | None = None, sound_s: float | None = None) -> None:
    """An MP4 of x264; `times` in frames where they are not 0, 1, 2 ...; `sound_s`: a tone of so many seconds."""
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=RATE, options={"crf": str(crf), "preset": "veryfast", "threads": "1"})
        video.height, video.width = pictures[0].shape[:2]
        video.pix_fmt = "yuv420p"
        audio = out.add_stream("aac", rate=SOUND_RATE) if sound_s else None
        for n, picture in enumerate(pictures):
            frame = encoder_frame(picture)
            frame.pts, frame.time_base = n if times is None else times[n], Fraction(1, RATE)
            out.mux(video.encode(frame))
        out.mux(video.encode())
        if audio is not None:
            add_tone(out, audio, sound_s)


def add_tone(out: av.container.OutputContainer, audio: av.AudioStream, seconds: float) -> None:
    wave = (np.sin(np.arange(round(seconds * SOUND_RATE)) * 2 * np.pi * TONE_HZ / SOUND_RATE) * 8000).astype(np.int16)
    for begin in range(0, len(wave), 1024):
        frame = av.AudioFrame.from_ndarray(wave[None, begin : begin + 1024], format="s16", layout="mono")
        frame.sample_rate, frame.pts = SOUND_RATE, begin
        out.mux(audio.encode(frame))
    out.mux(audio.encode())


def join(path: Path, parts: Sequence[Path]) -> None:
    """Clips of one size one after the other without encoding them again, as lossless cutters do."""
    at = 0
    with av.open(str(path), "w") as out:
        stream = None
        for part in parts:
            with av.open(str(part)) as container:
                source = container.streams.video[0]
                stream = stream or out.add_stream_from_template(source)
                end = at
                for packet in container.demux(source):
                    if packet.dts is None:
                        continue
                    packet.pts, packet.dts, packet.stream = packet.pts + at, packet.dts + at, stream
                    end = max(end, packet.pts + (packet.duration or 0))
                    out.mux(packet)
                at = end


def hide(path: Path, source: Path, seconds: float) -> None:
    """The same file with an edit list that leaves out its first seconds, as phones trim."""
    content = bytearray(source.read_bytes())
    at = content.index(b"elst") + 4
    scale = struct.unpack_from(">I", content, content.index(b"mvhd") + 4 + 12)[0]
    media = struct.unpack_from(">I", content, content.index(b"mdhd") + 4 + 12)[0]
    lasts, begin = struct.unpack_from(">Ii", content, at + 8)
    struct.pack_into(">Ii", content, at + 8, lasts - round(seconds * scale), begin + round(seconds * media))
    path.write_bytes(content)


def harmless(rng: np.random.Generator, pictures: Sequence[np.ndarray], folder: Path) -> dict[str, Path]:
    """What cameras, phones, sites and messengers do: kind -> file."""
    small = [cv2.resize(each, (each.shape[1] // 4 * 2, each.shape[0] // 4 * 2), interpolation=cv2.INTER_AREA) for each in pictures]
    late = np.cumsum(rng.integers(1, 3, len(pictures))).tolist()  # a phone's varying rate
    made: dict[str, Callable[[Path], None]] = {
        "-": lambda path: write(path, pictures),
        "control-strong": lambda path: write(path, pictures, crf=33),
        "control-small": lambda path: write(path, small, crf=28),
        "control-sound": lambda path: write(path, pictures, sound_s=len(pictures) / RATE),
        "control-varying": lambda path: write(path, pictures, times=late),
        "control-doubled": lambda path: write(path, [each for n, each in enumerate(pictures) for _ in range(2 if n % 5 == 0 else 1)]),
    }
    return _made(made, folder)


def tampered(rng: np.random.Generator, pictures: Sequence[np.ndarray], folder: Path) -> dict[str, Path]:
    """What somebody may do to a clip: kind -> file."""
    n = len(pictures)
    at, lasts = int(rng.integers(n // 3, n // 2)), int(rng.integers(RATE, 2 * RATE))
    again = [*pictures[: n - lasts], *pictures[at - lasts : at]]
    gone = int(rng.integers(3, 12))
    kept = [k for k in range(n) if not at <= k < at + gone]

    def joined(path: Path) -> None:
        parts = [path.with_name(f"{path.stem}-{k}.mp4") for k in range(2)]
        write(parts[0], pictures[:at])
        write(parts[1], pictures[at:], crf=28)
        join(path, parts)
        for each in parts:
            each.unlink()

    def hidden(path: Path) -> None:
        whole = path.with_name(f"{path.stem}-whole.mp4")
        write(whole, pictures)
        hide(path, whole, float(rng.uniform(1.5, 3)))
        whole.unlink()

    made: dict[str, Callable[[Path], None]] = {
        "still": lambda path: write(path, [*pictures[:at], *[pictures[at]] * lasts, *pictures[at + lasts :]]),
        "repeat": lambda path: write(path, again),
        "missing": lambda path: write(path, [pictures[k] for k in kept], times=kept),
        "dropped": lambda path: write(path, [pictures[k] for k in kept]),
        "joined": joined,
        "hidden": hidden,
        "sound": lambda path: write(path, pictures, sound_s=n / RATE - float(rng.uniform(1, 2))),
    }
    return _made(made, folder)


def _made(makers: dict[str, Callable[[Path], None]], folder: Path) -> dict[str, Path]:
    files = {}
    for kind, maker in makers.items():
        files[kind] = folder / f"{kind.lstrip('-') or 'as-it-is'}.mp4"
        maker(files[kind])
    return files


def make(sources: Path, out: Path, *, count: int, seed: int, split: str = "") -> int:
    """Write the data set; how many files there are. Raises ValueError when no source can be used."""
    out.mkdir(parents=True, exist_ok=True)
    rows, used = [], 0
    for file in sorted(sources_in(sources), key=lambda each: hashlib.sha256(f"{seed} {each.name}".encode()).hexdigest()):
        if used == count or (split and split_of(file.name) != split):
            continue
        try:
            pictures = opened(file)
        except BadInput:
            continue
        if len(pictures) < LEAST_S * RATE:
            continue
        used += 1
        rng = np.random.default_rng([seed, *hashlib.sha256(file.name.encode()).digest()[:4]])
        folder = out / file.stem
        folder.mkdir(exist_ok=True)
        for label, made in (("untouched", harmless), ("tampered", tampered)):
            rows += [(str(path.relative_to(out)), label, kind, file.stem) for kind, path in made(rng, pictures, folder).items()]
    if not rows:
        raise ValueError(f"{sources}: no video of {LEAST_S:g} seconds or more")
    with (out / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])
    return len(rows)


def main() -> None:
    """Make one split or both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--split", choices=["train", "test"], default="")
    asked = parser.parse_args()
    print(make(asked.sources, asked.out, count=asked.count, seed=asked.seed, split=asked.split), "files")


if __name__ == "__main__":
    main()
