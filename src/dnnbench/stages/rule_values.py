"""Inputs and parameters of the rules, derived from the settings of a study."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from dnnbench.config import engine, variants
from dnnbench.config.variants import REFERENCE
from dnnbench.core import code_graph, processors, speed_variables
from dnnbench.core.text_file import read_bytes
from dnnbench.devices import backends
from dnnbench.images import geometry, image_index
from dnnbench.machines import other_devices
from dnnbench.measure import fingerprint, graphs, retries
from dnnbench.records import paths
from dnnbench.records.plan import Plan
from dnnbench.stages.study_settings import Study

# Code that reads settings is not an input: the values of the settings are parameters of the rules.
_SETTINGS_CODE = Path(__file__).resolve().parents[1] / "config"


class RuleValues:
    """Inputs and parameters of the rules of a study.

    Computing them only reads files and does not import torch.
    """

    def __init__(self, study: Study) -> None:
        """Find the records of other devices. Raises UserError if the study is invalid."""
        # Jobs inherit the CPU affinity, and finding networks of libraries may have imported torch,
        # which can reduce it.
        processors.restore()
        settings = study.settings
        setup = backends.Setup(settings.backend, settings.gpu)
        # Decided here, because the nodes of a cluster may differ from this machine.
        threads = settings.base_threads or backends.backend(setup).default_threads()
        others = other_devices.present(settings, paths.RESULTS)
        self.study = replace(study, threads=threads, others=others)
        self.settings = settings
        self.models = list(study.networks)
        self.timed = study.timed
        self.validated = self.models if settings.dataset.name else []
        self.geometries = {
            name: geometry.known(study.networks[name], settings.dataset.protocol)
            for name in self.validated
        }
        # Track file names, sizes and mtimes so that edits to the user's folder trigger a rerun.
        folder = settings.dataset.path
        self.listing = image_index.listing(folder) if folder else None

    def uses(self, *keys: str) -> str:
        """Return settings as JSON text, with their keys: Snakemake compares values only.

        Dots lead into a section: ``latency.passes``. ``threads`` is the resolved number.
        """
        return _text({key: self._value(key) for key in keys})

    def driven(self, *keys: str) -> str:
        """Return settings as ``uses`` does, plus environment variables that change speed.

        For jobs on the device: otherwise, some rounds of a study could be measured with a variable
        set and others without.
        """
        variables = speed_variables.compared(speed_variables.found())
        return self.uses(*keys) + "".join(map(_text, variables))

    def failed(self, pattern: str) -> Callable[[Mapping[str, str]], str]:
        """Return a function that lists a job's failed cells.

        The next run retries them.

        The result of the retry does not change the list, so cells are retried only once.
        """

        def cells(wildcards: Mapping[str, str]) -> str:
            files = [
                Path(pattern.format(**{"model": model, **dict(wildcards.items())}))
                for model in self.timed
            ]
            return " ".join(sorted(found for file in set(files) for found in _failed(file)))

        return cells

    def _value(self, key: str) -> Any:
        if key == "threads":
            return self.study.threads
        value: Any = self.settings
        for part in key.split("."):
            value = getattr(value, part)
        return value

    def weights(self, model: str) -> str:
        """Return the settings and sources of a network's weights, as JSON text."""
        own = self.settings.weights.override.get(model)
        sources = code_graph.short_hash(
            self.study.networks[model].model_dump_json(include={"weights"})
        )
        allowed = {"tiers": self.settings.weights.tiers, "mirror": self.settings.weights.mirror}
        return _text({**allowed, "override": own, "sources": sources})

    def definitions(self, names: Iterable[str]) -> list[str]:
        """Return a digest of the definition of each network.

        The rules mark the registry as ancient() and use these digests instead, so that editing one
        entry affects only one network.
        """
        return [
            f"{name}:{code_graph.short_hash(self.study.networks[name].definition())}"
            for name in names
        ]

    def preparation(self, model: str) -> str:
        """Return a digest of input preparation for every source of weights."""
        return code_graph.short_hash(self.study.networks[model].preparations())

    def architectures(self, names: Iterable[str]) -> list[str]:
        """Return the files that define networks, which no import statement names."""
        builders = {self.study.networks[name].builder for name in names}
        return sorted({str(file) for one in builders for file in code_graph.builder_sources(one)})

    def stage(self, name: str) -> dict[str, Any]:
        """Return a stage's script and the modules that it imports, as inputs of its rule."""
        script = paths.STAGE.format(stage=name)
        return {"script": script, "code": _code(code_graph.sources(script), script)}

    def device_stage(self, name: str) -> dict[str, Any]:
        """Return the same for a stage that runs on the device.

        The code includes only the study's backend and the engine of the job's variant.
        """
        script, backend = paths.STAGE.format(stage=name), self.settings.backend

        def code(wildcards: Mapping[str, str]) -> list[str]:
            found = fingerprint.stage_code(script, backend, wildcards.get("variant"))
            return _code(map(Path, found), script)

        return {"script": script, "code": code}

    def graph_stage(self, name: str) -> dict[str, Any]:
        """Return the same for the stage that builds a job's graphs."""
        stage = self.stage(name)

        def code(wildcards: Mapping[str, str]) -> list[str]:
            graph = engine.graphs()[wildcards["graph"]]
            return sorted({*stage["code"], *_code(graphs.building_code(graph), stage["script"])})

        return {**stage, "code": code}

    def graphs(self, names: Iterable[str]) -> list[str]:
        """Return the records of the graphs that variants read; none for most engines."""
        read = {graph.name for name in names if (graph := variants.parse(name).graph)}
        return [
            paths.GRAPH.format(graph=name, model=model)
            for name in sorted(read)
            for model in self.timed
        ]

    def calibration_pictures(self, graph: str, model: str) -> list[str]:
        """Return the record of the decoded images that calibrate a graph, if it needs any."""
        return self.decoded_images(model) if engine.graphs()[graph].quantized_from else []

    def decoded_images(self, model: str) -> list[str]:
        """Return the record of the decoded images that a network is measured on.

        The list is empty if the protocol does not apply to the network; its record has the reason.
        """
        dataset, cut = self.settings.dataset.name, self.geometries[model]
        return [paths.DECODED_IMAGES.format(dataset=dataset, geometry=cut.name)] if cut else []

    @property
    def computed(self) -> list[str]:
        """The variants whose accuracy is measured: others compute the same as one of them."""
        return variants.computed(self.settings.variants)

    def variant_accuracy(self) -> list[str]:
        """Return the records of accuracy, and predictions, in other variants than fp32-eager."""
        settings = self.settings
        if not settings.dataset.name:
            return []
        return [
            pattern.format(
                dataset=settings.dataset.name, device=settings.device, variant=variant, model=model
            )
            for variant in self.computed
            if variant != REFERENCE
            for model in self.timed
            for pattern in (paths.VARIANT_ACCURACY, paths.VARIANT_ANSWERS)
        ]

    def decoder(self) -> str:
        """Return the image decoder with its version; imports it."""
        from dnnbench.images import decoded_arrays

        return decoded_arrays.decoder()

    def round_before(self, variant: str, number: int) -> list[str]:
        """Return the round that must finish before a round starts.

        If several rounds were ready, Snakemake would poll for free cores and disturb the timing.
        The variants take turns, so that drift during a session affects all of them equally.
        """
        names = self.settings.variants
        place = names.index(variant)
        number -= not place
        before = {"device": self.settings.device, "variant": names[place - 1], "round": number}
        return [paths.ROUND.format(**before)] if number else []

    @cached_property
    def others(self) -> Sequence[Plan]:
        """Plans of the devices merged from other machines."""
        return self.study.others or ()

    @property
    def devices(self) -> list[str]:
        """Names of the measured devices, the study's own first."""
        return [self.settings.device, *(plan.device for plan in self.others)]

    @property
    def at_several_threads(self) -> list[str]:
        """Names of the devices that are measured at several numbers of threads."""
        found = {self.settings.device: self.settings.variants}
        found |= {plan.device: list(plan.variants) for plan in self.others}
        return [name for name, names in found.items() if variants.at_several_threads(names)]

    def other_records(self) -> list[str]:
        """Return the records of other devices that belong to this study, not other files."""
        return [
            str(file)
            for plan in self.others
            for file in other_devices.files(paths.RESULTS / plan.device, plan, self.models)
        ]

    def networks_and_others(self) -> str:
        """Return the networks, predicted ones, and other devices' plans, as JSON text."""
        others = [asdict(plan) for plan in self.others]
        return _text({"models": self.models, "predicted": self.study.predicted, "others": others})


def _code(files: Iterable[Path], script: str) -> list[str]:
    return [
        str(file)
        for file in files
        if str(file) != script and not file.resolve().is_relative_to(_SETTINGS_CODE)
    ]


def _failed(file: Path) -> list[str]:
    """Return the failed cells in a file; none if it is unreadable.

    Its stage reports that.
    """
    try:
        lines = read_bytes(file).splitlines() if file.suffix == ".jsonl" else [read_bytes(file)]
        records = [json.loads(line) for line in lines]
    except (OSError, ValueError, RecursionError):  # A UserError is a ValueError.
        return []
    return [f"{file.stem}:{cell}" for record in records for cell in retries.ever_failed(record)]


def _text(values: Mapping[str, Any]) -> str:
    """Return JSON with braces in texts escaped.

    Snakemake would treat them as wildcards.
    """

    def plain(value: Any) -> Any:
        return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)

    def escaped(text: re.Match[str]) -> str:
        return text[0].replace("{", r"\u007b").replace("}", r"\u007d")

    return re.sub(r'"(?:[^"\\]|\\.)*"', escaped, json.dumps(values, default=plain))
