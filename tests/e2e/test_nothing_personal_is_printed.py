"""A whole machine at its most talkative: what it prints and refuses tells of no person and no secret."""

import base64
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from drumbeat.access.tokens import Token
from drumbeat.eventstore.embedded import EmbeddedServer
from support.machine import Machine, drumbeat, machine, until

pytestmark = [pytest.mark.postgres, pytest.mark.slow]

NAME, PHONE, EMAIL = "Zyxomar Quillfeather", "+351912345678", "zyxomar@quillfeather.example"
NATIONAL, WORD, WRONG_KEY = "912345678", "Wolframgarten", "db_notakey_Xq7pLw93Vz"
PERSONAL = ("Zyxomar", "Quillfeather", "zyxomar", "quillfeather", NATIONAL, WORD, WRONG_KEY)
"""What was sent of people, and a word of a conversation. Nobody but the database may keep them."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("machine") / "state"


@pytest.fixture(scope="module")
def up(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    log = tmp_path_factory.mktemp("log") / "up.log"
    asked = ("--demonstration", "--people", "12")
    with machine(home, log, *asked, DRUMBEAT_LOG_LEVEL="debug") as running:
        yield running


@pytest.fixture(scope="module")
def client(up: Machine) -> Iterator[httpx.Client]:
    key = (up.home / "key").read_text().strip()
    with httpx.Client(base_url=up.address, headers={"Authorization": f"Bearer {key}"}, timeout=30) as made:
        yield made


@pytest.fixture(scope="module")
def campaign(client: httpx.Client) -> str:
    """A campaign with one contact, who was called and said something."""
    campaign_id, goal = str(uuid4()), str(uuid4())
    path = f"/campaigns/{campaign_id}"
    settings = {"agent": "Marta", "zone": "Europe/Lisbon", "end_at": "2036-04-01T12:00:00Z"}
    _done(
        client,
        "/campaigns",
        {"campaign_id": campaign_id, "kind": "voice_agent", "name": "C", "settings": settings},
    )
    _done(client, f"{path}/goals", {"goal_id": goal, "name": "Listens", "role": "primary"})
    sender = str(uuid4())
    number = {"sender_id": sender, "channel": "phone", "friendly_name": "N", "address": "+351210000001"}
    _done(client, "/senders", number)
    assert client.put(f"{path}/senders/{sender}", json={}).is_success
    row = {"reference": EMAIL, "name": NAME, "phone": PHONE, "email": EMAIL, "profile": {"pet": WORD}}
    enrolled = _done(client, f"{path}/contacts", row)
    _done(client, f"{path}/launch", {})
    contact = f"{path}/contacts/{enrolled['stream_id']}"
    _done(client, f"{contact}/calls", {"sender_id": sender})
    ended = {"outcome": "completed", "duration_seconds": 40, "conversation_id": str(uuid4()), "summary": WORD}
    position = _done(client, f"{contact}/calls/1/end", ended)["position"]
    card = client.get(contact, params={"at_least": position})
    assert NAME in card.text
    assert WORD in card.text
    found = client.get(f"{path}/contacts", params={"search": NAME, "count": "true"})
    assert found.json()["count"] == 1
    return campaign_id


def _done(client: httpx.Client, path: str, body: Any) -> dict[str, Any]:
    answer = client.post(path, json=body)
    assert answer.is_success, answer.text
    made: dict[str, Any] = answer.json()
    return made


def refused_requests(campaign: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Requests that are refused, with what is personal in every place that has room for it."""
    contacts, contact = f"/campaigns/{campaign}/contacts", f"/campaigns/{campaign}/contacts/{uuid4()}"
    whole = {"reference": EMAIL, "name": NAME, "phone": PHONE, "email": EMAIL}
    wrong: list[dict[str, Any]] = [
        {"reference": f"{NAME} " * 200},
        {"name": f"{NAME} " * 500},
        {"name": {"first": NAME}},
        {"name": f"{NAME}\u0000"},
        {"phone": f"call {NAME}"},
        {"phone": f"{PHONE}99999999999999"},
        {"phone": NATIONAL, "country": WORD},
        {"email": f"{EMAIL}@{EMAIL}"},
        {"email": f"{NAME} at home"},
        {"reference": 7, "name": NAME},
        {"name": 7, "email": EMAIL},
        {"profile": NAME},
        {"profile": {NAME: {WORD: [PHONE]}}},
        {"surname": NAME},
    ]
    for change in wrong:
        yield "POST", contacts, {"json": {**whole, **change}}
        yield "PUT", f"{contact}/profile", {"json": {"name": NAME, "phone": PHONE, **change}}
    yield "POST", contacts, {"content": f'{{"reference": "{EMAIL}", "name": "{NAME}", '.encode()}
    yield "POST", contacts, {"content": f'{{"name": "{NAME}", "name": "{NAME}", "phone": NaN}}'.encode()}
    yield "POST", contacts, {"content": f"{NAME}\udcff".encode("utf-8", "surrogateescape")}
    yield "POST", contacts, {"content": NAME.encode(), "headers": {"Content-Type": "text/plain"}}
    yield "POST", f"{contacts}/batch", {"json": {"rows": [NAME, {"reference": [NAME]}]}}
    yield "POST", f"{contacts}/batch", {"json": {"rows": NAME}}
    yield "POST", f"/campaigns/{campaign}/imports", {"content": f"{NAME},{PHONE}\n", "headers": _CSV}
    yield "POST", "/suppressions", {"json": {"channel": "phone", "address": NAME, "reason": "r"}}
    yield "POST", "/suppressions", {"json": {"channel": "email", "address": f"{EMAIL}@", "reason": "r"}}
    yield "POST", "/suppressions/lift", {"json": {"channel": "phone", "address": PHONE, "reason": "r"}}
    yield "POST", f"{contact}/remove", {"json": {"reason": {"said": NAME}}}
    yield "POST", f"{contact}/calls/1/end", {"json": {"outcome": "completed", "summary": [WORD]}}
    yield "GET", f"{contacts}?search={NAME}%00", {}
    yield "GET", f"{contacts}?sort=name&limit=0&search={NAME}", {}
    yield "GET", f"{contacts}?tag={NAME}&status=unheard", {}
    yield "GET", f"{contacts}?name={NAME}", {}
    yield "GET", f"{contacts}?cursor={base64.urlsafe_b64encode(json.dumps([NAME]).encode()).decode()}", {}
    yield "GET", contacts, {"headers": {"Authorization": f"Bearer {WRONG_KEY}"}}
    yield "GET", contacts, {"headers": {"Authorization": WRONG_KEY}}


