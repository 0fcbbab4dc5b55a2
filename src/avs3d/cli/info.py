"""`avs3d info`: what is installed and what it runs on."""

from __future__ import annotations

HELP = """Show versions, devices and optional parts.

Put it into a report of a fault."""


def info() -> None:
    """See `HELP`."""
    import os
    import platform

    from avs3d.cli.tables import plain_table, stdout
    from avs3d.environment import OPTIONAL_PARTS, missing_modules, versions

    console = stdout()
    table = plain_table(show_header=False)
    table.add_row("system", f"{platform.platform()}, {os.cpu_count()} cores")
    for name, version in versions().items():
        table.add_row(name, version or "missing")
    for line in _devices():
        table.add_row("device", line)
    for what, modules, extra in OPTIONAL_PARTS:
        missing = missing_modules(modules)
        hint = f'not installed ({", ".join(missing)}): pip install "avs3d[{extra}]"'
        table.add_row(what, hint if missing else "installed")
    console.print(table)


def _devices() -> list[str]:
    try:
        import torch
    except ImportError as error:
        return [f"torch cannot be imported: {error}"]
    lines = [f"cpu, {torch.get_num_threads()} threads"]
    for i in range(torch.cuda.device_count()):
        memory = torch.cuda.get_device_properties(i).total_memory / 2**30
        lines.append(f"cuda:{i}, {torch.cuda.get_device_name(i)}, {memory:.0f} GiB")
    return lines
