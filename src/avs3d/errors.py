"""The errors a user can cause. Anything else that is raised is a fault of ours."""

from __future__ import annotations

from pathlib import Path


class UserError(Exception):
    """Something the user can put right; its text says what was wrong and what to do.

    The command line prints the text alone, without a traceback, and ends with exit code 2.
    """


class ReadError(UserError):
    """A file that cannot be read as what it should be; the text names the file and the remedy."""


_NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")


def first_line(error: Exception) -> str:
    """The first line of an error's text that says something, else what kind of error it is."""
    lines = (line.strip() for line in str(error).splitlines())
    return next(filter(None, lines), type(error).__name__)


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error of Python or of torch, on any device, is for want of memory."""
    return isinstance(error, MemoryError) or any(part in str(error) for part in _NO_MEMORY)


def cannot_list(folder: str, error: OSError) -> UserError:
    """What to say of a folder, as it is called in a message, that the system does not show."""
    reason = error.strerror or error
    return UserError(f"{folder}: cannot be listed ({reason}); check its permissions")


def cannot_write(path: Path, error: OSError) -> UserError:
    """What to say of a result that the system did not take."""
    return UserError(
        f"{path}: cannot be written ({error.strerror or error}); make room, or choose another --out"
    )
