"""Finding and labeling images in every layout. Images are not opened, so any bytes will do."""

import csv
import hashlib
import os
from functools import partial

import numpy as np
import pytest
from helpers import image_files
from helpers.image_files import val
from scipy.io import savemat

from dnnbench.images import image_index, synsets
from dnnbench.images.class_labels import LabelError
from dnnbench.images.image_index import ImagesError

TENCH, GOLDFISH, ORANGE = "n01440764", "n01443537", "n07747607"  # Classes 0, 1, and 950.


@pytest.fixture
def put(tmp_path):
    """Return a function that writes a file, by default with its name as content."""
    return partial(image_files.put, tmp_path)


def found(dataset, folder):
    return {file.name: file.label for file in image_index.index(dataset, folder, 2).files}


def skipped(dataset, folder):
    return {file.name: file.reason for file in image_index.index(dataset, folder, 2).skipped}


def test_the_classes_are_the_1000_in_sorted_order():
    names = synsets.names()
    assert len(names) == len(set(names)) == 1000
    assert list(names) == sorted(names)
    assert [synsets.class_of(name) for name in (TENCH, GOLDFISH, ORANGE)] == [0, 1, 950]
    assert names[999] == "n15075141"  # Toilet tissue.
    assert synsets.class_of("n00001740") is None


def test_a_folder_of_named_pictures(put):
    put(f"{TENCH}_tench.JPEG")
    put(f"{ORANGE}.png")
    folder = put("README.md")
    index = image_index.index("folder", folder, 2)
    assert {file.name: file.label for file in index.files} == {
        f"{TENCH}_tench.JPEG": 0,
        f"{ORANGE}.png": 950,
    }
    assert index.files[0].sha256 == hashlib.sha256(f"{TENCH}_tench.JPEG".encode()).hexdigest()
    assert index.other_files == 1
    assert index.skipped == []


def test_folders_of_synsets_at_any_depth_in_the_order_of_names(put):
    put(f"b/{GOLDFISH}/2.jpg")
    put(f"a/{TENCH}_tench/x.JPG")
    folder = put(f"b/{GOLDFISH}/10.jpg")
    expected = [
        (f"a/{TENCH}_tench/x.JPG", 0),
        (f"b/{GOLDFISH}/10.jpg", 1),
        (f"b/{GOLDFISH}/2.jpg", 1),
    ]
    assert list(found("folder", folder).items()) == expected


def test_an_image_that_cannot_be_used_is_listed_with_its_reason(put):
    put(f"{TENCH}_a.jpg")
    put("cat.jpg")
    put("n00001740_entity.jpg")
    put(f"{TENCH}/{GOLDFISH}_b.jpg")
    put(f"{TENCH}/.hidden.jpg")
    folder = put(f"{TENCH}/labels.txt")
    (folder / f"{TENCH}_link.jpg").symlink_to("nowhere.jpg")
    os.mkfifo(folder / f"{TENCH}_pipe.jpg")
    (folder / os.fsdecode(TENCH.encode() + b"_\xff.jpg")).write_bytes(b"x")
    index = image_index.index("folder", folder, 2)
    assert [file.name for file in index.files] == [f"{TENCH}_a.jpg"]
    assert {file.name: file.reason for file in index.skipped} == {
        "cat.jpg": "no synset ID in its name or its folder's name",
        "n00001740_entity.jpg": "n00001740 is not among the 1,000 classes",
        f"{TENCH}/{GOLDFISH}_b.jpg": f"its path contains two synset IDs, {TENCH} and {GOLDFISH}",
        f"{TENCH}_link.jpg": "cannot be read: No such file or directory",
        f"{TENCH}_pipe.jpg": "not a regular file",
        f"{TENCH}_\\xff.jpg": "its name is not valid UTF-8",
    }
    assert index.other_files == 2


def test_imagenet_in_folders_of_synsets_takes_val_and_not_train(put):
    put(f"train/{TENCH}/{TENCH}_1.JPEG")
    folder = put(f"val/{GOLDFISH}/{val(7)}")
    index = image_index.index("imagenet", folder, 2)
    assert {file.name: file.label for file in index.files} == {f"{GOLDFISH}/{val(7)}": 1}
    assert index.folder == str(folder / "val")
    assert index.labels == "synsets in names"


