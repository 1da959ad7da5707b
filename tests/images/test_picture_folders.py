"""The images of a data set in common layouts, and the files that are excluded."""

import os
from functools import partial

import pytest
from helpers import image_files
from helpers.image_files import val

from dnnbench.images import image_index, picture_folders
from dnnbench.images.picture_folders import ImagesError

TENCH, GOLDFISH, ORANGE = "n01440764", "n01443537", "n07747607"  # Classes 0, 1, and 950.

# Common layouts: the data set and its files. Each has images of classes 0 and 1.
_KAGGLE = "ILSVRC/Data/CLS-LOC"
LAYOUTS = {
    "torchvision": ("imagenet", ["train/{0}/{0}_1.JPEG", "val/{0}/{v0}", "val/{1}/{v1}"]),
    "torchvision, the folder itself": ("imagenet", ["{0}/{v0}", "{1}/{v1}"]),
    "datasets": (
        "imagenet",
        ["train/{0}/{0}_1.JPEG", "validation/{0}/{v0}", "validation/{1}/{v1}"],
    ),
    "keras": ("imagenet", ["training/{0}/{0}_1.JPEG", "valid/{0}/{v0}", "valid/{1}/{v1}"]),
    "Hugging Face, unpacked in place": ("imagenet", ["data/{h0}", "data/{h1}", "README.md"]),
    "Hugging Face, one folder an archive": (
        "imagenet",
        ["data/train_images_0/{0}_1_{0}.JPEG", "data/val_images/{h0}", "data/val_images/{h1}"],
    ),
    "Hugging Face, all in one folder": (
        "imagenet",
        ["data/{0}_10026_{0}.JPEG", "data/{h0}", "data/{h1}", "data/ILSVRC2012_test_00000001.JPEG"],
    ),
    "Hugging Face, all in one folder, as any images": (
        "folder",
        ["data/{0}_10026_{0}.JPEG", "data/{h0}", "data/{h1}"],
    ),
    "Hugging Face, sorted": ("imagenet", ["val/{0}/{h0}", "val/{1}/{h1}"]),
    "Kaggle, sorted": (
        "imagenet",
        [
            *(f"{_KAGGLE}/train/{{0}}/{{0}}_1.JPEG", f"{_KAGGLE}/test/ILSVRC2012_test_1.JPEG"),
            *(f"{_KAGGLE}/val/{{0}}/{{v0}}", f"{_KAGGLE}/val/{{1}}/{{v1}}"),
            "ILSVRC/Annotations/CLS-LOC/val/ILSVRC2012_val_00000001.xml",
        ],
    ),
    "Kaggle, a hundred classes": (
        "imagenet",
        ["train.X1/{0}/{0}_1.JPEG", "val.X/{0}/{v0}", "val.X/{1}/{v1}"],
    ),
    "academic torrents": (
        "imagenet",
        [
            "ILSVRC2012_img_train/{0}/{0}_1.JPEG",
            *("ILSVRC2012_img_val/{0}/{v0}", "ILSVRC2012_img_val/{1}/{v1}"),
        ],
    ),
    "one level deeper": (
        "imagenet",
        ["set/train/{0}/1.JPEG", "set/val/{0}/{v0}", "set/val/{1}/{v1}"],
    ),
    "words in folders too": ("imagenet", ["val/{0}_tench/1.JPEG", "val/{1}-goldfish/1.JPEG"]),
    "folders by class": ("imagenet", ["val/0/{v0}", "val/1/{v1}"]),
    "folders by class, with zeros": ("imagenet", ["val/000/{v0}", "val/001/{v1}"]),
    "next to an image of the README": ("imagenet", ["logo.png", "val/{0}/{v0}", "val/{1}/{v1}"]),
    "imagenette": (
        "imagenette",
        [f"imagenette2/{name}" for name in ("train/{0}/1.JPEG", "val/{0}/{v0}", "val/{1}/{v1}")],
    ),
    "imagenette, small": (
        "imagenette",
        [
            *("imagenette2-320/train/{0}/{0}_1.JPEG", "imagenette2-320/noisy_imagenette.csv"),
            *("imagenette2-320/val/{0}/{v0}", "imagenette2-320/val/{1}/{1}_2.JPEG"),
        ],
    ),
    "imagenette, the folder itself": (
        "imagenette",
        ["train/{0}/1.JPEG", "val/{0}/{v0}", "val/{1}/1.JPEG"],
    ),
    "imagewoof": (
        "folder",
        [f"imagewoof2/{name}" for name in ("train/{0}/1.JPEG", "val/{0}/2.jpg", "val/{1}/3.jpg")],
    ),
    "imagenetv2": (
        "imagenetv2",
        [
            "imagenetv2-matched-frequency-format-val/0/a.jpeg",
            "imagenetv2-matched-frequency-format-val/1/b.jpeg",
        ],
    ),
    "imagenetv2, the folder itself": ("imagenetv2", ["0/a.jpeg", "1/b.jpeg"]),
    "imagenet-a": ("folder", ["imagenet-a/{0}/a.jpg", "imagenet-a/{1}/b.jpg"]),
    "upper case": ("folder", ["{0}/A.JPG", "{1}/B.PNG"]),
    "torchvision's kinds": ("folder", ["{0}/a.ppm", "{1}/b.pgm"]),
}


