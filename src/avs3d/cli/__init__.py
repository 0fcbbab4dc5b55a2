"""The command `avs3d`: one file a command; whatever is heavy is imported inside the command."""

from __future__ import annotations


def main() -> None:
    """Entry point of the console script."""
    from avs3d import __version__

    print(f"avs3d {__version__}")
