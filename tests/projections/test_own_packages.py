"""What packages bring is found, and what does not fit is refused by package, field and what is allowed."""

import pickle
from pathlib import Path

import pytest

from drumbeat import bootstrap
from drumbeat.projections import models
from support.own_packages import PAGE, files_of, found_in, pretended

ENTRY = "call_ends = call_ends:PROJECTION"
SQL, MODULE = "call_ends/call_ends.sql", "call_ends/__init__.py"
WORKSPACE = "    workspace_id text NOT NULL,\n"
HOUR = "hour         smallint NOT NULL, -- 0 to 23 on"
OUTCOME = "outcome      text NOT NULL,"
LOG = """
from pathlib import Path
from drumbeat.events.contact import ContactEnrolled
from drumbeat.projections.engine import Log, Projection, Row

class Enrolment(Row):
    position: int
    workspace_id: str

PROJECTION = Projection(
    name="call_ends", version=1, sql=Path(__file__).with_name("call_ends.sql"),
    logs=(Log(table="enrolments", row=Enrolment, rows={ContactEnrolled: lambda event, at: Enrolment(at, "x")}),),
)
"""
LOG_SQL = """-- name: tables
-- Who came.
CREATE TABLE enrolments (position bigint NOT NULL, workspace_id text NOT NULL, PRIMARY KEY (position));
CREATE INDEX enrolments_by_workspace ON enrolments (workspace_id, position DESC);
"""


def installed(folder: Path, *changes: tuple[str, str, str], entry: str = ENTRY) -> Path:
    """The package of the page with something changed: file, what stands there, what shall."""
    files = files_of(PAGE)
    for file, old, new in changes:
        assert old in files[file], old
        files[file] = files[file].replace(old, new)
    return pretended(folder, "call-ends", files, entry)


def test_a_package_is_found_with_its_tables_columns_and_comments(tmp_path: Path) -> None:
    with found_in(installed(tmp_path)) as found:
        (own,) = found.own
        assert found.refused == ()
        assert (own.projection.name, own.projection.package, own.projection.version) == (
            "call_ends",
            "call-ends",
            1,
        )
        assert [table.name for table in own.tables] == ["ended_calls", "call_ends"]
        hour = own.tables[1].column("hour")
        assert hour is not None
        assert (hour.type, hour.nullable, hour.words) == ("smallint", False, "0 to 23; -1: not recorded")
        assert bootstrap.projections() == (*bootstrap.PROJECTIONS, own.projection)
        # Workers of a rebuild are sent this function, by its name.
        assert pickle.loads(pickle.dumps(bootstrap.projections))()[-1] is own.projection


def test_without_packages_there_are_ours() -> None:
    with found_in(None) as found:
        assert (found.own, found.refused) == ((), ())
        assert bootstrap.projections() == bootstrap.PROJECTIONS


def test_a_log_and_an_index_may_be_declared(tmp_path: Path) -> None:
    with found_in(pretended(tmp_path, "call-ends", {MODULE: LOG, SQL: LOG_SQL}, ENTRY)) as found:
        (own,) = found.own
        assert (
            b'CREATE INDEX ON "enrolments" ("workspace_id", "position" DESC)' in own.projection.script()["tables"]
        )


