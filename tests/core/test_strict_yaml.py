"""Strict YAML: ambiguous or invalid values are reported in one line with their place."""

import pytest

from dnnbench.core import strict_yaml
from dnnbench.core.strict_yaml import YamlError


def read(text):
    return strict_yaml.mapping(text, "params.yaml")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: true", True),
        ("a: FALSE", False),
        ("a: ~", None),
        ("a:", None),
        ("a: 12", 12),
        ("a: -0.5", -0.5),
        ("a: 1e3", 1000.0),
        ("a: y", "y"),
        ("a: 'yes'", "yes"),
        ('a: "010"', "010"),
        ("a: timm:vit_tiny_*", "timm:vit_tiny_*"),
        ("a: >-\n  on\n", "on"),
        ("a: [A, {b: 1}]", ["A", {"b": 1}]),
        ("%YAML 1.2\n---\na: 1\n...\n", 1),
    ],
)
def test_unambiguous_values_are_read(text, value):
    assert read(text) == {"a": value}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: yes", "1: a: yes: ambiguous: some YAML readers"),
        ("a: [1, on]", "1: a.1: on: ambiguous: some YAML readers"),
        ("a:\n  b: Off", "2: a.b: Off: ambiguous: some YAML readers"),
        ("no: 1", "1: no: no: ambiguous: some YAML readers"),
        ("a: 010", "1: a: 010: not a plain decimal number"),
        ("a: 08", "1: a: 08: not a plain decimal number"),
        ("a: 0o10", "1: a: 0o10: not a plain decimal number"),
        ("a: 0b11", "1: a: 0b11: not a plain decimal number"),
        ("a: 0x1F", "1: a: 0x1F: not a plain decimal number"),
        ("a: 1_000", "1: a: 1_000: not a plain decimal number"),
        ("a: 1:30", "1: a: 1:30: not a plain decimal number"),
        ("a: 0000:01:00.0", "1: a: 0000:01:00.0: not a plain decimal number"),
        ("a: .inf", "1: a: .inf: not a plain decimal number"),
        ("a: .NaN", "1: a: .NaN: not a plain decimal number"),
        ("a: 1e400", "1: a: 1e400: number too large"),
        (f"a: {'9' * 5000}", "1: a: 999"),
        ("a: 2026-01-01", "1: a: 2026-01-01: ambiguous: some YAML readers treat it as a timestamp"),
        ("a: =", "1: a: =: ambiguous: some YAML readers treat it as a value"),
    ],
)
def test_ambiguous_values_are_refused(text, said):
    with pytest.raises(YamlError) as raised:
        read(text)
    assert str(raised.value).startswith(f"params.yaml:{said}")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: 2\na: 3\n", "3: a: given twice, first on line 1"),
        ("a:\n- b: 1\n  c: 2\n  b: 3\n", "4: a.0.b: given twice, first on line 2"),
        ("a: {b: 1, 'b': 2}", "1: a.b: given twice, first on line 1"),
        ("a: &x {b: 1}\nc:\n  <<: *x\n  <<: *x\n", "4: c.<<: given twice, first on line 3"),
    ],
)
def test_duplicate_keys_are_refused_at_any_depth(text, said):
    with pytest.raises(YamlError, match=rf"^params\.yaml:{said}\. Remove one\.$"):
        read(text)


def test_aliases_and_merged_keys_are_read_and_explicit_keys_have_precedence():
    text = "a: &x {b: 1, c: 2}\nd: *x\ne: {b: 3, <<: *x}\nf: {<<: [{b: 4}, *x]}"
    assert read(text) == {
        "a": {"b": 1, "c": 2},
        "d": {"b": 1, "c": 2},
        "e": {"b": 3, "c": 2},
        "f": {"b": 4, "c": 2},
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: *x", r"1: a: \*x: no such anchor"),
        ("a: &x [*x]", r"1: a.0: \*x: contains itself"),
        ("a: &x [1, 2]\n" + "\n".join(f"k{n}: &x {['*x'] * 9}" for n in range(9)), "[0-9]+: k"),
        ("a: {<<: [1]}", "1: a.<<: can merge only mappings"),
        ("a: !!python/object/apply:os.getcwd []", "1: a: tag tag:yaml.org,2002:python"),
        ("a: !!int '3'", "1: a: tag tag:yaml.org,2002:int"),
        ("1: a", "1: '1': this key is not text"),
        ("? [a, b]\n: c", r"1: \['a', 'b'\]: this key is not text"),
        ("a: 1\n---\na: 2\n", "2: a second document starts here. Keep one"),
        ("[" * 100_000, "1: 0.0: more than 40 levels deep"),
        ("a:\n\tb: 1\n", r"2: '\\tb: 1': contains a tab. Indent with spaces"),
        ("a: [1, 2\nb: 3\n", "2: 'b: 3': not YAML: .*, which begins on line 1"),
        ("a: @x", "1: 'a: @x': not YAML"),
        ("a: 1\nb: \x07\n", r"2: control character '\\x07'. Remove"),
        ("a: x\u2028b: 2\n", r"1: control character '\\u2028'. Remove"),
        ("a: \udce9\n", r"1: control character '\\udce9'. Remove"),
    ],
)
def test_any_other_error_is_one_line_with_its_place(text, said):
    text = text.replace("'*x'", "*x")
    with pytest.raises(YamlError, match=f"^params.yaml:{said}") as raised:
        read(text)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("text", ["", "# a comment\n", "---\n", "[1, 2]", "word", "3"])
def test_a_text_that_is_not_a_mapping_is_refused(text):
    with pytest.raises(YamlError, match=r"^params\.yaml: .*\. Write `key: value` lines\.$"):
        read(text)


def test_errors_in_a_file_have_the_file_name(tmp_path):
    file = tmp_path / "dev.yaml"
    file.write_bytes("\ufeffdevice: cpu\n".encode())
    assert strict_yaml.read(file) == {"device": "cpu"}
    file.write_bytes(b"device: caf\xe9\n")
    with pytest.raises(strict_yaml.UserError, match=r"dev\.yaml:1: byte 0xe9"):
        strict_yaml.read(file)
