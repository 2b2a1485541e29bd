"""Logins of the embedded server: each process of a machine has one that may be what it must be, and nothing else.

A role is no stronger a wall than the login that takes it, and the owner of the server is a superuser.
"""

from collections.abc import Collection
from contextlib import closing
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from drumbeat.eventstore.roles import Role

PREFIX: Final = "drumbeat_process_"
"""What the names of these logins begin with."""


def login_url(url: str, process: str, roles: Collection[Role]) -> str:
    """The URL of a process's login, which is made when it is missing; `url` is the owner's, of a migrated one.

    Without a password: the server trusts whoever reaches its socket. For one caller at a time.
    """
    login = PREFIX + process
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        if connection.execute("SELECT to_regrole(%s) IS NULL", [login]).fetchone() == (True,):
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN NOINHERIT").format(sql.Identifier(login)))
        for role in Role:
            change = _MAY_BE if role in roles else _MAY_NOT_BE
            connection.execute(change.format(sql.Identifier(role), sql.Identifier(login)))
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{login}@{parts.netloc.rpartition('@')[2]}"))


_MAY_BE: Final = sql.SQL("GRANT {} TO {} WITH INHERIT FALSE, SET TRUE")
_MAY_NOT_BE: Final = sql.SQL("REVOKE {} FROM {}")
