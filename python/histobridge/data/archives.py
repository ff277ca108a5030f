"""Archives of other people, unpacked into one folder and nowhere else."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import IO

from histobridge.contract import ContractError

_MOST_BYTES = 50 * 2**30


def unpack_archive(archive: str | Path, folder: str | Path) -> str:
    """Unpack a tar or zip file, such as ``spatial.tar.gz`` of Space Ranger.

    Nothing is written unless every member is a plain file or folder below
    ``folder``.

    Parameters
    ----------
    archive
        ``.tar``, ``.tar.gz``, ``.tar.xz``, ``.tgz`` or ``.zip``.
    folder
        Where to; made when absent.

    Returns
    -------
    The absolute path of ``folder``.

    Raises
    ------
    ContractError
        When the file is no archive or damaged, or a member is a link, a device,
        leads outside ``folder``, or all of them are larger than 50 GiB.
    """
    archive, folder = Path(archive), Path(folder).absolute()
    if not archive.is_file():
        raise ContractError("an archive", f"no file {archive}")
    try:
        if zipfile.is_zipfile(archive):
            _unzip(archive, folder)
        elif tarfile.is_tarfile(archive):
            _untar(archive, folder)
        else:
            raise ContractError("a tar or zip file", f"{archive.name!r}")
    except (ContractError, MemoryError):
        raise
    except Exception as error:
        found = f"{archive.name!r}: {type(error).__name__}: {error}"
        raise ContractError("an archive that can be read", found) from error
    return str(folder)


def _untar(archive: Path, folder: Path) -> None:
    with tarfile.open(archive) as file:
        members = file.getmembers()
        _sound([(m.name, m.isfile() or m.isdir(), m.size) for m in members])
        for member in members:
            _write(
                file.extractfile(member) if member.isfile() else None,
                member.name,
                folder,
            )


def _unzip(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as file:
        members = file.infolist()
        # The upper half holds Unix modes; 0o12 is a link.
        kinds = [(m.external_attr >> 28) != 0o12 for m in members]
        _sound(
            [
                (m.filename, ok, m.file_size)
                for m, ok in zip(members, kinds, strict=True)
            ]
        )
        for member in members:
            source = None if member.is_dir() else file.open(member)
            _write(source, member.filename, folder)


def _sound(members: list[tuple[str, bool, int]]) -> None:
    for name, plain, _ in members:
        path = PurePosixPath(name.replace("\\", "/"))
        drive = ":" in path.parts[0] if path.parts else False
        if path.is_absolute() or ".." in path.parts or drive:
            raise ContractError("members inside the folder", f"{name!r}")
        if not plain:
            raise ContractError("plain files and folders", f"{name!r}")
    total = sum(size for *_, size in members)
    if total > _MOST_BYTES:
        raise ContractError(f"at most {_MOST_BYTES} bytes", f"{total}")


def _write(source: IO[bytes] | None, name: str, folder: Path) -> None:
    target = folder / name.replace("\\", "/")
    if source is None:
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with source, target.open("wb") as out:
        shutil.copyfileobj(source, out)
