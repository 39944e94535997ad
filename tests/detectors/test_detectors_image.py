"""Pictures are judged by their content: odd ones are read, wrong ones are refused with the reason."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from detectors import formats, image, inputs
from detectors.bench import scene
from detectors.errors import BadInput

HEIC = Path(__file__).resolve().parents[1] / "media" / "portrait-turned.heic"  # rotated by its container, and by EXIF once more
PICTURE = scene(0, (60, 80))
EXIF = b"Exif\0\0MM\0*\0\0\0\x08\0\0"
WEBP_FORMS = {"lossless": {"lossless": True}, "lossy": {"quality": 50}, "extended": {"quality": 50, "exif": EXIF}}


def encoded(kind: str, picture: np.ndarray = PICTURE) -> bytes:
    return cv2.imencode(kind, picture)[1].tobytes()


def by_pillow(picture: Image.Image, kind: str, **options) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def read_or_refused(content: bytes) -> bool:
    try:
        return image.read(content).ndim == 3
    except BadInput as error:
        return bool(str(error))


def png_of_size(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))


@pytest.mark.parametrize("kind", [".jpg", ".png", ".webp", ".bmp", ".gif"])
def test_every_kind_is_read(kind):
    assert image.read(encoded(kind)).shape == (60, 80, 3)


@pytest.mark.parametrize("kind", [".png", ".bmp"])
def test_lossless_kinds_come_back_as_they_were(kind):
    assert np.array_equal(image.read(encoded(kind)), PICTURE)


@pytest.mark.parametrize(("kind", "name"), [(".jpg", "JPEG"), (".png", "PNG"), (".webp", "WebP"), (".bmp", "BMP"), (".gif", "GIF")])
def test_a_kind_is_told_by_content(kind, name):
    assert image.kind_of(encoded(kind)) == name


@pytest.mark.parametrize("kind", [".jpg", ".png", ".webp", ".bmp", ".gif"])
def test_the_size_is_known_from_the_header(kind):
    assert image.size_of(encoded(kind)) == (80, 60)


@pytest.mark.parametrize("options", WEBP_FORMS.values(), ids=WEBP_FORMS)
def test_every_form_of_webp_tells_its_size(options):
    assert image.size_of(by_pillow(Image.new("RGB", (91, 47), "red"), "WEBP", **options)) == (91, 47)


def test_a_progressive_jpeg_tells_its_size():
    assert image.size_of(by_pillow(Image.new("RGB", (91, 47)), "JPEG", progressive=True)) == (91, 47)


def test_a_file_is_read_by_its_content_not_its_name(tmp_path):
    (tmp_path / "picture.txt").write_bytes(encoded(".png"))
    assert image.read(tmp_path / "picture.txt").shape == (60, 80, 3)


def test_grey_becomes_three_channels():
    assert image.read(encoded(".png", PICTURE[:, :, 0])).shape == (60, 80, 3)


def test_sixteen_bits_become_eight():
    deep = np.full((10, 10, 3), 0x8000, np.uint16)
    read = image.read(encoded(".png", deep))
    assert (read.dtype, int(read[0, 0, 0])) == (np.uint8, 128)


def test_cmyk_is_converted():
    read = image.read(by_pillow(Image.new("CMYK", (20, 20), (0, 255, 255, 0)), "JPEG", quality=95))
    blue, green, red = read[10, 10].tolist()
    assert red > 180 > 90 > max(blue, green)


def test_transparency_is_left_out():
    assert image.read(encoded(".png", np.dstack([PICTURE, PICTURE[:, :, 0]]))).shape == (60, 80, 3)


def test_a_palette_is_resolved():
    assert image.read(by_pillow(Image.new("P", (20, 10)), "PNG")).shape == (10, 20, 3)


def test_exif_rotation_is_applied():
    turned = Image.new("RGB", (40, 20), "black")
    exif = turned.getexif()
    exif[0x0112] = 6
    assert image.read(by_pillow(turned, "JPEG", exif=exif)).shape == (40, 20, 3)


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_of_an_animation_the_first_frame_is_taken(kind):
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    read = image.read(by_pillow(frames[0], kind, save_all=True, append_images=frames[1:], duration=100))
    assert read.shape == (20, 20, 3)
    assert read[10, 10, 2] > 200 > read[10, 10, 0]


@pytest.mark.parametrize("content", [b"", b"hello", b"%PDF-1.7", b"PK\x03\x04", b"\0" * 100, b"<svg></svg>", b"II*\0"], ids=range(7))
def test_what_is_no_picture_is_refused(content):
    with pytest.raises(BadInput, match=r"empty|no picture"):
        image.read(content)


@pytest.mark.parametrize("kind", [".jpg", ".png", ".webp", ".bmp", ".gif"])
def test_a_header_alone_is_refused(kind):
    with pytest.raises(BadInput):
        image.read(encoded(kind)[:20])


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_jpeg_that_is_cut_off_is_refused(share):
    content = encoded(".jpg")
    with pytest.raises(BadInput, match=r"cut off|damaged"):
        image.read(content[: int(len(content) * share)])


@pytest.mark.parametrize("kind", [".jpg", ".png", ".webp", ".gif", ".bmp"])
def test_a_damaged_file_is_read_or_refused_but_never_crashes(kind):
    rng = np.random.default_rng(0)
    for _ in range(40):
        content = bytearray(encoded(kind))
        content[int(rng.integers(len(content)))] = int(rng.integers(256))
        assert read_or_refused(bytes(content))


@pytest.mark.parametrize(("width", "height"), [(40_000, 10), (10, 40_000), (20_000, 20_000), (2**31 - 1, 2**31 - 1)])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(width, height):
    with pytest.raises(BadInput, match="too large"):
        image.read(png_of_size(width, height))


@pytest.mark.parametrize("kind", [".jpg", ".png", ".webp", ".gif"])
def test_bytes_behind_the_end_of_a_picture_do_no_harm(kind):
    content = encoded(kind)
    assert formats.end_of(content) == len(content)
    assert np.array_equal(image.read(content + b"\0\0\0\x18ftypmp42" + bytes(100_000)), image.read(content))


@pytest.mark.parametrize("kind", [".png", ".webp", ".gif"])
def test_a_picture_that_is_cut_off_is_called_so(kind):
    content = encoded(kind)
    with pytest.raises(BadInput, match="cut off"):
        image.read(content[: len(content) * 2 // 3])


def test_a_thumbnail_in_exif_does_not_end_a_picture():
    thumbnail = encoded(".jpg")
    exif = b"Exif\0\0" + thumbnail
    content = encoded(".jpg")
    content = content[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + content[2:]
    assert formats.end_of(content) == len(content)
    with pytest.raises(BadInput, match="cut off"):
        image.read(content[:-30])


def test_a_heic_is_read_upright_once():
    assert image.kind_of(HEIC.read_bytes()) == "HEIC"
    upright = cv2.imread(str(HEIC.parents[2] / "infra" / "footage" / "staff" / "custode-1.jpg"))
    read = image.read(HEIC)
    assert read.shape == upright.shape
    assert np.abs(read.astype(int) - upright).mean() < 8


def test_an_avif_is_read_and_a_film_of_the_same_container_is_no_picture():
    assert image.read(by_pillow(Image.fromarray(PICTURE[..., ::-1]), "AVIF", quality=90)).shape == (60, 80, 3)
    assert inputs.media_of(HEIC) == frozenset({"picture"})
    with pytest.raises(BadInput, match="no picture"):
        image.read(b"\0\0\0\x18ftypisom\0\0\0\0isomavc1" + bytes(100))


@pytest.mark.parametrize("share", [0.05, 0.5, 0.95])
def test_a_heic_that_is_cut_off_is_refused(share):
    content = HEIC.read_bytes()
    with pytest.raises(BadInput, match=r"cut off|no size"):
        image.read(content[: int(len(content) * share)])


def test_a_damaged_heic_is_read_or_refused_but_never_crashes():
    rng = np.random.default_rng(1)
    for _ in range(40):
        content = bytearray(HEIC.read_bytes())
        content[int(rng.integers(2_000))] = int(rng.integers(256))
        assert read_or_refused(bytes(content))


@pytest.mark.parametrize("size", [(1, 20_000), (20_000, 1), (1, 1)])
def test_a_strip_of_a_picture_is_read_and_made_smaller(size):
    assert min(image.read(by_pillow(Image.new("RGB", size), "PNG"), longest=400).shape[:2]) == 1


@pytest.mark.parametrize("kind", [".jpg", ".png", ".webp"])
def test_a_large_picture_is_reduced_as_it_is_read(kind):
    large = cv2.resize(PICTURE, (1600, 1200))
    read = image.read(encoded(kind, large), longest=300)
    assert read.shape == (225, 300, 3)
    assert np.abs(read.astype(int) - cv2.resize(large, (300, 225), interpolation=cv2.INTER_AREA)).mean() < 4


def test_an_os2_bitmap_is_read():
    pixels = bytes(range(24))
    content = b"BM" + struct.pack("<IHHI", 26 + 24, 0, 0, 26) + struct.pack("<IHHHH", 12, 4, 2, 1, 24) + pixels
    assert image.size_of(content) == (4, 2)
    assert image.read(content)[1, 0].tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("under", "alpha", "hides"),
    [((0, 255, 0), 0, True), ((0, 0, 0), 0, False), ((255, 255, 255), 0, False), ((0, 255, 0), 255, False), ((90, 90, 90), 20, True)],
    ids=["green", "black", "white", "opaque", "nearly transparent"],
)
@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_what_transparency_hides_is_told_and_what_is_seen_stands_over_white(kind, under, alpha, hides):
    picture = Image.fromarray(PICTURE[..., ::-1]).convert("RGBA")
    picture.paste((*under, alpha), (0, 0, 40, 30))
    found = image.decode(by_pillow(picture, kind, **({"lossless": True, "exact": True} if kind == "WEBP" else {})))
    assert (found.hidden is not None) == hides
    if alpha < 255:
        assert found.pixels[5, 5].min() > 200
    if hides:
        assert found.hidden[5, 5].tolist() == list(under[::-1])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_transparent_picture_is_turned_as_its_exif_asks(orientation):
    picture = Image.fromarray(PICTURE[..., ::-1]).convert("RGBA")
    picture.putpixel((0, 0), (0, 0, 0, 0))
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(by_pillow(picture.convert("RGB"), "PNG", exif=exif)))))[..., ::-1]
    read = image.read(by_pillow(picture, "PNG", exif=exif))
    assert (np.abs(read.astype(int) - upright).max(axis=2) > 0).sum() <= 1


def test_a_picture_without_pixels_is_refused():
    with pytest.raises(BadInput, match="no pixels"):
        image.read(png_of_size(0, 10))


def test_a_large_file_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr(image, "MAX_BYTES", 1000)
    (tmp_path / "large.png").write_bytes(bytes(2000))
    with pytest.raises(BadInput, match=r"large\.png is too large"):
        image.read(tmp_path / "large.png")


@pytest.mark.parametrize("name", ["missing.png", "."])
def test_what_cannot_be_opened_is_refused(tmp_path, name):
    with pytest.raises(BadInput, match="cannot be read"):
        image.read(tmp_path / name)


@pytest.mark.parametrize("picture", [PICTURE[:, :, 0], PICTURE[:, :, :1], np.dstack([PICTURE, PICTURE[:, :, 0]]), PICTURE])
def test_an_array_of_one_three_or_four_channels_is_a_picture(picture):
    assert image.check(picture).shape == (60, 80, 3)


def test_a_good_array_is_not_copied():
    assert image.check(PICTURE) is PICTURE


@pytest.mark.parametrize("thing", [None, "picture", PICTURE.tolist(), PICTURE.astype(np.float32), PICTURE[:0], PICTURE[0, 0], PICTURE[..., :2], PICTURE[None]])
def test_an_array_that_is_no_picture_is_refused(thing):
    with pytest.raises(BadInput):
        image.check(thing)


def test_what_is_written_can_be_read():
    assert image.read(image.encode_jpeg(PICTURE)).shape == PICTURE.shape
    assert np.array_equal(image.read(image.encode_png(PICTURE)), PICTURE)


def test_a_better_jpeg_is_larger():
    assert len(image.encode_jpeg(PICTURE, 95)) > len(image.encode_jpeg(PICTURE, 30))
