"""The command line: `drumbeat`. Each command is one of docs/operations.md; exit codes are `opsapi.exits`.

What takes time to import is imported by the command that needs it.
"""

import json
import os
import sys
from datetime import UTC, datetime
from importlib.metadata import version as installed_version
from threading import Event
from typing import Annotated
from uuid import UUID

import typer

from drumbeat import settings as settings_module
from drumbeat.opsapi.exits import Exit
from drumbeat.opsapi.failures import Failed, explain
from drumbeat.opsapi.lifeline import hold, stop_on_signals
from drumbeat.settings import Settings
from drumbeat.telemetry import configure_logging

app = typer.Typer(
    name="drumbeat",
    help="The event-sourced backend of outreach campaigns.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
campaigns = typer.Typer(help="Look at campaigns, and steer them.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(campaigns, name="campaign")

Json = Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")]
Lifeline = Annotated[int | None, typer.Option(hidden=True, help="A descriptor whose closing ends this process.")]
CampaignId = Annotated[UUID, typer.Argument(metavar="ID", help="The campaign's id.")]


def main() -> None:
    """Run one command and end the process with its exit code. What is expected to fail is told in one line."""
    try:
        app()
    except Exception as error:
        known = explain(error)
        if known is None:
            raise
        code, words = known
        for line in words.splitlines():
            print(f"drumbeat: {line}", file=sys.stderr)
        sys.exit(code)


def _settings(process: str) -> Settings:
    settings = settings_module.read(os.environ)
    configure_logging(process=process, level=settings.log_level, log_format=settings.log_format.value)
    return settings


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


@app.command()
def up(
    demonstration: Annotated[bool, typer.Option("--demonstration", help="Load the demonstration first.")] = False,
) -> None:
    """Start everything this machine needs, and end it all with Ctrl-C."""
    from drumbeat import bootstrap
    from drumbeat.opsapi.showing import progress
    from drumbeat.opsapi.up import MachineRun

    in_force = _settings("up")

    def load(url: str, stop: Event) -> None:
        with progress("loading the demonstration") as show:
            bootstrap.load_demonstration(in_force, url, stop=stop, on_progress=lambda share: show(share, ""))

    run = MachineRun(in_force, stop_on_signals(), say=_say)
    raise typer.Exit(run.run(migrate=bootstrap.migrate, load=load if demonstration else None))


@app.command()
def api(lifeline: Lifeline = None) -> None:
    """Answer reads over HTTP."""
    _run("api", lifeline)


@app.command()
def project(lifeline: Lifeline = None) -> None:
    """Follow the log and keep the read models up to date."""
    _run("projector", lifeline)


@app.command()
def policies(lifeline: Lifeline = None) -> None:
    """Follow log and clock, and command what is due."""
    _run("policies", lifeline)


def _run(process: str, lifeline: int | None) -> None:
    in_force = _settings(process)
    stop = stop_on_signals()
    if lifeline is not None:
        hold(lifeline)
    from drumbeat import bootstrap

    with bootstrap.database(in_force, say=_say) as url:
        getattr(bootstrap, f"run_{process}")(in_force, url, stop)


@app.command()
def migrate() -> None:
    """Bring the schemas up to date."""
    from drumbeat import bootstrap

    with bootstrap.database(_settings("migrate"), say=_say) as url:
        done = bootstrap.migrate(url)
    for name in done:
        print(name)
    _say("up to date" if done else "nothing to do")


@app.command()
def status(as_json: Json = False) -> None:
    """Show how far everything is, and what is not as it should be."""
    from drumbeat import bootstrap
    from drumbeat.opsapi.status import look

    in_force = _settings("status")
    with bootstrap.database(in_force, say=_say) as url:
        bootstrap.check_schemas(url)
        found = look(in_force, url)
    print(json.dumps(found.document(), indent=2) if as_json else "\n".join(found.lines()))
    raise typer.Exit(Exit.DONE if found.healthy else Exit.REFUSED)


@app.command()
def events(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes, until Ctrl-C.")] = False,
    types: Annotated[list[str] | None, typer.Option("--type", help="A type or pattern: 'contact.*'.")] = None,
    stream: Annotated[UUID | None, typer.Option(help="Only this stream.")] = None,
    campaign: Annotated[UUID | None, typer.Option(help="Only this campaign and its contacts.")] = None,
    since: Annotated[str | None, typer.Option(help="After this position, or from this instant on.")] = None,
    last: Annotated[int, typer.Option(min=0, help="Without --since: how many of the newest.")] = 20,
    as_json: Json = False,
) -> None:
    """Show the log, its newest events first chosen, then in order."""
    from drumbeat import bootstrap
    from drumbeat.access import DEFAULT_WORKSPACE
    from drumbeat.opsapi import follow as following
    from drumbeat.transport.source import LogSource

    after, instant = _since(since)
    choice = following.Choice(
        workspace_id=DEFAULT_WORKSPACE,
        types=tuple(types or ()),
        stream_id=stream,
        campaign_id=campaign,
        since=instant,
    )
    shown = following.as_json if as_json else following.as_line
    stop = stop_on_signals()
    with bootstrap.database(_settings("events"), say=_say) as url:
        source = LogSource(url)
        head = source.high_water()
        listed = (
            following.stretch(source, choice, after=after) if since else following.last(source, choice, count=last)
        )
        for position, event in listed:
            print(shown(position, event))
            head = max(head, position)
            if stop.is_set():
                return
        if follow:
            for position, event in following.follow(source, choice, after=head, stop=stop):
                print(shown(position, event), flush=True)


def _since(text: str | None) -> tuple[int, datetime | None]:
    """The position to begin after and the instant to begin at."""
    if text is None or text.isdecimal():
        return int(text or 0), None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Failed(
            Exit.WRONG_USE, f"--since is {text!r}, but must be a position or an instant like 2026-01-31T09:00:00Z"
        ) from None
    return 0, moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@app.command()
def settings(as_json: Json = False) -> None:
    """Show the settings in force, with the variables that set them."""
    in_force = settings_module.read(os.environ)
    values = {settings_module.variable_of(name): value for name, value in in_force.model_dump(mode="json").items()}
    if as_json:
        print(json.dumps(values, indent=2))
        return
    for name, value in values.items():
        print(f"{name}={'' if value is None else settings_module.redacted(str(value))}")


@app.command()
def version() -> None:
    """Say which Drumbeat this is."""
    print(installed_version("drumbeat"))


if __name__ == "__main__":
    main()
