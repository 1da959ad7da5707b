from helpers.paths import ROOT

from dnnbench.core import code_graph


def names(script, monkeypatch):
    monkeypatch.chdir(ROOT)
    return {str(path) for path in code_graph.sources(f"workflow/scripts/{script}.py")}


def test_a_stage_depends_on_its_script_and_what_it_imports(monkeypatch):
    found = names("latency", monkeypatch)
    assert "workflow/scripts/latency.py" in found
    assert {
        f"src/dnnbench/{module}.py"
        for module in ("measure/round", "measure/latency", "core/isolation", "core/storage")
    } <= found
    # Imported only inside a function.
    assert "src/dnnbench/networks/construction.py" in found
    # Imported only once a backend is chosen.
    assert "src/dnnbench/devices/cpu.py" not in found


def test_measuring_stages_do_not_depend_on_tables_and_figures(monkeypatch):
    for stage in ("latency", "memory", "complexity", "environment"):
        found = " ".join(names(stage, monkeypatch))
        for later in ("tables", "queries", "figures", "report", "cli"):
            assert later not in found


def test_a_digest_follows_the_content(tmp_path):
    one, two = tmp_path / "a.py", tmp_path / "b.py"
    one.write_text("x = 1\n")
    two.write_text("y = 2\n")
    before = code_graph.digest([one, two])
    assert code_graph.digest([two, one]) == before
    two.write_text("y = 3\n")
    assert code_graph.digest([one, two]) != before


def test_the_file_that_defines_a_network_is_found_by_its_builder():
    (file,) = code_graph.builder_sources("dnnbench.networks.architectures.googlenet:googlenet")
    assert file.name == "googlenet.py"
    assert code_graph.builder_sources("pretrainedmodels:resnet18") == []


def test_imports_for_type_checkers_do_not_count(tmp_path):
    (tmp_path / "needed.py").touch()
    (tmp_path / "otherwise.py").touch()
    (tmp_path / "types_only.py").touch()
    script = tmp_path / "script.py"
    script.write_text(
        "import needed, typing\n"
        "if typing.TYPE_CHECKING:\n    import types_only\nelse:\n    import otherwise\n"
    )
    found = {file.name for file in code_graph.sources(script)}
    assert found == {"script.py", "needed.py", "otherwise.py"}


def test_excluded_modules_are_neither_listed_nor_followed(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from dnnbench.core import errors\nfrom dnnbench.records import published_study\n"
    )
    found = {file.name for file in code_graph.sources(script)}
    assert found == {"script.py", "errors.py", "published_study.py", "units.py"}
    left = {file.name for file in code_graph.sources(script, without=["records"])}
    assert left == {"script.py", "errors.py"}


def test_a_plugins_module_is_followed_through_its_own_package(tmp_path, monkeypatch):
    package = tmp_path / "made_up_package"
    package.mkdir()
    for name in ("__init__", "shared", "nearby"):
        (package / f"{name}.py").touch()
    (package / "engine.py").write_text(
        "import made_up_package.shared\nfrom . import nearby\n"
        "from dnnbench.engines import casting\nimport json\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    found = {file.name for file in code_graph.module_sources("made_up_package.engine")}
    assert found >= {"engine.py", "shared.py", "nearby.py", "casting.py"}
    assert "json" not in " ".join(found)
