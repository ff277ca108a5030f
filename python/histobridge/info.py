"""What a bug report needs: versions, devices and what is optional."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass

PACKAGE = "histobridge"
_EXTRA = re.compile(r"""extra\s*==\s*['"]([^'"]+)['"]""")
_NAME = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Info:
    """Versions by name; ``None`` is what is not installed.

    Attributes
    ----------
    system
        Operating system, Python, processors and accelerator.
    packages
        Version of every package that the core needs.
    optional
        Extra -> package -> version, for what needs installing by name.
    """

    system: dict[str, str]
    packages: dict[str, str | None]
    optional: dict[str, dict[str, str | None]]

    def __str__(self) -> str:
        lines = [f"{name}: {value}" for name, value in self.system.items()]
        lines += ["", *_listed(self.packages)]
        for extra, versions in self.optional.items():
            lines += ["", f"[{extra}]", *_listed(versions)]
        return "\n".join(lines)


def _listed(versions: dict[str, str | None]) -> list[str]:
    return [f"{name} {version or '-'}" for name, version in versions.items()]


def histobridge_info(requirements: Sequence[str] | None = None) -> Info:
    """Versions of all that HistoBridge stands on, to paste into a bug report.

    Nothing is imported but torch, and no path or user name is given away.

    Parameters
    ----------
    requirements
        Packages to look for, as in a requirements file; by default what this
        package declares. The R package, which carries the modules without their
        metadata, names them.

    Returns
    -------
    Info
        Prints as plain text.

    Examples
    --------
    >>> import histobridge as hb
    >>> hb.histobridge_info().system["HistoBridge"] == hb.__version__
    True
    """
    import histobridge

    system = {
        "HistoBridge": histobridge.__version__,
        "Python": platform.python_version(),
        "platform": platform.platform(),
        "processors": str(os.cpu_count()),
        "accelerator": _accelerator(),
    }
    needed: dict[str, str | None] = {}
    optional: dict[str, dict[str, str | None]] = {}
    for requirement in requirements or _requirements():
        found = _NAME.match(requirement)
        if found is None:
            continue
        extra, name = _EXTRA.search(requirement), found.group()
        home = needed if extra is None else optional.setdefault(extra[1], {})
        home[name] = _version(name)
    optional.pop("dev", None)
    return Info(system, needed, optional)


def _requirements() -> list[str]:
    """Of the installed package; a source tree has them in its pyproject.toml."""
    try:
        return importlib.metadata.requires(PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        return _declared()


def _declared() -> list[str]:
    import tomllib
    from pathlib import Path

    for folder in Path(__file__).resolve().parents:
        file = folder / "pyproject.toml"
        if file.is_file():
            project = tomllib.loads(file.read_text())["project"]
            extras = project.get("optional-dependencies", {})
            return project["dependencies"] + [
                f"{need}; extra == '{extra}'"
                for extra, needs in extras.items()
                for need in needs
            ]
    return []


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _accelerator() -> str:
    try:
        import torch
    except ImportError:
        return "no torch"
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return "mps" if torch.backends.mps.is_available() else "none"
