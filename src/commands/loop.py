"""The command loop: load, decide, append at the expected version, retry on conflict only."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar
from uuid import UUID, uuid4

from drumbeat.aggregates.aggregate import Aggregate
from drumbeat.aggregates.refusals import RefusalCode, Refused
from drumbeat.commands.command import Done
from drumbeat.commands.ledger import (
    Appended,
    EventTooLarge,
    KeyReused,
    KnownPerson,
    Ledger,
    Loaded,
    Once,
    VersionConflict,
)
from drumbeat.events import Event, Fact, Principal
from drumbeat.events.contact import ContactEnrolled
from drumbeat.events.ids import person_id

S = TypeVar("S")

MAX_ATTEMPTS = 20
"""How often a decision is taken anew when other writers change its stream, before the caller hears of it."""


class WorkspaceKeys(Protocol):
    """The secret keys under which a workspace's references and addresses are hashed; `access` holds them."""

    def key(self, workspace_id: str) -> bytes:
        """32 bytes, the same on every call."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Idempotency:
    """A key under which a command has its effect at most once. `kept_for` None: for ever (policies).

    `request` identifies what was asked for where the command is only a part of it, found on the way; else the
    command does.
    """

    key: str
    kept_for: timedelta | None = timedelta(days=7)
    request: bytes | None = None

    def part(self, item: str) -> "Idempotency":
        """The same for one of the commands that a request is made of."""
        return replace(self, key=f"{self.key}:{item}")


@dataclass(frozen=True, slots=True)
class Plan:
    """What one append shall write, and the answer to give for it (kept with an idempotency key).

    `refusal`: what is raised once the events are written, where being refused is itself a fact; no key keeps it.
    """

    stream_id: UUID
    version: int
    events: Sequence[Event[Fact]]
    results: tuple[dict[str, Any], ...] = ()
    refusal: Refused | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One command being carried out: by whom, when, under which key, on which ledger.

    A run belongs to one thread. `fingerprint` identifies the request when there is a key.
    """

    ledger: Ledger
    keys: WorkspaceKeys
    principal: Principal
    now: datetime
    idempotency: Idempotency | None = None
    fingerprint: bytes = b""
    new_id: Callable[[], UUID] = field(default=uuid4)

    def load(self, aggregate: Aggregate[S], stream_id: UUID) -> Loaded[S]:
        """A stream of the principal's workspace; one of another workspace is not there.

        So it is answered as one that never was, whatever the command. Only who would make it finds that the id is
        taken: the append conflicts.
        """
        return self._of_workspace(self.ledger.load(aggregate, stream_id, workspace_id=self.principal.workspace_id))

    def load_together(self, *wanted: tuple[Aggregate[Any], UUID]) -> list[Loaded[Any]]:
        """As `load`, for streams of any kinds in one round trip."""
        loaded = self.ledger.load_together(wanted, workspace_id=self.principal.workspace_id)
        return [self._of_workspace(one) for one in loaded]

    def load_many(self, aggregate: Aggregate[S], stream_ids: Sequence[UUID]) -> dict[UUID, Loaded[S]]:
        """Many streams in one query; ids without events are there with version 0."""
        loaded = self.ledger.load_many(aggregate, stream_ids)
        return {stream_id: self._of_workspace(loaded[stream_id]) for stream_id in stream_ids}

    def one(
        self,
        aggregate: Aggregate[S],
        stream_id: UUID,
        decide: Callable[..., Sequence[Fact]],
        *,
        also: Sequence[tuple[Aggregate[Any], UUID]] = (),
        campaign_id: UUID | None = None,
        expected_version: int | None = None,
        results: Callable[[Sequence[Fact]], tuple[dict[str, Any], ...]] = lambda _facts: (),
        beside: Callable[[Sequence[Fact]], Sequence[Event[Fact]]] = lambda _facts: (),
    ) -> Done:
        """Carry out a decision on one stream; `results` makes its answer from the facts. Raises `Refused`.

        `decide` is given the stream's state, and those of the streams that it needs `also`: loaded in the same
        round trip, with every try, and not locked. `beside` gives the events of other streams that the facts
        bring along, for the same append.
        """

        def plan() -> Plan:
            loaded, *others = self.load_together((aggregate, stream_id), *also)
            require_version(aggregate.name, loaded.version, expected_version)
            facts = decide(loaded.state, *(other.state for other in others))
            person = None if loaded.state is None else aggregate.person_of(loaded.state)
            events = self.stamp(
                facts, stream_id=stream_id, version=loaded.version, campaign_id=campaign_id, person=person
            )
            version = loaded.version + len(events)
            return Plan(stream_id, version, [*events, *beside(facts)], results(facts))

        return self.many(plan)

    def many(self, plan: Callable[[], Plan], *, bulk: bool = False, item: str = "") -> Done:
        """Carry out a plan over any number of streams, all or nothing; taken anew when a stream changed meanwhile.

        A command of several appends gives each its `item`: the key is kept per item. For a single command a known
        key costs no look of its own: the append finds it. Raises `Refused`.
        """
        append = self.ledger.append_bulk if bulk else self.ledger.append

        def write(key: str | None) -> tuple[Plan, Appended]:
            planned = plan()
            return planned, append(planned.events, once=self._once(key, planned))

        return self._until_written(write, item, look_first=bulk or bool(item))

    def erasing(self, person: UUID, plan: Callable[[KnownPerson], Plan]) -> Done:
        """Carry out a plan that erases somebody: the key goes with the append, or stays. Raises `Refused`."""

        def write(key: str | None) -> tuple[Plan, Appended]:
            made: list[Plan] = []

            def planned(known: KnownPerson) -> tuple[Sequence[Event[Fact]], Once | None]:
                made.append(plan(known))
                return made[-1].events, self._once(key, made[-1])

            appended = self.ledger.erase(person, planned)
            return made[-1], appended

        return self._until_written(write, "", look_first=False)

    def _until_written(
        self, write: Callable[[str | None], tuple[Plan, Appended]], item: str, *, look_first: bool
    ) -> Done:
        once = self.idempotency
        key = None if once is None else (once.part(item) if item else once).key
        try:
            # What goes on after a crash repeats all its appends up to there: those are not decided anew.
            if look_first and key is not None and (kept := self._answered(key)) is not None:
                return kept
            for _ in range(MAX_ATTEMPTS):
                try:
                    planned, appended = write(key)
                except Refused:
                    # The first answer under a key stands, whatever has become of the stream since.
                    if key is not None and (kept := self._answered(key)) is not None:
                        return kept
                    raise
                except VersionConflict:
                    continue
                if appended.answer is not None:
                    return _kept(appended)
                if planned.refusal is not None:
                    raise planned.refusal
                return _done(planned, appended)
        except KeyReused as reused:
            raise Refused(
                RefusalCode.IDEMPOTENCY_KEY_REUSED,
                f"{reused}; give this one a key of its own",
                field="idempotency_key",
                value=reused.key,
                allowed="a key that no other request was sent with",
            ) from reused
        except EventTooLarge as large:
            raise Refused(
                RefusalCode.EVENT_TOO_LARGE, f"{large}; say less", allowed=f"at most {large.limit_bytes:,} bytes"
            ) from large
        raise Refused(
            RefusalCode.CONFLICT,
            f"other writers changed the stream {MAX_ATTEMPTS} times meanwhile; nothing was written, try again",
        )

    def stamp(
        self,
        facts: Sequence[Fact],
        *,
        stream_id: UUID,
        version: int,
        campaign_id: UUID | None,
        person: UUID | None = None,
    ) -> list[Event[Fact]]:
        """Put facts into their envelopes, as the versions that follow `version`.

        `person`: whom the stream is about so far; an enrolment says it by its reference.
        """
        who, new_id, time = self.principal, self.new_id, self.now.astimezone(UTC)
        for fact in facts:
            if isinstance(fact, ContactEnrolled):
                person = person_id(self.keys.key(who.workspace_id), fact.reference)
        return [
            Event(
                id=new_id(),
                stream_id=stream_id,
                stream_version=number,
                time=time,
                workspace_id=who.workspace_id,
                campaign_id=campaign_id,
                actor=who.actor,
                cause=who.cause,
                correlation_id=who.correlation_id,
                causation_id=who.causation_id,
                person_id=person if getattr(fact, "private", None) is not None else None,
                via=who.via,
                fact=fact,
            )
            for number, fact in enumerate(facts, start=version + 1)
        ]

    def _of_workspace(self, loaded: Loaded[S]) -> Loaded[S]:
        return loaded if loaded.workspace_id in (None, self.principal.workspace_id) else Loaded(None, 0, None)

    def _answered(self, key: str) -> Done | None:
        appended = self.ledger.answered(self.principal.workspace_id, key, self.fingerprint)
        return None if appended is None else _kept(appended)

    def _once(self, key: str | None, planned: Plan) -> Once | None:
        if key is None or self.idempotency is None or planned.refusal is not None:
            return None
        kept_for = self.idempotency.kept_for
        answer = {
            "stream_id": str(planned.stream_id),
            "version": planned.version,
            "results": list(planned.results),
        }
        return Once(
            workspace_id=self.principal.workspace_id,
            key=key,
            request_hash=self.fingerprint,
            answer=json.dumps(answer).encode(),
            expires_at=None if kept_for is None else self.now + kept_for,
        )