def test_imagenet_with_train_alone_is_refused(put):
    folder = put(f"train/{TENCH}/{TENCH}_1.JPEG")
    with pytest.raises(ImagesError, match="contains train but no val"):
        image_index.index("imagenet", folder, 2)


def devkit(folder):
    """Write ground truth and meta.mat like the development kit, whose IDs are unordered."""
    ids = {1: ORANGE, 2: TENCH, 3: GOLDFISH, 1001: "n00001740"}
    kind = [("ILSVRC2012_ID", "O"), ("WNID", "O"), ("words", "O"), ("num_children", "O")]
    entries = np.array([(i, s, "words", int(i > 1000)) for i, s in ids.items()], dtype=kind)
    folder.mkdir(parents=True)
    savemat(folder / "meta.mat", {"synsets": entries.reshape(-1, 1)})
    (folder / "ILSVRC2012_validation_ground_truth.txt").write_text("3\n1\n2\n1\n")


@pytest.mark.parametrize("place", ["data", "ILSVRC2012_devkit_t12/data"])
def test_imagenet_flat_with_the_development_kit(put, place):
    put(val(1))
    put(val(2))
    put(val(4))
    folder = put(val(5))
    devkit(folder / place)
    index = image_index.index("imagenet", folder, 2)
    assert {file.name: file.label for file in index.files} == {val(1): 1, val(2): 950, val(4): 950}
    assert index.labels.endswith("ground_truth.txt")
    (missing,) = index.skipped
    assert missing.name == val(5)
    assert missing.reason == "no label in ILSVRC2012_validation_ground_truth.txt"


def test_imagenet_unpacked_next_to_its_training_images(put):
    put(f"ILSVRC2012_img_train/{TENCH}/{TENCH}_1.JPEG")
    folder = put(val(1))
    devkit(folder / "ILSVRC2012_devkit_t12/data")
    index = image_index.index("imagenet", folder, 2)
    assert {file.name: file.label for file in index.files} == {val(1): 1}
    assert ("training images", ["ILSVRC2012_img_train/"]) in [
        (one.reason, one.examples) for one in index.left_out
    ]


def test_an_incomplete_or_different_development_kit_is_an_error(put):
    folder = put(val(1))
    devkit(folder / "data")
    truth = folder / "data/ILSVRC2012_validation_ground_truth.txt"
    truth.write_text("3\n1001\n")
    with pytest.raises(LabelError, match=r"ground_truth\.txt:2: '1001'.*meta\.mat"):
        image_index.index("imagenet", folder, 2)
    for broken in (
        lambda file: savemat(file, {"synsets": np.arange(3)}),
        lambda file: file.write(b""),
    ):
        with (folder / "data/meta.mat").open("wb") as file:
            broken(file)
        with pytest.raises(LabelError, match=r"meta\.mat: not from the development kit"):
            image_index.index("imagenet", folder, 2)
    (folder / "data/meta.mat").unlink()
    with pytest.raises(LabelError, match=r"meta\.mat: no such file"):
        image_index.index("imagenet", folder, 2)


def test_imagenet_as_kaggle_has_it(put):
    put(f"ILSVRC/Data/CLS-LOC/val/{val(1)}")
    put(f"ILSVRC/Data/CLS-LOC/train/{TENCH}/{TENCH}_1.JPEG")
    folder = put(f"ILSVRC/Data/CLS-LOC/val/{val(2)}")
    with (folder / "LOC_val_solution.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["ImageId", "PredictionString"])
        rows.writerow([val(2).removesuffix(".JPEG"), f"{ORANGE} 85 1 499 272 {ORANGE} 3 4 5 6 "])
        rows.writerow([val(1).removesuffix(".JPEG"), f"{TENCH} 111 108 230 366 "])
    assert found("imagenet", folder) == {val(1): 0, val(2): 950}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("val.txt", f"{val(2)} 950\n{val(1)} 0\n"),
        ("labels.csv", f"filename,synset\n{val(1)},{TENCH}\n{val(2)},{ORANGE}\n"),
        ("labels.txt", f"{TENCH}\n{ORANGE}\n"),
        ("labels.txt", "0\n950\n"),
        ("val/labels.txt", f"val/{val(1)}\t0\nval/{val(2)}\t950\n"),
    ],
)
def test_imagenet_flat_with_a_file_of_labels(put, name, text):
    put(f"val/{val(1)}")
    put(f"val/{val(2)}")
    assert found("imagenet", put(name, text)) == {val(1): 0, val(2): 950}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{TENCH}\n1000\n", r"labels\.txt:2: '1000': not a label\. Write a synset ID"),
        (f"{TENCH}\n\n{TENCH}\n", r"labels\.txt:2: ''"),
        (
            f"{val(1)} 3\n{val(1)} 4\n",
            r"labels\.txt:2: 'ILSVRC2012_val_00000001\.JPEG': has a different label in line 1",
        ),
    ],
)
def test_a_broken_line_of_labels_is_named(put, text, said):
    put(val(1))
    with pytest.raises(LabelError, match=said):
        image_index.index("imagenet", put("labels.txt", text), 2)


