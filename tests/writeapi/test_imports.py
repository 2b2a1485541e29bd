"""Contacts imported by upload: the file is judged at once, its rows in the background, a report tells which."""

import csv
import io
from collections.abc import Iterator
from threading import Event
from typing import Any
from uuid import uuid4

import httpx
import pytest

from drumbeat.commands.dispatch import Commands
from drumbeat.intake.upload_files import MOST_BYTES, MOST_LINES
from drumbeat.intake.upload_worker import UploadWorker
from support.reading import get, problem
from support.whole import OneKey
from support.writing import Writing, writing

pytestmark = pytest.mark.postgres

FILE = """\
reference,name,phone,email,zone,priority,tags,Company
p-1,Grace,+351910000001,grace@example.org,Europe/Lisbon,high,"vip,gold",Example Ltd
p-2,Ada,,,,,,
"""


@pytest.fixture
def api(database_url: str) -> Iterator[Writing]:
    with writing(database_url) as made:
        yield made


def drafted(api: Writing) -> str:
    return str(api.done("/campaigns", {"kind": "call", "name": "Spring"})["stream_id"])


def upload(api: Writing, campaign: str, file: str | bytes, query: str = "", **headers: str) -> httpx.Response:
    told = {"Content-Type": "text/csv"} | {name.replace("_", "-"): value for name, value in headers.items()}
    raw = file.encode() if isinstance(file, str) else file
    return api.client.post(f"/campaigns/{campaign}/imports{query}", content=raw, headers=told)


def worker(api: Writing, chunk_rows: int = 500) -> UploadWorker:
    return UploadWorker(api.uploads, Commands(api.ledger, OneKey()), lambda: api.now, chunk_rows=chunk_rows)


def work(api: Writing, chunk_rows: int = 500) -> None:
    one = worker(api, chunk_rows)
    while one.work(Event()):
        pass


def report(api: Writing, standing: dict[str, Any]) -> list[dict[str, str]]:
    answer = api.client.get(standing["report"])
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.text)))


def rows(count: int, first: int = 0) -> str:
    return "reference,phone\n" + "".join(f"p-{n},+35191{n:07}\n" for n in range(first, first + count))


def test_a_file_is_taken_at_once_and_its_rows_become_contacts_in_the_background(api: Writing) -> None:
    campaign = drafted(api)
    answer = upload(api, campaign, FILE)
    assert answer.status_code == 202
    queued = answer.json()["queued"]
    assert (queued["state"], queued["rows_read"], queued["share_done"], queued["position"]) == (
        "queued",
        0,
        0,
        None,
    )
    work(api)
    done = get(api.client, answer.headers["location"])
    assert (done["state"], done["share_done"], done["actor"]) == ("done", 1, "key:tests")
    assert (done["rows_read"], done["accepted"], done["refused"]) == (2, 2, 0)
    assert report(api, done) == []
    api.project()
    listed = get(api.client, f"/campaigns/{campaign}/contacts", at_least=str(done["position"]), sort="name")
    ada, grace = listed["items"]
    assert (ada["name"], ada["phone"], ada["priority"]) == ("Ada", None, "normal")
    assert (grace["phone"]["number"], grace["zone"], grace["priority"]) == (
        "+351910000001",
        "Europe/Lisbon",
        "high",
    )
    assert sorted(grace["tags"]) == ["gold", "vip"]
    card = get(api.client, f"/campaigns/{campaign}/contacts/{grace['contact_id']}")
    assert card["profile"] == {"Company": "Example Ltd"}


@pytest.mark.parametrize(
    "file",
    [
        b"\xef\xbb\xbf" + FILE.encode(),
        FILE.replace('"vip,gold"', "vip|gold").replace(",", ";").encode(),
        FILE.replace("\n", "\r\n").encode(),
        FILE.replace("reference,name,phone", "Reference, NAME ,Phone").encode(),
        FILE.rstrip().encode(),
        FILE.replace("\np-2", "\n\np-2").encode(),
    ],
    ids=["byte-order mark", "semicolons", "CRLF", "capitals", "no last newline", "a blank line"],
)
def test_the_usual_ways_to_write_the_same_file_are_read_alike(api: Writing, file: bytes) -> None:
    campaign = drafted(api)
    standing = upload(api, campaign, file).json()["queued"]
    work(api)
    done = get(api.client, f"/imports/{standing['import_id']}")
    assert (done["state"], done["accepted"], done["refused"]) == ("done", 2, 0)
    api.project()
    ada, grace = get(api.client, f"/campaigns/{campaign}/contacts", sort="name")["items"]
    assert (ada["reference"], sorted(grace["tags"])) == ("p-2", ["gold", "vip"])


