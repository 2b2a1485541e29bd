"""How an import is shown: its progress, and what it came to."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from drumbeat.intake.call_history import ImportReport
from drumbeat.intake.progress import Progress
from drumbeat.opsapi.showing import Show


def report_path(file: Path) -> Path:
    """Where refused rows are written when nothing else is said: in the working directory, named after the file."""
    return Path(f"{file.stem}.refused.csv")


def shown(show: Show) -> Callable[[Progress], None]:
    """Show each step: rows read, accepted and refused, rate, remaining time."""

    def on_progress(progress: Progress) -> None:
        words = f"{progress.phase.value}: {progress.read:,} of {progress.rows:,} rows"
        words += (
            f", {progress.accepted:,} accepted, {progress.refused:,} refused, {progress.rows_per_second:,.0f}/s"
        )
        if progress.remaining_seconds is not None:
            words += f", {progress.remaining_seconds:.0f} s to go"
        show(progress.read / progress.rows if progress.rows else 0.0, words)

    return on_progress


def as_document(report: ImportReport) -> dict[str, Any]:
    """What an import came to, for programs."""
    document = asdict(report)
    document["campaign_id"] = str(report.campaign_id)
    document["refused_rows"] = None if report.refused_rows is None else str(report.refused_rows)
    return document


def as_words(report: ImportReport) -> str:
    """What an import came to, for people."""
    done = "was imported before; nothing was written" if report.repeated else f"in {report.seconds:.1f} s"
    words = [
        f"campaign {report.campaign_id} {done}",
        f"{report.rows:,} rows: {report.accepted:,} accepted, {report.refused:,} refused",
        f"{report.contacts:,} contacts, {report.calls:,} calls",
    ]
    if report.refused_rows is not None:
        words.append(f"refused rows are in {report.refused_rows}")
    return "\n".join(words)
