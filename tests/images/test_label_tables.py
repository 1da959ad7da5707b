"""Label tables: files, delimiters, headers, columns, and the matching of rows to images."""

from functools import partial

import pytest
from helpers import image_files
from helpers.image_files import val

from dnnbench.core.errors import UserError
from dnnbench.images import image_index
from dnnbench.images.class_labels import LabelError

TENCH, BRAMBLING = "n01440764", "n01530575"  # Classes 0 and 10.


@pytest.fixture
def put(tmp_path):
    return partial(image_files.put, tmp_path)


@pytest.fixture
def pictures(put):
    """Return a function that writes images and a table, and lists them."""

    def index(table, names, file="labels.csv"):
        for name in names:
            put(name)
        return image_index.index("imagenet", put(file, table), 2)

    return index


def labels(listed):
    return {file.name: file.label for file in listed.files}


def skipped(listed):
    return {file.name: file.reason for file in listed.skipped}


TWO = ["tench/1.jpg", "brambling/1.jpg"]
BOTH = {"tench/1.jpg": 0, "brambling/1.jpg": 10}

TABLES = {
    "plain": "tench/1.jpg,0\nbrambling/1.jpg,10\n",
    "no newline at the end": "tench/1.jpg,0\nbrambling/1.jpg,10",
    "synsets": f"tench/1.jpg,{TENCH}\nbrambling/1.jpg,{BRAMBLING}\n",
    "header": "filename,label\ntench/1.jpg,0\nbrambling/1.jpg,10\n",
    "header in capitals": "Image_ID,Class\ntench/1.jpg,0\nbrambling/1.jpg,10\n",
    "header, other order": "label,path\n0,tench/1.jpg\n10,brambling/1.jpg\n",
    "pandas": ",file_name,label\n0,tench/1.jpg,0\n1,brambling/1.jpg,10\n",
    "more columns": "id,file,class_name,class_id\n7,tench/1.jpg,tench,0\n8,brambling/1.jpg,b,10\n",
    "names of classes": "image,name,label\ntench/1.jpg,tench,0\nbrambling/1.jpg,brambling,10\n",
    "training rows": (
        "file,label,split\ntench/1.jpg,5,train\ntench/1.jpg,0,valid\nbrambling/1.jpg,10,test\n"
    ),
    "two kinds of labels": (
        f"file,label,synset\ntench/1.jpg,1,{TENCH}\nbrambling/1.jpg,2,{BRAMBLING}\n"
    ),
    "quoted": '"tench/1.jpg","0"\n"brambling/1.jpg","10"\n',
    "quoted header": '"filename","label"\n"tench/1.jpg","0"\n"brambling/1.jpg","10"\n',
    "blanks after commas": "tench/1.jpg, 0\nbrambling/1.jpg, 10 \n",
    "tabs": "tench/1.jpg\t0\nbrambling/1.jpg\t10\n",
    "semicolons": "file;label\ntench/1.jpg;0\nbrambling/1.jpg;10\n",
    "blanks": "tench/1.jpg 0\nbrambling/1.jpg   10\n",
    "Windows": "tench\\1.jpg,0\r\nbrambling\\1.jpg,10\r\n",
    "old Mac": "tench/1.jpg,0\rbrambling/1.jpg,10\r",
    "byte order mark": "\ufefftench/1.jpg,0\nbrambling/1.jpg,10\n",
    "byte order mark, quoted": '\ufeff"tench/1.jpg",0\n"brambling/1.jpg",10\n',
    "byte order mark, header": "\ufefffilename,label\ntench/1.jpg,0\nbrambling/1.jpg,10\n",
    "blank lines": "\ntench/1.jpg,0\n\n\nbrambling/1.jpg,10\n\n",
    "a line twice": "tench/1.jpg,0\ntench/1.jpg,0\nbrambling/1.jpg,10\n",
    "dot": "./tench/1.jpg,0\n./brambling/1.jpg,10\n",
    "without suffix": "tench/1,0\nbrambling/1,10\n",
    "another suffix": "tench/1.JPEG,0\nbrambling/1.png,10\n",
    "paths of another machine": "/home/a/val/tench/1.jpg,0\n/home/a/val/brambling/1.jpg,10\n",
    "paths of another system": "C:\\val\\tench\\1.jpg;0\nC:\\val\\brambling\\1.jpg;10\n",
}


