"""The errors a user can cause. Anything else that is raised is a fault of ours."""

from __future__ import annotations


class UserError(Exception):
    """Something the user can put right; its text says what was wrong and what to do.

    The command line prints the text alone, without a traceback, and ends with exit code 2.
    """


class ReadError(UserError):
    """A file that cannot be read as what it should be; the text names the file and the remedy."""
