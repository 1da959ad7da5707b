"""Lenient matching of names."""

import pytest

from dnnbench.core import name_matching
from dnnbench.core.errors import UserError

KNOWN = {
    "resnet50": "ResNet-50",
    "resnet101": "ResNet-101",
    "se_resnext50_32x4d": "SE-ResNeXt-50(32x4d)",
    "squeezenet1_0": "SqueezeNet-v1.0",
    "mobilenetv2": "MobileNet-v2",
}


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("resnet50", "resnet50"),
        ("ResNet-50", "resnet50"),
        ("RESNET 50", "resnet50"),
        ("res_net.50", "resnet50"),
        ("se-resnext50-32x4d", "se_resnext50_32x4d"),
        ("SE-ResNeXt-50(32x4d)", "se_resnext50_32x4d"),
        ("squeezenet1.0", "squeezenet1_0"),
        ("SqueezeNet v1.0", "squeezenet1_0"),
        ("MobileNet_V2", "mobilenetv2"),
    ],
)
def test_case_and_dashes_do_not_matter(text: str, key: str) -> None:
    assert name_matching.find(text, KNOWN, "MODEL") == key


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("resnet51", "Did you mean resnet50?"),
        ("Resnt-101", "Did you mean resnet101?"),
        ("mobilenet", "Did you mean mobilenetv2?"),
        ("SE-ResNeXt50", "Did you mean se_resnext50_32x4d?"),
        ("resnet", "Did you mean resnet50 or resnet101?"),
        ("vgg16", "Known: resnet50, resnet101"),
        ("---", "Known: resnet50, resnet101"),
        ("", "Known: resnet50, resnet101"),
    ],
)
def test_an_unknown_name_is_refused_with_a_hint(text: str, hint: str) -> None:
    with pytest.raises(UserError) as error:
        name_matching.find(text, KNOWN, "MODEL")
    assert str(error.value).startswith(f"MODEL: {text!r}: no such name. {hint}")
    assert "\n" not in str(error.value)


def test_an_ambiguous_name_is_refused_unless_it_is_a_key() -> None:
    known = {"net-1": "Net", "net1": "Other", "net_2": "Two", "net2": "Net 2"}
    assert name_matching.find("net1", known, "MODEL") == "net1"
    with pytest.raises(UserError, match=r"several names match\. Did you mean net_2 or net2\?"):
        name_matching.find("NET2", known, "MODEL")


@pytest.mark.parametrize(
    ("text", "key"), [("queeze", "squeezenet1_0"), ("V2", "mobilenetv2"), ("resnet50", "resnet50")]
)
def test_a_part_is_enough_if_it_is_unambiguous(text: str, key: str) -> None:
    assert name_matching.find(text, KNOWN, "--device", parts=True) == key


@pytest.mark.parametrize(
    ("text", "problem"), [("shuffle", "no such name"), ("50", "several names match")]
)
def test_other_parts_are_refused(text: str, problem: str) -> None:
    with pytest.raises(UserError, match=f"--device: '{text}': {problem}"):
        name_matching.find(text, KNOWN, "--device", parts=True)


def test_completion_matches_the_start_of_the_key_or_the_printed_name() -> None:
    assert name_matching.starting("resn", KNOWN) == {
        "resnet50": "resnet50",
        "resnet101": "resnet101",
    }
    assert name_matching.starting("", KNOWN) == {key: key for key in KNOWN}
    assert name_matching.starting("vgg", KNOWN) == {}


@pytest.mark.parametrize(
    ("typed", "key", "completed"),
    [
        ("ResNet-5", "resnet50", "ResNet-50"),
        ("resnet-1", "resnet101", "resnet-101"),
        ("SqueezeNet-v", "squeezenet1_0", "SqueezeNet-v1.0"),
        ("SE-ResNeXt-50", "se_resnext50_32x4d", "SE-ResNeXt-50_32x4d"),
        ("se-resnext-50-3", "se_resnext50_32x4d", "se-resnext-50-32x4d"),
        ("Mobile Net", "mobilenetv2", "Mobile Netv2"),
    ],
)
def test_a_completion_keeps_the_typed_spelling_and_is_a_valid_name(
    typed: str, key: str, completed: str
) -> None:
    assert name_matching.starting(typed, KNOWN) == {key: completed}
    assert name_matching.find(completed, KNOWN, "MODEL") == key
