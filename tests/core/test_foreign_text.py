import pickle

import pytest

from dnnbench.core import foreign_text
from dnnbench.core.errors import UserError


def raised(function) -> BaseException:
    with pytest.raises(BaseException) as caught:
        function()
    return caught.value


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("\x1b[96mThis is step 3/3\x1b[0m of it", "This is step 3/3 of it"),
        ("\x1b]8;;http://x.example\x07link\x1b]8;;\x1b\\ end", "link end"),
        ("\x1b]0;a title\x9cname", "name"),
        ("\x9b31mred", "red"),
        ("\x1b(Bplain\x1bM", "plain"),
        ("unfinished \x1b]0;title", "unfinished 0;title"),
        ("bell\x07 back\x08space\x00nul\x7f", "bell back space nul"),
        ("one\r\ntwo\u2028three\x85four\tfive", "one two three four five"),
        ("from the \u202eright", "from the right"),
        ("name \udcff.jpg", "name .jpg"),
        ("Zürich 東京 ✓", "Zürich 東京 ✓"),
        ("", ""),
    ],
)
def test_a_line_has_no_control_sequences_and_no_unprintable_characters(text, line):
    assert foreign_text.line(text) == line


def test_a_long_line_keeps_its_beginning_and_its_end():
    line = foreign_text.line("begin " + "x" * 10**6 + " end", limit=60)
    assert len(line) == 60
    assert line.startswith("begin xxx")
    assert line.endswith("xxx end")


OPENVINO = (
    "Exception from src/inference/src/cpp/core.cpp:131:\n"
    "Exception from src/inference/src/dev/plugin.cpp:58:\n"
    "FrontEnd API failed with OpConversionFailure:\n"
    "OpenVINO does not support the following ONNX operations: com.example.Roll\n\n"
)
CUDA = (
    "CUDA error: an illegal memory access was encountered\n"
    "Search for `cudaErrorIllegalAddress' in https://docs.nvidia.com/cuda for more information.\n"
    "CUDA kernel errors might be asynchronously reported at some other API call.\n"
    "For debugging consider passing CUDA_LAUNCH_BLOCKING=1\n"
    "Compile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.\n"
)
WORKER = (
    "Caught ValueError in replica 0 on device 0.\n"
    "Original Traceback (most recent call last):\n"
    '  File "net.py", line 3, in forward\n'
    "    return x.view(7)\n"
    "ValueError: a view of 6 as 7"
)
SCRIPT = (
    "The following operation failed in the TorchScript interpreter.\n"
    "Traceback of TorchScript (most recent call last):\n"
    '  File "net.py", line 5, in forward\n'
    "    return x.view(7)\n"
    "           ~~~~~~ <--- HERE\n"
    "RuntimeError: shape '[7]' is invalid for input of size 3"
)


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (
            OPENVINO,
            "FrontEnd API failed with OpConversionFailure:"
            " OpenVINO does not support the following ONNX operations: com.example.Roll",
        ),
        (CUDA, "CUDA error: an illegal memory access was encountered"),
        (WORKER, "Caught ValueError in replica 0 on device 0. ValueError: a view of 6 as 7"),
        (
            SCRIPT,
            "The following operation failed in the TorchScript interpreter."
            " RuntimeError: shape '[7]' is invalid for input of size 3",
        ),
        ("\n\n=======\n  layer 3 has gone fishing", "layer 3 has gone fishing"),
        ("Error(s) in loading Net:\n\tMissing key: a", "Error(s) in loading Net: Missing key: a"),
        ("src/cpu/plugin.cpp:12:", "src/cpu/plugin.cpp:12:"),
    ],
)
def test_uninformative_lines_are_removed(message, line):
    assert foreign_text.of_error(RuntimeError(message)) == f"RuntimeError: {line}"


def test_the_long_command_of_a_compiler_does_not_hide_its_error():
    message = f"C++ compile error\n\nCommand:\ng++ {'-DFLAG ' * 500}\nOutput:\na.cpp:1: error: no;"
    assert foreign_text.of_error(RuntimeError(message)).endswith("a.cpp:1: error: no;")


def test_causes_are_listed_from_the_outermost_to_the_innermost():
    def fail():
        try:
            try:
                raise KeyError("relu9")
            except KeyError as error:
                raise ValueError("no such layer") from error
        except ValueError:
            raise RuntimeError("\x1b[1mcannot build\x1b[0m")  # noqa: B904

    assert foreign_text.of_error(raised(fail)) == (
        "RuntimeError: cannot build; caused by ValueError: no such layer; caused by"
        " KeyError: 'relu9'"
    )