def test_imagenet_flat_without_labels_says_what_to_add(put):
    with pytest.raises(LabelError, match=r"no label file\. Add one of LOC_val_solution"):
        image_index.index("imagenet", put(val(1)), 2)


def test_imagenetv2_has_numbered_folders(put):
    put("imagenetv2-matched-frequency-format-val/10/a.jpeg")
    put("imagenetv2-matched-frequency-format-val/2/b.jpeg")
    folder = put("imagenetv2-matched-frequency-format-val/c.jpeg")
    assert found("imagenetv2", folder) == {"10/a.jpeg": 10, "2/b.jpeg": 2}
    assert list(skipped("imagenetv2", folder)) == ["c.jpeg"]


def test_imagenette_is_scored_among_all_classes(put):
    put(f"imagenette2/train/{TENCH}/{TENCH}_1.JPEG")
    put(f"imagenette2/val/{TENCH}/{val(5)}")
    folder = put("imagenette2/val/n03888257/n03888257_2.JPEG")
    labels = found("imagenette", folder)
    assert labels == {f"{TENCH}/{val(5)}": 0, "n03888257/n03888257_2.JPEG": 701}  # Parachute.


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("notes.txt", "contains no images"),
        ("cat.jpg", r"no usable images among 1; cat\.jpg: no synset ID"),
    ],
)
def test_a_folder_without_usable_images_is_an_error(put, name, said):
    with pytest.raises(ImagesError, match=said):
        image_index.index("folder", put(name), 2)


def test_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(ImagesError, match=r"missing: no such folder\. Correct dataset\.path"):
        image_index.index("folder", tmp_path / "missing", 2)


def test_a_link_to_a_folder_is_followed_and_a_cycle_is_an_error(put, tmp_path):
    folder = put("real/1.jpg") / "set"
    folder.mkdir()
    (folder / TENCH).symlink_to(tmp_path / "real")
    assert found("folder", folder) == {f"{TENCH}/1.jpg": 0}
    (tmp_path / "real/again").symlink_to(tmp_path / "real")
    with pytest.raises(ImagesError, match="again: links to a folder that is already listed"):
        image_index.index("folder", folder, 2)


def test_a_listing_changes_with_its_files_alone(put):
    folder = put(f"{TENCH}_a.jpg")
    before = image_index.listing(folder)
    assert image_index.listing(folder) == before
    put(f"{TENCH}_b.jpg")
    added = image_index.listing(folder)
    put(f"{TENCH}_b.jpg", "other")
    changed = image_index.listing(folder)
    (folder / f"{TENCH}_b.jpg").rename(folder / f"{GOLDFISH}_b.jpg")
    assert len({before, added, changed, image_index.listing(folder)}) == 4


@pytest.mark.parametrize("file", ["labels.csv", "../labels.csv", "../../../LOC_val_solution.csv"])
def test_a_listing_changes_with_labels_that_are_read(put, file):
    folder = put(f"a/b/set/{val(1)}") / "a/b/set"
    (folder / file).write_text(f"{val(1)},0\n")
    before = image_index.listing(folder)
    assert found("imagenet", folder) == {val(1): 0}
    (folder / file).write_text(f"{val(1)},10\n")
    assert image_index.listing(folder) != before
