"""Libraries that networks outside the registry come from, one module per prefix of a model list.

Each module has ``find(name, source)``, which returns the registry entries that a name stands for.
Nothing is downloaded, and no network is built.
"""
