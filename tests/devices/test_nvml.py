"""The real pynvml and the code above it, on a simulation of NVIDIA's library instead of a GPU.

The loader's search path is fixed when a process starts. Tests therefore send their code to a server
process that was started with the simulated library's path, and that forks for each test.
"""

import json
import os
import subprocess
import sys
import textwrap

import pytest
from helpers import gpu
from helpers.gpu import COMPILER, STANDIN
from helpers.paths import ROOT

pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C compiler for the simulated NVML")

SERVER = """
import json, math, os, sys, traceback
from helpers import gpu, toys
from pathlib import Path
from dnnbench.config.gpu_settings import Gpu
from dnnbench.core import isolation
from dnnbench.core.errors import UserError
from dnnbench.core.storage import read_json, read_lines
from dnnbench.devices import backends, cuda, host, nvml, torch_gpu
from dnnbench.devices.cuda import Cuda
from dnnbench.devices.torch_gpu import References
from dnnbench.measure import memory_profile, round
from dnnbench.networks import builders
from dnnbench.records.latency_records import LatencyLine
from dnnbench.records.memory_records import MemoryRecord
from dnnbench.stats import disturbance
from dnnbench.stats.disturbance import MAX_CLOCK_DROP
from helpers import rounds

References.size, References.copied_mib = 64, 1
torch_gpu._ENERGY_MS, torch_gpu._REFERENCE_MS, cuda._LOAD_MS = 600, 5, 200
round._BUSY_WINDOW_S, round._MAX_REPEATED = 0.05, 0
isolation.prepare()
builders.preload([toys.entry("small")])

def answer(value):
    Path("answer").write_text(json.dumps(value))

def use(runtime, **settings):
    "Let the backend cuda drive ``runtime``."
    on = Cuda(Gpu(**settings), runtime)
    backends.backend = lambda setup: on
    return on

def plan(*names, **changes):
    setup = backends.Setup("cuda", Gpu())
    return rounds.plan(*names, setup=setup, threads=1, device="gpu", **changes)

def lines():
    files = (Path("round-1.jsonl"), Path(".round-1.jsonl.journal"))
    found = read_lines(next(file for file in files if file.exists()), LatencyLine)
    return [line.model_dump(mode="json") for line in found]

for folder in sys.stdin:
    child = os.fork()
    if child == 0:
        os.chdir(folder.strip())
        os.environ["NVML_SCENARIO"] = str(Path("scenario").absolute())
        os.dup2(os.open("errors", os.O_CREAT | os.O_WRONLY, 0o644), 2)
        try:
            exec(Path("code").read_text())
        except BaseException:
            traceback.print_exc()
        sys.stderr.flush()
        os._exit(0)
    os.waitpid(child, 0)
    print(flush=True)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Start a process that runs code on the simulated library, in the library's folder."""
    folder = tmp_path_factory.mktemp("library")
    for driver, options in {"new": [], "old": ["-DOLD"]}.items():
        words = [COMPILER, *options, "-shared", "-fPIC", STANDIN]
        subprocess.run([*words, "-o", folder / f"{driver}.so"], check=True)
    paths = [str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")]
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER],
        env=os.environ | {"LD_LIBRARY_PATH": str(folder), "PYTHONPATH": os.pathsep.join(paths)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process, folder
    process.stdin.close()
    process.wait()


@pytest.fixture
def run(server, tmp_path):
    """Run code on the simulation, with changed values of the fast card; return its answer."""
    process, folder = server

    def run(code, driver="new", machine=None, **changes):
        said = gpu.SCENARIO | {f"1.{key}": value for key, value in changes.items()}
        gpu.write(said | (machine or {}), tmp_path / "scenario")
        (tmp_path / "code").write_text(textwrap.dedent(code))
        (tmp_path / "answer").unlink(missing_ok=True)
        # Each fork loads the library again.
        library = folder / "libnvidia-ml.so.1"
        library.unlink(missing_ok=True)
        library.symlink_to(f"{driver}.so")
        process.stdin.write(f"{tmp_path}\n")
        process.stdin.flush()
        process.stdout.readline()
        assert (tmp_path / "answer").exists(), (tmp_path / "errors").read_text()
        return json.loads((tmp_path / "answer").read_text())

    return run


QUERIES = (
    *("pci", "compute_capability", "driver", "cuda_driver", "persistence", "ecc", "mig"),
    *("clock_mhz", "memory_clock_mhz", "max_clock_mhz", "application_clock_mhz"),
    *("temperature_c", "power_w", "power_limit_w", "memory_total_mib", "memory_used_mib"),
    "utilization",
)
ASK_ALL = f"""
    with nvml.open_card(gpu.SECOND) as card:
        said = {{name: getattr(card, name)() for name in {QUERIES}}}
        reasons = card.clock_reasons()
        answer(said | {{
            "name": card.name,
            "energy": card.energy_mj() is not None,
            "reasons": None if reasons is None else sorted(reasons),
            "processes": None if card.processes() is None
            else [(process.pid, process.memory_mib) for process in card.processes()],
        }})
"""


def test_a_card_is_found_by_its_uuid_and_described(run):
    said = run(ASK_ALL, process0="77 512", process1="78 -1")
    assert said == {
        "name": "Fast GPU",
        "pci": "00000000:81:00.0",
        "compute_capability": [7, 5],
        "driver": "560.35.03",
        "cuda_driver": "12.6",
        "persistence": True,
        "ecc": False,
        "mig": False,
        "clock_mhz": 1500,
        "memory_clock_mhz": 7000,
        "max_clock_mhz": 1900,
        "application_clock_mhz": 1500,
        "temperature_c": 60,
        "power_w": 150,
        "power_limit_w": 250,
        "memory_total_mib": 8192,
        "memory_used_mib": 1000,
        "utilization": 0,
        "energy": True,
        "reasons": ["application clocks"],
        "processes": [[77, 512], [78, None]],
    }


def test_unsupported_queries_return_none(run):
    kept = ("uuid", "name")
    mute = dict.fromkeys(key[2:] for key in gpu.SCENARIO if key[:2] == "1." and key[2:] not in kept)
    machine = {"driver": None, "cuda": None}
    said = run(ASK_ALL, machine=machine, hides_processes=1, **mute)
    assert said.pop("name") == "Fast GPU"
    assert said.pop("energy") is False
    assert set(said.values()) == {None}


def test_functions_missing_in_an_old_driver_return_none_or_use_an_older_name(run):
    said = run(ASK_ALL, "old", process0="77 512", reasons=0x24)
    assert said["energy"] is False
    assert said["processes"] == [[77, 512]]
    assert said["reasons"] == ["software power cap", "software thermal slowdown"]


@pytest.mark.parametrize(
    ("bits", "names"),
    [
        (0, []),
        (0x1, ["idle"]),
        (0xC8, ["hardware slowdown", "hardware thermal slowdown", "power brake"]),
        (0x10000, ["reason 0x10000"]),
    ],
)
def test_the_bits_of_clock_reasons_have_names(run, bits, names):
    assert run(ASK_ALL, reasons=bits)["reasons"] == names


ASK_LOST = """
    with nvml.open_card(gpu.SECOND) as card:
        said = []
        gpu.change(lost=1)
        for ask in (card.temperature_c, lambda: nvml.open_card(gpu.SECOND).__enter__()):
            try:
                ask()
            except nvml.GpuLostError as error:
                said.append(str(error))
        answer(said)
"""


def test_a_lost_card_is_named_and_not_mistaken_for_an_unsupported_query(run):
    asked, opened = run(ASK_LOST)
    assert asked.startswith(f"GPU {gpu.SECOND}: ")
    assert "lost" in opened
    assert "finished measurements are kept" in opened


def test_a_driver_that_is_not_loaded_means_no_cuda_device(run):
    code = """
    try:
        nvml.count()
    except UserError as error:
        answer(str(error))
    """
    said = run(code, machine={"unloaded": 1})
    assert said.startswith("no CUDA device: ")
    assert "--profile cpu" in said


# Which card --------------------------------------------------------------------------------------


def test_an_index_follows_cudas_order_and_the_card_is_queried_by_uuid(run):
    # NVML's card 0 is the slow one; CUDA shows the fast one first.
    said = run(
        """
        facts = []
        for wanted in ("0", "1", gpu.FIRST, "0000:81:00.0", "1:0.0"):
            on = use(gpu.Runtime(), select=wanted)
            found = on.describe()
            facts.append([on.lock_name, found["gpu"], found["gpu_details"].pci])
        answer(facts)
        """
    )
    fast = [f"cuda-{gpu.SECOND}", "Fast GPU", "00000000:81:00.0"]
    slow = [f"cuda-{gpu.FIRST}", "Slow GPU", "00000000:01:00.0"]
    assert said == [fast, slow, slow, fast, slow]


REFUSED = """
    try:
        on.preflight()
        answer(None)
    except UserError as error:
        answer(str(error))
"""


@pytest.mark.parametrize(
    ("settings", "changes", "said"),
    [
        ({}, {}, None),
        ({"select": "2"}, {}, "'2': CUDA shows no such card. Choose one of these: 0: GPU-2222"),
        ({"select": "GPU-33"}, {}, "gpu.select: 'GPU-33'"),
        ({"select": "1"}, {}, "Slow GPU: compute capability 6.1: torch 2.14.1+cu130 has kernels"),
        ({}, {"mig": 1}, "Fast GPU: MIG is on"),
        ({}, {"mig": None}, None),
        ({}, {"lost": 1}, "the card is lost"),
    ],
)
def test_an_unusable_card_is_refused_in_one_line(run, settings, changes, said):
    found = run(f"on = use(gpu.Runtime(), **{settings!r})\n{textwrap.dedent(REFUSED)}", **changes)
    if said is None:
        assert found is None
    else:
        assert said in found
        assert "\n" not in found
    if settings == {"select": "1"}:
        assert "whl/cu126" in found


def test_a_machine_without_a_visible_card_is_refused(run):
    said = run(
        """
        def refused(runtime):
            try:
                use(runtime).preflight()
            except UserError as error:
                return str(error)

        class Blind(gpu.Runtime):
            def visible(self):
                return gpu.VISIBLE.__class__((), "2.14.1", self.cuda, None, ())

        hidden, without, broken = Blind(), Blind(), gpu.Runtime()
        hidden.cuda, without.cuda = "13.0", None
        broken.visible = lambda: 1 / 0
        said = [refused(hidden), refused(without), refused(broken)]
        gpu.write(gpu.scenario() | {"cards": 0})
        answer([*said, refused(gpu.Runtime())])
        """
    )
    assert "CUDA_VISIBLE_DEVICES" in said[0]
    assert "is built without CUDA" in said[1]
    assert "CUDA does not start: ZeroDivisionError" in said[2]
    assert "lists no card" in said[3]


# Memory -----------------------------------------------------------------------------------------

PROFILE = """
    use(gpu.Runtime(NAMESPACE))
    plan = memory_profile.Plan("gpu", backends.Setup("cuda", Gpu()), "fp32-eager",
                          {"small": toys.entry("small")}, [2], 1, 60)
    try:
        memory_profile.Profiles(plan, Path.cwd()).measure()
        answer(read_json(Path("small.json"), MemoryRecord).cells[0].model_dump())
    except UserError as error:
        answer(str(error))
"""


def profile(run, namespace, **changes):
    return run(f"NAMESPACE = {namespace!r}\n{textwrap.dedent(PROFILE)}", **changes)


@pytest.mark.parametrize(
    ("namespace", "changes", "basis"),
    [
        ("own", {"process0": "1 512"}, "process"),
        ("host", {"process0": "77 512"}, "process"),
        ("hidden", {}, "device"),
        ("hidden", {"hides_processes": 1}, "device"),
    ],
)
def test_memory_is_that_of_this_process_with_the_context_listed_separately(
    run, namespace, changes, basis
):
    cell = profile(run, namespace, **changes)
    assert (cell["status"], cell["memory_basis"]) == ("ok", basis)
    assert cell["memory_mib"] == gpu.HELD_MIB
    assert cell["memory_runtime_mib"] == gpu.RUNTIME_MIB
    assert cell["memory_net_mib"] == gpu.HELD_MIB - gpu.RUNTIME_MIB
    assert cell["first_call_peak_mib"] == 190
    assert (cell["reserved_peak_mib"], cell["allocated_peak_mib"]) == (140, 100)
    assert cell["weights_mib"] > 0


def test_memory_of_the_whole_card_is_refused_while_another_process_uses_it(run):
    said = profile(run, "hidden", process0="77 512")
    assert "a process (pid 77, 512 MiB) also uses the card" in said
    assert "\n" not in said


# Latency ----------------------------------------------------------------------------------------

ONE_CELL = """
    use(gpu.Runtime())
    round.run(plan("slow", batch_sizes=[2]), Path("round-1.jsonl"))
    answer(lines()[0])
"""


def test_clocks_power_and_energy_are_recorded_with_the_latency(run):
    line = run(ONE_CELL)
    seen = line["disturbance"]
    assert line["status"] == "ok"
    assert line["samples_ms"][0] >= 200
    assert seen["events_ms"] == pytest.approx(sum(line["samples_ms"]))
    assert seen["wall_ms"] == pytest.approx(seen["events_ms"], rel=0.1)
    assert seen["clock_mhz"] == [1500, 1500]
    assert (seen["temperature_c"], seen["power_w"]) == (60, 150)
    assert seen["clock_reasons"] == ["application clocks"]
    assert seen["foreign_processes"] == []
    assert min(seen["reference_compute_ms"] + seen["reference_memory_ms"]) > 0
    # 100 W during 200 ms and two images: 10 J per image.
    assert line["energy_basis"] == "counter"
    assert line["energy_mj"] == pytest.approx(10_000, rel=0.3)


def test_use_of_the_gpu_by_others_counts_as_use_of_the_machine(run):
    code = """
    on = use(gpu.Runtime())
    host.others_busy = lambda seconds: (0.1, "make (pid 5)")
    idle = on.others_busy(0.05)
    gpu.change(utilization=80, process0="77 512")
    busy = on.others_busy(0.05)
    host.others_busy = lambda seconds: (0.01, "make (pid 5)")
    gpu.change(utilization=None)
    answer([idle, busy, on.others_busy(0.05)])
    """
    assert run(code) == [
        [0.1, "make (pid 5)"],
        [0.8, "GPU processes (pid 77)"],
        [None, "make (pid 5)"],
    ]


@pytest.mark.parametrize(
    ("driver", "changes", "basis", "energy_mj"),
    [
        ("old", {}, "power", 15_000),  # 150 W.
        ("new", {"energy_mw": None}, "power", 15_000),
        ("new", {"energy_step_ms": 10_000}, "power", 15_000),  # Too coarse to use.
        ("new", {"energy_mw": None, "power_mw": None}, "not_measured", None),
        ("new", {"energy_mw": None, "power_mw": 0}, "not_measured", None),
    ],
)
def test_energy_comes_from_the_counter_else_from_power_else_is_not_measured(
    run, driver, changes, basis, energy_mj
):
    line = run(ONE_CELL, driver=driver, **changes)
    assert line["energy_basis"] == basis
    assert line["energy_mj"] == (energy_mj and pytest.approx(energy_mj, rel=0.3))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reasons": 0x2A}, "clocks were throttled: hardware slowdown, software thermal slowdown"),
        ({"process0": "1 512"}, "other processes used the GPU: "),
    ],
)
def test_the_cause_of_a_gpu_disturbance_is_reported(run, changes, said):
    code = """
    use(gpu.Runtime())
    round.run(plan("small", batch_sizes=[1]), Path("round-1.jsonl"))
    seen = read_lines(Path("round-1.jsonl"), LatencyLine)[0]
    answer([disturbance.reasons(seen, {}), disturbance.severity(seen, {})])
    """
    reasons, severity = run(code, **changes)
    assert any(said in reason for reason in reasons)
    assert severity > 1


