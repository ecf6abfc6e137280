"""Starts a module of NNI in a trial's process, after NNI is made to run there.

``python -m zc_plugins.nni._trial -m MODULE ARGUMENTS``; importing the package above is what it is
for.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import time


def main() -> None:
    """Run the module that the command line names."""
    threading.Thread(target=_end_with, args=[os.getppid()], daemon=True).start()
    _, name, *arguments = sys.argv[1:]
    sys.argv = [name, *arguments]
    runpy.run_module(name, run_name="__main__", alter_sys=True)


def _end_with(manager: int) -> None:
    """A manager of NNI that is killed leaves its trials behind, which would train for nobody."""
    while os.getppid() == manager:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
