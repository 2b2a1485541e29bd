"""The house: folders as the picture in architecture shows, files of a readable size, no stray imports."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import drumbeat

ROOT = Path(__file__).parents[2]
CODE = ("src", "tests", "benchmarks", "streams")
TEST_FOLDERS = (
    "decisions",
    "contracts",
    "projections",
    "readapi",
    "writeapi",
    "streams",
    "properties",
    "architecture",
    "e2e",
)
MOST_LINES = {"src": 320, "streams": 0}
MOST_LINES_OF_A_TEST = 500  # stories are long, and are read one at a time


def python_files() -> list[Path]:
    return [path for folder in CODE for path in sorted((ROOT / folder).rglob("*.py"))]


def test_the_package_is_called_drumbeat_and_lies_in_src() -> None:
    assert Path(str(drumbeat.__file__)).parent == ROOT / "src"


def test_src_is_never_imported_under_its_folder_name() -> None:
    every = "import pkgutil, importlib, sys, drumbeat\n"
    every += "for m in pkgutil.walk_packages(drumbeat.__path__, 'drumbeat.'): importlib.import_module(m.name)\n"
    every += "assert 'src' not in sys.modules and not any(name.startswith('src.') for name in sys.modules)\n"
    subprocess.run([sys.executable, "-W", "ignore", "-c", every], check=True, cwd=ROOT)
    assert "src" not in sys.modules


@pytest.mark.parametrize("folder", TEST_FOLDERS)
def test_every_test_folder_is_there(folder: str) -> None:
    assert (ROOT / "tests" / folder).is_dir()


def test_no_import_is_relative() -> None:
    relative = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in python_files()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert relative == []


def test_no_file_is_too_long_to_read() -> None:
    written = [path for path in python_files() if path.parent.name != "generated"]
    lengths = {path.relative_to(ROOT): len(path.read_text().splitlines()) for path in written}
    too_long = {
        str(path): lines
        for path, lines in lengths.items()
        if path.name != "__init__.py" and lines > MOST_LINES.get(path.parts[0], MOST_LINES_OF_A_TEST)
    }
    assert too_long == {}


@pytest.mark.parametrize("name", ["src", "events", "commands", "aggregates", "projections", "readapi"])
def test_the_bare_names_of_folders_cannot_be_imported(name: str, tmp_path: Path) -> None:
    offender = tmp_path / "offender.py"
    offender.write_text(f"import {name}\n")
    assert "TID251" in ruff(offender)


def test_code_cannot_import_the_contract_with_the_outside(tmp_path: Path) -> None:
    offender = tmp_path / "offender.py"
    offender.write_text("import drumbeat.streams\n")
    assert "TID251" in ruff(offender)


def ruff(path: Path) -> str:
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--config", str(ROOT / "pyproject.toml")]
    return subprocess.run([*command, str(path)], capture_output=True, text=True, check=False).stdout


def test_statements_stand_in_sql_files_not_in_formatted_strings() -> None:
    verbs = ("SELECT ", "INSERT ", "UPDATE ", "DELETE ", "CREATE ", "DROP ", "TRUNCATE ")
    offences = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted((ROOT / "src").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.JoinedStr)
        and any(
            isinstance(part, ast.Constant) and str(part.value).lstrip().startswith(verbs) for part in node.values
        )
    ]
    assert offences == []