def test_a_lost_card_ends_the_round_and_finished_cells_are_kept(run):
    said, kept = run(
        """
        from dnnbench.measure import allocation
        allocation.order = list
        use(gpu.Runtime())
        try:
            round.run(plan("small", "losing", "slow", batch_sizes=[1]), Path("round-1.jsonl"))
        except UserError as error:
            answer([str(error), [line["model"] for line in lines()]])
        """,
    )
    assert f"GPU {gpu.SECOND}" in said
    assert "the card is lost" in said
    assert kept == ["small"]


def test_a_lost_card_ends_the_memory_stage_and_finished_cells_are_kept(run):
    said = run(
        """
        use(gpu.Runtime())
        networks = {name: toys.entry(name) for name in ("small", "losing", "raising")}
        setup = backends.Setup("cuda", Gpu())
        profiles = memory_profile.Profiles(
            memory_profile.Plan("gpu", setup, "fp32-eager", networks, [1], 1, 60), Path.cwd()
        )
        try:
            profiles.measure()
        except UserError as error:
            answer([str(error), sorted(path.stem for path in Path(".finished").iterdir())])
        """
    )
    assert "the card is lost" in said[0]
    assert said[1] == ["small"]


def test_the_environment_is_complete_except_for_unsupported_queries(run):
    code = """
    from dnnbench.measure import environment
    os.environ["PYTORCH_ALLOC_CONF"] = "expandable_segments:True"
    use(gpu.Runtime(), deterministic=True)
    found = environment.describe("gpu", backends.Setup("cuda", Gpu()), 1)
    answer(found.model_dump(mode="json"))
    """
    found = run(code, ecc=None, application_clock=None)
    details = found["gpu_details"]
    assert (found["gpu"], found["driver"]) == ("Fast GPU", "560.35.03")
    assert found["cpu"]
    assert details["settings"]["deterministic"] is True
    assert details["allocator"] == "expandable_segments:True"
    assert (details["cuda"], details["cuda_driver"], details["cudnn"]) == ("13.0", "12.6", "92400")
    assert (details["compute_capability"], details["memory_mib"]) == ("7.5", 8192)
    assert (details["max_clock_mhz"], details["power_limit_w"]) == (1900, 250)
    assert (details["persistence"], details["mig"]) == (True, False)
    assert details["ecc"] is details["application_clock_mhz"] is details["power_mode"] is None


