"""`drumbeat simulate`: what a campaign would have come to under other settings."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Protocol
from uuid import UUID

import typer

from drumbeat.opsapi.exits import Exit
from drumbeat.opsapi.failures import Failed
from drumbeat.opsapi.simulated_plot import plot_of
from drumbeat.opsapi.simulated_table import table_of

_HOW = "like max_retries=2"


class Simulates(Protocol):
    """What the command line lends; it stands in the context's `obj`."""

    def simulate(self, campaign_id: UUID, body: Mapping[str, Any]) -> dict[str, Any]:
        """What the API answers to a simulation. Raises `Failed`, `LedgerUnavailable`."""
        ...


def simulate(
    context: typer.Context,
    campaign: Annotated[UUID, typer.Option(metavar="ID", help="The campaign's id.")],
    setting: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A setting of every variant.")
    ] = None,
    variant: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE,…", help="A variant, beside others; as often as there are variants."),
    ] = None,
    cost_per_call: Annotated[float | None, typer.Option(min=0, help="What a call costs.")] = None,
    cost_per_minute: Annotated[float | None, typer.Option(min=0, help="What a minute on the line costs.")] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE.svg", help="Draw the variants into this file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")] = False,
) -> None:
    """Replay a campaign's recorded history under other settings (docs/simulate.md). Nothing is written."""
    body: dict[str, Any] = {"variants": variants_of(setting or (), variant or ())}
    rates = {"cost_per_call": cost_per_call, "cost_per_minute": cost_per_minute}
    body |= {name: rate for name, rate in rates.items() if rate is not None}
    lent: Simulates = context.obj
    answer = lent.simulate(campaign, body)
    if plot is not None:
        _draw(plot, answer)
    typer.echo(json.dumps(answer, indent=2) if as_json else "\n".join(table_of(answer)))


def variants_of(settings: Sequence[str], variants: Sequence[str]) -> list[dict[str, object]]:
    """The variants that a line names: `settings` are of every one; without `variants` there is one.

    Raises `Failed` for what is no NAME=VALUE or names a setting twice.
    """
    common = _pairs(settings)
    if not variants:
        if not common:
            raise Failed(Exit.WRONG_USE, f"nothing to simulate: give --set or --variant, {_HOW}")
        return [common]
    return [_pairs(one.split(","), common) for one in variants]


def _pairs(texts: Iterable[str], before: Mapping[str, object] | None = None) -> dict[str, object]:
    found: dict[str, object] = dict(before or {})
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not (name and equals and value):
            raise Failed(Exit.WRONG_USE, f"{text!r} is no setting {_HOW}")
        if name in found:
            raise Failed(Exit.WRONG_USE, f"{name} is given twice")
        found[name] = _value(value)
    return found


def _value(text: str) -> object:
    if text == "none":
        return None
    digits = text.removeprefix("-")
    return int(text) if digits.isascii() and digits.isdigit() and len(digits) <= 18 else text


def _draw(file: Path, answer: Mapping[str, Any]) -> None:
    try:
        file.write_text(plot_of(answer), encoding="utf-8")
    except OSError as error:
        raise Failed(Exit.WRONG_USE, f"the plot cannot be written to {file}: {error.strerror}") from error
