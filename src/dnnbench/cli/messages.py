"""Headings, notes and sentences of the commands.

Sentences that the terminal shares with the page are in :mod:`dnnbench.queries.wording`.
"""

from dnnbench.core.formatting import PREDICTED_MARK, UNSTABLE_MARK

# Column headings: the quantity above its unit.
TOP1 = "top-1\n%"
LATENCY = "latency\nms per image"
THROUGHPUT = "throughput\nimages/s"
MEMORY = "memory\nMiB"
PARAMETERS = "params\nM"
OPERATIONS = "operations\nGMAC"

# Notes below tables.
INTERVAL = (
    "In brackets: 95% confidence interval, from the processes of one session on one machine."
)
PREDICTION_INTERVAL = (
    "In brackets: 95% prediction interval, from the errors on the measured networks."
)
UNSTABLE = f"{UNSTABLE_MARK} unstable measurement; `dnnbench show NETWORK` gives the reason."
PREDICTED = f"{PREDICTED_MARK} predicted; `dnnbench predict` shows how accurate predictions are."
INCONCLUSIVE = 'The line below "inconclusive" names the limit.'
VERSUS = "vs.: difference to that network, and the ratio of the latencies."
VERSUS_CLOSE = f"{VERSUS} ~ marks an inconclusive ratio."
ACCURACY = "Top-1 accuracy: {sources}."
MEMORY_BASIS = "Memory: {bases}."
