"""The command line: `drumbeat`. Each command is one of docs/operations.md; exit codes are `opsapi.exits`.

What takes time to import is imported by the command that needs it.
"""

import json
import os
import sys
from importlib.metadata import version as installed_version
from typing import Annotated
from uuid import UUID

import typer

from drumbeat import settings as settings_module
from drumbeat.opsapi.failures import explain
from drumbeat.opsapi.lifeline import stop_on_signals
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
    from drumbeat.opsapi.up import bring_up

    raise typer.Exit(bring_up(_settings("up"), stop_on_signals(), demonstration=demonstration, say=_say))


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
