"""`python -m avs3d` is the command `avs3d`."""

from avs3d.cli import main

main()