def test_settings_that_affect_latency_override_earlier_values(run):
    code = """
    import torch
    def settings():
        cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
        return [cudnn.benchmark, cudnn.deterministic, cudnn.allow_tf32, matmul.allow_tf32]
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = True
    use(gpu.Runtime(), cudnn_benchmark=True, deterministic=False).start(1)
    found = [settings()]
    use(gpu.Runtime(), cudnn_benchmark=False, deterministic=True).start(1)
    answer([*found, settings()])
    """
    assert run(code) == [[True, False, False, False], [False, True, False, False]]


def test_a_crash_a_hang_or_a_full_card_leaves_the_card_usable(run):
    found = run(
        """
        use(gpu.Runtime())
        # Only the hanging network gets the short limit: on a busy machine others need longer.
        for names, limit_s in (
            (["hanging"], 1),
            (["crashing", "aborting", "illegal", "greedy", "small"], 120),
        ):
            round.run(
                plan(*names, batch_sizes=[1, 2], cell_timeout_s=limit_s), Path("round-1.jsonl")
            )
        answer([[line["model"], line["batch_size"], line["status"], line["message"]]
                for line in lines()])
        """,
    )
    status = {(model, batch): state for model, batch, state, _ in found}
    said = {(model, batch): message for model, batch, _, message in found}
    assert {status["small", batch] for batch in (1, 2)} == {"ok"}
    assert {status["hanging", batch] for batch in (1, 2)} == {"timeout"}
    for name in ("crashing", "aborting", "illegal"):
        assert {status[name, batch] for batch in (1, 2)} == {"failed"}
    assert "SIGABRT" in said["aborting", 1]
    assert "illegal memory access" in said["illegal", 1]
    assert [status["greedy", batch] for batch in (1, 2)] == ["ok", "oom"]


