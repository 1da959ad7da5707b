"""Priority of a measuring process over other programs.

A neighbor on one core slows a network far more than by its share: the threads of a layer wait for
the one whose core is taken. With the highest ordinary priority (nice -20), a neighbor gets about 1%
of a core. Real-time scheduling would leave it nothing, but the kernel takes 5% of each second from
real-time processes, which slows long passes.
"""

import os
from pathlib import Path

_AUTOGROUP = Path("/proc/self/autogroup")
_HIGHEST = -20

NORMAL = "normal"
RAISED = f"nice {_HIGHEST}"


def raise_priority() -> str:
    """Give this thread, and threads that it starts, the highest ordinary priority.

    Returns the scheduling to record. It is ``normal`` if the user may not raise the priority, which
    requires root, CAP_SYS_NICE or a limit of ``ulimit -e 40``.
    """
    try:
        before = os.getpriority(os.PRIO_PROCESS, 0)
        os.setpriority(os.PRIO_PROCESS, 0, _HIGHEST)
    except OSError:
        return NORMAL
    try:
        # The kernel shares cores among sessions first, and this process has its own.
        _AUTOGROUP.write_text(str(_HIGHEST))
    except FileNotFoundError:  # A kernel without this feature.
        return RAISED
    except OSError:
        os.setpriority(os.PRIO_PROCESS, 0, before)
        return NORMAL
    return RAISED
