"""Which language model is asked, where, and how: a config, a file of it, or a spec of one line."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, Field

from avs3d.chat.generating import Precision
from avs3d.chat.local import LocalChat
from avs3d.chat.reply import Chat
from avs3d.chat.server import ChatServer, keep_secrets
from avs3d.config_file import FILES, STRICT, read_config_file, validated
from avs3d.errors import UserError
from avs3d.io.source import MalformedError, brief

SERVERS = ("http://", "https://")
"""How the address of a server begins."""


class ChatConfig(BaseModel):
    """Which model answers, where, and how.

    Attributes:
        model: a local folder or a hub id; with a server, its name there.
        server: address, for example ``http://localhost:8000/v1``; None: the model runs here.
        max_tokens: where an answer is broken off.
        dtype: see `Precision`; of local models.
        concurrency, retries, timeout: see `ChatServer`; the timeout is in seconds.
    """

    model_config = STRICT

    model: str = Field(min_length=1, max_length=1000)
    server: str | None = Field(None, min_length=1, max_length=1000)
    max_tokens: int = Field(100, gt=0, le=4096)
    dtype: Precision = "auto"
    concurrency: int = Field(4, gt=0, le=64)
    retries: int = Field(2, ge=0, le=10)
    timeout: float = Field(60.0, gt=0, le=3600)


C = TypeVar("C", bound=ChatConfig)


def read_spec(spec: str, kind: type[C], what: str) -> C:
    """The config of a spec.

    Args:
        spec: a local folder or a hub id (a model of transformers that runs here),
            ``http://HOST:PORT/v1#MODEL`` (a model of a server), or the path of a ``.yaml``,
            ``.yml`` or ``.json`` file with the keys of the config.
        kind: of the config.
        what: it is of, for messages: ``image captioner``.

    Raises:
        UserError: it is none, or names a file that cannot be read.
    """
    if spec.startswith(SERVERS):
        address, _, model = spec.partition("#")
        keep_secrets(address)
        if not model:
            raise UserError(f"{what} {brief(spec)!r} names no model: give it as ADDRESS/v1#MODEL")
        return _of_spec(spec, {"server": address, "model": model}, kind, what)
    path = Path(os.path.expanduser(spec))
    if path.suffix.lower() in FILES and not path.is_dir():
        return read_config_file(path, kind, f"the {what}")
    return _of_spec(spec, {"model": spec}, kind, what)


def _of_spec(spec: str, told: dict[str, Any], kind: type[C], what: str) -> C:
    try:
        return validated(told, kind)
    except MalformedError as error:
        raise UserError(f"{what} {brief(spec)!r}: {error}") from None


def load_chat(config: ChatConfig, device: str = "cpu") -> Chat:
    """The model of a config; one without a server runs on `device`, as torch names it.

    Raises:
        UserError: it cannot be loaded, see `ChatServer` and `LocalChat`.
    """
    if config.server is None:
        return LocalChat(config.model, device, config.dtype, config.max_tokens)
    return server_of(config)


def server_of(config: ChatConfig) -> ChatServer:
    """The same of a config that has a server."""
    assert config.server is not None
    return ChatServer(
        config.server,
        config.model,
        max_tokens=config.max_tokens,
        concurrency=config.concurrency,
        retries=config.retries,
        timeout=config.timeout,
    )