@pytest.fixture
def put(tmp_path):
    return partial(image_files.put, tmp_path)


def index(dataset, folder):
    return image_index.index(dataset, folder, 2)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_read(put, tmp_path, layout):
    dataset, files = LAYOUTS[layout]
    names = {"v0": val(1), "v1": val(2), "h0": val(1, TENCH), "h1": val(2, GOLDFISH)}
    for file in files:
        put(file.format(TENCH, GOLDFISH, **names))
    listed = index(dataset, tmp_path)
    assert [file.label for file in listed.files] == [0, 1]
    assert listed.skipped == []
    seen = {(tmp_path / listed.folder / file.name).resolve() for file in listed.files}
    assert not any("train" in str(path.relative_to(tmp_path)) for path in seen)


# Folders and files that other programs leave next to images, each containing a copy of one.
LEAVINGS = [
    *(".ipynb_checkpoints/1-checkpoint.jpg", "@eaDir/1.jpg/SYNOPHOTO_THUMB_M.jpg", "@eaDir/1.jpg"),
    *(".Trash-1000/files/1.jpg", "$RECYCLE.BIN/S-1-5/1.jpg", "#recycle/1.jpg", "@Recycle/1.jpg"),
    *("__MACOSX/._1.jpg", "__MACOSX/1.jpg", "._1.jpg", ".AppleDouble/1.jpg", ".thumbnails/1.jpg"),
    *("lost+found/1.jpg", "System Volume Information/1.jpg", "RECYCLER/1.jpg", "Thumbs/1.jpg"),
    *("_gsdata_/1.jpg", ".git/annex/objects/1.jpg", ".dvc/cache/ab/1.jpg", ".@__thumb/1.jpg"),
    *("~snapshot/daily/1.jpg", ".snapshot/1.jpg", "~$1.jpg", ".1.jpg.swp.jpg", ".nfs0001.jpg"),
    *(".stversions/1.jpg", ".cache/1.jpg", "@__thumb/1.jpg", ".stfolder/1.jpg"),
    *(
        "thumbs/1.jpg",
        "resized/1.jpg",
        "jpg",
        "Thumbs.db",
        "desktop.ini",
        "1.jpg.bak",
        "1.jpg.part",
    ),
]


@pytest.mark.parametrize("left", LEAVINGS)
@pytest.mark.parametrize("place", ["", TENCH])
def test_files_that_other_programs_leave_are_excluded(put, place, left):
    put(f"{GOLDFISH}/2.jpg")
    put(f"{TENCH}/1.jpg")
    below = f"{place}/{left}" if place else f"{left.rpartition('/')[0]}/{TENCH}/1.jpg"
    if not place and "/" not in left:
        below = left
    for dataset in ("folder", "imagenet", "imagenette"):
        listed = index(dataset, put(below.lstrip("/"), "other content"))
        assert {file.name: file.label for file in listed.files} == {
            f"{GOLDFISH}/2.jpg": 1,
            f"{TENCH}/1.jpg": 0,
        }
        assert listed.skipped == []
        (group,) = listed.left_out
        assert group.count == 1
        assert (below.lstrip("/") + "/").startswith(group.examples[0])
        assert listed.other_files == 1