@pytest.mark.parametrize("table", TABLES)
def test_every_form_of_a_table_is_read(pictures, table):
    listed = pictures(TABLES[table], TWO)
    assert labels(listed) == BOTH
    assert listed.skipped == []
    assert listed.labels.endswith("labels.csv")


@pytest.mark.parametrize(
    ("table", "name"),
    [
        ('"a, b.jpg",10\n', "a, b.jpg"),
        ("a, b.jpg\t10\n", "a, b.jpg"),
        ("a, b.jpg;10\n", "a, b.jpg"),
        ("a;b.jpg,10\n", "a;b.jpg"),
        ("a b.jpg,10\n", "a b.jpg"),
        ("a b.jpg 10\n", "a b.jpg"),
        ('"a b.jpg" 10\n', "a b.jpg"),
        ('"a ""b"".jpg",10\n', 'a "b".jpg'),
        ("caf\u00e9.jpg,10\n", "cafe\u0301.jpg"),
        ("10.jpg,10\n", "10.jpg"),
    ],
)
def test_a_name_may_contain_characters_that_delimit_other_tables(pictures, table, name):
    assert labels(pictures(table, [name])) == {name: 10}


@pytest.mark.parametrize(
    ("table", "names", "found", "why"),
    [
        # A path matches one image, and no other image of the same name.
        ("tench/1.jpg,0\n", TWO, {"tench/1.jpg": 0}, {"brambling/1.jpg": "no label in"}),
        ("1.jpg,5\n", ["1.jpg", "more/1.jpg"], {"1.jpg": 5}, {"more/1.jpg": "no label in"}),
        # A name that several images share matches none of them.
        (
            "1.jpg,5\n2.jpg,6\n",
            [*TWO, "tench/2.jpg"],
            {"tench/2.jpg": 6},
            dict.fromkeys(TWO, "its label in labels.csv is ambiguous"),
        ),
        (
            "tench/1.jpg,0\nbrambling/1.jpg,10\nc/2.jpg,3\n",
            ["1.jpg", "2.jpg"],
            {"2.jpg": 3},
            {"1.jpg": "its label in labels.csv is ambiguous"},
        ),
        (
            "a/1,7\nb.jpg,8\n",
            ["a/1.jpg", "a/1.png", "b.jpg"],
            {"b.jpg": 8},
            dict.fromkeys(["a/1.jpg", "a/1.png"], "its label in labels.csv is ambiguous"),
        ),
        ("1.jpg,5\n1.png,6\n", ["1.jpg", "1.png"], {"1.jpg": 5, "1.png": 6}, {}),
        ("a/1.jpg,5\nb/2.jpg,6\n", ["a/1.jpg", "c/2.jpg"], {"a/1.jpg": 5}, {"c/2.jpg": "no l"}),
    ],
)
def test_a_path_takes_precedence_over_a_name(pictures, table, names, found, why):
    listed = pictures(table, names)
    assert labels(listed) == found
    assert skipped(listed).keys() == why.keys()
    for name, reason in skipped(listed).items():
        assert why[name] in reason


@pytest.mark.parametrize("row", ["val/tench/1.jpg", "tench/1.jpg", "1.jpg"])
def test_paths_are_counted_from_the_pictures_the_data_set_or_the_table(pictures, row):
    listed = pictures(f"{row},0\n", ["val/tench/1.jpg", "train/tench/1.jpg"])
    assert labels(listed) == {"tench/1.jpg": 0}


@pytest.mark.parametrize("other", ["train/1.jpg", "set/training/1.jpg", "/home/a/train/x/1.jpg"])
def test_a_row_of_a_training_picture_is_none_of_a_validation_picture(pictures, other):
    listed = pictures(f"{other},7\nval/1.jpg,5\n{other[:-5]}2.jpg,7\n", ["val/1.jpg", "val/2.jpg"])
    assert labels(listed) == {"1.jpg": 5}
    assert skipped(listed) == {"2.jpg": "no label in labels.csv"}
    assert listed.left_out[0].examples == [other, f"{other[:-5]}2.jpg"]


def test_labels_without_a_picture_are_listed(pictures):
    rows = [f"absent{number}.jpg,1" for number in range(7)]
    listed = pictures("\n".join(["a.jpg,0", *rows]), ["a.jpg"])
    assert [(one.reason, one.count, one.examples) for one in listed.left_out] == [
        (
            "labels in labels.csv that match no image",
            7,
            [f"absent{number}.jpg" for number in range(5)],
        ),
        ("not an image, judging by its name", 1, ["labels.csv"]),
    ]
    assert listed.other_files == 1


