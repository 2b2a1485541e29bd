"""`go-live`: the longest time for which a switch of generations locks the views, while four read and four write.

API and projector are processes of their own. Four clients read a dashboard and four work contacts off over HTTP,
all the time; meanwhile all read models are rebuilt, put in place, put back, put in place again. Every answer has
to be a success, and the rows that went live are those that were live.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from benchmarks.command_http import running_campaign, script_of
from benchmarks.harness import Bench, Goal, Result
from benchmarks.processes import answer_of, processes, settings_of, wait_until
from benchmarks.rebuild import asking
from benchmarks.serving import request, take_turns
from drumbeat.bootstrap import projections
from drumbeat.opsapi.schemas import MIGRATION_SETS
from drumbeat.projections.rebuild.rebuild import Rebuild
from support.keys import bearer, key_for

CLIENTS = 4
_READS = 200


@dataclass(slots=True)
class Reading:
    """Clients who read until they are told to stop. `slowest_ms`: of all reads; a failing one ends the run."""

    port: int
    asked: bytes
    stop: threading.Event = field(default_factory=threading.Event)
    reads: int = 0
    slowest_ms: float = 0.0
    failed: list[BaseException] = field(default_factory=list)

    def run(self) -> None:
        """Read."""
        try:
            while not self.stop.is_set():
                took = take_turns(self.port, [[self.asked] * _READS] * CLIENTS)
                self.reads += len(took)
                self.slowest_ms = max(self.slowest_ms, max(took) * 1_000)
        except BaseException as error:  # noqa: BLE001  told by who started it
            self.failed.append(error)


def beside_readers_and_writers(bench: Bench) -> Result:
    """Goal: less than 100 ms, and no read fails."""
    people = bench.scaled(2_000, 400)
    with bench.database() as url:
        for migrations in MIGRATION_SETS:
            migrations.migrate(url)
        key = key_for(url)
        settings = {**settings_of(url, None), "DRUMBEAT_KEY_REQUESTS_PER_SECOND": 0}
        with processes(["api", "project"], settings) as (env, *_):
            port = int(env["DRUMBEAT_API_PORT"])
            wait_until(lambda: bool(answer_of(f"http://127.0.0.1:{port}/health/ready")), "the API is not ready")
            figure = partial(_longest_lock_ms, bench, url, port, key, people)
            return bench.compare("go-live", "ms", ours=figure, goal=Goal(below=100))


def _longest_lock_ms(bench: Bench, url: str, port: int, key: str, people: int) -> float:
    campaign, references = running_campaign(url, people)
    scripts = [script_of(campaign, references[one::CLIENTS], key) for one in range(CLIENTS)]
    asked = request("GET", f"/campaigns/{campaign}/dashboard", b"", **bearer(key))
    wait_until(lambda: _is_there(port, asked), "the campaign is not in the read models")
    reading = Reading(port, asked)
    writing = threading.Thread(target=take_turns, args=[port, scripts])
    read = threading.Thread(target=reading.run)
    writing.start()
    read.start()
    try:
        locked, tries = _switched(url)
    finally:
        reading.stop.set()
        read.join()
        writing.join()
    assert not reading.failed, reading.failed
    assert reading.reads > CLIENTS * _READS
    slowest = f"the slowest {reading.slowest_ms:.0f} ms"
    bench.told[:] = [f"{reading.reads:,} reads, none failed, {slowest}; {tries} tries for 3 switches"]
    return max(locked)


def _switched(url: str) -> tuple[Sequence[float], int]:
    work = Rebuild(url, url, projections, partial(asking, url))
    generation = work.begin(work.names)
    work.build(generation)
    differing = [one.table for one in work.compare(generation) if one.differs]
    assert not differing, differing
    done = [work.go_live(generation), work.roll_back(work.names)[1], work.go_live(generation)]
    before = [one.generation for one in work.held() if one.state == "kept"]
    work.drop(before[0])
    return [one.locked_milliseconds for one in done], sum(one.tries for one in done)


def _is_there(port: int, asked: bytes) -> bool:
    try:
        take_turns(port, [[asked]])
    except AssertionError:
        return False
    return True
