"""Home folders of users in containers and on clusters, who may have neither home nor name."""

import os
import pwd
import stat

import pytest

from dnnbench.core import home
from dnnbench.core.errors import UserError


@pytest.fixture
def nobody(monkeypatch, tmp_path):
    """Simulate a user without a name or home; temporary files go to ``tmp_path``."""

    def unknown(user):
        raise KeyError(user)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    for name in ("HOME", "LOGNAME", "USER"):
        # Set first, so that monkeypatch restores what the code under test sets.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    return tmp_path / f"dnnbench-{os.getuid()}"


@pytest.mark.parametrize("value", [None, "", "/proc", "/nowhere", "/dev/null"])
def test_a_home_that_is_not_writable_is_replaced_with_a_notice(nobody, monkeypatch, capsys, value):
    if value is not None:
        monkeypatch.setenv("HOME", value)
    home.ensure()
    assert os.environ["HOME"] == str(nobody)
    assert os.environ["LOGNAME"] == f"user-{os.getuid()}"
    assert stat.S_IMODE(nobody.stat().st_mode) == 0o700
    said = capsys.readouterr().err
    assert said == f"HOME: {value!r} is not writable; using {nobody}\n"
    home.ensure()  # The second call does nothing.
    assert capsys.readouterr().err == ""


def test_a_writable_home_is_kept(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("LOGNAME", raising=False)
    home.ensure()
    assert os.environ["HOME"] == str(tmp_path)
    assert "LOGNAME" not in os.environ
    assert capsys.readouterr().err == ""


def test_a_folder_of_another_user_is_not_used(nobody, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    nobody.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(
        UserError, match=r"belongs to another user\. Remove it, or set HOME to a folder"
    ):
        home.ensure()


def test_without_a_writable_folder_the_error_says_what_to_set(nobody, monkeypatch):
    monkeypatch.setattr("tempfile.gettempdir", lambda: "/proc")
    with pytest.raises(UserError, match=r"HOME: None: not writable, and neither is /proc/.*Set"):
        home.ensure()


def test_only_a_tilde_is_expanded(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert home.expand("~/pictures") == tmp_path / "pictures"
    assert str(home.expand("a/~/$HOME")) == "a/~/$HOME"
    with pytest.raises(UserError, match="'~nobodyhere/x': no such home folder"):
        home.expand("~nobodyhere/x")


def test_a_tilde_in_the_value_of_an_option_is_expanded(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    words = ["merge", "~/a", "--results=~/b\n", "--min-fps=3", "--of=~nobodyhere", "a~", "x=~/c"]
    assert home.expand_words(words) == [
        *("merge", "/home/me/a", "--results=/home/me/b\n", "--min-fps=3"),
        *("--of=~nobodyhere", "a~", "x=~/c"),
    ]
