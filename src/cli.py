"""The command line: `drumbeat`. Each command is one of docs/operations.md; exit codes are `opsapi.exits`.

What takes time to import is imported by the command that needs it.
"""

import asyncio
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from importlib.metadata import version as installed_version
from itertools import chain
from pathlib import Path
from threading import Event
from typing import Annotated, Any
from uuid import UUID

import structlog
import typer

from drumbeat import settings as settings_module
from drumbeat.access import person
from drumbeat.commands.command import Command, Done
from drumbeat.opsapi.exits import Exit
from drumbeat.opsapi.failures import Failed, explain
from drumbeat.opsapi.groups import GROUPS
from drumbeat.opsapi.lifeline import hold, stop_on_signals
from drumbeat.opsapi.reconcile_command import reconcile
from drumbeat.opsapi.schemas import check_all_schemas
from drumbeat.opsapi.streams import create_or_check
from drumbeat.settings import Settings
from drumbeat.telemetry import configure_logging
from drumbeat.transport.topic_differences import Outcome

app = typer.Typer(
    name="drumbeat",
    help="The event-sourced backend of outreach campaigns.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for _name, _group in GROUPS.items():
    app.add_typer(_group, name=_name)
app.command()(reconcile)


@app.callback()
def lend(context: typer.Context) -> None:
    """The event-sourced backend of outreach campaigns."""
    context.obj = _Operator()


Json = Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")]
Lifeline = Annotated[int | None, typer.Option(hidden=True, help="A descriptor whose closing ends this process.")]


def main() -> None:
    """Run one command and end the process with its exit code. What is expected to fail is told in one line."""
    try:
        app()
    except Exception as error:  # noqa: BLE001  the last place that can tell a failure from a mistake
        known = explain(error)
        if known is None:
            # A mistake of ours: the log gets all of it.
            structlog.get_logger(__name__).exception("command_broke")
            known = Exit.BUG, f"a mistake of the program: {type(error).__name__}: {error}"
        code, words = known
        for line in words.splitlines():
            print(f"drumbeat: {line}", file=sys.stderr)
        sys.exit(code)


def _settings(process: str, *, quiet: bool = False) -> Settings:
    """The settings, with logging set up; what answers a person on the spot is `quiet` unless told otherwise."""
    settings = settings_module.read(os.environ)
    level = "warning" if quiet and "log_level" not in settings.model_fields_set else settings.log_level.value
    configure_logging(process=process, level=level, log_format=settings.log_format.value)
    return settings


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


@app.command()
def up(
    demonstration: Annotated[bool, typer.Option("--demonstration", help="Load the demonstration first.")] = False,
    people: Annotated[
        int, typer.Option(min=1, max=2_000, help="How many people the demonstration calls.")
    ] = 2_000,
) -> None:
    """Start everything this machine needs, and end it all with Ctrl-C."""
    from drumbeat import bootstrap
    from drumbeat.opsapi.showing import progress
    from drumbeat.opsapi.up import MachineRun

    in_force = _settings("up")

    def load(url: str, stop: Event) -> None:
        with progress("loading the demonstration") as show:
            bootstrap.load_demonstration(
                in_force, url, stop=stop, people=people, on_progress=lambda share: show(share, "")
            )

    run = MachineRun(in_force, stop_on_signals(), say=_say)
    raise typer.Exit(
        run.run(migrate=lambda url: bootstrap.migrate(in_force, url), load=load if demonstration else None)
    )


@app.command()
def api(lifeline: Lifeline = None) -> None:
    """Answer reads over HTTP."""
    _run("api", lifeline)


@app.command()
def project(
    source: Annotated[
        settings_module.ProjectionSource | None, typer.Option(help="Where to read; else as the settings say.")
    ] = None,
    lifeline: Lifeline = None,
) -> None:
    """Follow the log, or Kafka, and keep the read models up to date."""
    from drumbeat import bootstrap
    from drumbeat.opsapi import databases

    in_force, stop = _settings("projector"), _stop(lifeline)
    if source is not None:
        in_force = in_force.model_copy(update={"projection_source": source})
    with databases.database_of_log(in_force, say=_say) as url:
        bootstrap.run_projector(in_force, url, stop)


@app.command()
def policies(lifeline: Lifeline = None) -> None:
    """Follow log and clock, and command what is due."""
    _run("policies", lifeline)


@app.command()
def relay(lifeline: Lifeline = None) -> None:
    """Publish the log to Kafka."""
    _run("relay", lifeline)


def _run(process: str, lifeline: int | None) -> None:
    from drumbeat import bootstrap
    from drumbeat.opsapi.databases import database

    in_force, stop = _settings(process), _stop(lifeline)
    with database(in_force, say=_say) as url:
        getattr(bootstrap, f"run_{process}")(in_force, url, stop)


def _stop(lifeline: int | None) -> Event:
    stop = stop_on_signals()
    if lifeline is not None:
        hold(lifeline)
    return stop


@app.command()
def migrate() -> None:
    """Bring the schemas up to date."""
    from drumbeat import bootstrap
    from drumbeat.opsapi import databases

    in_force = _settings("migrate", quiet=True)
    with databases.database(in_force, say=_say) as url:
        done = bootstrap.migrate(in_force, url)
    print(*done, sep="\n", end="\n" if done else "")
    _say("up to date" if done else "nothing to do")


@app.command()
def status(as_json: Json = False) -> None:
    """Show how far everything is, and what is not as it should be."""
    from drumbeat.opsapi.status import look

    with _Operator().databases("status") as (in_force, url):
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
    from drumbeat.access import DEFAULT_WORKSPACE
    from drumbeat.opsapi import databases
    from drumbeat.opsapi import follow as log
    from drumbeat.transport.source import LogSource

    after, instant = log.since(since)
    choice = log.Choice(
        workspace_id=DEFAULT_WORKSPACE,
        types=tuple(types or ()),
        stream_id=stream,
        campaign_id=campaign,
        since=instant,
    )
    shown = log.as_json if as_json else log.as_line
    stop = stop_on_signals()
    with databases.database(_settings("events", quiet=True), say=_say) as url, closing(LogSource(url)) as source:
        head = source.high_water()
        listed = log.stretch(source, choice, after=after) if since else log.last(source, choice, count=last)
        coming = log.follow(source, choice, after=head, stop=stop) if follow else ()
        for position, event in chain(listed, coming):
            print(shown(position, event), flush=follow)
            if stop.is_set():
                break


@app.command("import")
def import_(
    what: Annotated[str, typer.Argument(metavar="call-history", help="What is imported: call-history.")],
    file: Annotated[Path, typer.Argument(help="A CSV file.")],
    mapping: Annotated[str, typer.Option(help="The name of a mapping that comes along, or a .toml file.")],
    report: Annotated[Path | None, typer.Option(help="Where refused rows are written; default: here.")] = None,
    as_json: Json = False,
) -> None:
    """Make a campaign of history from a file of calls (docs/imports.md)."""
    from drumbeat import bootstrap
    from drumbeat.intake.mapping_files import load_mapping
    from drumbeat.opsapi import databases
    from drumbeat.opsapi.importing import as_document, as_words, report_path, shown
    from drumbeat.opsapi.showing import progress

    if what != "call-history":
        raise Failed(Exit.WRONG_USE, f"{what!r} cannot be imported; call-history can")
    in_force = _settings("import", quiet=True)
    read = load_mapping(mapping)
    with databases.database(in_force, say=_say) as url, progress(f"importing {file.name}") as show:
        bootstrap.migrate(in_force, url)
        done = bootstrap.import_call_history(
            in_force, url, file, read, refused_rows=report or report_path(file), on_progress=shown(show)
        )
    print(json.dumps(as_document(done), indent=2) if as_json else as_words(done))
    raise typer.Exit(Exit.IN_PART if done.refused else Exit.DONE)


class _Operator:
    """What groups of commands work with: the API, asked from inside; commands given as this account; topics."""

    def ask(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        from drumbeat import bootstrap
        from drumbeat.opsapi import inside

        with self.databases("campaign") as (in_force, url):
            return asyncio.run(inside.ask(bootstrap.api(in_force, url), path, query))

    def give(self, command: Command) -> Done:
        from drumbeat import bootstrap
        from drumbeat.opsapi import databases

        in_force = _settings("campaign", quiet=True)
        with databases.database(in_force, say=_say) as url, bootstrap.ledger(in_force, url) as on:
            return bootstrap.commands(url, on, in_force).execute(command, person(), now=bootstrap.now())

    @property
    def actor(self) -> str:
        return person().actor

    def read_models(self) -> AbstractContextManager[str]:
        from drumbeat.opsapi import databases

        in_force = _settings("dead-letters", quiet=True)
        own = in_force.read_database_url
        return databases.database(in_force, say=_say) if own is None else nullcontext(own)

    def topics(self, *, make: bool) -> list[Outcome]:
        return create_or_check(_settings("streams", quiet=True), make=make)

    @contextmanager
    def databases(self, process: str) -> Iterator[tuple[Settings, str]]:
        from drumbeat.opsapi.databases import database

        in_force = _settings(process, quiet=True)
        with database(in_force, say=_say) as url:
            check_all_schemas(in_force, url)
            yield in_force, url


@app.command()
def settings(as_json: Json = False) -> None:
    """Show the settings in force, with the variables that set them."""
    in_force = settings_module.read(os.environ)
    values = {
        settings_module.variable_of(name): settings_module.redacted(value) if isinstance(value, str) else value
        for name, value in in_force.model_dump(mode="json").items()
    }
    if as_json:
        print(json.dumps(values, indent=2))
        return
    for name, value in values.items():
        print(f"{name}={'' if value is None else value}")


@app.command()
def version() -> None:
    """Say which Drumbeat this is."""
    print(installed_version("drumbeat"))


if __name__ == "__main__":
    main()
