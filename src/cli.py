"""The command line: `drumbeat`. Each command is one of docs/operations.md; exit codes are `opsapi.exits`.

What takes time to import is imported by the command that needs it.
"""

import json
import os
import sys
from contextlib import closing
from importlib.metadata import version as installed_version
from itertools import chain
from pathlib import Path
from threading import Event
from typing import Annotated
from uuid import UUID

import structlog
import typer

from drumbeat import settings as settings_module
from drumbeat.choices import ProjectionSource
from drumbeat.operator import Operator, local_key, say, settings_of
from drumbeat.opsapi.exits import Exit
from drumbeat.opsapi.failures import Failed, explain
from drumbeat.opsapi.groups import GROUPS
from drumbeat.opsapi.lifeline import hold, stop_on_signals
from drumbeat.opsapi.rebuilding import verify
from drumbeat.opsapi.reconcile_command import reconcile
from drumbeat.opsapi.replay import replay
from drumbeat.opsapi.simulating import simulate

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
for _command in (reconcile, verify, replay, simulate):
    app.command()(_command)


@app.callback()
def lend(context: typer.Context) -> None:
    """The event-sourced backend of outreach campaigns."""
    context.obj = Operator()


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


@app.command()
def up(
    demonstration: Annotated[bool, typer.Option("--demonstration", help="Load the demonstration first.")] = False,
    people: Annotated[
        int, typer.Option(min=1, max=2_000, help="How many people the demonstration calls.")
    ] = 2_000,
    live: Annotated[bool, typer.Option("--live", help="Let a simulated dialler go on calling over HTTP.")] = False,
) -> None:
    """Start everything this machine needs, and end it all with Ctrl-C."""
    from drumbeat import bootstrap
    from drumbeat.opsapi.showing import progress
    from drumbeat.opsapi.up import MachineRun

    in_force = settings_of("up")

    def load(url: str, stop: Event) -> None:
        with progress("loading the demonstration") as show:
            bootstrap.load_demonstration(
                in_force, url, stop=stop, people=people, on_progress=lambda share: show(share, "")
            )

    run = MachineRun(in_force, stop_on_signals(), say=say, live=live)
    raise typer.Exit(
        run.run(
            migrate=lambda url: bootstrap.migrate(in_force, url),
            key=lambda url: local_key(in_force, url),
            load=load if demonstration else None,
        )
    )


@app.command()
def api(lifeline: Lifeline = None) -> None:
    """Answer reads over HTTP."""
    _run("api", lifeline)


@app.command()
def project(
    source: Annotated[
        ProjectionSource | None, typer.Option(help="Where to read; else as the settings say.")
    ] = None,
    lifeline: Lifeline = None,
) -> None:
    """Follow the log, or Kafka, and keep the read models up to date."""
    from drumbeat import bootstrap
    from drumbeat.opsapi import databases

    in_force, stop = settings_of("projector"), _stop(lifeline)
    if source is not None:
        in_force = in_force.model_copy(update={"projection_source": source})
    with databases.database_of_log(in_force, say=say) as url:
        bootstrap.run_projector(in_force, url, stop)


@app.command()
def policies(lifeline: Lifeline = None) -> None:
    """Follow log and clock, and command what is due."""
    _run("policies", lifeline)


@app.command()
def relay(lifeline: Lifeline = None) -> None:
    """Publish the log to Kafka."""
    _run("relay", lifeline)


@app.command("simulate-live", hidden=True)
def simulate_live(lifeline: Lifeline = None) -> None:
    """Call the people of the demonstration's live campaign (`drumbeat up --live`)."""
    from drumbeat.opsapi import live_dialler

    live_dialler.run(settings_of("dialler"), _stop(lifeline))


def _run(process: str, lifeline: int | None) -> None:
    from drumbeat import bootstrap
    from drumbeat.opsapi.databases import database

    in_force, stop = settings_of(process), _stop(lifeline)
    with database(in_force, say=say) as url:
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

    in_force = settings_of("migrate", quiet=True)
    with databases.database(in_force, say=say) as url:
        done = bootstrap.migrate(in_force, url)
    print(*done, sep="\n", end="\n" if done else "")
    say("up to date" if done else "nothing to do")


@app.command()
def status(as_json: Json = False) -> None:
    """Show how far everything is, and what is not as it should be."""
    from drumbeat.opsapi.status import look

    with Operator().databases("status") as (in_force, url):
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
    with databases.database(settings_of("events", quiet=True), say=say) as url, closing(LogSource(url)) as source:
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
    in_force = settings_of("import", quiet=True)
    read = load_mapping(mapping)
    with databases.database(in_force, say=say) as url, progress(f"importing {file.name}") as show:
        bootstrap.migrate(in_force, url)
        done = bootstrap.import_call_history(
            in_force, url, file, read, refused_rows=report or report_path(file), on_progress=shown(show)
        )
    print(json.dumps(as_document(done), indent=2) if as_json else as_words(done))
    raise typer.Exit(Exit.IN_PART if done.refused else Exit.DONE)


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
