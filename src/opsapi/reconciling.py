"""`drumbeat reconcile`: do the log, the topics and the read models agree? What does not is named.

Zero lag says only that everybody has come to the end. Here each event is looked for where it must be.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from time import monotonic
from typing import Any, Final

from drumbeat.projections.reconciliation import Applied, read_applied
from drumbeat.settings import Settings
from drumbeat.transport.cluster import Cluster, cluster_of, require_libraries
from drumbeat.transport.reconciliation import Comparison, Fault, Finding, Findings, Tally, in_order
from drumbeat.transport.relay_standing import relay_standing
from drumbeat.transport.source import LogSource

Show = Callable[[float, str], None]

_AT_ONCE: Final = 5_000
_PATIENCE_SECONDS: Final = 30.0
_SHARE_OF_LOG: Final = 0.4


@dataclass(frozen=True, slots=True)
class PartitionReport:
    """One partition on both sides. `applied`: up to where the read models are, None before they began."""

    tally: Tally
    applied: int | None
    not_applied: int


@dataclass(frozen=True, slots=True)
class Report:
    """Everything at or below `published` must be in the topics; the log was read up to `head`.

    `late` events are on their way and no fault. `findings` has every fault, counted, and examples of each.
    """

    since: int
    head: int
    published: int
    partitions: tuple[PartitionReport, ...]
    findings: Findings

    @property
    def agrees(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings.counts

    @property
    def expected(self) -> int:
        """Events of the log."""
        return sum(one.tally.expected for one in self.partitions)

    @property
    def found(self) -> int:
        """Events of the topics, each once."""
        return sum(one.tally.found for one in self.partitions)

    @property
    def repeated(self) -> int:
        """Records that stand there again, which everybody passes over."""
        return sum(one.tally.repeated for one in self.partitions)

    @property
    def late(self) -> int:
        """Events that are not published yet."""
        return sum(one.tally.late for one in self.partitions)

    @property
    def not_applied(self) -> int:
        """Events that are not in the read models yet."""
        return sum(one.not_applied for one in self.partitions)

    def document(self) -> dict[str, Any]:
        """For programs."""
        return {
            "agrees": self.agrees,
            "since": self.since,
            "head": self.head,
            "published": self.published,
            "expected": self.expected,
            "found": self.found,
            "repeated": self.repeated,
            "late": self.late,
            "not_applied": self.not_applied,
            "faults": {fault.value: count for fault, count in sorted(self.findings.counts.items())},
            "partitions": [
                {
                    "partition": one.tally.partition,
                    "expected": one.tally.expected,
                    "found": one.tally.found,
                    "repeated": one.tally.repeated,
                    "late": one.tally.late,
                    "applied": one.applied,
                    "not_applied": one.not_applied,
                    "faults": {
                        fault.value: count for fault, count in self.findings.of(one.tally.partition).items()
                    },
                }
                for one in self.partitions
            ],
            "examples": [
                {
                    "fault": one.fault.value,
                    "partition": one.partition or None,
                    "position": one.position,
                    "offset": one.offset,
                    "words": one.words,
                }
                for one in self.findings.examples
            ],
        }

    def lines(self) -> list[str]:
        """For people."""
        told = [
            f"log read up to {self.head:,}, published up to {self.published:,}",
            "",
            f"{'partition':<34}{'log':>12}{'topic':>12}{'repeated':>10}{'late':>9}{'applied':>12}",
        ]
        told += [
            f"{one.tally.partition:<34}{one.tally.expected:>12,}{one.tally.found:>12,}{one.tally.repeated:>10,}"
            f"{one.tally.late:>9,}{'–' if one.applied is None else f'{one.applied:,}':>12}"
            for one in self.partitions
        ]
        told.append("")
        for fault, count in sorted(self.findings.counts.items()):
            told.append(f"{fault.value.replace('_', ' ')}: {count:,}")
            told += [f"  {_place(one)}{one.words}" for one in self.findings.examples if one.fault is fault]
        told.append("log, topics and read models agree" if self.agrees else "they do not agree")
        return told


def _place(finding: Finding) -> str:
    where = [finding.partition] if finding.partition else []
    where += [f"offset {finding.offset}"] if finding.offset is not None else []
    where += [f"position {finding.position}"] if finding.position is not None else []
    return ", ".join(where) + ": " if where else ""


def reconcile(
    cluster: Cluster,
    topics: Mapping[str, int],
    log_url: str,
    read_url: str,
    *,
    since: int = 0,
    show: Show = lambda _share, _words: None,
) -> Report:
    """Compare the log, these topics (full names with partition counts) and the read models above a position.

    Everybody may go on meanwhile: what comes while it looks is not judged. Raises `KafkaProblem`,
    `SourceUnavailable` and `ReadModelsUnavailable` when somebody does not answer.
    """
    from drumbeat.transport.topic_records import read_to_the_end

    comparison = Comparison(topics, cluster.topic_prefix, since)
    with closing(LogSource(log_url)) as log:
        log.high_water()  # a log that is away is named by its own reader
        # In this order: what is told of a place that moves must be true of what is read after it.
        standing = relay_standing(log_url, cluster.topic_prefix)
        published = 0 if standing is None else standing.position
        applied = read_applied(read_url)
        head, last = _read_log(log, since, max(published, *applied.places.values(), 0), comparison, applied, show)

    def take(partition: str, record: Any) -> None:
        comparison.record(partition, record.offset, record.key, record.value, record.headers)

    read_to_the_end(
        cluster, topics, take, lambda share: show(_SHARE_OF_LOG + share * (1 - _SHARE_OF_LOG), "topics")
    )
    tallies = comparison.conclude(published, head)
    if published > last:
        words = f"is published, and the log ends at {last}: it lost events"
        comparison.findings.add(Finding(Fault.AHEAD, "", published, None, words))
    for finding in applied.conclude(last):
        comparison.findings.add(finding)
    return Report(since, head, published, _partitions(tallies, comparison, applied), comparison.findings)


def reconcile_as_set(settings: Settings, log_url: str, *, since: int, show: Show) -> Report:
    """`reconcile` as the settings say. Raises `KafkaUnfit` too, for topics that are not as they should be."""
    require_libraries()
    from drumbeat.transport.topics import check, topics_as_set

    cluster, wanted = cluster_of(settings), topics_as_set(settings)
    check(cluster, wanted)
    counts = {topic.name: topic.partitions for topic in wanted if topic.definition.stream is not None}
    return reconcile(cluster, counts, log_url, settings.read_database_url or log_url, since=since, show=show)


def _read_log(
    log: LogSource, since: int, at_least: int, comparison: Comparison, applied: Applied, show: Show
) -> tuple[int, int]:
    """Expect every event up to one safe mark; the mark, and the last event's position."""
    deadline = monotonic() + _PATIENCE_SECONDS
    head = log.high_water()
    # An append that is under way may hold the mark below what others have read already.
    while head < at_least and log.held_up_seconds and monotonic() < deadline:
        log.wait(0.1)
        head = log.high_water()
    after = last = since
    while after < head:
        batch = log.read(after, _AT_ONCE)
        rows = [row for row in batch.rows if row.position <= head]
        for row in rows:
            applied.expect(comparison.expect(row), row.position, row.bytes)
            last = row.position
        if len(rows) < len(batch.rows) or not rows:
            break
        after = batch.up_to
        show(_SHARE_OF_LOG * (after - since) / max(1, head - since), "log")
    return head, last


def _partitions(tallies: Sequence[Tally], comparison: Comparison, applied: Applied) -> tuple[PartitionReport, ...]:
    reports = []
    for tally in in_order(tallies):
        place = applied.place(tally.partition)
        waiting = 0 if place is None else comparison.expected_above(tally.partition, place)
        reports.append(PartitionReport(tally, place, waiting))
    return tuple(reports)
