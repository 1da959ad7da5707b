import os

# Before anything imports torch: tests share the machine, and threads that spin take its cores.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
