"""Unusable plugins: each is reported in one clean line."""

import pytest
from helpers import entry_points

from dnnbench.core import plugins
from dnnbench.core.plugins import PluginError

GROUP = "dnnbench.made_up_group"


class Limit:
    """The type that plugins of this group must have."""

    name = "own"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            "raise ImportError('\\x1b[31mlibcudart.so.12:\\x1b[0m\\n  cannot open\\u202e it')",
            "ImportError: libcudart.so.12: cannot open it. Fix",
        ),
        (
            "try:\n    import not_there_at_all\nexcept ImportError as error:\n"
            "    raise RuntimeError('see above') from error",
            "RuntimeError: see above; caused by ModuleNotFoundError: No module named 'not_there",
        ),
        ("raise ValueError('x' * 10**6)", "ValueError: xxx"),
        ("import sys; sys.exit('no license\\x07')", "SystemExit: no license. Fix"),
        ("PLUGIN = 'one\\x1b]0;title\\x07\\ntwo' * 1000", "'one"),
        (
            "class Odd:\n    def __repr__(self): raise RuntimeError\nPLUGIN = Odd()",
            "object of type Odd is not of type Limit",
        ),
    ],
)
def test_an_unusable_plugin_is_reported_in_one_clean_line(tmp_path, source, said):
    module = f"made_up_{abs(hash(source))}"
    (tmp_path / f"{module}.py").write_text(source)
    about = tmp_path / "made_up-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: made-up\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[{GROUP}]\nodd = {module}:PLUGIN\n")
    with entry_points.installed(tmp_path), pytest.raises(PluginError) as raised:
        plugins.extend((Limit(),), GROUP, Limit)
    text = str(raised.value)
    assert text.startswith(f"entry point 'odd' of {GROUP} ({module}:PLUGIN): {said}")
    assert text.isprintable() and len(text) < 700
