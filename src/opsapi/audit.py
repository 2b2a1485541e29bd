"""`drumbeat audit`: signed heads of the log, proofs for single events, and the check of the whole."""

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer

from drumbeat import settings as settings_module
from drumbeat.audit.checking import check as compare
from drumbeat.audit.heads import SignedHead
from drumbeat.audit.published import HeadFile, HeadsUnreadable
from drumbeat.audit.signing import SigningKeyFile
from drumbeat.opsapi.auditing import head_file, signing_key_path
from drumbeat.opsapi.exits import Exit
from drumbeat.opsapi.failures import Failed
from drumbeat.opsapi.showing import progress
from drumbeat.settings import Settings


class Operator(Protocol):
    """What this needs of the command line."""

    def ask(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        """What the read API answers. Raises `Failed`."""
        ...

    def databases(self, process: str) -> AbstractContextManager[tuple[Settings, str]]:
        """The settings, and the URL of the log's database."""
        ...


app = typer.Typer(help="Show and check that the log is as it was.", no_args_is_help=True, rich_markup_mode=None)

Json = Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")]


@app.command()
def head(context: typer.Context, as_json: Json = False) -> None:
    """Show the newest signed head of the log: keep it where the log is not."""
    operator: Operator = context.obj
    found = operator.ask("/audit/head", {})
    if as_json:
        typer.echo(json.dumps(found))
        return
    typer.echo("\n".join(f"{name.replace('_', ' '):<22}{value}" for name, value in found.items()))


@app.command()
def prove(
    context: typer.Context,
    event: Annotated[str, typer.Argument(help="The event's id or position.")],
    tree_size: Annotated[
        int | None, typer.Option(min=1, help="For the head of so many leaves; else the newest.")
    ] = None,
) -> None:
    """Prove that an event is in the log: its bytes, the hashes and the head, as JSON for docs/check_proof.py."""
    operator: Operator = context.obj
    kind = "positions" if event.isdecimal() else "events"
    asked = {} if tree_size is None else {"tree_size": str(tree_size)}
    typer.echo(json.dumps(operator.ask(f"/audit/proofs/{kind}/{event}", asked), indent=2))


@app.command()
def consistency(
    context: typer.Context,
    first: Annotated[int, typer.Argument(metavar="FROM", min=1, help="The leaves of an earlier head.")],
    second: Annotated[
        int | None, typer.Argument(metavar="TO", min=1, help="Those of a later one; else the newest.")
    ] = None,
) -> None:
    """Prove that the log of a later head begins with that of an earlier one, as JSON for docs/check_proof.py."""
    operator: Operator = context.obj
    asked = {"from": str(first)} | ({} if second is None else {"to": str(second)})
    typer.echo(json.dumps(operator.ask("/audit/proofs/consistency", asked), indent=2))


@app.command()
def check(
    context: typer.Context,
    heads: Annotated[
        list[Path] | None, typer.Option(help="Files of heads that were kept; default: where they are published.")
    ] = None,
    public_key: Annotated[
        str | None, typer.Option(help="The key that must have signed, as Base64; default: that of this machine.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare every event with the tree, and the tree with every head; name what was changed, and where."""
    operator: Operator = context.obj
    with operator.databases("audit") as (in_force, url), progress("checking") as show:
        key = _public_key(in_force) if public_key is None else _decoded(public_key)
        report = compare(url, _kept(in_force, heads), public_key=key, show=show)
    typer.echo(json.dumps(report.document(), indent=2) if as_json else "\n".join(report.lines()))
    raise typer.Exit(Exit.DONE if report.intact else Exit.REFUSED)


@app.command("make-key")
def make_key(
    file: Annotated[Path | None, typer.Argument(help="Where; default: as the settings say.")] = None,
) -> None:
    """Make the key that signs heads where there is none, and show its public part for those who check."""
    path = file or signing_key_path(settings_module.read(os.environ))
    if path is None:
        named = settings_module.variable_of("audit_key_file")
        raise Failed(Exit.WRONG_USE, f"say where: drumbeat audit make-key FILE, or set {named}")
    made = SigningKeyFile(path)
    made.make()
    typer.echo(b64encode(made.read().public_key).decode())


def _kept(settings: Settings, files: list[Path] | None) -> list[SignedHead]:
    published = head_file(settings)
    chosen = files if files is not None else [published] if published is not None else []
    missing = [str(path) for path in files or () if not path.exists()]
    if missing:
        raise Failed(Exit.WRONG_USE, f"there is no file {', '.join(missing)}")
    try:
        return [one for path in chosen for one in HeadFile(path).heads()]
    except HeadsUnreadable as error:
        raise Failed(Exit.WRONG_USE, str(error)) from error


def _public_key(settings: Settings) -> bytes | None:
    path = signing_key_path(settings)
    # A machine that never signed anything has none, and whoever lost it may still check.
    return SigningKeyFile(path).read().public_key if path is not None and path.exists() else None


def _decoded(text: str) -> bytes:
    try:
        key = b64decode(text, validate=True)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise Failed(Exit.WRONG_USE, f"--public-key is {text!r}, but must be 32 bytes as Base64")
    return key
