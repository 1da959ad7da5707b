"""Weights of networks whose code is foreign, which a process of its own tries them in."""

from pathlib import Path

from dnnbench.config.weights_settings import Weights
from dnnbench.core import isolation
from dnnbench.core.errors import UserError
from dnnbench.networks.registry import Network, RegistryError
from dnnbench.networks.weights import fetch
from dnnbench.records.weights_records import WeightsRecord, WeightsTried

_LIMIT_S = 900.0  # To the next byte of a download, to a hash, and for making the network.


def obtain(network: Network, settings: Weights, folder: Path) -> WeightsRecord:
    """Weights of ``network``, as :func:`fetch.obtain` finds them.

    A network that cannot be made has none, for the reason that the record says. The calling process
    must be fit to fork from (:func:`dnnbench.core.isolation.prepare`). Raises as ``fetch.obtain``.
    """
    outcome = isolation.run(_obtain, network, settings, folder, timeout_s=_LIMIT_S)
    if isinstance(outcome.value, str):
        raise UserError(outcome.value)
    if outcome.status == "ok":
        found: WeightsRecord = outcome.value
        return found
    reason = f"the network cannot be made: {outcome.message}"
    own = settings.override.get(network.key)
    tried = [WeightsTried(source=str(own.path) if own else network.builder, reason=reason)]
    return WeightsRecord(model=network.key, status="missed", tried=tried)


def _obtain(network: Network, settings: Weights, folder: Path) -> WeightsRecord | str:
    try:
        return fetch.obtain(network, settings, folder, lambda name: lambda *_: isolation.alive())
    except RegistryError:
        raise
    except (UserError, OSError) as error:  # Of the weights, or of the folder.
        return str(error)