WRONG = {
    "a word on line 1": ("tench/1.jpg,tenhc\n", "labels.csv:1: 'tenhc': not a label. Write a syn"),
    "a number on line 1": ("tench/1.jpg,1000\n", "labels.csv:1: '1000': not a label"),
    "a negative one": ("tench/1.jpg,-1\n", "labels.csv:1: '-1': not a label"),
    "a decimal": ("tench/1.jpg,0.5\n", "labels.csv:1: '0.5': not a label"),
    "a synset on line 1": ("tench/1.jpg,n0144076\n", "labels.csv:1: 'n0144076': not a label"),
    "another synset": ("tench/1.jpg,n00001740\n", "labels.csv:1: 'n00001740': not a label"),
    "an unknown header": ("foo,bar\ntench/1.jpg,0\n", "labels.csv:1: 'bar': not a label"),
    "an image of no known name": ("nowhere,bar\n", "labels.csv:1: 'bar': not a label"),
    "a header in between": ("tench/1.jpg,0\nfile,label\n", "labels.csv:2: 'label': not a label"),
    "a wrong label below": ("file,label\ntench/1.jpg,0\nb.jpg,x\n", "labels.csv:3: 'x': not a"),
    "no label": ("tench/1.jpg,0\nbrambling/1.jpg\n", "labels.csv:2: 'brambling/1.jpg': incomplete"),
    "an empty label": ("tench/1.jpg,\n", "labels.csv:1: '': not a label"),
    "an empty name": ("tench/1.jpg,0\n,5\n", "labels.csv:2: ',5': incomplete. Write a name and a"),
    "a contradiction": (
        "tench/1.jpg,0\nbrambling/1.jpg,10\ntench/1.jpg,2\n",
        "labels.csv:3: 'tench/1.jpg': has a different label in line 1. Remove one.",
    ),
    "a contradiction in other words": (
        "tench/1.jpg,0\n./tench\\1.jpg,0\ntench/1,2\n",
        "labels.csv:3: 'tench/1': has a different label in line 1. Remove one.",
    ),
    "two objects": (f"tench/1.jpg,{TENCH} 1 2 3 4 {BRAMBLING} 1 2 3 4\n", "labels.csv:1: 'n01"),
    "an open quote": ('tench/1.jpg,0\n"brambling/1.jpg,10\n', "labels.csv:2: cannot be read as a"),
    "a column twice": ("file,label,label\ntench/1.jpg,0,1\n", "labels.csv:1: 'label': heading of"),
    "classes alone": ("\n".join(map(str, range(10))), "labels.csv: lists each class once, in ord"),
    "nothing": ("", "labels.csv:1: '': not a label"),
    "a header alone": ("file,label\n", "labels.csv: contains no labels"),
    "control characters": ("tench/1.jpg,\x1b[31mred\n", "labels.csv:1: "),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_line_without_a_valid_label_is_reported_in_one_line(pictures, case):
    table, said = WRONG[case]
    with pytest.raises(LabelError) as raised:
        pictures(table, TWO)
    assert said in str(raised.value)
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "latin-1"])
def test_another_encoding_is_reported(pictures, encoding):
    with pytest.raises(UserError, match=r"labels\.csv.*UTF-8") as raised:
        pictures("t\u00eench/1.jpg,0\n".encode(encoding), TWO)
    assert str(raised.value).isprintable()


@pytest.mark.parametrize(
    "file",
    [
        *("labels.tsv", "val.csv", "val_map.txt", "val_list.txt", "meta/val.txt"),
        *("metadata.csv", "val/metadata.csv", "val_annotations.txt", "val_labels.csv"),
        *("annotations/val.txt", "caffe_ilsvrc12/val.txt"),
    ],
)
def test_a_table_is_found_where_tools_write_it(pictures, file):
    table = f"{val(1)}\t0\n{val(2)}\t10\n"
    listed = pictures(table, [f"val/{val(1)}", f"val/{val(2)}", f"train/{TENCH}/1.JPEG"], file)
    assert labels(listed) == {val(1): 0, val(2): 10}


def test_synsets_alone_are_those_of_the_numbers_in_names(pictures):
    file = "imagenet_2012_validation_synset_labels.txt"
    listed = pictures(f"{BRAMBLING}\n{TENCH}\n", [val(2)], file)
    assert labels(listed) == {val(2): 0}