def test_the_report_names_line_column_reason_and_what_is_allowed_and_nothing_of_the_person(api: Writing) -> None:
    campaign = drafted(api)
    file = (
        "reference,phone,zone,priority\n"
        "p-1,+351910000001,,\n"
        'p-2,"no\nnumber 4711",,\n'
        "p-3,+351910000003,+351910000666,\n"
        "p-4,+351910000004,,+351910000777\n"
        "p-5,+351910000005\n"
        "p-1,+351910000001,,\n"
        ",+351910000007,,\n"
    )
    standing = upload(api, campaign, file).json()["queued"]
    work(api, chunk_rows=3)
    done = get(api.client, f"/imports/{standing['import_id']}")
    assert (done["state"], done["rows_read"]) == ("done", 7)
    assert (done["accepted"], done["already_enrolled"], done["refused"]) == (1, 1, 5)
    told = report(api, done)
    assert [(row["line"], row["field"], row["reason"]) for row in told] == [
        ("3", "phone", "out-of-range"),
        ("5", "zone", "out-of-range"),
        ("6", "priority", "out-of-range"),
        ("7", "", "no-csv"),
        ("9", "reference", "out-of-range"),
    ]
    assert told[2]["allowed"] == "high, normal, low"
    kept = str(told) + str(_kept_answers(api))
    for personal in ("4711", "0000666", "0000777", "0000001"):
        assert personal not in kept


def _kept_answers(api: Writing) -> list[bytes]:
    with api.uploads._connections.use() as connection:
        return [bytes(row[0]) for row in connection.execute("SELECT answer FROM ledger.idempotency_keys")]


@pytest.mark.parametrize(
    ("file", "field", "words"),
    [
        (b"", "header", "empty"),
        (b"\n\n", "header", "empty"),
        (b"reference\np-\xe9\n", "encoding", "line 2 has the byte 0xe9"),
        (b"\xff\xfer\x00", "encoding", "line 1"),
        (b"PK\x03\x04", "encoding", "Excel"),
        (b"reference\np-\x00\n", "encoding", "NUL"),
        (b"Grace,+351910000001\n", "reference", "no column is called reference"),
        (b"reference,phone,PHONE\n", "phone", "more than once"),
        (b"reference,,name\n", "column 2", "0 characters"),
        (b"reference," + b"x" * 101 + b"\n", "column 2", "101 characters"),
        (b"reference\n" * (MOST_LINES + 1), "lines", "lines"),
        (("reference," + ",".join(f"c{n}" for n in range(101)) + "\n").encode(), "header", "101 columns"),
    ],
)
def test_a_file_at_fault_as_a_whole_is_a_problem_at_once(
    api: Writing, file: bytes, field: str, words: str
) -> None:
    document = problem(upload(api, drafted(api), file))
    assert (document["status"], document["code"], document["field"]) == (422, "invalid-file", field)
    assert words in document["detail"]
    assert "351910000001" not in str(document)
    assert get(api.client, "/imports")["items"] == []


def test_a_number_without_a_country_is_of_the_one_in_its_own_column(api: Writing) -> None:
    campaign = drafted(api)
    standing = upload(api, campaign, "reference,phone,country\np-1,910000001,PT\np-2,910000002,\n").json()[
        "queued"
    ]
    work(api)
    done = get(api.client, f"/imports/{standing['import_id']}")
    assert (done["accepted"], done["refused"]) == (1, 1)
    api.project()
    (row,) = get(api.client, f"/campaigns/{campaign}/contacts")["items"]
    assert row["phone"] == {"number": "+351910000001", "country": "PT"}


def test_a_file_that_is_too_large_or_no_csv_is_refused(api: Writing) -> None:
    campaign = drafted(api)
    document = problem(upload(api, campaign, b"reference\n" + b"x" * MOST_BYTES))
    assert (document["status"], document["code"]) == (413, "body-too-large")
    document = problem(upload(api, campaign, FILE, Content_Type="application/json"))
    assert (document["status"], document["code"]) == (415, "not-csv")


def test_a_campaign_that_takes_nobody_takes_no_file(api: Writing) -> None:
    assert problem(upload(api, str(uuid4()), FILE))["code"] == "unknown-stream"
    campaign = drafted(api)
    api.done(f"/campaigns/{campaign}/archive")
    assert problem(upload(api, campaign, FILE))["code"] == "campaign-over"
    api.done(f"/campaigns/{campaign}", method="DELETE")
    assert problem(upload(api, campaign, FILE))["code"] == "deleted"
    assert get(api.client, "/imports")["items"] == []


def test_the_same_key_and_file_are_one_import_and_another_file_is_refused(api: Writing) -> None:
    campaign = drafted(api)
    first = upload(api, campaign, FILE, Idempotency_Key="k-1").json()["queued"]
    work(api)
    again = upload(api, campaign, FILE, Idempotency_Key="k-1")
    assert again.status_code == 202
    told = again.json()["queued"]
    assert (told["import_id"], told["state"]) == (first["import_id"], "done")
    document = problem(upload(api, campaign, FILE + "p-3,,,,,,,\n", Idempotency_Key="k-1"))
    assert (document["status"], document["code"]) == (422, "idempotency-key-reused")
    other = {"kind": "call", "name": "Summer"}
    assert problem(api.post("/campaigns", other, Idempotency_Key="k-1"))["code"] == "idempotency-key-reused"
    assert len(get(api.client, "/imports")["items"]) == 1