def test_the_wait_for_a_hot_card_follows_the_device_file(run):
    code = """
    waits = []
    def cooling(seconds):
        waits.append(seconds)
        gpu.change(temperature=80 - 5 * len(waits))
    def settled(sleep, clock=torch_gpu.time.monotonic, **settings):
        on, before, time = use(gpu.Runtime(), **settings), len(waits), torch_gpu.time
        on.preflight()
        real = time.sleep, time.monotonic
        time.sleep, time.monotonic = sleep, clock
        on.settle()
        time.sleep, time.monotonic = real
        return len(waits) - before
    cooled = settled(cooling, cool_down_c=60)
    gpu.change(temperature=80)
    clock = iter(range(1000))
    limits = {"cool_down_c": 60, "cool_down_limit_s": 10}
    limited = settled(waits.append, lambda: next(clock), **limits)
    free = settled(waits.append)
    gpu.change(temperature=None)
    answer([cooled, limited, free + settled(waits.append, cool_down_c=60)])
    """
    assert run(code, temperature=80) == [4, 9, 0]


def test_floating_clocks_are_refused_if_the_device_file_says_so(run):
    code = """
    class Sagging(gpu.Runtime):
        def synchronize(self):
            super().synchronize()
            gpu.change(clock=1500 - LOWER * next(self._waits))

    def said(**settings):
        try:
            use(Sagging(), **settings).check_clocks(MAX_CLOCK_DROP)
        except UserError as error:
            return str(error)

    answer([said(), said(when_clocks_float="refuse")])
    """
    floating = run("LOWER = 40\n" + textwrap.dedent(code))
    assert floating[0] is None
    assert "nvidia-smi -lgc" in floating[1]
    assert run("LOWER = 1\n" + textwrap.dedent(code)) == [None, None]
