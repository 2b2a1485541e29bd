"""`drumbeat keys` and `drumbeat workspaces` as an operator types them, and the key of the machine in its file."""

import json
import stat
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import psycopg
import pytest

from drumbeat.access.keyring import KeyRing
from drumbeat.access.tokens import Token
from drumbeat.commands.dispatch import Commands
from drumbeat.eventstore.ledger import EventStoreLedger
from drumbeat.opsapi.exits import Exit
from drumbeat.opsapi.failures import Failed
from drumbeat.opsapi.local_key import find_or_make
from support.given import NOW
from support.keys import asking, stored_keys
from support.machine import drumbeat_inside, environment, machine, until
from support.whole import ADA, OneKey

pytestmark = pytest.mark.postgres


class Shell:
    """Commands of an operator on one database."""

    def __init__(self, url: str, folder: Path) -> None:
        self.env = environment(folder / "state", DRUMBEAT_DATABASE_URL=url)

    def run(self, *words: str, code: Exit = Exit.DONE) -> str:
        """What a command that ends with this code says."""
        ended = drumbeat_inside(*words, env=self.env)
        assert ended.returncode == code, ended.stderr
        self.told = ended.stderr
        return ended.stdout

    def listed(self, *words: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.run("keys", "list", "--json", *words))
        return found


@pytest.fixture
def shell(database_url: str, tmp_path: Path) -> Shell:
    return Shell(database_url, tmp_path)


def test_a_key_is_shown_once_listed_without_its_secret_rotated_and_revoked(shell: Shell) -> None:
    words = ("keys", "create", "crm", "--scope", "read", "--scope", "write")
    token = shell.run(*words, "--expires-in", "90d").strip()
    parsed = Token.parse(token)
    assert parsed is not None
    assert "not shown again" in shell.told
    line = shell.run("keys", "list")
    assert all(part in line for part in ("crm", "works", "read,write", "used never", str(parsed.key_id)))
    assert parsed.secret not in line
    (told,) = shell.listed()
    assert told.keys() >= {"key_id", "name", "scopes", "state", "expires_at", "last_used_at", "made_by"}
    assert parsed.secret not in json.dumps(told)
    again = json.loads(shell.run("keys", "rotate", "crm", "--overlap", "10m", "--json"))
    assert Token.parse(again["key"]) != parsed
    assert again["old_secret_until"] is not None
    shell.run("keys", "revoke", str(parsed.key_id))
    assert [key["state"] for key in shell.listed()] == ["revoked"]


def test_workspaces_are_made_and_listed_and_a_key_belongs_to_one(shell: Shell) -> None:
    refused = ("keys", "create", "crm", "--scope", "read", "--workspace", "acme")
    shell.run(*refused, code=Exit.REFUSED)
    assert "drumbeat: refused (unknown_stream): there is no workspace 'acme'" in shell.told
    assert shell.run("workspaces", "create", "acme", "--name", "Acme Corporation").strip() == "acme"
    shell.run(*refused)
    assert "Acme Corporation" in shell.run("workspaces", "list")
    told = json.loads(shell.run("workspaces", "list", "--json"))
    assert [(one["workspace_id"], one["keys"]) for one in told] == [("acme", 1), ("default", 0)]
    assert shell.listed() == []
    assert [key["name"] for key in shell.listed("--workspace", "acme")] == ["crm"]


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (("keys", "create", "crm"), Exit.WRONG_USE, "Missing option '--scope'"),
        (("keys", "create", "crm", "--scope", "all"), Exit.WRONG_USE, "'all' is not one of"),
        (
            ("keys", "create", "crm", "--scope", "read", "--expires-in", "soon"),
            Exit.WRONG_USE,
            "no length of time",
        ),
        (("keys", "create", "crm", "--scope", "read", "--expires-at", "soon"), Exit.WRONG_USE, "no instant"),
        (("keys", "create", "a:b", "--scope", "read"), Exit.REFUSED, "refused (out_of_range): name"),
        (
            ("keys", "create", "crm", "--scope", "read", "--expires-at", "2020-01-01"),
            Exit.REFUSED,
            "still to come",
        ),
        (("keys", "rotate", "crm"), Exit.REFUSED, "there is no key 'crm'"),
        (("keys", "revoke", "crm"), Exit.REFUSED, "there is no key 'crm'"),
        (("workspaces", "create", "Acme"), Exit.REFUSED, "refused (out_of_range): workspace is 'Acme'"),
    ],
)
def test_what_is_wrong_is_told_in_a_line(shell: Shell, words: tuple[str, ...], code: Exit, line: str) -> None:
    shell.run(*words, code=code)
    assert line in shell.told


