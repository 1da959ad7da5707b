"""Pixels of all kinds of files, against what torchvision's loader and transforms make of them."""

import io

import numpy as np
import pytest
from PIL import Image
from torchvision import transforms
from torchvision.transforms import InterpolationMode

from dnnbench import pictures
from dnnbench.geometry import Geometry
from dnnbench.pictures import PictureError

GEOMETRIES = ("bilinear-256-224", "bilinear-341-299", "bicubic-333-299", "bicubic-363-331")


def noise(width, height, seed=0):
    """A picture with structure at several scales: noise, enlarged and added to noise."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (9, 7, 3), np.uint8)).resize((width, height))
    fine = random.integers(-40, 40, (height, width, 3))
    return Image.fromarray(np.clip(np.asarray(coarse) + fine, 0, 255).astype(np.uint8))


def encoded(image, form, **options):
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def usual(image, geometry):
    """What torchvision makes of a picture."""
    mode = InterpolationMode(geometry.interpolation)
    steps = [transforms.Resize(geometry.resize, mode), transforms.CenterCrop(geometry.size)]
    return np.asarray(transforms.Compose(steps)(image))


@pytest.mark.parametrize("name", GEOMETRIES)
@pytest.mark.parametrize(
    "size",
    [(500, 375), (375, 500), (301, 301), (256, 256), (640, 257), (90, 71), (33, 410), (1201, 803)],
)
def test_a_cut_is_bit_equal_to_torchvisions(name, size):
    geometry = Geometry.parse(name)
    image = noise(*size)
    cut = pictures.cut(image, geometry)
    assert cut.shape == (geometry.size, geometry.size, 3)
    assert cut.dtype == np.uint8
    assert np.array_equal(cut, usual(image, geometry))


def turned():
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(noise(60, 40), "JPEG", exif=exif)


def frames():
    first, second = noise(60, 40, 1).quantize(64), noise(60, 40, 2).quantize(64)
    return encoded(first, "GIF", save_all=True, append_images=[second])


KINDS = {
    "JPEG RGB": encoded(noise(60, 40), "JPEG"),
    "JPEG L": encoded(noise(60, 40).convert("L"), "JPEG"),
    "JPEG CMYK": encoded(noise(60, 40).convert("CMYK"), "JPEG"),
    "JPEG RGB, EXIF orientation ignored": turned(),
    "PNG RGB": encoded(noise(60, 40), "PNG"),
    "PNG P": encoded(noise(60, 40).quantize(16), "PNG", transparency=bytes(range(16))),
    "PNG 1": encoded(noise(60, 40).convert("1"), "PNG"),
    "PNG LA": encoded(noise(60, 40).convert("LA"), "PNG"),
    "PNG RGBA": encoded(noise(60, 40).convert("RGBA"), "PNG"),
    "GIF P": frames(),
    "BMP RGB": encoded(noise(60, 40), "BMP"),
    "WEBP RGB": encoded(noise(60, 40), "WEBP"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_picture_is_read_as_the_usual_loader_does(kind):
    image, found = pictures.read(KINDS[kind])
    assert found == kind
    assert image.size == (60, 40)
    loaded = Image.open(io.BytesIO(KINDS[kind])).convert("RGB")
    assert np.array_equal(np.asarray(image), np.asarray(loaded))


def test_of_sixteen_bits_the_upper_eight_count():
    values = np.linspace(0, 65535, 2400).astype(np.uint16).reshape(40, 60)
    image, found = pictures.read(encoded(Image.fromarray(values), "PNG"))
    assert found == "PNG I;16"
    assert np.array_equal(np.asarray(image), np.repeat((values >> 8)[..., None], 3, axis=2))


def test_broken_exif_costs_no_picture():
    data = encoded(noise(60, 40), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7fnothing")
    image, found = pictures.read(data)
    assert found == "JPEG RGB"
    assert image.size == (60, 40)


JPEG = KINDS["JPEG RGB"]
BROKEN = {
    "empty file": b"",
    "truncated": JPEG[: len(JPEG) * 2 // 3],
    "not a picture": b"<html><body>503</body></html>",
    "not a picture of a known format": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "mode F": encoded(Image.fromarray(np.ones((9, 9), np.float32)), "TIFF"),
    "exceed": encoded(Image.new("1", (40_000, 5_000)), "PNG"),
}


@pytest.mark.parametrize("reason", BROKEN)
def test_a_broken_file_says_what_is_wrong_and_always_the_same(reason):
    said = []
    for _ in range(2):
        with pytest.raises(PictureError, match=reason) as raised:
            pictures.read(BROKEN[reason])
        said.append(str(raised.value))
    assert said[0] == said[1]
    assert "\n" not in said[0]


@pytest.mark.parametrize("end", range(1, len(KINDS["PNG RGB"]) - 40, 997))
def test_a_png_cut_anywhere_is_refused(end):
    with pytest.raises(PictureError):
        pictures.read(KINDS["PNG RGB"][:end])


def test_a_thread_of_pixels_is_not_blown_up():
    with pytest.raises(PictureError, match="exceed"):
        pictures.cut(Image.new("RGB", (3, 100_000)), Geometry("bilinear", 256, 224))


def test_the_decoder_is_named_with_its_versions():
    from PIL import __version__, features

    assert f"Pillow {__version__}, jpg {features.version('jpg')}" in pictures.decoder()
