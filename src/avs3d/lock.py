"""One run at a time in a folder."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from avs3d.batch import make_folder
from avs3d.errors import UserError, cannot_write

LOCK = ".avs3d.lock"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """The folder, made when missing, is this process's until the end; what stays empty goes again.

    The lock is the system's: it ends with the process that holds it, however that ends.

    Raises:
        UserError: another run has it, or no folder can be made there.
    """
    from filelock import FileLock, Timeout

    was_there = folder.is_dir()
    make_folder(folder)
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(
            f"{folder}: another avs3d writes there; wait for its end, or choose another --out"
        ) from None
    except OSError as error:
        raise cannot_write(folder, error) from error
    try:
        yield
    finally:
        with contextlib.suppress(
            OSError
        ):  # while it is held: who waits for it sees that it is gone
            (folder / LOCK).unlink()
        lock.release()
        if not was_there:
            with contextlib.suppress(OSError):  # not empty
                folder.rmdir()
