"""Networks of the 2018 study that no library ships in the variant it measured.

Each module is written from the network's paper and holds one function of the module's name, which
takes no argument and returns the untrained network: N x 3 x 224 x 224 in, N x 1000 logits out.
"""
