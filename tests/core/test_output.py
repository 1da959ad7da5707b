"""Standard output and error with limited encodings, missing readers and full disks."""
# ruff: noqa: RUF001 - these tests are about look-alike characters.

import subprocess
import sys
from pathlib import Path

import pytest

from dnnbench.core import output

SOURCE = Path(output.__file__).parents[2]
LINES = 20_000  # More than fit into the buffer of a pipe.


def program(body, needed=True):
    """Return a program that handles errors as the commands and stages do."""
    return (
        "import os, sys\n"
        "from dnnbench.core import output\n"
        f"with output.ending_in_a_line('prog', needed={needed}):\n    {body}\n"
    )


def shell(body, words, needed=True, **environment):
    """Run a program in a shell, with redirections; return exit code, output and error text."""
    line = f'set -o pipefail; "$PYTHON" -c "$PROGRAM" {words}'
    done = subprocess.run(
        ["bash", "-c", line],
        env={
            "PATH": "/usr/bin:/bin",
            "PYTHON": sys.executable,
            "PROGRAM": program(body, needed),
            "PYTHONPATH": str(SOURCE),
            **environment,
        },
        capture_output=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr.decode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("12.3† 4‡ 5.0°", "12.3* 4^ 5.0deg"),
        ("a ≤ b ≥ c ≠ d ± e ≈ f", "a <= b >= c != d +- e ~ f"),
        ("10⁹, m², ½, ①", "10^9, m^2, 1/2, 1"),
        ("naïve Señor Ångström ﬁt ﬀ", "naive Senor Angstrom fit ff"),
        ("“quoted” – it’s … done", "'quoted' - it's ... done"),
        ("漢字 🦆 \udcff \u202e", "?? ? ? ?"),
    ],
)
def test_characters_that_ascii_lacks_are_replaced(text, shown):
    assert text.encode("ascii", "dnnbench.ascii") == shown.encode()


@pytest.mark.parametrize(
    ("encoding", "shown"), [("latin-1", "ü* -"), ("cp1252", "ü† –"), ("utf-8", "ü† –")]
)
def test_characters_that_an_encoding_has_are_kept(encoding, shown):
    assert "ü† –".encode(encoding, "dnnbench.ascii") == shown.encode(encoding)


@pytest.mark.parametrize("encoding", ["ascii", "ascii:strict", "latin-1:surrogateescape"])
def test_the_streams_print_in_any_encoding(encoding):
    body = "print('10† \\ud800'); print('10†', file=sys.stderr)"
    code, out, said = shell(body, "", PYTHONIOENCODING=encoding, LC_ALL="C")
    assert (code, out, said) == (0, b"10* ?\n", "10*\n")


def test_an_error_is_one_line_in_any_encoding():
    body = "from dnnbench.core.errors import UserError; raise UserError('näh\\n†\\x1b[31m')"
    code, out, said = shell(body, "", PYTHONIOENCODING="ascii")
    assert (code, out, said) == (1, b"", "prog: nah *\n")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("OSError(28, 'No space left on device')", "prog: No space left on device\n"),
        ("PermissionError(13, 'Denied', '/.local')", "prog: /.local: Denied\n"),
        ("OSError('odd')", "prog: odd\n"),
    ],
)
def test_a_system_error_is_one_line(error, said):
    assert shell(f"raise {error}", "") == (1, b"", said)


@pytest.mark.parametrize(
    "body",
    [
        f"sys.stdout.write('line\\n' * {LINES})",
        f"[print(n, flush=True) for n in range({LINES})]; sys.exit(3)",
    ],
)
def test_a_command_ends_quietly_if_its_reader_is_gone(body):
    code, _, said = shell(body, "| head -c 1")
    assert (code, said) == (141, "")
    code, _, said = shell(body, "| true")
    assert (code, said) == (141, "")


@pytest.mark.parametrize(
    "body", ["print('one')", f"print('one' * {LINES})", "sys.stdout.write('1')"]
)
def test_a_full_disk_is_reported_in_one_line(body):
    code, _, said = shell(body, ">/dev/full")
    assert (code, said.count("\n")) == (1, 1)
    assert said == (
        "prog: standard output: cannot be written: No space left on device."
        " Fix this and run again.\n"
    )


@pytest.mark.parametrize("words", ["2>&1 | true", ">/dev/full 2>&1", ">&- 2>&- <&-"])
def test_a_measurement_continues_without_a_reader(words, tmp_path):
    done = tmp_path / "done"
    body = (
        "[print(n, flush=True) or print(n, file=sys.stderr) for n in range(9)];"
        f" open({str(done)!r}, 'w')"
    )
    assert shell(body, words, needed=False) == (0, b"", "")
    assert done.exists()


@pytest.mark.parametrize("width", ["0", "00", "-5", "\u00b2", "\u0664", "abc", "", "9" * 20])
def test_an_invalid_width_in_the_environment_is_ignored(width):
    body = "from rich.console import Console; Console().print('a line of words')"
    named = {"COLUMNS": width, "LINES": width}
    assert shell(body, "", **named, LC_ALL="C.UTF-8") == (0, b"a line of words\n", "")


@pytest.mark.parametrize("words", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_output_to_a_closed_stream_does_not_reach_the_next_opened_file(words, tmp_path):
    file = tmp_path / "record.json"
    body = (
        f"record = open({str(file)!r}, 'w'); record.write('kept'); record.flush();"
        " print('out'); print('err', file=sys.stderr); os.write(1, b'c'); os.system('echo child')"
    )
    code, _, _ = shell(body, words)
    assert (code, file.read_text()) == (0, "kept")


@pytest.mark.parametrize("words", ["2>&-", "2>/dev/full", "2>&- >&-"])
def test_the_exit_code_is_right_even_if_the_error_cannot_be_printed(words):
    body = "from dnnbench.core.errors import UserError; raise UserError('unread')"
    assert shell(body, words)[0] == 1


def test_a_failed_import_is_reported_in_one_line():
    body = "raise ImportError('libcudart.so.12: cannot open shared object file')"
    code, _, said = shell(body, "")
    problem = "ImportError: libcudart.so.12: cannot open shared object file"
    assert (code, said) == (1, f"prog: {problem}. Reinstall the package.\n")
