"""RO-Crate and Croissant: the files of a report, described for machines.

RO-Crate 1.1 (https://w3id.org/ro/crate/1.1) describes every file; Croissant 1.0
(http://mlcommons.org/croissant/1.0) the table of scores, column by column.
"""

from __future__ import annotations

import hashlib
import mimetypes
from pathlib import Path
from typing import Any

import pandas as pd

from histobridge.report.results import Results

TYPES = {"i": "sc:Integer", "u": "sc:Integer", "f": "sc:Float", "b": "sc:Boolean"}
MEDIA = {".md": "text/markdown", ".yaml": "application/yaml"}


def digest(path: Path) -> str:
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def ro_crate(
    results: Results, files: dict[Path, str], licence: str | None = None
) -> dict[str, Any]:
    """JSON-LD of ``ro-crate-metadata.json``.

    Parameters
    ----------
    files
        Path -> what it is; all lie in the folder of the crate.
    licence
        Its address; left out where nobody has stated one.
    """
    entries = [_file(path, text) for path, text in files.items()]
    software = [_software(name, number) for name, number in results.versions.items()]
    run = {
        "@id": "#run",
        "@type": "CreateAction",
        "name": results.title,
        "endTime": results.date,
        "instrument": [{"@id": entry["@id"]} for entry in software],
        "result": [{"@id": entry["@id"]} for entry in entries],
    }
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": results.title,
        "description": "Scores of spatial transcriptomics systems and their report.",
        "datePublished": results.date,
        "hasPart": [{"@id": entry["@id"]} for entry in entries],
        "mentions": {"@id": "#run"},
    }
    descriptor = {
        "@id": "ro-crate-metadata.json",
        "@type": "CreativeWork",
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
        "about": {"@id": "./"},
    }
    graph = [descriptor, root, *entries, *software, run]
    if licence:
        root["license"] = {"@id": licence}
        graph.append({"@id": licence, "@type": "CreativeWork", "name": licence})
    return {"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph}


def _file(path: Path, text: str) -> dict[str, Any]:
    known = MEDIA.get(path.suffix) or mimetypes.guess_type(path.name)[0]
    return {
        "@id": path.name,
        "@type": "File",
        "name": text,
        "encodingFormat": known or "application/octet-stream",
        "contentSize": str(path.stat().st_size),
        "sha256": digest(path),
    }


def _software(name: str, version: str) -> dict[str, Any]:
    facts = {"@id": f"#{name}", "@type": "SoftwareApplication"}
    return facts | {"name": name, "version": version}


CONTEXT = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileProperty": "cr:fileProperty",
    "fileObject": "cr:fileObject",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}


def croissant(
    results: Results, path: Path, table: pd.DataFrame, licence: str | None = None
) -> dict[str, Any]:
    """JSON-LD of the CSV ``table`` stored at ``path``."""
    fields = [
        {
            "@type": "cr:Field",
            "@id": f"scores/{name}",
            "name": str(name),
            "dataType": TYPES.get(table[name].dtype.kind, "sc:Text"),
            "source": {
                "fileObject": {"@id": path.name},
                "extract": {"column": str(name)},
            },
        }
        for name in table.columns
    ]
    file = {
        "@type": "cr:FileObject",
        "@id": path.name,
        "name": path.name,
        "contentUrl": path.name,
        "contentSize": f"{path.stat().st_size} B",
        "encodingFormat": "text/csv",
        "sha256": digest(path),
    }
    records = {"@type": "cr:RecordSet", "@id": "scores", "name": "scores"}
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": "histobridge-scores",
        "description": results.title,
        **({"license": licence} if licence else {}),
        "datePublished": results.date,
        "version": "1.0.0",
        "distribution": [file],
        "recordSet": [records | {"field": fields}],
    }