def require_version(name: str, version: int, expected_version: int | None) -> None:
    """Raises `stale_version` for a stream that is not where the caller believes it to be; None: anywhere."""
    if expected_version is not None and version != expected_version:
        raise Refused(
            RefusalCode.STALE_VERSION,
            f"the {name} is at version {version}, not {expected_version}: read what has changed, and if the"
            f" command still holds, give it again with version {version}",
            field="expected_version",
            value=expected_version,
            allowed=str(version),
        )


def unknown(name: str, stream_id: UUID) -> Refused:
    """The refusal for a stream that is not there, or not there for this workspace."""
    return Refused(
        RefusalCode.UNKNOWN_STREAM, f"there is no {name} {stream_id}", field=f"{name}_id", value=str(stream_id)
    )


def _done(planned: Plan, appended: Appended) -> Done:
    return Done(
        stream_id=planned.stream_id,
        version=planned.version,
        position=appended.position,
        facts=tuple(event.fact for event in planned.events),
        results=planned.results,
    )


def _kept(appended: Appended) -> Done:
    answer = json.loads(appended.answer or b"{}")
    return Done(
        stream_id=UUID(answer["stream_id"]),
        version=answer["version"],
        position=appended.position,
        results=tuple(answer["results"]),
        repeated=True,
    )