@pytest.mark.parametrize(
    ("change", "field", "value", "allowed"),
    [
        (
            (SQL, HOUR, "hour time NOT NULL, -- "),
            "type of ended_calls.hour",
            "time NOT NULL",
            "text, uuid, smallint",
        ),
        (
            (SQL, HOUR, "hour text NOT NULL, -- "),
            "type of ended_calls.hour",
            "text for int",
            "smallint or integer or bigint",
        ),
        (
            (SQL, OUTCOME, "outcome text DEFAULT 'x',"),
            "type of call_ends.outcome",
            "text DEFAULT 'x'",
            "text, uuid",
        ),
        (
            (SQL, OUTCOME, "result text NOT NULL,"),
            "primary key of call_ends",
            "outcome",
            "NOT NULL: workspace_id, campaign_id, hour, result",
        ),
        (
            (SQL, "    outcome      text, ", "    result text, "),
            "columns of ended_calls",
            "result",
            "the fields of Call; not on both sides: outcome, result",
        ),
        (
            (SQL, "contact_id, attempt)", "contact_id)"),
            "primary key of ended_calls",
            "contact_id",
            "the first 4 fields of Call",
        ),
        (
            (SQL, "    value        bigint NOT NULL, ", "    value integer NOT NULL, "),
            "columns of call_ends",
            "value",
            "value bigint NOT NULL",
        ),
        (
            (SQL, "CREATE TABLE call_ends", "DROP TABLE contacts; CREATE TABLE call_ends"),
            "statement",
            "DROP TABLE contacts",
            "CREATE TABLE",
        ),
        (
            (SQL, "CREATE TABLE call_ends", "DELETE FROM contacts;\nCREATE TABLE call_ends"),
            "statement",
            "DELETE FROM contacts",
            "CREATE TABLE",
        ),
        (
            (SQL, "CREATE TABLE call_ends", "CREATE TABLE gen_1.call_ends"),
            "table gen_1.call_ends",
            "gen_1.call_ends",
            "a to z, 0 to 9",
        ),
        (
            (SQL, "CREATE TABLE call_ends", "CREATE TABLE other"),
            "tables in the .sql file",
            "ended_calls, other",
            "ended_calls, call_ends",
        ),
        (
            (SQL, "-- name: tables", "-- name: views\n-- Ours.\nSELECT 1;\n-- name: tables"),
            "sql",
            "views, tables",
            "one block: -- name: tables",
        ),
        ((SQL, "-- name: tables", "-- nothing"), "sql", "no block", "one block: -- name: tables"),
        (
            (SQL, "    attempt      integer", "    attempt jsonb"),
            "type of ended_calls.attempt, in the primary key",
            "jsonb",
            "text, uuid",
        ),
        (
            (
                SQL,
                f"{WORKSPACE}    campaign_id  uuid NOT NULL,\n    contact_id",
                "    campaign_id uuid NOT NULL,\n    contact_id",
            ),
            "primary key of ended_calls",
            "workspace_id",
            "columns that are NOT NULL",
        ),
        (
            (MODULE, 'name="call_ends"', 'name="contacts"'),
            "name",
            "contacts",
            "that of its entry point: call_ends",
        ),
        ((MODULE, "version=1", "version=0"), "version", "0", "a whole number from 1 on"),
        (
            (MODULE, "    version=1,\n", ""),
            "entry point",
            "missing 1 required keyword-only argument: 'version'",
            "module:object",
        ),
        (
            (MODULE, "from uuid import UUID", "import nowhere"),
            "entry point",
            "No module named 'nowhere'",
            "module:object",
        ),
        (
            (MODULE, "PROJECTION = Projection(", "PROJECTION = dict("),
            "object",
            "dict",
            "drumbeat.projections.engine.Projection",
        ),
        ((MODULE, "of=CALLS", "of=ATTEMPTS"), "of, in call_ends", "attempts", "own entities: ended_calls"),
        (
            (MODULE, "ContactCallPlaced: placed,", "CampaignLaunched: placed,"),
            "folds of ended_calls",
            "campaign, contact",
            "one kind of stream",
        ),
        ((MODULE, 'with_name("call_ends.sql")', 'with_name("else.sql")'), "sql", "else.sql", "one block"),
        ((MODULE, "entities=(CALLS,)", "entities=CALLS"), "object", "TypeError", "whole entities"),
        (
            (MODULE, "    outcome: str | None = None", "    outcome: complex = 0j"),
            "type of ended_calls.outcome",
            "text for complex",
            "one of str, bool, int",
        ),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line_and_left_out(
    tmp_path: Path, change: tuple[str, str, str], field: str, value: str, allowed: str
) -> None:
    more = (MODULE, "from pathlib import Path", MORE)
    with found_in(installed(tmp_path, change, more)) as found:
        assert found.own == ()
        assert bootstrap.projections() == bootstrap.PROJECTIONS
        (refused,) = found.refused
        assert (refused.package, refused.name, refused.field) == ("call-ends 1.0", "call_ends", field)
        assert value in refused.value
        assert allowed in refused.allowed
        line = f"projection call_ends of package call-ends 1.0 is refused: {field} is "
        assert str(refused).startswith(line)
        assert "\n" not in str(refused)


MORE = """
from pathlib import Path
from drumbeat.events.campaign import CampaignLaunched
from drumbeat.projections.attempts import ATTEMPTS
"""


def test_what_is_in_the_table_of_another_projection_or_view_is_taken(tmp_path: Path) -> None:
    for number, table in enumerate(("contacts", "watched_senders", "streams", "rebuilds")):
        target = installed(tmp_path / str(number), (SQL, "ended_calls", table), (MODULE, "ended_calls", table))
        with found_in(target) as found:
            (refused,) = found.refused
            assert (refused.field, refused.value) == ("table", table)


def test_a_name_of_ours_is_taken_and_of_two_packages_the_first_by_name_has_it(tmp_path: Path) -> None:
    ours = installed(
        tmp_path / "ours",
        (MODULE, '"call_ends",\n    version', '"contacts",\n    version'),
        entry="contacts = call_ends:PROJECTION",
    )
    with found_in(ours) as found:
        assert [(one.field, one.value) for one in found.refused] == [("name", "contacts")]
    both = installed(tmp_path / "both")
    pretended(both, "copied-ends", {}, ENTRY)
    with found_in(both) as found:
        assert [one.projection.package for one in found.own] == ["call-ends"]
        assert [(one.package, one.value) for one in found.refused] == [("copied-ends 1.0", "call_ends")]


def test_every_module_here_that_has_a_projection_is_registered_and_has_a_sql_file_of_its_name() -> None:
    folder = Path(models.__file__).parent
    modules = {path.stem for path in folder.glob("*.py") if "\nPROJECTION = " in path.read_text()}
    assert modules == {*models.REGISTERED, "timers"}
    for projection in models.PROJECTIONS:
        assert projection.sql.name == f"{projection.name}.sql"
        assert projection.sql.exists()