@pytest.fixture
def ring(database_url: str) -> Iterator[KeyRing]:
    with closing(EventStoreLedger(database_url)) as ledger:
        yield KeyRing(Commands(ledger, OneKey()), stored_keys(database_url))


def test_the_key_of_the_machine_is_made_once_in_a_file_for_its_owner_alone(ring: KeyRing, tmp_path: Path) -> None:
    file = tmp_path / "state" / "key"
    made = find_or_make(file, ring, ADA, now=NOW)
    assert made.is_new
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text() == f"{made.text}\n"
    found = find_or_make(file, ring, ADA, now=NOW)
    assert (found.text, found.is_new, found.trouble) == (made.text, False, None)
    assert [row.name for row in ring.keys("default")] == ["local"]
    assert [path.name for path in file.parent.iterdir()] == ["key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o610])
def test_a_file_that_others_may_use_is_refused(ring: KeyRing, tmp_path: Path, mode: int) -> None:
    file = tmp_path / "key"
    find_or_make(file, ring, ADA, now=NOW)
    file.chmod(mode)
    with pytest.raises(Failed, match=f"has mode {mode:04o}") as refused:
        find_or_make(file, ring, ADA, now=NOW)
    assert refused.value.code is Exit.UNFIT
    assert "drumbeat_" not in str(refused.value)


def test_a_file_that_was_lost_or_belongs_to_another_database_gets_a_new_secret(
    ring: KeyRing, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    first = find_or_make(file, ring, ADA, now=NOW)
    for spoil in (file.unlink, lambda: file.write_text("drumbeat_of_elsewhere")):
        spoil()
        again = find_or_make(file, ring, ADA, now=NOW)
        assert again.is_new
        assert again.text != first.text
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [row.name for row in ring.keys("default")] == ["local"]


def test_a_key_of_the_machine_that_was_revoked_is_not_made_again_behind_somebodys_back(
    ring: KeyRing, tmp_path: Path
) -> None:
    file = tmp_path / "key"
    made = find_or_make(file, ring, ADA, now=NOW)
    ring.revoke("local", ADA, now=NOW)
    found = find_or_make(file, ring, ADA, now=NOW)
    assert (found.text, found.is_new, found.trouble) == (made.text, False, "this key was revoked")
    file.unlink()
    assert find_or_make(file, ring, ADA, now=NOW + timedelta(seconds=1)).is_new
    assert len(ring.keys("default")) == 2


def test_a_folder_that_cannot_be_written_is_said(ring: KeyRing, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Failed, match="Not a directory") as refused:
        find_or_make(tmp_path / "file" / "key", ring, ADA, now=NOW)
    assert refused.value.code is Exit.UNFIT


@pytest.mark.long
@pytest.mark.slow
def test_a_machine_shows_its_key_once_and_a_revoked_one_stops(tmp_path: Path) -> None:
    home, first_log, second_log = tmp_path / "state", tmp_path / "first.log", tmp_path / "second.log"
    with machine(home, first_log, DRUMBEAT_KEY_TRUSTED_SECONDS=1) as up:
        key = (home / "key").read_text().strip()
        assert up.said.count(key) == 1
        assert up.get("/campaigns") is not None
        assert drumbeat_inside("keys", "list", env=up.env).stdout.count("local") == 1
        up.interrupt()
    with machine(home, second_log, DRUMBEAT_KEY_TRUSTED_SECONDS=1) as up:
        assert key not in up.said
        assert str(home / "key") in up.said
        assert up.get("/campaigns") is not None
        assert drumbeat_inside("keys", "revoke", "local", env=up.env).returncode == 0
        assert until(lambda: _status(up.address + "/campaigns", key) == 401, 5)
        assert drumbeat_inside("campaign", "list", env=up.env).returncode == 0, "the command line needs no key"
    assert (home / "key").stat().st_mode & 0o077 == 0


def _status(address: str, key: str) -> int:
    try:
        with urlopen(asking(address, key), timeout=10) as answer:
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code


def test_a_key_works_on_the_rows_that_the_command_made(shell: Shell, database_url: str) -> None:
    shell.run("keys", "create", "crm", "--scope", "read")
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "SELECT octet_length(secret_hash), made_by <> '' FROM access.api_keys"
        ).fetchall()
    assert found == [(32, True)]
