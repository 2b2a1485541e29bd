"""`drumbeat people`: the persons behind contacts, and the keys under which they are sealed."""

import os
from pathlib import Path
from typing import Annotated

import typer

from drumbeat import settings as settings_module
from drumbeat.access.master_keys import MasterKeyFile
from drumbeat.opsapi.exits import Exit
from drumbeat.opsapi.failures import Failed
from drumbeat.opsapi.master_keys import master_key_path

app = typer.Typer(help="The people behind contacts.", no_args_is_help=True, rich_markup_mode=None)


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
