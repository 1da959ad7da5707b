"""Where networks come from that the registry does not list, one module a prefix.

Each has ``find(name, source)``: the entries that a name stands for, made of what the library says
of itself. Nothing is downloaded, and no network is built.
"""
