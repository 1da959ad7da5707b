"""Pixels of all kinds of files, compared with torchvision's loader and transforms."""

import io

import numpy as np
import pytest
from helpers.image_forms import (
    BROKEN,
    GEOMETRIES,
    KINDS,
    encoded,
    noise,
    usual,
)
from PIL import Image

from dnnbench.images import image_pixels
from dnnbench.images.geometry import Geometry
from dnnbench.images.image_pixels import PictureError


@pytest.mark.parametrize("name", GEOMETRIES)
@pytest.mark.parametrize(
    "size",
    [(500, 375), (375, 500), (301, 301), (256, 256), (640, 257), (90, 71), (33, 410), (1201, 803)],
)
def test_a_cut_is_bit_equal_to_torchvisions(name, size):
    geometry = Geometry.parse(name)
    image = noise(*size)
    cut = image_pixels.cut(image, geometry)
    assert cut.shape == (geometry.size, geometry.size, 3)
    assert cut.dtype == np.uint8
    assert np.array_equal(cut, usual(image, geometry))


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_picture_is_read_as_the_usual_loader_does(kind):
    image, found = image_pixels.read(KINDS[kind])
    assert found == kind
    assert image.size == (60, 40)
    loaded = Image.open(io.BytesIO(KINDS[kind])).convert("RGB")
    assert np.array_equal(np.asarray(image), np.asarray(loaded))


def test_sixteen_bits_are_reduced_to_the_upper_eight():
    values = np.linspace(0, 65535, 2400).astype(np.uint16).reshape(40, 60)
    image, found = image_pixels.read(encoded(Image.fromarray(values), "PNG"))
    assert found == "PNG I;16"
    assert np.array_equal(np.asarray(image), np.repeat((values >> 8)[..., None], 3, axis=2))


def test_an_image_with_corrupt_exif_data_is_read():
    data = encoded(noise(60, 40), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\x7fnothing")
    image, found = image_pixels.read(data)
    assert found == "JPEG RGB"
    assert image.size == (60, 40)


@pytest.mark.parametrize("reason", BROKEN)
def test_a_corrupt_file_always_raises_the_same_error(reason):
    said = []
    for _ in range(2):
        with pytest.raises(PictureError, match=reason) as raised:
            image_pixels.read(BROKEN[reason])
        said.append(str(raised.value))
    assert said[0] == said[1]
    assert "\n" not in said[0]


@pytest.mark.parametrize("end", range(1, len(KINDS["PNG RGB"]) - 40, 997))
def test_a_png_cut_anywhere_is_refused(end):
    with pytest.raises(PictureError):
        image_pixels.read(KINDS["PNG RGB"][:end])


def test_an_extremely_elongated_image_is_refused():
    with pytest.raises(PictureError, match="exceed"):
        image_pixels.cut(Image.new("RGB", (3, 100_000)), Geometry("bilinear", 256, 224))


def test_the_decoder_is_named_with_its_versions():
    from PIL import __version__, features

    assert f"Pillow {__version__}, jpg {features.version('jpg')}" in image_pixels.decoder()
