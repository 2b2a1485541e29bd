"""Do the topics hold what the log says? Told record by record, and nothing here speaks to a server.

The measure is what a consumer makes of a partition: it reads on, and passes over what does not rise.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

from drumbeat.transport.partitions import partition_of, topic_of
from drumbeat.transport.records import Headers, name_of, problem_of, split, subject_of
from drumbeat.transport.source import LogRow
from drumbeat.transport.watermarks import WATERMARK_TYPE

EXAMPLES: Final = 20
"""So many findings of a kind are told one by one; all are counted."""

_WATERMARK: Final = WATERMARK_TYPE.encode()
_SEARCHED_STRAYS: Final = 1_000


class Fault(StrEnum):
    """What can be wrong between the log, the topics and the read models."""

    MISSING = "missing"
    DOUBLED = "doubled"
    OUT_OF_ORDER = "out_of_order"
    WRONG_PARTITION = "wrong_partition"
    DIFFERENT = "different"
    FOREIGN = "foreign"
    NOT_IN_LOG = "not_in_log"
    BEHIND = "behind"
    AHEAD = "ahead"
    PARKED = "parked"


class Finding(NamedTuple):
    """One thing that is wrong, and where."""

    fault: Fault
    partition: str
    position: int | None
    offset: int | None
    words: str


@dataclass(slots=True)
class Findings:
    """All of them counted, some of each kind kept."""

    counts: Counter[Fault] = field(default_factory=Counter)
    examples: list[Finding] = field(default_factory=list)
    _by_partition: Counter[tuple[str, Fault]] = field(default_factory=Counter)

    def add(self, finding: Finding) -> None:
        """One more."""
        self.counts[finding.fault] += 1
        self._by_partition[finding.partition, finding.fault] += 1
        if self.counts[finding.fault] <= EXAMPLES:
            self.examples.append(finding)

    def of(self, partition: str) -> dict[Fault, int]:
        """How many of each kind a partition has."""
        return {fault: count for (name, fault), count in self._by_partition.items() if name == partition}


@dataclass(frozen=True, slots=True)
class Tally:
    """One partition: `expected` of the log and `found` in the topic, each event once.

    `repeated`: records that stand there again and are passed over by everybody. `late`: not published yet.
    """

    partition: str
    expected: int
    found: int
    repeated: int
    late: int


@dataclass(slots=True)
class _Account:
    """The events of one partition, by position: 17 bytes each."""

    positions: "array[int]" = field(default_factory=lambda: array("q"))
    digests: "array[int]" = field(default_factory=lambda: array("q"))
    seen: bytearray = field(default_factory=bytearray)
    next: int = 0
    last: int = -1
    found: int = 0
    repeated: int = 0

    def index_of(self, position: int) -> int | None:
        """Where an event stands, mostly behind the one asked before; None when it does not belong here."""
        positions, index = self.positions, self.next
        if index >= len(positions) or positions[index] != position:
            index = bisect_left(positions, position)
            if index >= len(positions) or positions[index] != position:
                return None
        self.next = index + 1
        return index

    def unseen(self) -> Iterator[int]:
        """Positions of which no record was seen."""
        index = self.seen.find(0)
        while index >= 0:
            yield self.positions[index]
            index = self.seen.find(0, index + 1)


class Comparison:
    """First `expect` every event of the log, then `record` what the topics hold, then `conclude`."""

    def __init__(self, topics: Mapping[str, int], topic_prefix: str, since: int = 0) -> None:
        """`topics`: full names with partition counts. What is at or below `since` is not judged."""
        self.findings = Findings()
        self._topics = topics
        self._prefix = topic_prefix
        self._since = since
        self._accounts = {name_of(topic, n): _Account() for topic, count in topics.items() for n in range(count)}
        self._strays: list[tuple[str, int, int, int]] = []
        self._tallies: list[Tally] = []

    def expect(self, row: LogRow) -> str:
        """An event of the log, in order of position; the partition it belongs into.

        Raises `KafkaUnfit` for a type that no topic carries.
        """
        topic = self._prefix + topic_of(row.type)
        partition = name_of(topic, partition_of(subject_of(row.bytes) or b"", self._topics[topic]))
        account = self._accounts[partition]
        account.positions.append(row.position)
        account.digests.append(hash((row.type, row.bytes)))
        account.seen.append(0)
        return partition

    def expected_above(self, partition: str, position: int) -> int:
        """How many events of a partition lie above a position."""
        positions = self._accounts[partition].positions
        return len(positions) - bisect_right(positions, position)

    def record(
        self, partition: str, offset: int, key: bytes | None, value: bytes | None, headers: Headers
    ) -> None:
        """A record of a topic, in order of offset."""
        account = self._accounts[partition]
        problem = problem_of(key, value, headers)
        if problem is not None:
            self._add(Fault.FOREIGN, partition, None, offset, problem)
            return
        told = dict(headers)
        position, type_name = int(told["position"] or 0), told["type"] or b""
        rises = position > account.last
        account.last = max(account.last, position)
        if type_name == _WATERMARK or position <= self._since:
            return
        digest = hash((type_name.decode(), value))
        index = account.index_of(position)
        if index is None:
            self._strays.append((partition, offset, position, digest))
            return
        if digest != account.digests[index]:
            words = "type or bytes are not those of the log"
            self._add(Fault.DIFFERENT, partition, position, offset, words)
        if account.seen[index]:
            account.repeated += 1
            return
        account.seen[index] = 1
        account.found += 1
        if not rises:
            words = "stands behind a later one: consumers pass over it"
            self._add(Fault.OUT_OF_ORDER, partition, position, offset, words)

    def conclude(self, published: int, head: int) -> Sequence[Tally]:
        """How the partitions stand. Everything at or below `published` must be there.

        The log was read up to `head`: what is above it came while we looked, and is not judged.
        """
        misplaced: set[tuple[str, int]] = set()
        for partition, offset, position, digest in self._strays:
            if position <= head:
                self._judge_stray(partition, offset, position, digest, misplaced)
        for partition, account in self._accounts.items():
            late = 0
            for position in account.unseen():
                if position > published:
                    late += 1
                elif (partition, position) not in misplaced:
                    self._add(Fault.MISSING, partition, position, None, "is in the log and not in the topic")
            self._tallies.append(Tally(partition, len(account.positions), account.found, account.repeated, late))
        return self._tallies

    def _judge_stray(
        self, partition: str, offset: int, position: int, digest: int, misplaced: set[tuple[str, int]]
    ) -> None:
        for home, account in self._accounts.items():
            index = account.index_of(position)
            if index is None:
                continue
            if account.seen[index] or (home, position) in misplaced:
                words = f"stands in {home} too, where it belongs"
                self._add(Fault.DOUBLED, partition, position, offset, words)
            else:
                misplaced.add((home, position))
                self._add(Fault.WRONG_PARTITION, partition, position, offset, f"belongs into {home}")
            return
        twin = self._twin(digest)
        if twin is None:
            self._add(Fault.NOT_IN_LOG, partition, position, offset, "the log holds no such event")
        else:
            self._add(Fault.DOUBLED, partition, position, offset, f"is the event of position {twin} once more")

    def _twin(self, digest: int) -> int | None:
        # Every event is looked through: for a few that is nothing, for a million it would never end.
        if self.findings.counts[Fault.NOT_IN_LOG] + self.findings.counts[Fault.DOUBLED] > _SEARCHED_STRAYS:
            return None
        for account in self._accounts.values():
            try:
                return account.positions[account.digests.index(digest)]
            except ValueError:
                continue
        return None

    def _add(self, fault: Fault, partition: str, position: int | None, offset: int | None, words: str) -> None:
        self.findings.add(Finding(fault, partition, position, offset, words))


def in_order(tallies: Sequence[Tally]) -> list[Tally]:
    """By topic and number."""
    return sorted(tallies, key=lambda one: split(one.partition))
