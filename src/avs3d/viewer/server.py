"""viser's server, started and stopped without its own banner; all use of its start is here."""

from __future__ import annotations

import contextlib
import io
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

from avs3d.environment import require
from avs3d.errors import UserError

if TYPE_CHECKING:
    import viser

LOCAL = "127.0.0.1"


def check_free(host: str, port: int) -> None:
    """Raises `UserError` where nothing can listen at an address; port 0 is any that is free."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"--host {host} --port {port}: cannot listen there ({reason}); choose another port"
        ) from None


@contextlib.contextmanager
def scene_server(port: int = 0) -> Iterator[viser.ViserServer]:
    """A page of viser on this machine only, while used as a context.

    Args:
        port: 0: any that is free.

    Raises:
        UserError: viser is not installed, or the port is taken.
    """
    require("viewer")
    check_free(LOCAL, port)
    import viser

    with contextlib.redirect_stdout(io.StringIO()):  # viser prints its own address
        server = viser.ViserServer(LOCAL, port, label="avs3d", verbose=False)
    try:
        server.gui.configure_theme(
            dark_mode=True, show_logo=False, show_share_button=False, control_width="large"
        )
        server.gui.main_panel.dock_right()
        yield server
    finally:
        with contextlib.redirect_stdout(io.StringIO()):
            server.stop()