def test_json_lines_are_read_as_datasets_has_them(pictures):
    table = (
        '{"file_name": "tench/1.jpg", "label": 0}\n{"label": 10, "file_name": "brambling/1.jpg"}\n'
    )
    assert labels(pictures(table, TWO, "metadata.jsonl")) == BOTH


TWICE = '{"file_name": "tench/1.jpg", "label": 0, "label": 10}'


@pytest.mark.parametrize("line", [TWICE, "{", "[]", "{}", '{"file_name": "tench/1.jpg"}', "\x1b"])
def test_a_line_that_is_not_such_an_object_is_reported(pictures, line):
    with pytest.raises(LabelError, match=r"metadata\.jsonl:1: .*Write \{\"file_name\"") as raised:
        pictures(line, TWO, "metadata.jsonl")
    assert str(raised.value).isprintable()


def test_a_table_takes_precedence_over_the_synset_of_a_stray_image(pictures):
    listed = pictures(f"{val(1)},0\n{val(2)},10\n", [val(1), val(2), f"more/{TENCH}_a.jpg"])
    assert labels(listed) == {val(1): 0, val(2): 10}
    assert list(skipped(listed)) == [f"more/{TENCH}_a.jpg"]


def test_a_table_that_contradicts_the_folders_is_refused(pictures):
    names = [f"val/{TENCH}/{val(1)}", f"val/{BRAMBLING}/{val(2)}"]
    agreeing = pictures(f"{val(1)},0\n{val(2)},10\n", names)
    assert labels(agreeing) == {f"{TENCH}/{val(1)}": 0, f"{BRAMBLING}/{val(2)}": 10}
    said = rf"labels.csv: {TENCH}/{val(1)}: class 0 in one, 1 in the other\. Remove the wrong one"
    with pytest.raises(LabelError, match=said):
        pictures(f"{val(1)},1\n{val(2)},11\n", names)


def test_names_take_precedence_over_a_file_of_words_if_most_have_a_synset(put, pictures):
    put("labels.txt", "tench\ngoldfish\n")
    names = [f"{TENCH}/1.jpg", f"{BRAMBLING}/1.jpg", "logo.png"]
    assert labels(pictures("", names, "notes.txt")) == dict(zip(names[:2], [0, 10], strict=True))


def test_kaggles_table_is_found_from_the_folder_of_its_pictures(put, pictures):
    pictures_at = "ILSVRC/Data/CLS-LOC/val"
    put(f"{pictures_at}/{val(1)}")
    folder = put(
        "LOC_val_solution.csv", f"ImageId,PredictionString\n{val(1)[:-5]},{TENCH} 1 2 3 4 \n"
    )
    assert labels(image_index.index("imagenet", folder / pictures_at, 2)) == {val(1): 0}


def test_other_tables_that_agree_or_cannot_be_read_are_ignored(put, pictures):
    put("val.txt", f"{val(1)} 0\n")
    put("val_labels.txt", "tench, Tinca tinca\ngoldfish\n")
    assert labels(pictures(f"{val(1)},{TENCH}\n", [val(1)])) == {val(1): 0}


def test_tables_that_contradict_each_other_are_refused(put, pictures):
    put("val.txt", f"{val(1)} 0\n{val(2)} 11\n")
    with pytest.raises(
        LabelError, match=r"labels\.csv and .*val\.txt: .*2\.JPEG: class 10 in one, 11"
    ):
        pictures(f"{val(1)},0\n{val(2)},10\n", [val(1), val(2)])


def test_a_table_takes_precedence_over_folders_that_number_parts(pictures):
    listed = pictures(f"{val(1)},0\n{val(2)},10\n", [f"000/{val(1)}", f"001/{val(2)}"])
    assert labels(listed) == {f"000/{val(1)}": 0, f"001/{val(2)}": 10}


@pytest.mark.parametrize("last", ["1000", "n0144076", "tench"])
def test_numbered_folders_need_a_table_if_one_is_not_a_class(put, last):
    put("1/a.jpg")
    with pytest.raises(LabelError, match=r"or by class \(0 to 999\), and no label file"):
        image_index.index("imagenet", put(f"{last}/b.jpg"), 2)


def test_folders_named_by_words_need_a_table(put):
    put("tench/1.jpg")
    with pytest.raises(LabelError, match=r"no folders named by synset .*no label file\. Add"):
        image_index.index("imagenet", put("brambling/1.jpg"), 2)
