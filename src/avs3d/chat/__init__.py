"""Language models that answer questions, with or without a picture, behind one protocol.

Importing the room loads no model library and no client.
"""

from __future__ import annotations

from avs3d.chat.config import ChatConfig, load_chat
from avs3d.chat.local import LocalChat
from avs3d.chat.reply import Chat, Question, Reply, Usage
from avs3d.chat.server import ChatServer

__all__ = [
    "Chat",
    "ChatConfig",
    "ChatServer",
    "LocalChat",
    "Question",
    "Reply",
    "Usage",
    "load_chat",
]
