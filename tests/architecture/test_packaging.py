"""What is shipped: one wheel with the package `drumbeat`, its statements, pages, mappings and contract."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOT_SHIPPED = {"__pycache__", ".mypy_cache"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The names in a wheel that is built from a copy, so that nothing is left in the working tree."""
    copy = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "setup.py", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    for name in ("src", "streams", "examples"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns(*NOT_SHIPPED))
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*command, "--wheel-dir", target, copy], check=True, capture_output=True)
    (built,) = target.glob("drumbeat-*.whl")
    with zipfile.ZipFile(built) as archive:
        return archive.namelist()


@pytest.mark.slow
def test_every_file_of_the_package_is_in_the_wheel(wheel: list[str]) -> None:
    files = (path for path in (ROOT / "src").rglob("*") if path.is_file())
    ours = {f"drumbeat/{path.relative_to(ROOT / 'src')}" for path in files if not NOT_SHIPPED & set(path.parts)}
    assert ours - set(wheel) == set()


@pytest.mark.slow
def test_the_contract_with_the_outside_is_in_the_wheel(wheel: list[str]) -> None:
    files = (path for path in (ROOT / "streams").rglob("*") if path.is_file())
    ours = {f"drumbeat/{path.relative_to(ROOT)}" for path in files if not NOT_SHIPPED & set(path.parts)}
    assert ours - set(wheel) == set()


@pytest.mark.slow
def test_nothing_is_shipped_under_a_name_of_its_own(wheel: list[str]) -> None:
    top = {name.split("/")[0] for name in wheel}
    assert {name for name in top if not name.endswith(".dist-info")} == {"drumbeat"}
    assert "drumbeat/streams/__init__.py" in wheel