def test_a_dry_run_checks_file_and_rows_and_keeps_nothing(api: Writing) -> None:
    campaign = drafted(api)
    before = api.ledger.head()
    answer = upload(api, campaign, FILE + "p-3,,x,,,,,\n", "?dry_run=true", Idempotency_Key="k-1")
    assert answer.status_code == 200
    assert answer.json()["queued"] is None
    checked = answer.json()["checked"]
    assert (checked["rows"], checked["refused"]) == (3, 1)
    assert (checked["first_refused"][0]["line"], checked["first_refused"][0]["field"]) == (4, "phone")
    assert problem(upload(api, campaign, b"", "?dry_run=true"))["code"] == "invalid-file"
    assert problem(upload(api, str(uuid4()), FILE, "?dry_run=true"))["code"] == "unknown-stream"
    assert (api.ledger.head(), get(api.client, "/imports")["items"]) == (before, [])
    assert upload(api, campaign, FILE, Idempotency_Key="k-1").status_code == 202


def test_more_imports_than_a_workspace_may_have_are_429_until_one_has_ended(database_url: str) -> None:
    with writing(database_url, imports_at_once=2) as api:
        campaign = drafted(api)
        first = upload(api, campaign, FILE).json()["queued"]
        upload(api, campaign, FILE)
        answer = upload(api, campaign, FILE, Idempotency_Key="k-1")
        document = problem(answer)
        assert (document["status"], document["code"]) == (429, "too-many-imports")
        assert int(answer.headers["retry-after"]) == document["retry_after_seconds"]
        api.workspace_id = "other"
        assert upload(api, drafted(api), FILE).status_code == 202
        api.workspace_id = "default"
        api.done(f"/imports/{first['import_id']}/cancel")
        assert upload(api, campaign, FILE, Idempotency_Key="k-1").status_code == 202


def test_one_that_waits_is_cancelled_at_once_and_its_file_is_gone(api: Writing) -> None:
    campaign = drafted(api)
    standing = upload(api, campaign, FILE).json()["queued"]
    (kept,) = _files(api)
    assert kept is not None
    assert b"Grace" not in kept
    path = f"/imports/{standing['import_id']}/cancel"
    assert api.done(f"{path}?dry_run=true")["state"] == "queued"
    assert api.done(path, Idempotency_Key="k-1")["state"] == "cancelled"
    assert api.done(path, Idempotency_Key="k-1")["state"] == "cancelled"
    assert not worker(api).work(Event())
    assert _files(api) == [None]


def test_one_that_has_ended_cannot_be_cancelled(api: Writing) -> None:
    standing = upload(api, drafted(api), FILE).json()["queued"]
    work(api)
    document = problem(api.post(f"/imports/{standing['import_id']}/cancel"))
    assert (document["status"], document["code"], document["value"]) == (409, "import-over", "done")
    assert _files(api) == [None]


def _files(api: Writing) -> list[bytes | None]:
    with api.uploads._connections.use() as connection:
        return [row[0] for row in connection.execute("SELECT file FROM intake.uploads")]


def test_imports_are_listed_newest_first_page_by_page_and_by_campaign(api: Writing) -> None:
    first, second = drafted(api), drafted(api)
    made = [upload(api, campaign, FILE).json()["queued"]["import_id"] for campaign in (first, second, first)]
    page = get(api.client, "/imports", limit=2)
    rest = get(api.client, "/imports", limit=2, cursor=page["next_cursor"])
    assert sorted(one["import_id"] for one in page["items"] + rest["items"]) == sorted(made)
    assert (len(page["items"]), rest["next_cursor"]) == (2, None)
    (only,) = get(api.client, "/imports", campaign_id=second)["items"]
    assert only["import_id"] == made[1]
    assert problem(api.client.get("/imports", params={"cursor": str(uuid4())}))["code"] == "invalid-parameter"


def test_a_page_of_imports_has_as_many_rows_as_a_page_of_any_list(database_url: str) -> None:
    with writing(database_url, page_rows=3) as api:
        campaign = drafted(api)
        for _ in range(4):
            upload(api, campaign, FILE)
        assert len(get(api.client, "/imports")["items"]) == 3
        document = problem(api.client.get("/imports", params={"limit": 4}))
        assert (document["code"], document["allowed"]) == ("page-too-large", "1 to 3")


def test_an_import_of_another_workspace_is_not_there(api: Writing) -> None:
    standing = upload(api, drafted(api), FILE).json()["queued"]
    path = f"/imports/{standing['import_id']}"
    api.workspace_id = "other"
    for answer in (api.client.get(path), api.client.get(f"{path}/report"), api.post(f"{path}/cancel")):
        assert (problem(answer)["status"], problem(answer)["code"]) == (404, "unknown-import")
    assert get(api.client, "/imports")["items"] == []
    answer = api.client.get("/imports", params={"cursor": standing["import_id"]})
    assert problem(answer)["code"] == "invalid-parameter"
    api.workspace_id = "default"
    assert get(api.client, path)["state"] == "queued"