@pytest.mark.parametrize("left", [name for name in LEAVINGS if "/" in name and name[0] not in "tr"])
def test_files_that_other_programs_leave_next_to_flat_images_are_excluded(put, left):
    put(val(1, TENCH))
    put(left.replace("1.jpg", val(1, TENCH)), "other content")
    listed = index("imagenet", put(val(2, GOLDFISH)))
    assert [file.name for file in listed.files] == [val(1, TENCH), val(2, GOLDFISH)]
    assert (listed.other_files, listed.skipped) == (1, [])


def test_excluded_files_are_recorded_and_printed_by_reason(put, capsys):
    put(f"val/{TENCH}/1.jpg")
    put(f"train/{TENCH}/1.jpg")
    put(f"extra/{TENCH}/1.jpg")
    put(f"val/{TENCH}/Thumbs.db")
    put("val/.git/HEAD")
    for number in range(7):
        put(f"val/{TENCH}/._{number}.jpg")
    listed = index("imagenet", put("val/notes.txt"))
    assert [(one.reason, one.count, one.examples) for one in listed.left_out] == [
        (
            "hidden file, or file of another program",
            7,
            [f"{TENCH}/._{number}.jpg" for number in range(5)],
        ),
        ("hidden folder, or folder of another program", 1, [".git/"]),
        ("not an image, judging by its name", 2, [f"{TENCH}/Thumbs.db", "notes.txt"]),
        ("outside the folder of validation images", 1, [f"../extra/{TENCH}/"]),
        ("training images", 1, ["../train/"]),
    ]
    assert listed.other_files == 12
    said = capsys.readouterr().err
    assert f"excluded: 7 x hidden file, or file of another program: {TENCH}/._0.jpg, " in said
    assert "._4.jpg, ...\n" in said
    assert "excluded: 1 x training images: ../train/\n" in said


@pytest.mark.parametrize(
    "copy",
    ["1 (copy).jpg", "1 - Copy.jpg", "Copy of 1.jpg", "1(1).jpg", "1.sync-conflict-20240101.jpg"],
)
def test_a_copy_next_to_its_original_counts_once(put, copy):
    put(f"{TENCH}/{copy}", "same")
    put(f"{TENCH}/20.jpg", "other")
    listed = index("folder", put(f"{TENCH}/1.jpg", "same"))
    assert [file.name for file in listed.files] == [f"{TENCH}/1.jpg", f"{TENCH}/20.jpg"]
    (group,) = listed.left_out
    assert (group.reason, group.examples) == (
        "copy of another image (same content, similar name)",
        [f"{TENCH}/{copy}"],
    )


@pytest.mark.parametrize(
    "made",
    [
        *("1_thumb.jpg", "1-150x150.jpg", "1@2x.jpg", "1-checkpoint.jpg", "1.thumbnail.png"),
        *("1 (Ann's conflicted copy 2024-01-01).jpg", "1_resized.jpg", "1 - Copy.jpg"),
        "1.sync-conflict-20240101-120000-ABC.jpg",
    ],
)
def test_an_image_that_its_name_marks_as_a_modified_copy_is_excluded(put, made):
    put(f"{TENCH}/{made}", "smaller")
    put(f"{TENCH}/2_small.jpg")
    listed = index("folder", put(f"{TENCH}/1.jpg"))
    assert [file.name for file in listed.files] == [f"{TENCH}/1.jpg", f"{TENCH}/2_small.jpg"]
    (group,) = listed.left_out
    assert (group.reason, group.examples) == (
        "modified copy of another image, judging by its name",
        [f"{TENCH}/{made}"],
    )


def test_equal_pictures_of_other_numbers_or_classes_all_count(put):
    put(f"{TENCH}/{val(1)}", "same")
    put(f"{TENCH}/{val(2)}", "same")
    assert len(index("imagenet", put(f"{GOLDFISH}/{val(3)}", "same")).files) == 3


