"""The files that follow from the code, with their bytes."""

import json
from pathlib import Path

from drumbeat.events.upcasters import UPCASTERS
from streams_contract.asyncapi import as_yaml
from streams_contract.examples import examples
from streams_contract.page import as_page
from streams_contract.schemas import STREAMS, Schema, record_types, schemas


def generated() -> dict[Path, bytes]:
    """Every file that `make streams` writes. Schemas and examples of old versions are kept, not written."""
    made: dict[Path, bytes] = {}
    made |= {
        STREAMS / "schemas" / f"{name}.json": as_text(schema)
        for name, schema in schemas().items()
        if name not in UPCASTERS
    }
    made |= {
        STREAMS / "examples" / f"{name}.json": record
        for name, record in examples().items()
        if name not in UPCASTERS
    }
    made[STREAMS / "asyncapi.yaml"] = as_yaml()
    made[STREAMS.parent / "docs" / "asyncapi.md"] = as_page()
    return made


def stale() -> list[Path]:
    """Schemas and examples of types that there are no more."""
    known = set(record_types())
    folders = (STREAMS / "schemas", STREAMS / "examples")
    return [path for folder in folders for path in sorted(folder.glob("*.json")) if path.stem not in known]


def as_text(schema: Schema) -> bytes:
    """A schema as it is written: for people to read, and equal on every run."""
    return (json.dumps(schema, indent=2, ensure_ascii=False) + "\n").encode()
