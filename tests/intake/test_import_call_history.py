"""Imports whole, on the ledger in memory: what comes into the log, and what happens when something fails."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from drumbeat.commands.dispatch import Commands
from drumbeat.commands.history import RecordHistory
from drumbeat.commands.ledger import Appended, LedgerUnavailable, Once
from drumbeat.events import Cause, Event, Fact, Principal
from drumbeat.events.calls import ContactCallEnded, ContactCallPlaced
from drumbeat.events.contact import ContactEnrolled, ContactFinished
from drumbeat.events.evaluations import ContactGoalAchieved, ContactGoalEvaluated
from drumbeat.events.ids import contact_id
from drumbeat.events.values import CallOutcome, FinishOutcome, GoalResult
from drumbeat.intake.call_history import ImportReport, import_call_history
from drumbeat.intake.errors import FileChanged, FileProblem, LedgerAway, OtherReading, ReportProblem
from drumbeat.intake.mapping import Mapping
from drumbeat.intake.mapping_files import load_mapping, parse_mapping
from drumbeat.intake.patience import Patience
from drumbeat.intake.progress import Phase, Progress
from support.memory_ledger import MemoryLedger

NOW = datetime(2025, 3, 1, 12, tzinfo=UTC)
CHUNK = 20
"""Rows a chunk in these tests: few, so that small files have many chunks."""
CALL_LOG = Path(__file__).parents[2] / "examples" / "call-log.csv"
PER_CONTACT = """
name = "A history"
shape = "row_per_contact"
[contact]
reference = "id"
[call]
attempts = "n"
duration = "seconds"
[outcome]
by_duration = { above_zero = "completed", zero = "no_answer" }
"""
PER_CALL = """
name = "A log"
shape = "row_per_call"
[contact]
reference = "id"
[outcome]
column = "end"
values = { talked = "completed", busy = "busy" }
"""


class Keys:
    """One key for every workspace."""

    def key(self, workspace_id: str) -> bytes:
        return workspace_id.encode().ljust(32, b".")


class StoppingLedger(MemoryLedger):
    """Fails at chosen appends: before they take effect, or after, when the answer is lost."""

    def __init__(self) -> None:
        super().__init__()
        self.appends = 0
        self.fail: Callable[[int], Exception | None] = lambda _number: None
        self.lose_answer = False

    def append(self, events: Sequence[Event[Fact]], *, once: Once | None = None) -> Appended:
        if once is not None and self.answered(once.workspace_id, once.key, once.request_hash) is not None:
            return super().append(events, once=once)  # writes nothing
        self.appends += 1
        failure = self.fail(self.appends)
        if failure is not None and not self.lose_answer:
            raise failure
        appended = super().append(events, once=once)
        if failure is not None:
            raise failure
        return appended


class Killed(Exception):
    """Stands for a process that ends at once."""


def killing_at(append: int) -> Callable[[int], Exception | None]:
    """A failure at one append."""
    return lambda number: Killed() if number == append else None


def run_import(
    ledger: MemoryLedger,
    file: Path,
    mapping: Mapping,
    *,
    patience: Patience | None = None,
    on_progress: Callable[[Progress], None] = lambda _progress: None,
) -> ImportReport:
    return import_call_history(
        file,
        mapping,
        commands=Commands(ledger, Keys()),
        principal=Principal(workspace_id="default", actor="ada", cause=Cause.USER, correlation_id=uuid4()),
        clock=lambda: NOW,
        refused_rows=file.with_name("refused.csv"),
        patience=patience or Patience(limit_seconds=0),
        on_progress=on_progress,
    )


def written(folder: Path, lines: Sequence[str]) -> Path:
    file = folder / "history.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


def many_rows(folder: Path, rows: int) -> Path:
    return written(folder, ["id,n,seconds", *(f"p{n},{n % 3 + 1},{n % 2 * 60}" for n in range(rows))])


def calls_of_many(folder: Path, rows: int) -> Path:
    people = rows // 3
    return written(
        folder, ["id,end", *(f"p{n % people},{'talked' if n > 2 * people else 'busy'}" for n in range(rows))]
    )


def facts_of(ledger: MemoryLedger) -> dict[str, list[Fact]]:
    """The facts of each stream, in its order."""
    streams: dict[str, list[Fact]] = {}
    for event in ledger.log:
        streams.setdefault(str(event.stream_id), []).append(event.fact)
    return streams


def types_of(facts: Sequence[Fact]) -> list[str]:
    return [fact.TYPE.removesuffix(".v1") for fact in facts]


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drumbeat.intake.call_history.CHUNK_ROWS", CHUNK)


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


def test_a_campaign_of_history_is_made_run_and_completed(ledger: MemoryLedger, tmp_path: Path) -> None:
    report = run_import(ledger, written(tmp_path, ["id,n,seconds", "p1,1,60"]), parse_mapping(PER_CONTACT, "t"))
    assert types_of(facts_of(ledger)[str(report.campaign_id)]) == [
        "campaign.drafted",
        "campaign.import_started",
        "campaign.launched",
        "campaign.activated",
        "campaign.audience_opened",
        "campaign.import_finished",
        "campaign.audience_processed",
        "campaign.completed",
    ]


def test_earlier_attempts_are_recorded_without_outcome_and_date(ledger: MemoryLedger, tmp_path: Path) -> None:
    report = run_import(ledger, written(tmp_path, ["id,n,seconds", "p1,3,60"]), parse_mapping(PER_CONTACT, "t"))
    facts = facts_of(ledger)[str(contact_id(report.campaign_id, "p1"))]
    assert [(f.outcome, f.duration_seconds) for f in facts if isinstance(f, ContactCallEnded)] == [
        (CallOutcome.NOT_RECORDED, None),
        (CallOutcome.NOT_RECORDED, None),
        (CallOutcome.COMPLETED, 60),
    ]
    assert [f.occurred for f in facts if isinstance(f, ContactCallPlaced)] == [None, None, None]
    assert facts[-1] == ContactFinished(outcome=FinishOutcome.COMPLETED)
    assert (report.contacts, report.calls, report.accepted, report.refused) == (1, 3, 1, 0)


def test_a_contact_who_was_never_called_ends_without_a_recorded_outcome(
    ledger: MemoryLedger, tmp_path: Path
) -> None:
    report = run_import(ledger, written(tmp_path, ["id,n,seconds", "p1,0,"]), parse_mapping(PER_CONTACT, "t"))
    facts = facts_of(ledger)[str(contact_id(report.campaign_id, "p1"))]
    assert types_of(facts) == ["contact.enrolled", "contact.finished"]
    assert facts[-1] == ContactFinished(outcome=FinishOutcome.OUTCOME_NOT_RECORDED)


def test_the_call_log_that_is_shipped_gives_every_call_to_its_contact(
    ledger: MemoryLedger, tmp_path: Path
) -> None:
    copy = tmp_path / "call-log.csv"
    copy.write_bytes(CALL_LOG.read_bytes())
    report = run_import(ledger, copy, load_mapping("call-log"))
    assert (report.rows, report.accepted, report.refused, report.contacts, report.calls) == (16, 16, 0, 9, 16)
    every = [event.fact for event in ledger.log]
    assert Counter(f.outcome for f in every if isinstance(f, ContactCallEnded)) == {
        CallOutcome.NO_ANSWER: 4,
        CallOutcome.COMPLETED: 3,
        CallOutcome.LEFT_MESSAGE: 2,
        CallOutcome.BUSY: 2,
        CallOutcome.CALLBACK: 1,
        CallOutcome.FAILED: 1,
        CallOutcome.USER_HUNG_UP: 1,
        CallOutcome.MEETING_BOOKED: 1,
        CallOutcome.NOT_RECORDED: 1,
    }
    assert sum(isinstance(f, ContactGoalAchieved) for f in every) == 3
    assert Counter(f.outcome for f in every if isinstance(f, ContactFinished)) == {
        FinishOutcome.COMPLETED: 5,
        FinishOutcome.NO_CONVERSATION: 1,
        FinishOutcome.ATTEMPTS_EXHAUSTED: 2,
        FinishOutcome.OUTCOME_NOT_RECORDED: 1,
    }


def test_with_a_row_a_call_a_goal_is_judged_by_conversation(ledger: MemoryLedger, tmp_path: Path) -> None:
    copy = tmp_path / "call-log.csv"
    copy.write_bytes(CALL_LOG.read_bytes())
    report = run_import(ledger, copy, load_mapping("call-log"))
    facts = facts_of(ledger)[str(contact_id(report.campaign_id, "C-1005"))]
    ended = [f for f in facts if isinstance(f, ContactCallEnded)]
    judged = [f for f in facts if isinstance(f, ContactGoalEvaluated)]
    assert [f.result for f in judged] == [GoalResult.UNKNOWN, GoalResult.ACHIEVED]
    assert [f.conversation_id for f in judged] == [f.conversation_id for f in ended]
    assert None not in {f.conversation_id for f in judged}


def test_calls_of_one_contact_may_lie_far_apart_in_the_file(ledger: MemoryLedger, tmp_path: Path) -> None:
    rows = 2 * CHUNK + 100
    report = run_import(ledger, calls_of_many(tmp_path, rows), parse_mapping(PER_CALL, "t"))
    assert (report.contacts, report.calls) == (rows // 3, rows)
    facts = facts_of(ledger)[str(contact_id(report.campaign_id, "p5"))]
    assert [f.attempt for f in facts if isinstance(f, ContactCallPlaced)] == [1, 2, 3]
    assert types_of(facts)[-1] == "contact.finished"
    assert types_of(facts).count("contact.finished") == 1


def test_a_bad_row_is_reported_and_the_others_go_on(ledger: MemoryLedger, tmp_path: Path) -> None:
    lines = ["id,n,seconds", "p1,1,60", "p2,none,60", "p3,1,60", "p4,1", "p5,1,60"]
    report = run_import(ledger, written(tmp_path, lines), parse_mapping(PER_CONTACT, "t"))
    assert (report.rows, report.accepted, report.refused, report.contacts) == (5, 3, 2, 3)
    assert report.refused_rows is not None
    assert report.refused_rows.read_text().splitlines() == [
        "line,row,column,value,reason",
        '3,2,n,none,"not a whole number from 0 to 10,000"',
        '5,4,,,"3 columns expected, 2 found"',
    ]


def test_what_the_decision_refuses_is_reported_with_its_column(ledger: MemoryLedger, tmp_path: Path) -> None:
    mapping = parse_mapping(PER_CONTACT.replace("[contact]", '[contact]\nphone = "tel"'), "t")
    lines = ["id,tel,n,seconds", "p1,+12125550101,1,60", "p2,none at all,1,60"]
    report = run_import(ledger, written(tmp_path, lines), mapping)
    assert (report.accepted, report.refused) == (1, 1)
    assert report.refused_rows is not None
    assert report.refused_rows.read_text().splitlines()[1].startswith("3,2,tel,none at all,")


def test_with_a_row_a_contact_a_second_row_of_the_same_contact_is_refused(
    ledger: MemoryLedger, tmp_path: Path
) -> None:
    lines = ["id,n,seconds", "p1,1,60", "p1,1,60", "p1,2,30", *(f"q{n},1,5" for n in range(CHUNK)), "p1,3,7"]
    report = run_import(ledger, written(tmp_path, lines), parse_mapping(PER_CONTACT, "t"))
    assert (report.accepted, report.refused, report.contacts) == (CHUNK + 1, 3, CHUNK + 1)
    assert report.refused_rows is not None
    reported = report.refused_rows.read_text().splitlines()[1:]
    assert [line.split(",")[0] for line in reported] == ["3", "4", str(CHUNK + 5)]
    assert {line.split(",", 4)[4] for line in reported} == {"another row has the same reference"}


def test_a_reference_that_is_a_phone_number_does_not_stand_in_the_log(
    ledger: MemoryLedger, tmp_path: Path
) -> None:
    lines = ["id,end", "+12125550101,busy", "+12125550101,talked"]
    report = run_import(ledger, written(tmp_path, lines), parse_mapping(PER_CALL, "t"))
    assert (report.contacts, report.calls) == (1, 2)
    [enrolled] = [event.fact for event in ledger.log if isinstance(event.fact, ContactEnrolled)]
    assert "2125550101" not in enrolled.reference
    assert sum(isinstance(event.fact, ContactFinished) for event in ledger.log) == 1


def test_the_same_import_again_writes_nothing_and_says_so(ledger: MemoryLedger, tmp_path: Path) -> None:
    file = many_rows(tmp_path, 30)
    first = run_import(ledger, file, parse_mapping(PER_CONTACT, "t"))
    before = len(ledger.log)
    again = run_import(ledger, file, parse_mapping("# the same\n" + PER_CONTACT, "t"))
    assert len(ledger.log) == before
    assert (first.repeated, again.repeated) == (False, True)
    assert (again.campaign_id, again.accepted, again.contacts, again.calls) == (
        first.campaign_id,
        first.accepted,
        first.contacts,
        first.calls,
    )


def test_another_mapping_or_file_is_another_campaign(ledger: MemoryLedger, tmp_path: Path) -> None:
    first = run_import(ledger, many_rows(tmp_path, 3), parse_mapping(PER_CONTACT, "t"))
    renamed = run_import(
        ledger, many_rows(tmp_path, 3), parse_mapping(PER_CONTACT.replace("A history", "Another"), "t")
    )
    longer = run_import(ledger, many_rows(tmp_path, 4), parse_mapping(PER_CONTACT, "t"))
    assert len({first.campaign_id, renamed.campaign_id, longer.campaign_id}) == 3


@pytest.mark.parametrize("shape", ["row_per_contact", "row_per_call"])
@pytest.mark.parametrize("lose_answer", [False, True])
def test_an_import_killed_at_any_append_goes_on_and_doubles_nothing(
    shape: str, lose_answer: bool, tmp_path: Path
) -> None:
    per_contact = shape == "row_per_contact"
    rows = 5 * CHUNK + 7
    file = many_rows(tmp_path, rows) if per_contact else calls_of_many(tmp_path, rows)
    mapping = parse_mapping(PER_CONTACT if per_contact else PER_CALL, "t")
    undisturbed = StoppingLedger()
    whole = run_import(undisturbed, file, mapping)

    ledger = StoppingLedger()
    ledger.lose_answer = lose_answer
    kills = 0
    while True:
        # Each run gets one append further than the one before and is killed there, so that every append is hit.
        ledger.fail = killing_at(ledger.appends + (1 if lose_answer else 2))
        try:
            report = run_import(ledger, file, mapping)
        except Killed:
            kills += 1
            continue
        break
    assert kills >= undisturbed.appends - 1
    assert (report.accepted, report.contacts, report.calls) == (whole.accepted, whole.contacts, whole.calls)
    assert facts_of(ledger) == facts_of(undisturbed)


def test_two_imports_of_the_same_file_at_once_double_nothing(ledger: MemoryLedger, tmp_path: Path) -> None:
    file = calls_of_many(tmp_path, 2 * CHUNK + 50)
    mapping = parse_mapping(PER_CALL, "t")
    reports: list[ImportReport] = []
    threads = [
        threading.Thread(target=lambda: reports.append(run_import(ledger, file, mapping))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    alone = MemoryLedger()
    run_import(alone, file, mapping)
    assert facts_of(ledger) == facts_of(alone)
    assert len({(r.accepted, r.refused, r.contacts, r.calls) for r in reports}) == 1
    assert len(reports) == 2


def test_a_database_that_comes_back_is_waited_for(tmp_path: Path) -> None:
    ledger = StoppingLedger()
    away = iter([True, True, True])
    ledger.fail = lambda number: LedgerUnavailable("gone") if number >= 4 and next(away, False) else None
    pauses: list[float] = []
    phases: list[Phase] = []
    report = run_import(
        ledger,
        many_rows(tmp_path, CHUNK + 1),
        parse_mapping(PER_CONTACT, "t"),
        patience=Patience(limit_seconds=60, sleep=pauses.append),
        on_progress=lambda progress: phases.append(progress.phase),
    )
    assert report.accepted == CHUNK + 1
    assert pauses == [0.2, 0.4, 0.8]
    assert phases.count(Phase.WAITING) == 3


def test_a_database_that_stays_away_ends_the_import_within_a_bound(tmp_path: Path) -> None:
    ledger = StoppingLedger()
    ledger.fail = lambda number: LedgerUnavailable("connection refused") if number >= 3 else None
    seconds = iter(range(0, 1000, 7))
    patience = Patience(limit_seconds=60, sleep=lambda _seconds: None, clock=lambda: float(next(seconds)))
    with pytest.raises(LedgerAway, match=r"60 s \(connection refused\).*goes on"):
        run_import(ledger, many_rows(tmp_path, 10), parse_mapping(PER_CONTACT, "t"), patience=patience)
    ledger.fail = lambda _number: None
    assert run_import(ledger, many_rows(tmp_path, 10), parse_mapping(PER_CONTACT, "t")).accepted == 10


def test_a_file_that_cannot_be_read_leaves_no_trace(ledger: MemoryLedger, tmp_path: Path) -> None:
    with pytest.raises(FileProblem):
        run_import(ledger, written(tmp_path, ["id,seconds", "p1,60"]), parse_mapping(PER_CONTACT, "t"))
    assert ledger.log == []
    assert [one.name for one in tmp_path.iterdir()] == ["history.csv"]


def test_a_mapping_under_which_every_row_would_be_refused_leaves_no_trace(
    ledger: MemoryLedger, tmp_path: Path
) -> None:
    mapping = parse_mapping(PER_CONTACT.replace("[contact]", '[contact]\nphone = "name"'), "t")
    lines = ["id,name,n,seconds", "p1,Ada,1,60", "p2,Ben,1,60"]
    with pytest.raises(FileProblem, match=r"not one of 2 rows fits.*line 2, column 'name', value 'Ada': phone"):
        run_import(ledger, written(tmp_path, lines), mapping)
    assert ledger.log == []


def test_a_report_that_cannot_be_written_is_told_before_anything_is(ledger: MemoryLedger, tmp_path: Path) -> None:
    (tmp_path / "refused.csv").mkdir()
    with pytest.raises(ReportProblem, match=r"refused\.csv: .* cannot be written"):
        run_import(ledger, many_rows(tmp_path, 3), parse_mapping(PER_CONTACT, "t"))
    assert ledger.log == []


def test_rows_of_very_many_calls_make_small_chunks(
    ledger: MemoryLedger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("drumbeat.intake.call_history.CHUNK_CALLS", 50)
    read: list[int] = []
    lines = ["id,n,seconds", *(f"p{n},30,60" for n in range(6))]
    report = run_import(
        ledger,
        written(tmp_path, lines),
        parse_mapping(PER_CONTACT, "t"),
        on_progress=lambda p: read.append(p.read) if p.phase is Phase.RECORDING else None,
    )
    assert read == [2, 4, 6]
    assert report.calls == 180


def test_an_import_that_another_version_read_otherwise_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = StoppingLedger()
    file, mapping = many_rows(tmp_path, 2 * CHUNK), parse_mapping(PER_CONTACT, "t")
    ledger.fail = killing_at(4)
    with pytest.raises(Killed):
        run_import(ledger, file, mapping)
    before = len(ledger.log)
    monkeypatch.setattr(RecordHistory, "fingerprint", lambda _command: b"of another version")
    with pytest.raises(OtherReading, match="another version of Drumbeat began this import"):
        run_import(ledger, file, mapping)
    assert len(ledger.log) == before


def test_a_file_that_changes_meanwhile_is_left_and_goes_on_when_it_is_back(
    ledger: MemoryLedger, tmp_path: Path
) -> None:
    file = many_rows(tmp_path, 3 * CHUNK)
    original = file.read_bytes()
    mapping = parse_mapping(PER_CONTACT, "t")

    def append_a_row(progress: Progress) -> None:
        if progress.phase is Phase.RECORDING and file.read_bytes() == original:
            file.write_bytes(original + b"late,1,5\n")

    with pytest.raises(FileChanged):
        run_import(ledger, file, mapping, on_progress=append_a_row)
    file.write_bytes(original)
    assert run_import(ledger, file, mapping).accepted == 3 * CHUNK


def test_progress_tells_rows_read_accepted_refused_and_the_rest(ledger: MemoryLedger, tmp_path: Path) -> None:
    seen: list[Progress] = []
    lines = ["id,n,seconds", "bad,x,1", *(f"p{n},1,60" for n in range(2 * CHUNK))]
    run_import(ledger, written(tmp_path, lines), parse_mapping(PER_CONTACT, "t"), on_progress=seen.append)
    assert seen[0].phase is Phase.CHECKING
    recorded = [p for p in seen if p.phase is Phase.RECORDING]
    assert [(p.read, p.accepted, p.refused) for p in recorded] == [
        (CHUNK, CHUNK - 1, 1),
        (2 * CHUNK, 2 * CHUNK - 1, 1),
        (2 * CHUNK + 1, 2 * CHUNK, 1),
    ]
    assert recorded[0].rows == 2 * CHUNK + 1
    assert recorded[0].rows_per_second > 0
    assert (recorded[0].remaining_seconds or 0) > 0
    assert recorded[-1].remaining_seconds == 0
