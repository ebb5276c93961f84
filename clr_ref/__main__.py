"""``python -m clr_ref``: the command line."""

from clr_ref.cli import main

main()
