"""`drumbeat people`: the persons behind contacts, and the keys under which they are sealed."""

import json
import os
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer

from drumbeat import settings as settings_module
from drumbeat.access.master_keys import MasterKeyFile
from drumbeat.access.rotation import rewrap
from drumbeat.commands.command import Command, Done
from drumbeat.commands.people import ErasePerson
from drumbeat.eventstore.connections import open_connection
from drumbeat.opsapi.exits import Exit
from drumbeat.opsapi.failures import Failed
from drumbeat.opsapi.master_keys import checked_master_keys, master_key_path
from drumbeat.opsapi.showing import progress
from drumbeat.settings import Settings


class Operator(Protocol):
    """What this needs of the command line."""

    def give(self, command: Command) -> Done:
        """Carry out a command as the person at the keyboard. Raises `Refused`, `LedgerUnavailable`."""
        ...

    def databases(self, process: str) -> AbstractContextManager[tuple[Settings, str]]:
        """The settings, and the URL of the log's database."""
        ...

    def person(self, reference: str) -> dict[str, Any]:
        """Everything that is known of a person. Raises `Refused`, `LedgerUnavailable`."""
        ...


app = typer.Typer(help="The people behind contacts.", no_args_is_help=True, rich_markup_mode=None)


@app.command()
def show(
    context: typer.Context,
    reference: Annotated[str, typer.Argument(help="Your id of the person, or their phone number or email.")],
) -> None:
    """Show everything that is known of a person, as JSON."""
    operator: Operator = context.obj
    typer.echo(json.dumps(operator.person(reference), indent=2))


@app.command()
def erase(
    context: typer.Context,
    reference: Annotated[str, typer.Argument(help="Your id of the person, or their phone number or email.")],
    reason: Annotated[str, typer.Option(help="Why; nothing personal.")],
) -> None:
    """Forget a person for good: nobody can read any more what was known of them, in no copy of the log."""
    operator: Operator = context.obj
    done = operator.give(ErasePerson(reference=reference, reason=reason))
    for told in done.results:
        typer.echo(f"{told['contacts']} contacts erased, {told['removed']} of them removed from their campaigns")
    typer.echo(f"position {done.position}" if done.facts else "nothing to do", err=True)


@app.command("rotate-master-key")
def rotate_master_key(
    context: typer.Context,
    finish: Annotated[
        bool, typer.Option("--finish", help="Add no key: go on with a rotation that was cut off.")
    ] = False,
) -> None:
    """Add a master key and wrap every person's key by it; no event is touched, and everything runs on.

    Processes on other machines need the new file before this ends. Old keys stay in it: backups need them.
    """
    operator: Operator = context.obj
    with operator.databases("people") as (in_force, url), closing(open_connection(url, settings={})) as connection:
        file = checked_master_keys(in_force)
        if not finish:
            typer.echo(f"added master key {file.add()} to {file.path}")
        with progress("wrapping keys anew") as show:
            done = rewrap(connection, file, told=lambda share: show(share, ""))
    typer.echo(f"{done:,} keys of persons wrapped anew")


@app.command("make-master-key")
def make_master_key(
    file: Annotated[Path | None, typer.Argument(help="Where; default: as the settings say.")] = None,
) -> None:
    """Make a file of master keys where there is none. Without it nothing personal can be read: keep a copy."""
    path = file or master_key_path(settings_module.read(os.environ))
    if path is None:
        named = settings_module.variable_of("master_key_file")
        raise Failed(Exit.WRONG_USE, f"say where: drumbeat people make-master-key FILE, or set {named}")
    made = MasterKeyFile(path)
    done = made.make()
    made.check()
    typer.echo(f"made {path}" if done else f"{path} is there")
