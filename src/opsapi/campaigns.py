"""`drumbeat campaign`: look at campaigns as the read API shows them, and steer them by commands."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Protocol
from uuid import UUID

import typer

from drumbeat.commands.campaign import (
    ArchiveCampaign,
    CancelCampaign,
    CompleteCampaign,
    DeleteCampaign,
    ExtendCampaign,
    LaunchCampaign,
    PauseCampaign,
    RenameCampaign,
    ReopenCampaign,
    ResumeCampaign,
)
from drumbeat.commands.command import Command, Done
from drumbeat.events.values import PauseReason
from drumbeat.opsapi.durations import instant


class Operator(Protocol):
    """What the command line lends to these commands; it stands in the context's `obj`."""

    def ask(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        """What the read API answers. Raises `Failed`."""
        ...

    def give(self, command: Command) -> Done:
        """Carry out a command as the person at the keyboard. Raises `Refused`, `LedgerUnavailable`."""
        ...


app = typer.Typer(help="Look at campaigns, and steer them.", no_args_is_help=True, rich_markup_mode=None)

Id = Annotated[UUID, typer.Argument(metavar="ID", help="The campaign's id.")]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")]
Instant = Annotated[str | None, typer.Option(metavar="INSTANT", help="Like 2026-01-31T09:00:00Z.")]


@app.command("list")
def list_campaigns(
    context: typer.Context,
    search: Annotated[str | None, typer.Option(help="Part of the name.")] = None,
    status: Annotated[str | None, typer.Option(help="A canonical status: running, paused, …")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500, help="At most so many.")] = 50,
    as_json: Json = False,
) -> None:
    """List the campaigns, the newest first."""
    asked = {"search": search, "status": status, "limit": str(limit), "sort": "date", "order": "desc"}
    answer = _operator(context).ask("/campaigns", {name: value for name, value in asked.items() if value})
    if as_json:
        typer.echo(json.dumps(answer, indent=2))
        return
    for row in answer["items"]:
        typer.echo(f"{row['campaign_id']}  {row['status_label']:<12}{row['contacts']:>9,} contacts  {row['name']}")


@app.command()
def show(context: typer.Context, campaign: Id, as_json: Json = False) -> None:
    """Show one campaign with its dashboard."""
    operator = _operator(context)
    card = operator.ask(f"/campaigns/{campaign}", {})
    numbers = operator.ask(f"/campaigns/{campaign}/dashboard", {"at_least": card["as_of"]})
    if as_json:
        typer.echo(json.dumps({"campaign": card, "dashboard": numbers}, indent=2))
        return
    typer.echo("\n".join(card_lines(card, numbers)))


def card_lines(card: Mapping[str, Any], numbers: Mapping[str, Any]) -> list[str]:
    """A campaign for people: what it is, and every number of its dashboard that stands alone."""
    facts = {
        "name": card["name"],
        "status": f"{card['status_label']} ({card['status']}, since {card['status_since']})",
        "kind": card["kind"],
        "version": card["version"],
        "may be given": ", ".join(card["available_actions"]) or "nothing",
        "as of": numbers["as_of"],
    }
    lines = [f"{name:<24}{value}" for name, value in facts.items()]
    lines += [
        "",
        *(f"{row['label']:<24}{row['contacts']['value']:>12,}" for row in numbers["contacts_by_label"]),
        "",
    ]
    lines += [
        f"{name.replace('_', ' '):<24}{_number(entry['value']):>12} {entry['unit']}"
        for name, entry in numbers.items()
        if isinstance(entry, dict) and "metric" in entry
    ]
    return lines


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


@app.command()
def launch(context: typer.Context, campaign: Id, start: Instant = None) -> None:
    """Launch at the given instant, or at the one in the settings, or now."""
    _give(context, LaunchCampaign(campaign_id=campaign, start_at=_instant(start)))


@app.command()
def pause(context: typer.Context, campaign: Id, reason: PauseReason = PauseReason.MANUAL, note: str = "") -> None:
    """Hand out no new work; calls in flight go on."""
    _give(context, PauseCampaign(campaign_id=campaign, pause_reason=reason, note=note))


@app.command()
def resume(context: typer.Context, campaign: Id) -> None:
    """Go on after a pause."""
    _give(context, ResumeCampaign(campaign_id=campaign))


@app.command()
def complete(context: typer.Context, campaign: Id) -> None:
    """End it now, with what was reached."""
    _give(context, CompleteCampaign(campaign_id=campaign))


@app.command()
def extend(context: typer.Context, campaign: Id, end: Annotated[str, typer.Argument(metavar="INSTANT")]) -> None:
    """Move the end out."""
    _give(context, ExtendCampaign.model_validate({"campaign_id": campaign, "end_at": _instant(end)}))


@app.command()
def cancel(context: typer.Context, campaign: Id, reason: Annotated[str, typer.Option(help="Why.")]) -> None:
    """End it before its time."""
    _give(context, CancelCampaign(campaign_id=campaign, reason=reason))


@app.command()
def reopen(context: typer.Context, campaign: Id, end: Instant = None) -> None:
    """Make a completed campaign a paused one again."""
    _give(context, ReopenCampaign(campaign_id=campaign, end_at=_instant(end)))


@app.command()
def rename(context: typer.Context, campaign: Id, name: str) -> None:
    """Give it another name."""
    _give(context, RenameCampaign(campaign_id=campaign, name=name))


@app.command()
def archive(context: typer.Context, campaign: Id) -> None:
    """Put it out of sight for good; a live one is cancelled first."""
    _give(context, ArchiveCampaign(campaign_id=campaign))


@app.command()
def delete(context: typer.Context, campaign: Id) -> None:
    """Take it out of every list; its history stays."""
    _give(context, DeleteCampaign(campaign_id=campaign))


def _operator(context: typer.Context) -> Operator:
    operator: Operator = context.obj
    return operator


def _give(context: typer.Context, command: Command) -> None:
    done = _operator(context).give(command)
    for fact in done.facts:
        typer.echo(f"{fact.TYPE}")
    typer.echo(f"position {done.position}" if done.facts else "nothing to do", err=True)


def _instant(text: str | None) -> datetime | None:
    return None if text is None else instant(text)
