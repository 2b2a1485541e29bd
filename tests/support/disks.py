"""File systems of a test's own, small enough to fill, and read-only when wanted."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def small_disk(megabytes: int, folder: Path | None = None) -> Iterator[Path]:
    """A tmpfs of this size, at `folder` or a new one.

    Where mounting is refused the test is reported as not run; for root in CI it fails.
    """
    folder = folder or Path(tempfile.mkdtemp(prefix="drumbeat-disk-"))
    folder.mkdir(parents=True, exist_ok=True)
    # The embedded server runs under another account than root.
    folder.chmod(0o755)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode != 0:
        folder.rmdir()
        _not_run(mounted.stderr.strip())
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=False)
        folder.rmdir()


def _not_run(reason: str) -> None:
    words = f"not run: mounting is refused here ({reason})"
    if os.environ.get("CI") and os.geteuid() == 0:
        pytest.fail(words)
    pytest.skip(words)


@contextlib.contextmanager
def filled(disk: Path, *, leave_bytes: int) -> Iterator[None]:
    """The disk has only about so much left, until the end of the `with`; others may be writing to it."""
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        while (taken := shutil.disk_usage(disk).free - leave_bytes) > 0:
            with contextlib.suppress(OSError):
                os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, taken)
    try:
        yield
    finally:
        ballast.unlink()
