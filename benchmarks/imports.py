"""Startup cost of the command, a shell completion, the workflow's dry run, and the stages' scripts.

Prints CPU time (user and system, median of alternating repetitions), its ratio to that of the bare
interpreter, and the packages that took longest to import, by self time in one more run with
``-X importtime``. Run it in the folder of a study.
"""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from statistics import median

REPETITIONS = 3
SHOWN = 5

COMMAND = ("-c", "from dnnbench.cli.app import app; app()")
SCRIPTS = sorted(Path("workflow/scripts").glob("*.py"))
STARTS: dict[str, tuple[str, ...]] = {
    "python, bare": ("-c", "pass"),
    "dnnbench --help": (*COMMAND, "--help"),
    "dnnbench pi<Tab>": COMMAND,
    "dnnbench show ResNet-<Tab>": COMMAND,
    "snakemake --profile cpu -n": ("-m", "snakemake", "--profile", "cpu", "-n", "--quiet", "all"),
    **{f"{file} --help": (str(file), "--help") for file in SCRIPTS},
}


def environment(what: str) -> dict[str, str]:
    """Return the environment of a start, with completion variables if it is a completion."""
    typed, completes, _ = what.partition("<Tab>")
    if not completes:
        return dict(os.environ)
    words = {"COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    return os.environ | words | {"_DNNBENCH_COMPLETE": "complete_bash"}


def cpu_s(what: str) -> float:
    """Return the CPU time of a start and the processes that it waited for, in seconds."""
    with subprocess.Popen(
        [sys.executable, *STARTS[what]],
        env=environment(what),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(
            f"{what}: exited with code {process.returncode}. Run it separately to see why."
        )
    return usage.ru_utime + usage.ru_stime


def import_seconds(what: str) -> Counter[str]:
    """Return the import self time of each top-level package, in seconds."""
    command = [sys.executable, "-X", "importtime", *STARTS[what]]
    done = subprocess.run(command, env=environment(what), capture_output=True, text=True)
    seconds: Counter[str] = Counter()
    for line in done.stderr.splitlines():
        own, _, rest = line.removeprefix("import time:").partition("|")
        if line.startswith("import time:") and own.strip().isdigit():
            module = rest.partition("|")[2].strip()
            seconds[module.partition(".")[0]] += int(own) / 1e6
    return seconds


def main() -> None:
    """Print the table."""
    times: dict[str, list[float]] = {what: [] for what in STARTS}
    for _ in range(REPETITIONS):
        for what, taken in times.items():
            taken.append(cpu_s(what))
    bare = median(times["python, bare"])
    width = max(map(len, STARTS))
    print(f"{'':{width}}  {'CPU':>7}  {'ratio':>6}  slowest imports")
    for what, taken in times.items():
        packages = import_seconds(what).most_common(SHOWN)
        listed = ", ".join(
            f"{name} {seconds:.2f} s" for name, seconds in packages if seconds > 0.01
        )
        print(f"{what:{width}}  {median(taken):5.2f} s  {median(taken) / bare:5.0f}x  {listed}")


if __name__ == "__main__":
    main()
