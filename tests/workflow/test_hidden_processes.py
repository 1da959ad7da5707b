"""A machine on which /proc hides other users' processes (mount option hidepid)."""

import json
import os
import subprocess
import sys

import pytest
from helpers.paths import ROOT
from helpers.projects import edit, environment, project

# All mounts of /proc share their options, unless one is in a separate PID namespace.
MOUNT = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "sh", "-c"]
# The user nobody, with permission to read the interpreter anywhere.
NOBODY = (
    "setpriv --reuid 65534 --regid 65534 --clear-groups"
    " --inh-caps +dac_read_search --ambient-caps +dac_read_search"
)


def test_no_rule_uses_snakemakes_benchmark():
    """Snakemake's ``benchmark:`` uses psutil, which raises if /proc/stat or a process is hidden."""
    texts = [file.read_text() for file in (ROOT / "workflow/rules").glob("*.smk")]
    assert texts
    assert not [text for text in texts if "\n    benchmark:" in text]


def may_mount():
    command = [*MOUNT, "mount -o remount,hidepid=1 /proc && exec setpriv --version"]
    return os.geteuid() == 0 and subprocess.run(command, capture_output=True).returncode == 0


@pytest.mark.slow  # tests/devices/test_host.py simulates hidden processes.
@pytest.mark.skipif("not may_mount()", reason="remounting /proc requires root")
@pytest.mark.parametrize("hidden", [1, 2])
def test_an_unprivileged_user_gets_checks_latency_and_memory(tmp_path, hidden):
    folder = tmp_path / "project"
    folder.mkdir()
    project(folder)
    edit(folder / "params.yaml", {"models": ["shufflenet"], "latency": {"rounds": 1}})
    for above in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        above.chmod(0o755)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    stage = f"{sys.executable} workflow/scripts/"
    commands = [
        "dnnbench check --device cpu --json > check.json || [ $? = 4 ]",
        f"{stage}latency.py --profile cpu --output round-1.jsonl",
        f"{stage}memory.py --profile cpu --output-dir memory",
    ]
    (folder / "all.sh").write_text("set -e; ls /proc/1 && exit 9\n" + "\n".join(commands))
    done = subprocess.run(
        [*MOUNT, f"mount -o remount,hidepid={hidden} /proc; {NOBODY} sh all.sh; exit $?"],
        cwd=folder,
        env=environment(folder) | {"HOME": str(folder)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    checks = json.loads((folder / "check.json").read_text())["checks"]
    assert {one["name"]: one["state"] for one in checks}["other programs"] != "unknown"
    assert json.loads((folder / "round-1.jsonl").read_text())["status"] == "ok"
    (cell,) = json.loads((folder / "memory/shufflenet.json").read_text())["cells"]
    assert cell["status"] == "ok"
