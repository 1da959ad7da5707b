"""The split of a data set into calibration images and images that measure accuracy."""

import hashlib

import pytest

from dnnbench.images import calibration_split
from dnnbench.images.calibration_split import CalibrationError


def hashes(count):
    return [hashlib.sha256(str(number).encode()).hexdigest() for number in range(count)]


def test_a_quarter_of_the_images_is_set_apart_by_their_content():
    found = hashes(4000)
    apart = [sha256 for sha256 in found if calibration_split.set_apart(sha256)]
    assert len(apart) / len(found) == pytest.approx(0.25, abs=0.02)
    chosen = [found[place] for place in calibration_split.indices(found)]
    assert chosen == sorted(apart)[:128]


def test_other_images_and_their_order_do_not_change_the_side_of_an_image():
    found = hashes(200)
    chosen = {found[place] for place in calibration_split.indices(found)}
    mixed = list(reversed(hashes(300)))
    again = {mixed[place] for place in calibration_split.indices(mixed)}
    assert chosen <= again
    assert all(map(calibration_split.set_apart, again))


def test_too_few_images_are_an_error_of_one_line_with_a_remedy():
    found = hashes(20)
    apart = sum(map(calibration_split.set_apart, found))
    with pytest.raises(CalibrationError) as error:
        calibration_split.indices(found)
    assert str(error.value).startswith(f"int8: only {apart} images of 20 would calibrate")
    assert "add images to dataset.path" in str(error.value)
    assert "\n" not in str(error.value)