def test_a_suppressed_context_is_not_shown():
    def fail():
        try:
            raise KeyError("relu9")
        except KeyError:
            raise ValueError("no such layer") from None

    assert foreign_text.of_error(raised(fail)) == "ValueError: no such layer"


def test_a_cause_that_its_wrapper_repeats_is_shown_once():
    def fail():
        try:
            raise KeyError("relu9")
        except KeyError as error:
            raise ValueError(f"building failed: {error}") from error

    assert foreign_text.of_error(raised(fail)) == "ValueError: building failed: 'relu9'"


def test_a_wrapper_with_a_cause_is_shortened_to_its_first_line():
    def fail():
        try:
            raise ValueError("no ONNX function for aten._fft")
        except ValueError as error:
            raise RuntimeError(
                "\x1b[96mStep 3/3. Next steps:\n- Write it.\n- Report it."
            ) from error

    said = foreign_text.of_error(raised(fail))
    assert said == "RuntimeError: Step 3/3.; caused by ValueError: no ONNX function for aten._fft"


def test_the_innermost_cause_of_a_long_chain_is_kept():
    error: Exception = ValueError("the first cause")
    for number in range(50):
        outer = RuntimeError(f"wrapper {number} " + "x" * 300)
        outer.__cause__ = error
        error = outer
    said = foreign_text.of_error(error)
    assert said.startswith("RuntimeError: wrapper 49")
    assert said.endswith("ValueError: the first cause")
    assert len(said) <= 400


def test_a_circular_chain_ends():
    one, two = ValueError("one"), ValueError("two")
    one.__cause__, two.__cause__ = two, one
    assert foreign_text.of_error(one) == "ValueError: one; caused by ValueError: two"


def test_all_members_of_a_group_are_listed():
    inner = ExceptionGroup("inner", [KeyError("a"), OSError("b")])
    group = ExceptionGroup("two layers", [ValueError("c"), inner])
    said = foreign_text.of_error(group)
    for part in ("two layers", "ValueError: c", "KeyError: 'a'", "OSError: b"):
        assert part in said
    assert {type(one) for one in foreign_text.causes(group)} == {
        *(ExceptionGroup, ValueError, KeyError, OSError)
    }


def test_an_error_without_a_message_is_described_by_its_statement():
    def fail():
        width, height = 3, 4
        assert width == height

    error = raised(fail)
    error.args = ()
    said = foreign_text.of_error(error)
    assert said.startswith("AssertionError: test_foreign_text.py:")
    assert said.endswith("assert width == height")
    assert foreign_text.of_error(ValueError()) == "ValueError"


def test_a_note_is_part_of_the_message():
    error = ValueError("no such layer")
    error.add_note("did you mean relu8?")
    assert foreign_text.of_error(error) == "ValueError: no such layer; did you mean relu8?"


def test_an_error_that_cannot_be_printed_is_shown_by_its_type():
    class Broken(Exception):  # noqa: N818
        def __str__(self):
            raise KeyError("no message")

    assert foreign_text.of_error(Broken("x")) == "Broken"


def test_the_causes_of_an_error_for_the_user_are_not_shown():
    def fail():
        try:
            raise KeyError("relu9")
        except KeyError as error:
            raise UserError("net.py: relu9: no such layer; correct it") from error

    said = foreign_text.of_error(raised(fail))
    assert said == "UserError: net.py: relu9: no such layer; correct it"


def test_a_system_exit_is_shown_like_any_other_error():
    assert foreign_text.of_error(SystemExit("usage: net.py")) == "SystemExit: usage: net.py"
    assert foreign_text.of_error(SystemExit(2)) == "SystemExit: 2"


def test_the_log_has_the_full_traceback_without_control_sequences(capfd):
    def fail():
        try:
            raise KeyError("relu9")
        except KeyError as error:
            raise ValueError("\x1b[96mno such layer\x07\n- a second line") from error

    foreign_text.log_error(raised(fail))
    log = capfd.readouterr().err
    assert "KeyError: 'relu9'" in log
    assert "direct cause" in log
    assert "ValueError: no such layer" in log
    assert "\n- a second line" in log
    assert "in fail" in log
    assert all(character.isprintable() for character in log.replace("\n", ""))


def test_a_line_can_be_pickled_and_encoded():
    line = foreign_text.line("\ud800 \x00 ok")
    assert pickle.loads(pickle.dumps(line)).encode("utf-8") == b"ok"
