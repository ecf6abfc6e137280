"""``python -m zc_plugins.cli``."""

from zc_plugins.cli import main

main()
