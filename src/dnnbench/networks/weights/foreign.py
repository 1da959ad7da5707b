"""Weights of networks defined by foreign code, which runs in a separate process."""

from pathlib import Path

from dnnbench.config.weights_settings import Weights
from dnnbench.core import isolation
from dnnbench.core.errors import UserError
from dnnbench.networks.registry import Network, RegistryError
from dnnbench.networks.weights import fetch
from dnnbench.records.weights_records import WeightsRecord, WeightsTried

_LIMIT_S = 900.0  # For each download chunk, each hash, and building the network.


def obtain(network: Network, settings: Weights, folder: Path) -> WeightsRecord:
    """Find weights of ``network`` as :func:`fetch.obtain` does, in a separate process.

    If the network cannot be built, the record has no weights and states the reason. The calling
    process must be safe to fork (:func:`dnnbench.core.isolation.prepare`). Raises the same errors
    as ``fetch.obtain``.
    """
    outcome = isolation.run(_obtain, network, settings, folder, timeout_s=_LIMIT_S)
    if isinstance(outcome.value, str):
        raise UserError(outcome.value)
    if outcome.status == "ok":
        found: WeightsRecord = outcome.value
        return found
    reason = f"the network cannot be built: {outcome.message}"
    own = settings.override.get(network.key)
    tried = [WeightsTried(source=str(own.path) if own else network.builder, reason=reason)]
    return WeightsRecord(model=network.key, status="missed", tried=tried)


def _obtain(network: Network, settings: Weights, folder: Path) -> WeightsRecord | str:
    try:
        return fetch.obtain(network, settings, folder, lambda name: lambda *_: isolation.alive())
    except RegistryError:
        raise
    except (UserError, OSError) as error:  # From the weights or the folder.
        return str(error)
