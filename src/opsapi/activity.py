"""`drumbeat activity`: what was done in a campaign, as a file."""

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Protocol
from uuid import UUID

import typer

from drumbeat.opsapi.durations import instant
from drumbeat.opsapi.exits import Exit
from drumbeat.opsapi.failures import Failed
from drumbeat.opsapi.piping import while_read


class Operator(Protocol):
    """What the command line lends to these commands; it stands in the context's `obj`."""

    def copy(
        self, path: str, query: Sequence[tuple[str, str]], write: Callable[[bytes], object]
    ) -> Mapping[str, str]:
        """Hand what the read API answers to `write`, piece by piece; the answer's headers. Raises `Failed`."""
        ...


class Format(StrEnum):
    """How an export is written."""

    CSV = "csv"
    JSONL = "jsonl"


class Order(StrEnum):
    """Oldest or newest first."""

    ASC = "asc"
    DESC = "desc"


app = typer.Typer(help="What was done in a campaign.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def activity() -> None:
    """What was done in a campaign."""


@app.command()
def export(
    context: typer.Context,
    campaign: Annotated[UUID, typer.Argument(metavar="ID", help="The campaign's id.")],
    format_: Annotated[Format, typer.Option("--format", help="CSV, or a JSON object a line.")] = Format.CSV,
    output: Annotated[Path | None, typer.Option(help="Where; default: standard output.")] = None,
    contact: Annotated[UUID | None, typer.Option(help="What concerns this contact.")] = None,
    action: Annotated[list[str] | None, typer.Option(help="This action; may be given again.")] = None,
    actor: Annotated[list[str] | None, typer.Option(help="By this actor; may be given again.")] = None,
    since: Annotated[str | None, typer.Option("--from", metavar="INSTANT", help="Then or later.")] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="INSTANT", help="Before then.")] = None,
    above: Annotated[int | None, typer.Option(min=0, help="Above this position of the log.")] = None,
    up_to: Annotated[int | None, typer.Option(min=0, help="At this position of the log, or below it.")] = None,
    order: Order = Order.DESC,
) -> None:
    """Write every action that the filters let through, however many, as the read API lists them."""
    given: dict[str, Any] = {
        "format": format_.value,
        "order": order.value,
        "contact": contact,
        "from": None if since is None else instant(since).isoformat(),
        "to": None if until is None else instant(until).isoformat(),
        "above": above,
        "up_to": up_to,
    }
    query = [(name, str(value)) for name, value in given.items() if value is not None]
    query += [("action", one) for one in action or ()] + [("actor", one) for one in actor or ()]
    operator: Operator = context.obj

    def copy_to(sink: BinaryIO) -> str:
        return operator.copy(f"/campaigns/{campaign}/activity/export", query, sink.write)["drumbeat-as-of"]

    as_of = _to_standard_output(copy_to) if output is None else _to_file(output, copy_to)
    typer.echo(f"as of {as_of}", err=True)


def _to_file(output: Path, copy_to: Callable[[BinaryIO], str]) -> str:
    # Beside its place until it is whole: nobody takes a part for the export.
    part = output.with_name(f"{output.name}.part")
    try:
        with part.open("wb") as sink:
            as_of = copy_to(sink)
        part.replace(output)
    except OSError as error:
        raise Failed(Exit.WRONG_USE, f"{output} cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            part.unlink()
    return as_of


def _to_standard_output(copy_to: Callable[[BinaryIO], str]) -> str:
    with while_read():
        return copy_to(sys.stdout.buffer)