def test_a_link_to_a_listed_picture_counts_once_and_one_to_elsewhere_counts(put, tmp_path):
    put("store/b.jpg")
    folder = put(f"set/{TENCH}/a.jpg") / "set"
    (folder / TENCH / "again.jpg").symlink_to("a.jpg")
    (folder / f"{GOLDFISH}_b.jpg").symlink_to(tmp_path / "store/b.jpg")
    (folder / f"{GOLDFISH}_loop.jpg").symlink_to(f"{GOLDFISH}_loop.jpg")
    listed = index("folder", folder)
    assert [file.name for file in listed.files] == [f"{TENCH}/a.jpg", f"{GOLDFISH}_b.jpg"]
    assert [(one.reason, one.examples) for one in listed.left_out] == [
        ("link to an image that is also listed", [f"{TENCH}/again.jpg"])
    ]
    assert [file.name for file in listed.skipped] == [f"{GOLDFISH}_loop.jpg"]


AMBIGUOUS = {
    "two sizes": (
        "imagenette",
        [f"imagenette2/val/{TENCH}/1.JPEG", f"imagenette2-320/val/{TENCH}/1.JPEG"],
        "imagenette2/val and imagenette2-320/val both contain validation images. Set dataset.path",
    ),
    "two validation folders": (
        "imagenet",
        [f"val/{TENCH}/1.JPEG", f"val_blurred/{TENCH}/1.JPEG"],
        "val and val_blurred both contain validation images",
    ),
    "training alone": (
        "folder",
        [f"set/train/{TENCH}/1.JPEG"],
        "contains set/train but no val. Set dataset.path to validation images",
    ),
    "training next to classes": (
        "imagenet",
        [f"train/{TENCH}/1.JPEG", f"{TENCH}/1.JPEG"],
        "contains train but no val",
    ),
    "two folders of a class": (
        "folder",
        [f"{TENCH}/1.JPEG", f"{TENCH} (copy)/1.JPEG"],
        rf"{TENCH} and {TENCH} \(copy\): two folders for class {TENCH}\. Merge",
    ),
    "two folders of a number": (
        "imagenetv2",
        ["7/1.JPEG", "007/2.JPEG"],
        "007 and 7: two folders for class 7",
    ),
    "two folders of a class, in two": (
        "folder",
        [f"2023/{TENCH}/a.jpg", f"2024/{TENCH}/b.jpg"],
        f"2023/{TENCH} and 2024/{TENCH}: two folders for class {TENCH}. Merge",
    ),
    "images and their masks": (
        "imagenet",
        [f"val/images/{TENCH}/1.jpg", f"val/masks/{TENCH}/1.jpg"],
        f"images/{TENCH} and masks/{TENCH}: two folders",
    ),
    "a class at another depth": (
        "folder",
        [f"{TENCH}/1.JPEG", f"more/{GOLDFISH}/1.JPEG"],
        f"{TENCH}/1.JPEG and more/{GOLDFISH}/1.JPEG: class folders at two depths",
    ),
    "two depths": (
        "folder",
        [f"{TENCH}/1.JPEG", f"more/{TENCH}/2.JPEG"],
        f"{TENCH}/1.JPEG and more/{TENCH}/2.JPEG: class folders at two depths",
    ),
    "one image twice": (
        "imagenet",
        [f"a/{val(1, TENCH)}", f"b/{val(1, TENCH)}"],
        f"a/{val(1, TENCH)} and b/{val(1, TENCH)}: two files for one image. Remove one",
    ),
    "other images of imagenetv2": (
        "imagenetv2",
        ["imagenetv2-top-images-format-val/0/a.jpeg"],
        "the images of top-images, but imagenetv2 is matched-frequency",
    ),
    "not unpacked": (
        "imagenet",
        ["data/val_images.tar.gz"],
        "contains no images. Unpack data/val_images.tar.gz",
    ),
    "a library's files": (
        "imagenet",
        ["data/validation-00000-of-00014.parquet"],
        "contains no images. Unpack data/validation-00000-of-00014.parquet",
    ),
    "records": (
        "imagenet",
        ["train-00000-of-01024", "validation-00000-of-00128"],
        "contains no images. Unpack validation-00000-of-00128",
    ),
    "arrays": ("imagenet", ["val_data.npz"], "contains no images. Unpack val_data.npz"),
    "one folder too deep": (
        "folder",
        [f"{TENCH}/images/1.jpg"],
        f"no usable images among 1; {TENCH}/images/1.jpg: not directly in a class folder",
    ),
    "a name that is not text": ("folder", [f"val\udcff/{TENCH}/1.jpg"], "name is not valid UTF-8"),
    "leavings alone": ("folder", [f".Trash-1000/{TENCH}/1.jpg"], "contains no images"),
}


