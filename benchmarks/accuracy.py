"""The cost of validating networks: dnnbench, the usual loop, and the network alone.

Prints images/s as medians of alternating repetitions in one run: (a) the network alone, on prepared
data in memory; (b) dnnbench, with a warm cache; (c) the usual loop: ImageFolder, torchvision's
transforms, and a DataLoader with one worker per core. Then it compares the complete validation of
five networks: (b), including everything before the first result, and (c). Weights are random; the
images are real: those of DNNBENCH_SAMPLE_IMAGES, or else foolbox's twenty images, repeated.
"""

import importlib.metadata
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder
from torchvision.transforms import CenterCrop, Compose, Normalize, Resize, ToTensor

from dnnbench.config.weights_settings import Override, Weights
from dnnbench.core.checksums import sha256
from dnnbench.core.storage import write_json
from dnnbench.devices import backends
from dnnbench.images import decoded_arrays, geometry, image_index, synsets
from dnnbench.measure import accuracy, inference
from dnnbench.networks import builders, registry
from dnnbench.networks.registry import Network
from dnnbench.networks.weights import fetch as weights_stage
from dnnbench.records.published_study import STUDY

PICTURES = 256
REPETITIONS = 3
BATCH = 32
TIMED = ("squeezenet1_1", "resnet18", "resnet50")
VALIDATED = (*TIMED, "alexnet", "mobilenetv2")


def main() -> None:
    """Compare the three loops, then the two complete validations."""
    known = registry.load_registry()
    cpu = backends.backend(backends.Setup("cpu"))
    threads = cpu.default_threads()
    cpu.start(threads)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        root = collect(folder / "pictures")
        print(f"{PICTURES} images, {threads} threads, torch {torch.__version__}")
        cache = folder / "warm"
        decode_all(root, known[TIMED[0]], cache, threads)
        print(f"\n{'images/s':20}{'(a) alone':>12}{'(b) ours':>12}{'(c) usual':>12}", end="")
        print(f"{'b / a':>8}{'b / c':>8}")
        for model in TIMED:
            compare(known[model], cache, root, threads)
        whole([known[model] for model in VALIDATED], root, folder, threads)


def compare(network: Network, cache: Path, root: Path, threads: int) -> None:
    """Time the three loops in turn over the same images and print the medians."""
    model = builders.build(network)
    decoded = decoded_arrays.open_decoded(cache / "pictures.json")
    prepared = [
        inference.prepare(pixels, network) for pixels in inference.batches(decoded.images, BATCH)
    ]
    loops: tuple[Callable[[], object], ...] = (
        lambda: alone(model, prepared),
        lambda: list(inference.answer(model, network, decoded.images, BATCH)),
        lambda: usual(model, loader(network, root, threads)),
    )
    alone(model, prepared[:1])
    times = [[seconds(loop) for loop in loops] for _ in range(REPETITIONS)]
    a, b, c = (PICTURES / median(column) for column in zip(*times, strict=True))
    print(f"{network.key:20}{a:12.1f}{b:12.1f}{c:12.1f}{b / a:8.1%}{b / c:8.2f}", flush=True)


def whole(networks: list[Network], root: Path, folder: Path, threads: int) -> None:
    """Validate networks one after another, from the files on disk to the results."""
    own = folder / "own"
    own.mkdir()
    for network in networks:
        file = own / f"{network.key}.pth"
        torch.save(builders.build(network).state_dict(), file)
        override = Override(path=file, sha256=sha256(file))
        record = weights_stage.obtain(network, Weights(override={network.key: override}), own)
        write_json(own / f"{network.key}.json", record)

    def measure(network: Network) -> None:
        accuracy.measure(
            network,
            own / f"{network.key}.json",
            decoded_arrays.open_decoded(folder / "cold" / "pictures.json"),
            folder / "results" / f"{network.key}.json",
            dataset="folder",
            protocol=STUDY,
            device="cpu",
            setup=backends.Setup("cpu"),
            threads=threads,
        )

    def ordinary(network: Network) -> None:
        model = builders.build(network, device="meta")
        model.load_state_dict(torch.load(own / f"{network.key}.pth"), assign=True)
        usual(model, loader(network, root, threads))

    # Alternate by network, so that other programs on the machine disturb both equally.
    ours_decode = seconds(lambda: decode_all(root, networks[0], folder / "cold", threads))
    ours, theirs, their_decode = ours_decode, 0.0, 0.0
    for network in networks:
        ours += seconds(lambda network=network: measure(network))
        theirs += seconds(lambda network=network: ordinary(network))
        their_decode += seconds(lambda network=network: drain(loader(network, root, threads)))
    print(f"\n{'seconds, ' + str(len(networks)) + ' networks':32}{'(b) ours':>12}{'(c) usual':>12}")
    for what, b, c in (("total", ours, theirs), ("decoding", ours_decode, their_decode)):
        print(f"{what:32}{b:12.1f}{c:12.1f}   b / c {b / c:.2f}")


def collect(folder: Path) -> Path:
    """Create PICTURES files in folders by synset, as links to the available images."""
    found = sorted(sources())
    if not found:
        sys.exit("no images found. Set DNNBENCH_SAMPLE_IMAGES, or install the extra 'test'.")
    for number in range(PICTURES):
        synset, path = found[number % len(found)]
        target = folder / synset / f"{number:05d}{path.suffix}"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(path)
    return folder


def sources() -> Iterable[tuple[str, Path]]:
    """Yield synset and file of each image."""
    if sample := os.environ.get("DNNBENCH_SAMPLE_IMAGES"):
        for path in Path(sample).resolve().glob("n*.JPEG"):
            yield path.name[:9], path
        return
    for file in importlib.metadata.files("foolbox") or ():
        if file.match("imagenet_*_*.jpg"):
            number = int(file.stem.rpartition("_")[2])
            yield synsets.names()[number], Path(str(file.locate()))


def decode_all(root: Path, network: Network, cache: Path, threads: int) -> None:
    """Decode the images, as dnnbench does once for all networks with the same geometry."""
    cut = geometry.of(network, STUDY)
    record = decoded_arrays.decode(image_index.index("folder", root, threads), cut, cache, threads)
    write_json(cache / "pictures.json", record)


def loader(network: Network, root: Path, workers: int) -> Iterable[list[torch.Tensor]]:
    """Return the usual loader of images."""
    cut = geometry.of(network, STUDY)
    steps = [Resize(cut.resize), CenterCrop(cut.size), ToTensor()]
    transform = Compose([*steps, Normalize(network.mean, network.std)])
    return DataLoader(ImageFolder(str(root), transform), BATCH, num_workers=workers)


def alone(model: nn.Module, prepared: list[torch.Tensor]) -> None:
    """Run the forward passes only."""
    with torch.inference_mode():
        for inputs in prepared:
            model(inputs)


def usual(model: nn.Module, batches: Iterable[list[torch.Tensor]]) -> None:
    """Run the usual loop."""
    with torch.inference_mode():
        for inputs, _ in batches:
            model(inputs).topk(5)


def drain(batches: Iterable[list[torch.Tensor]]) -> None:
    """Run the usual loop without a network."""
    for _ in batches:
        pass


def seconds(function: Callable[[], object]) -> float:
    """Return the duration of a call, in seconds."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
