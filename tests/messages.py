"""Which messages there are in the code, so that tests can show that they know all of them."""

from __future__ import annotations

import ast
import re
from pathlib import Path


def texts_in_the_code(folder: Path, *errors: str) -> dict[str, re.Pattern[str]]:
    """Where each error of these names is raised in a folder -> what its text looks like."""
    found = {}
    for path in sorted(folder.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            if named and node.func.id in errors and node.args:
                found[f"{path.name}:{node.lineno}"] = re.compile(pattern(node.args[0]), re.S)
    return found


def pattern(text: ast.expr) -> str:
    if isinstance(text, ast.Constant):
        return re.escape(str(text.value))
    if isinstance(text, ast.JoinedStr):
        return "".join(map(pattern, text.values))
    return ".*"