@pytest.mark.parametrize("case", AMBIGUOUS)
def test_a_folder_that_may_be_two_things_is_refused_in_one_line(put, tmp_path, case):
    dataset, files, said = AMBIGUOUS[case]
    for file in files:
        put(file, f"the content of {files.index(file)}")
    with pytest.raises(ImagesError, match=said) as raised:
        index(dataset, tmp_path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("folder", "validation"),
    [
        *(("train", "val"), ("Training", "Validation"), ("train.X1", "val.X")),
        *(("ILSVRC2012_img_train", "ILSVRC2012_img_val"), ("train-jpeg", "val-jpeg")),
    ],
)
def test_the_training_half_of_a_data_set_is_refused(put, tmp_path, folder, validation):
    put(f"{folder}/{TENCH}/1.JPEG")
    (tmp_path / "pictures").symlink_to(folder)
    for path in (folder, f"{folder}/{TENCH}", "pictures"):
        with pytest.raises(ImagesError, match=r"Set dataset\.path to validation images"):
            index("imagenet", tmp_path / path)
    put(f"{validation}/{TENCH}/1.JPEG")
    for path in (folder, f"{folder}/{TENCH}", "pictures"):
        with pytest.raises(ImagesError, match=rf"Set dataset\.path to .*/{validation}\."):
            index("imagenet", tmp_path / path)


def test_a_longer_name_that_contains_such_a_word_is_not_a_training_half(put):
    folder = put(f"my_training_notes/{TENCH}/1.JPEG") / "my_training_notes"
    assert [file.label for file in index("folder", folder).files] == [0]


def test_imagenetv2_is_found_next_to_its_other_versions(put):
    put("imagenetv2-threshold0.7-format-val/1/b.jpeg")
    listed = index("imagenetv2", put("imagenetv2-matched-frequency-format-val/7/a.jpeg"))
    assert [(file.name, file.label) for file in listed.files] == [("7/a.jpeg", 7)]


def test_names_with_control_characters_make_no_second_line(put):
    put(f"{TENCH}/1.JPEG")
    with pytest.raises(ImagesError, match="two folders for class") as raised:
        index("folder", put(f"{TENCH}\n\x1b[31m/2.JPEG"))
    assert str(raised.value).isprintable()


def test_a_link_to_the_validation_folder_is_not_a_second_folder(put):
    folder = put(f"ILSVRC2012_img_val/{TENCH}/1.jpg")
    (folder / "val").symlink_to("ILSVRC2012_img_val")
    assert [file.label for file in index("imagenet", folder).files] == [0]


def test_cyclic_links_do_not_loop_forever(put):
    folder = put("val/notes.txt")
    for place in ("", "val", "a", "b", "c"):
        (folder / place).mkdir(exist_ok=True)
        for number in range(3):
            (folder / place / f"up{number}").symlink_to(folder)
    before = image_index.listing(folder)
    with pytest.raises(ImagesError, match="links to a folder that is already listed"):
        index("folder", put(f"a/{TENCH}_1.jpg"))
    assert image_index.listing(folder) != before


def test_a_folder_that_cannot_be_read_is_one_line(put, monkeypatch):
    folder = put(f"{TENCH}/1.JPEG")
    scan = os.scandir

    def refuse(path):
        if str(path).endswith(TENCH):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(ImagesError, match=r"listed: Permission denied\. Make it readable, or move"):
        index("folder", folder)


@pytest.mark.parametrize(
    ("name", "half"),
    [
        *(("val", "val"), ("Validation", "val"), ("valid", "val"), ("val256", "val")),
        *(("ILSVRC2012_img_val", "val"), ("imagenetv2-matched-frequency-format-val", "val")),
        *(("train", "train"), ("train_images_0", "train"), ("TRAINING", "train")),
        *(("trainval", None), ("train_val", None), ("test", None), ("bullet_train", None)),
        *(("valley", None), ("n01440764", None), ("restraint", None)),
    ],
)
def test_a_folders_name_determines_the_half_of_the_data_set(name, half):
    assert picture_folders.split_of(name) == half
