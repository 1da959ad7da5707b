"""One round of a session, by the version of dnnbench that PYTHONPATH selects.

benchmarks/protocols.py runs it for two versions. It uses only what both have. Its argument is a
file with the settings of the round; it prints the duration of the round in seconds, without the
start of the interpreter, and the folder of the version.
"""

import json
import sys
import time
from contextlib import nullcontext
from pathlib import Path

import dnnbench
from dnnbench.config.latency_settings import PROTOCOLS
from dnnbench.config.variants import REFERENCE
from dnnbench.core import isolation
from dnnbench.core.storage import read_json
from dnnbench.devices import backends
from dnnbench.measure import round
from dnnbench.networks import builders, model_list
from dnnbench.records.memory_records import MemoryRecord


def main(file: Path) -> None:
    """Measure the round that ``file`` describes."""
    settings = json.loads(file.read_text())
    setup = backends.Setup("cpu")
    networks = model_list.resolve(settings["networks"])
    plan = round.Round(
        number=settings["number"],
        session=settings["session"],
        device="cpu",
        setup=setup,
        variant=REFERENCE,
        networks=networks,
        batch_sizes=settings["batch_sizes"],
        protocol="default",
        passes=PROTOCOLS["default"],
        threads=backends.backend(setup).default_threads(),
        cell_timeout_s=settings["cell_timeout_s"],
        when_busy="flag",
        memory={
            name: read_json(Path(record), MemoryRecord).cells
            for name, record in settings["memory"].items()
        },
    )
    isolation.prepare()
    builders.preload(networks.values())
    started = time.monotonic()
    round.run(plan, Path(settings["output"]), report=lambda *_: nullcontext(lambda _: None))
    print(json.dumps([time.monotonic() - started, str(Path(dnnbench.__file__).parent)]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
