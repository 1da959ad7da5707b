"""A real Slurm cluster of one node on the loopback interface, run as root.

    python tests/helpers/slurm.py start
    python tests/helpers/slurm.py stop

It requires Debian's slurm-wlm and munge. It uses neither accounting nor control groups, which
containers rarely allow. The configuration is in Slurm's standard folder, because Snakemake's
executor drops Slurm's variables in jobs, including SLURM_CONF. A file there that this script did
not write is not changed.
"""

import os
import platform
import pwd
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

CONFIGURATION = Path("/etc/slurm/slurm.conf")
STATE = Path("/run/dnnbench-slurm")
MUNGE = Path("/run/munge")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue")
OURS = "# Written by tests/helpers/slurm.py of dnnbench; removed when its cluster stops."

TEMPLATE = """\
{ours}
ClusterName=dnnbench
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
StateSaveLocation={state}/controller
SlurmdSpoolDir={state}/node
SlurmctldPidFile={state}/slurmctld.pid
SlurmdPidFile={state}/slurmd.pid
SlurmctldLogFile={state}/slurmctld.log
SlurmdLogFile={state}/slurmd.log
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory={memory_mib} State=UNKNOWN
PartitionName={partition} Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""

PARTITION = "loopback"


def missing() -> str | None:
    """Return the reason why no cluster can be started here, or None."""
    absent = [name for name in PROGRAMS if not shutil.which(name)]
    if absent:
        return f"{', '.join(absent)} not installed (apt-get install slurm-wlm munge)"
    if os.geteuid() != 0:
        return "Slurm's daemons must be started as root"
    if CONFIGURATION.exists() and OURS not in CONFIGURATION.read_text():
        return f"{CONFIGURATION} belongs to another cluster"
    return None


def start() -> None:
    """Start the daemons and wait until the node is idle; raise RuntimeError if this fails."""
    if why := missing():
        raise RuntimeError(why)
    stop()
    for folder in (STATE, STATE / "controller", STATE / "node"):
        folder.mkdir(parents=True)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    CONFIGURATION.write_text(
        TEMPLATE.format(
            ours=OURS,
            host=platform.node(),
            state=STATE,
            cores=os.cpu_count(),
            memory_mib=memory * 9 // 10,  # A node with less memory than configured is drained.
            partition=PARTITION,
        )
    )
    _start_munge()
    subprocess.run(["slurmctld"], check=True)
    subprocess.run(["slurmd"], check=True)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if _output("sinfo", "--noheader", "--format=%T").strip() == "idle":
            return
        time.sleep(0.2)
    log = (STATE / "slurmctld.log").read_text()[-2000:]
    stop()
    raise RuntimeError(f"the node is not idle after a minute:\n{log}")


def stop() -> None:
    """Cancel all jobs, stop the daemons of :func:`start`, and remove its files."""
    if not STATE.exists():
        return
    for job in _output("squeue", "--noheader", "--format=%i").split():
        _output("scancel", "--signal=KILL", "--full", job)
    for name in ("slurmd", "slurmctld", "munged"):
        _end(STATE / f"{name}.pid")
    CONFIGURATION.unlink(missing_ok=True)
    shutil.rmtree(STATE)


def _start_munge() -> None:
    """Start munge for this cluster, unless it is already running on the machine."""
    if not _output("munge", "--no-input").startswith("MUNGE:"):
        user = pwd.getpwnam("munge")
        MUNGE.mkdir(exist_ok=True)
        os.chown(MUNGE, user.pw_uid, user.pw_gid)
        subprocess.run(["runuser", "-u", "munge", "--", "munged"], check=True)
        # Stored with the other daemons' files, so that stop() ends it.
        shutil.copy(MUNGE / "munged.pid", STATE / "munged.pid")


def _end(file: Path) -> None:
    """Stop the process whose ID is in a file, and wait for it."""
    if not file.exists():
        return
    number = int(file.read_text())
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.kill(number, signal_number)
        deadline = time.monotonic() + 10
        while is_running(number) and time.monotonic() < deadline:
            time.sleep(0.1)


def is_running(number: int) -> bool:
    """Return whether a process runs.

    A process that has ended keeps its entry in /proc until its parent waits for it, and the first
    process of many containers never does.
    """
    try:
        status = Path(f"/proc/{number}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] not in "ZX"


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


if __name__ == "__main__":
    actions = {"start": start, "stop": stop}
    if sys.argv[1:] not in [[name] for name in actions]:
        sys.exit("usage: slurm.py start | stop")
    actions[sys.argv[1]]()
