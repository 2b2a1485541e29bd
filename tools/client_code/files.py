"""The generated files, formatted as the house has it."""

import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import drumbeat
from client_code.methods import groups_of
from client_code.modules import api_module, group_module, models_module, package_module, words_module
from client_code.operations import operations_of
from client_code.schemas import Schemas
from drumbeat import bootstrap
from drumbeat.access import person
from drumbeat.commands.ledger import Ledger
from drumbeat.settings import Settings
from drumbeat.web.authenticating import OwnProcess

ROOT = Path(str(drumbeat.__file__)).parents[1]
FOLDER = ROOT / "src" / "client" / "generated"


def document() -> dict[str, Any]:
    """The OpenAPI document of both APIs, as they are served together. Nothing is connected for it."""
    no_ledger = cast("Ledger", object())
    return bootstrap.api(Settings(), "postgresql://", OwnProcess(person), no_ledger).openapi()


def generated() -> dict[Path, str]:
    """Every file of `src/client/generated` with its text."""
    whole = document()
    operations = operations_of(whole)
    groups = groups_of(operations)
    schemas = Schemas(whole["components"]["schemas"], operations)
    made = {
        "__init__.py": package_module(),
        "words.py": words_module(schemas),
        "models.py": models_module(schemas),
        "api.py": api_module(groups),
        **{f"{group}.py": group_module(group, methods, schemas) for group, methods in groups.items()},
    }
    return {FOLDER / name: _formatted(text, name) for name, text in made.items()}


def _formatted(text: str, name: str) -> str:
    for command in (["check", "--fix-only", "--select", "F401,I,PYI041"], ["format"]):
        told = [sys.executable, "-m", "ruff", *command, "--quiet", "--no-cache"]
        told += ["--config", str(ROOT / "pyproject.toml"), "--stdin-filename", str(FOLDER / name), "-"]
        done = subprocess.run(told, input=text, capture_output=True, text=True, check=True)  # noqa: S603  our own words
        text = done.stdout
    return text
