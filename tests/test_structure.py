"""The layout of the repository: packages, unique module names, and tests that mirror them."""

import ast
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from helpers.paths import ROOT

SOURCE = ROOT / "src/dnnbench"
TESTS = ROOT / "tests"
PACKAGES = sorted(file.parent for file in SOURCE.rglob("__init__.py"))
TEST_FILES = sorted(TESTS.rglob("*.py"))
# Test folders that do not mirror a package: shared code and data, and tests of code outside src/.
OTHERS = {"benchmarks", "data", "docs", "helpers", "tools", "workflow"}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def folders(parent: Path) -> set[str]:
    return {path.name for path in parent.iterdir() if path.is_dir() and path.name != "__pycache__"}


def imported(file: Path) -> set[str]:
    """Return the modules that a file imports, including possible ones in from-imports."""
    found = set()
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module or ''}.{alias.name}" for alias in node.names}
    return found


def test_the_source_folder_contains_only_packages() -> None:
    files = {path.name for path in SOURCE.iterdir() if path.is_file()}
    assert files == {"__init__.py", "py.typed"}
    assert {SOURCE / folder for folder in folders(SOURCE)} <= set(PACKAGES)


# The package's own init file is the interface for Python users, and has dnnbench.open.
@pytest.mark.parametrize("package", [one for one in PACKAGES if one != SOURCE], ids=name)
def test_a_packages_init_file_contains_only_a_docstring(package: Path) -> None:
    body = ast.parse((package / "__init__.py").read_bytes())
    assert ast.get_docstring(body)
    assert len(body.body) == 1


def test_no_two_modules_share_a_name() -> None:
    stems = Counter(file.stem for file in SOURCE.rglob("*.py") if file.stem != "__init__")
    assert [stem for stem, count in stems.items() if count > 1] == []


def test_packages_import_only_from_packages_below_them() -> None:
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_the_reference_variant_is_spelled_in_one_module() -> None:
    spelled = [
        name(file)
        for file in [*SOURCE.rglob("*.py"), *ROOT.glob("benchmarks/*.py")]
        for node in ast.walk(ast.parse(file.read_bytes()))
        if isinstance(node, ast.Constant) and node.value == "fp32-eager"
    ]
    assert spelled == ["src/dnnbench/records/base.py"]


def test_each_test_folder_has_the_name_of_a_package() -> None:
    assert folders(TESTS) - OTHERS <= folders(SOURCE)


@pytest.mark.parametrize("file", TEST_FILES, ids=name)
def test_no_test_file_imports_another(file: Path) -> None:
    parts = {part for module in imported(file) for part in module.split(".")}
    assert parts.isdisjoint({other.stem for other in TEST_FILES if other.match("test_*.py")})
    assert parts.isdisjoint({"conftest", "tests"})
