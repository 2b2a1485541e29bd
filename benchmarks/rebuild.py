"""`rebuild-1`, `rebuild-2`: all read models made anew from the log, by one worker and by two.

Ours is a rebuild from its mark until it could go live: slices, keys and indexes, catching up. The peer
is the library's ProjectionRunner, which has one way for everything (see `live_peer`). The floor reads the same log
and writes the rows that come of it, which are known beforehand, with COPY, and makes their keys and indexes. What
was rebuilt is compared with the live rows, all of them.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial

import psycopg
from psycopg import sql

from benchmarks.harness import Bench, Goal, Result
from benchmarks.keys import keys_in
from benchmarks.live import project, run_few_by_the_peer
from benchmarks.live_events import write_log
from benchmarks.read_models import check
from drumbeat.access.person_keys import AskKeys
from drumbeat.bootstrap import PROJECTIONS, projections
from drumbeat.projections.engine.bookkeeping import GENERATION
from drumbeat.projections.rebuild.generations import SQL
from drumbeat.projections.rebuild.rebuild import Rebuild
from drumbeat.transport.source import LogSource

_TABLES = [table for projection in PROJECTIONS for table in projection.tables()]
_BATCH = 20_000


def by_one_worker(bench: Bench) -> Result:
    """Told; the goals are for two."""
    return _rebuilt(bench, 1, Goal())


def by_two_workers(bench: Bench) -> Result:
    """Goal: 90 times the runner, and half of COPY."""
    return _rebuilt(bench, 2, Goal(per_peer=90, per_floor=0.5))


def verified(bench: Bench) -> Result:
    """What is read, folded anew by one worker and compared, all of it; the floor is the rebuild alone. Told."""
    with bench.database() as url:
        events = write_log(url, bench.scaled(40_000, 6_000), together=False)
        project(url, events)
        work = Rebuild(url, url, projections, partial(asking, url))

        def ours() -> float:
            began = time.perf_counter()
            found = work.verify(work.names)
            elapsed = time.perf_counter() - began
            assert not [one.table for one in found if one.differs]
            assert sum(one.same for one in found) > events
            return events / elapsed

        def floor() -> float:
            generation = work.begin(work.names)
            began = time.perf_counter()
            work.build(generation)
            elapsed = time.perf_counter() - began
            work.cancel(generation)
            return events / elapsed

        return bench.compare("verify", "events/s", ours=ours, floor=floor, goal=Goal())


def _rebuilt(bench: Bench, workers: int, goal: Goal) -> Result:
    contacts, few = bench.scaled(40_000, 6_000), bench.scaled(250, 100)
    with bench.database() as url:
        events = write_log(url, contacts, together=False)
        project(url, events)
        check(url, contacts)
        rows = _rows(url)
        work = Rebuild(url, url, projections, partial(asking, url), workers=workers)

        def ours() -> float:
            generation = work.begin(work.names)
            began = time.perf_counter()
            work.build(generation)
            elapsed = time.perf_counter() - began
            differing = [one.table for one in work.compare(generation) if one.differs]
            assert not differing, differing
            work.cancel(generation)
            return events / elapsed

        def peer() -> float:
            return run_few_by_the_peer(bench, few, together=False)

        def floor() -> float:
            return events / _floor(url, rows)

        bench.told.append(
            f"{events:,} events, {sum(map(len, rows.values())) / 2**20:,.0f} MiB of rows; peer {few:,}"
        )
        return bench.compare(f"rebuild-{workers}", "events/s", ours=ours, peer=peer, floor=floor, goal=goal)


@contextmanager
def asking(url: str) -> Iterator[AskKeys]:
    """The keys in a database; to be asked for by another process."""
    with closing(keys_in(url)) as ask:
        yield ask


def _rows(url: str) -> Mapping[str, bytes]:
    with closing(psycopg.connect(url)) as connection, connection.cursor() as cursor:
        found = {}
        for table in _TABLES:
            with cursor.copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(GENERATION, table))) as copy:
                found[table] = b"".join(bytes(chunk) for chunk in copy)
        return found


def _floor(url: str, rows: Mapping[str, bytes]) -> float:
    with closing(psycopg.connect(url, autocommit=True)) as connection, closing(LogSource(url)) as source:
        connection.execute("DROP SCHEMA IF EXISTS floor CASCADE")
        connection.execute("CREATE SCHEMA floor")
        for table in _TABLES:
            connection.execute(
                sql.SQL("CREATE TABLE {} (LIKE {})").format(
                    sql.Identifier("floor", table), sql.Identifier(GENERATION, table)
                )
            )
        connection.execute("SELECT set_config('search_path', '', false)")
        made = connection.execute(SQL["keys_and_indexes"], {"generation": GENERATION}).fetchall()
        began = time.perf_counter()
        position = 0
        while (batch := source.read(position, _BATCH)).rows:
            position = batch.up_to
        with connection.transaction(), connection.cursor() as cursor:
            for table, lines in rows.items():
                with cursor.copy(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier("floor", table))) as copy:
                    copy.write(lines)
            for table, statement, _ in made:
                if table in _TABLES:
                    cursor.execute(statement.replace(f"{GENERATION}.", "floor.").encode())
        return time.perf_counter() - began
