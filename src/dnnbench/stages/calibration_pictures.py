"""Calibration images of a study's networks, from the decoded images of its data set."""

import hashlib
import json
from functools import cache
from pathlib import Path

from dnnbench.core.errors import UserError
from dnnbench.images import calibration_split, decoded_arrays, geometry
from dnnbench.measure.graphs import Calibrate, Calibration
from dnnbench.networks.registry import Network
from dnnbench.records import paths
from dnnbench.stages.study_settings import Study


def of(study: Study) -> Calibrate:
    """Return a function that finds the calibration images of a network.

    If there are too few, or the protocol does not apply to the network, the result has the problem.
    """
    dataset = study.settings.dataset
    decoded = cache(decoded_arrays.open_decoded)

    def calibrate(network: Network) -> Calibration:
        try:
            cut = geometry.of(network, dataset.protocol)
            found = decoded(
                Path(paths.DECODED_IMAGES.format(dataset=dataset.name, geometry=cut.name))
            )
            chosen = calibration_split.indices(found.hashes)
        except (UserError, FileNotFoundError) as error:
            return Calibration(problem=str(error))
        what = [[found.hashes[place] for place in chosen], cut.name, found.record.decoder]
        key = hashlib.sha256(json.dumps([what, network.preparations()]).encode()).hexdigest()
        return Calibration(key, found.images[chosen])

    return calibrate
