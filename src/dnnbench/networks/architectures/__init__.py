"""Networks of the 2018 study that no library provides as measured there.

Each module follows the network's paper and contains a function of the same name. It takes no
arguments and returns the untrained network: [N, 3, 224, 224] in, [N, 1000] logits out.
"""
