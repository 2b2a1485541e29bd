"""Packages of users with projections of their own: written out of a page, or in a line, and installed for real."""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from drumbeat.projections import models
from drumbeat.projections.own.found import Found
from drumbeat.readapi import folding
from drumbeat.web.declaring import SCHEMAS

_FILE = re.compile(r"`([\w/]+\.(?:toml|sql|py))`[^`]*:\n\n```\w+\n(.*?)```", re.DOTALL)
PAGE = Path(__file__).parents[2] / "docs" / "own-projection.md"


def files_of(page: Path) -> dict[str, str]:
    """The files that a page shows: a block of code whose paragraph before it names a path."""
    return dict(_FILE.findall(page.read_text()))


def written(folder: Path, files: Mapping[str, str]) -> Path:
    """The folder with these files in it."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    return folder


def install(source: Path, target: Path) -> Path:
    """Install a package as its users do, into a folder of its own."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--no-build-isolation",
    ]
    done = subprocess.run(
        [*command, "--target", str(target), str(source)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return target


def pretended(target: Path, name: str, files: Mapping[str, str], *entry_points: str) -> Path:
    """A package as an installer leaves it, without an installer: its modules, and what says that it is there."""
    about = {
        f"{name}-1.0.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{name}-1.0.dist-info/entry_points.txt": "[drumbeat.projections]\n" + "\n".join(entry_points) + "\n",
    }
    return written(target, {**files, **about})


@contextmanager
def found_in(target: Path | None) -> Iterator[Found]:
    """Meanwhile, the package in a folder is installed in this process, and no other; None: not even one."""
    path, schemas, modules = sys.path[:], dict(SCHEMAS), _taken_out()
    sys.path[:] = [one for one in path if one not in _targets]
    if target is not None:
        _targets.add(str(target))
        sys.path.insert(0, str(target))
    _forget()
    try:
        yield models.installed()
    finally:
        _taken_out()
        sys.modules.update(modules)
        sys.path[:] = path
        SCHEMAS.clear()
        SCHEMAS.update(schemas)
        _forget()


_targets: set[str] = set()
"""Folders in which packages were installed."""


def _taken_out() -> dict[str, ModuleType]:
    found = {name: module for name, module in sys.modules.items() if _folder_of(module) in _targets}
    for name in found:
        del sys.modules[name]
    return found


def _folder_of(module: ModuleType) -> str:
    file = getattr(module, "__file__", None)
    parents = [] if file is None else [str(one) for one in Path(file).parents]
    return next((one for one in parents if one in _targets), "")


def _forget() -> None:
    models.installed.cache_clear()
    folding.plan.cache_clear()
