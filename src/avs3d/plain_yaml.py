"""YAML of untrusted files."""

from __future__ import annotations

from typing import Any

from avs3d.io.source import MalformedError, damaged


def documents(text: str) -> list[Any]:
    """The documents of a YAML file as plain data, or `MalformedError`."""
    import yaml

    class Loader(yaml.SafeLoader):
        """Without aliases: a few lines of them can stand for more than all memory holds."""

        def compose_node(self, parent: Any, index: Any) -> Any:
            if self.check_event(yaml.AliasEvent):
                raise MalformedError("has a YAML alias (*…); write out what it stands for")
            return super().compose_node(parent, index)

    with damaged("YAML"):
        return list(yaml.load_all(text, Loader))
