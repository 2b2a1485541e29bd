"""A ledger that reads another one and writes nothing, for `dry_run`."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

from drumbeat.aggregates.aggregate import Aggregate
from drumbeat.commands.ledger import Appended, KnownPerson, Ledger, Loaded, Once, PlanErasure, Recorded
from drumbeat.events import Event, Fact

S = TypeVar("S")


class DryLedger:
    """Reads another ledger. Its appends have no position; an idempotency key is looked up and never kept."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def load(self, aggregate: Aggregate[S], stream_id: UUID, *, workspace_id: str | None = None) -> Loaded[S]:
        """See `Ledger`."""
        return self._ledger.load(aggregate, stream_id, workspace_id=workspace_id)

    def load_together(
        self, wanted: Sequence[tuple[Aggregate[Any], UUID]], *, workspace_id: str | None = None
    ) -> Sequence[Loaded[Any]]:
        """See `Ledger`."""
        return self._ledger.load_together(wanted, workspace_id=workspace_id)

    def load_many(self, aggregate: Aggregate[S], stream_ids: Sequence[UUID]) -> Mapping[UUID, Loaded[S]]:
        """See `Ledger`."""
        return self._ledger.load_many(aggregate, stream_ids)

    def append(self, events: Sequence[Event[Fact]], *, once: Once | None = None) -> Appended:  # noqa: ARG002
        """Nothing is written; what was answered under the key before is answered again."""
        kept = None if once is None else self.answered(once.workspace_id, once.key, once.request_hash)
        return kept or Appended((), 0)

    append_bulk = append

    def read_stream(self, workspace_id: str, stream_id: UUID) -> Sequence[Recorded]:
        """See the port."""
        return self._ledger.read_stream(workspace_id, stream_id)

    def known_person(self, person_id: UUID) -> KnownPerson:
        """See `Ledger`."""
        return self._ledger.known_person(person_id)

    def erase(self, person_id: UUID, plan: PlanErasure) -> Appended:
        """Planned, and nothing is written."""
        plan(self._ledger.known_person(person_id))
        return Appended((), 0)

    def answered(self, workspace_id: str, key: str, request_hash: bytes) -> Appended | None:
        """See `Ledger`."""
        return self._ledger.answered(workspace_id, key, request_hash)