_CSV = {"Content-Type": "text/csv"}


@pytest.mark.long
def test_what_is_refused_is_not_repeated(client: httpx.Client, campaign: str) -> None:
    refused, repeated = 0, []
    for method, path, sent in refused_requests(campaign):
        answer = client.request(method, path, **sent)
        assert not answer.is_server_error, answer.text
        found = [word for word in PERSONAL if word in answer.text]
        if answer.is_client_error:
            refused += 1
            if found:
                repeated.append((method, path, sent, answer.text))
    assert repeated == []
    assert refused > 30


def test_rows_that_were_refused_are_reported_without_what_stood_in_them(
    client: httpx.Client, campaign: str
) -> None:
    rows = [{"reference": f"r-{n}", "name": NAME, "phone": f"{NATIONAL} {WORD}"} for n in range(3)]
    answer = client.post(f"/campaigns/{campaign}/contacts/batch", json={"rows": rows})
    assert not any(word in answer.text for word in PERSONAL), answer.text
    file = f"reference,name,phone,zone\n1,{NAME},{WORD},{NAME}\n2,{NAME},{PHONE},UTC\n"
    queued = client.post(f"/campaigns/{campaign}/imports", content=file.encode(), headers=_CSV)
    assert queued.is_success, queued.text
    path = queued.headers["location"]
    assert until(lambda: client.get(path).json()["state"] in {"done", "failed"}, 60)
    for told in (queued, client.get(path), client.get(f"{path}/report")):
        assert not any(word in told.text for word in PERSONAL), told.text


@pytest.mark.long
def test_nothing_that_any_process_printed_tells_of_a_person_or_a_secret(
    up: Machine, home: Path, client: httpx.Client, campaign: str
) -> None:
    for method, path, sent in refused_requests(campaign):
        client.request(method, path, **sent)
    people = _people(client, campaign)
    assert len(people) > 12
    url = EmbeddedServer(home / "postgres").url
    secrets = _secrets(home, url)
    _break_something(url)
    for command in (["status"], ["campaign", "list"], ["events"], ["dead-letters", "list"]):
        told = drumbeat(*command, env=up.env)
        assert "Traceback" not in told.stderr, told.stderr
        _clean(told.stderr, people | secrets, f"drumbeat {command}")
    said = up.said
    assert '"level":"debug"' in said
    assert '"event":"request"' in said
    # The key of the machine is shown to the person who started it first, once.
    (shown,) = [line for line in said.splitlines() if line.lstrip().startswith("your key")]
    _clean(said.replace(shown, ""), people | secrets, "drumbeat up")
    server = (home / "postgres" / "server.log").read_text(errors="replace")
    assert "ready to accept connections" in server
    _clean(server, people | secrets, "the database's log")


def _people(client: httpx.Client, campaign: str) -> set[str]:
    """Names, phones and emails of everybody whom the machine knows."""
    words = set(PERSONAL)
    for one in client.get("/campaigns").json()["items"]:
        for row in client.get(f"/campaigns/{one['campaign_id']}/contacts?limit=100").json()["items"]:
            words |= {str(row[name]) for name in ("name", "phone", "email") if row.get(name)}
    return words


def _secrets(home: Path, url: str) -> set[str]:
    """Every key that there is, in the ways in which one would print it."""
    raw = [bytes(key) for (key,) in _asked(url, "SELECT key FROM access.workspace_keys")]
    assert raw
    texts = {key.hex() for key in raw} | {base64.b64encode(key).decode() for key in raw}
    lines = (home / "master.keys").read_text().splitlines()
    texts |= {line for line in lines if line and not line.startswith("#")}
    token = Token.parse((home / "key").read_text().strip())
    assert token is not None
    texts.add(token.secret)
    assert min(map(len, texts)) > 30
    return texts


def _asked(url: str, statement: str) -> list[tuple[Any, ...]]:
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        return connection.execute(statement.encode()).fetchall()


def _break_something(url: str) -> None:
    """Statements that fail with a person's row in hand: the server's log must not tell it."""
    with closing(psycopg.connect(url, autocommit=True)) as connection:
        for statement in (
            "INSERT INTO gen_1.contact_cards SELECT * FROM gen_1.contact_cards LIMIT 1",
            f"SELECT '{NAME}'::integer",
            f"INSERT INTO gen_1.contact_cards (name) VALUES ('{NAME}')",
        ):
            with pytest.raises(psycopg.Error):
                connection.execute(statement.encode())
        with (
            pytest.raises(psycopg.Error),
            connection.cursor().copy("COPY gen_1.contact_cards (name, position) FROM STDIN") as copy,
        ):
            copy.write(f"{NAME}\t{NAME}\n")


def _clean(text: str, words: set[str], where: str) -> None:
    for line in text.splitlines():
        found = [word for word in words if word in line]
        assert not found, f"{where} printed {found}: {line[:2000]}"
