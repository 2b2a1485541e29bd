"""The import rules of pyproject.toml: kept by the code, and seen to break, each one, when they should."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
PYPROJECT = ROOT / "pyproject.toml"

# Contract, the module that offends, and the import that it makes.
OFFENCES = [
    ("layers", "settings", "drumbeat.events"),
    ("layers", "telemetry", "drumbeat.settings"),
    ("layers", "client", "drumbeat.settings"),
    ("layers", "client", "drumbeat.events"),
    ("layers", "aggregates", "drumbeat.commands"),
    ("layers", "commands", "drumbeat.access"),
    ("layers", "commands", "drumbeat.simulate"),
    ("layers", "simulate", "drumbeat.commands"),
    ("layers", "access", "drumbeat.eventstore"),
    ("layers", "eventstore", "drumbeat.transport"),
    ("layers", "transport", "drumbeat.projections"),
    ("layers", "projections", "drumbeat.policies"),
    ("layers", "audit", "drumbeat.projections"),
    ("layers", "transport", "drumbeat.audit"),
    ("layers", "intake", "drumbeat.readapi"),
    ("layers", "readapi", "drumbeat.bootstrap"),
    ("layers", "readapi", "drumbeat.opsapi"),
    ("layers", "bootstrap", "drumbeat.cli"),
    ("postgres", "events", "psycopg"),
    ("postgres", "aggregates", "psycopg"),
    ("postgres", "commands", "psycopg_pool"),
    ("postgres", "intake", "psycopg"),
    ("postgres", "simulate", "psycopg"),
    ("postgres", "opsapi", "psycopg"),
    ("postgres", "cli", "psycopg"),
    ("postgres", "bootstrap", "psycopg"),
    ("kafka", "eventstore", "kafka"),
    ("kafka", "projections", "kafka"),
    ("kafka", "policies", "kafka"),
    ("kafka", "audit", "kafka"),
    ("pure", "events", "socket"),
    ("pure", "aggregates", "subprocess"),
    ("pure", "commands", "pathlib"),
    ("pure", "aggregates", "time"),
    ("pure", "simulate", "pathlib"),
    ("facts", "events", "drumbeat.settings"),
    ("write-side", "commands", "drumbeat.projections"),
    ("write-side", "intake", "drumbeat.projections"),
    ("write-side", "policies", "drumbeat.projections.engine"),
    ("write-side", "aggregates", "drumbeat.readapi"),
    ("write-side", "simulate", "drumbeat.projections"),
    ("read-side", "projections", "drumbeat.aggregates"),
    ("read-side", "projections", "drumbeat.commands"),
    ("read-side", "readapi", "drumbeat.commands"),
    ("read-side", "audit", "drumbeat.commands"),
    ("through-commands", "intake", "drumbeat.eventstore"),
]


NEAR_POSTGRES = {"access", "audit", "eventstore", "policies", "projections", "readapi", "transport"}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the package `drumbeat` in a folder, under the project's own rules."""
    return subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache", "--no-logo", "--config", PYPROJECT],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def contract_names() -> dict[str, str]:
    contracts = tomllib.loads(PYPROJECT.read_text())["tool"]["importlinter"]["contracts"]
    return {contract["id"]: contract["name"] for contract in contracts}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tree")
    shutil.copytree(SOURCE, folder / "drumbeat", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def test_the_package_keeps_every_rule(tree: Path) -> None:
    answer = lint(tree)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert f"Contracts: {len(contract_names())} kept, 0 broken." in answer.stdout


@pytest.mark.parametrize(("contract", "layer", "imported"), OFFENCES)
def test_an_import_against_a_rule_breaks_it(tree: Path, contract: str, layer: str, imported: str) -> None:
    package = tree / "drumbeat" / layer
    offender = package / "offence.py" if package.is_dir() else package.with_suffix(".py")
    before = offender.read_text() if offender.exists() else None
    offender.write_text(f"{before or ''}\nimport {imported}\n")
    try:
        answer = lint(tree)
    finally:
        offender.unlink() if before is None else offender.write_text(before)
    assert answer.returncode == 1, answer.stdout + answer.stderr
    assert f"{contract_names()[contract]} BROKEN" in answer.stdout


def test_every_rule_has_been_seen_to_break() -> None:
    assert {contract for contract, _, _ in OFFENCES} == set(contract_names())


def test_a_new_top_level_module_must_be_given_a_layer(tree: Path) -> None:
    stray = tree / "drumbeat" / "helpers.py"
    stray.write_text("")
    try:
        answer = lint(tree)
    finally:
        stray.unlink()
    assert answer.returncode == 1
    assert "drumbeat.helpers" in answer.stdout


def test_the_rules_about_postgres_and_kafka_name_every_part_of_the_package() -> None:
    contracts = tomllib.loads(PYPROJECT.read_text())["tool"]["importlinter"]["contracts"]
    by_id = {contract["id"]: contract for contract in contracts}
    parts = {path.stem for path in SOURCE.iterdir() if path.suffix == ".py" or path.is_dir()}
    parts -= {"__init__", "__pycache__"}
    barred = {name.removeprefix("drumbeat.") for name in by_id["postgres"]["source_modules"]}
    assert parts - barred == NEAR_POSTGRES
    barred = {name.removeprefix("drumbeat.") for name in by_id["kafka"]["source_modules"]}
    assert parts - barred == {"transport"}
