"""Starts a module of NNI in a trial's process, after NNI is made to run there.

``python -m zc_plugins.nni._trial -m MODULE ARGUMENTS``; importing the package above is what it is
for.
"""

from __future__ import annotations

import runpy
import sys


def main() -> None:
    """Run the module that the command line names."""
    _, name, *arguments = sys.argv[1:]
    sys.argv = [name, *arguments]
    runpy.run_module(name, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
