"""`python -m nnrep` is the command `nnrep`."""

from nnrep.cli import main

main()
