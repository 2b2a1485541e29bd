"""Enrolling contacts, one or thousands, through the same decision."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, ClassVar, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from drumbeat.aggregates.campaign import CAMPAIGN, terms_of
from drumbeat.aggregates.campaign.launching import open_audience
from drumbeat.aggregates.contact.address_claim import ADDRESS_CLAIM, claim_address, is_taken
from drumbeat.aggregates.contact.enrolment import EnrolmentRefused, enrol
from drumbeat.aggregates.contact.evolve import AGGREGATE as CONTACT
from drumbeat.aggregates.contact.profile import Profile, address_claim_id, opaque_reference, read_profile
from drumbeat.aggregates.refusals import Refused
from drumbeat.commands.command import Command, Done
from drumbeat.commands.deciding import Handler
from drumbeat.commands.limits import ROWS
from drumbeat.commands.loop import Plan, Run, unknown
from drumbeat.commands.on_contact import channels_of, suppressed_keys
from drumbeat.commands.streams import Streams
from drumbeat.events import Event, Fact
from drumbeat.events.ids import contact_id
from drumbeat.events.values import Many, Priority

ROWS_AN_APPEND = 1_000
"""Rows that become one append: enough for the bulk path to pay, few enough to keep its transaction short."""

ROWS_FOR_BULK = 50
"""From here on COPY is worth its setup."""


class ContactRow(BaseModel):
    """One person to enrol. `country` (ISO 3166-1) is that of a phone number that names none.

    Nothing here is judged before its row's turn comes: a bad row spoils no other.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    reference: str
    name: str | None = None
    phone: str | None = None
    country: str | None = None
    email: str | None = None
    profile: dict[str, str] = Field(default_factory=dict)
    zone: str | None = None
    priority: str = Priority.NORMAL
    tags: Many[str] = ()


class EnrolContacts(Command):
    """Make people contacts of a campaign.

    `Done.results` has an answer per row, in their order: `result` is accepted, already_enrolled or refused, then
    with `reason` and, where one value is at fault, `field`, `value` and `allowed`. Several appends are made when
    there are many rows; the same command again adds nothing. Raises `unknown_stream`, `deleted`,
    `not_for_an_import`.
    """

    NAME: ClassVar[str] = "enrol_contacts"
    JUDGED_BY_ROW: ClassVar[frozenset[str]] = frozenset({"rows"})
    PERSONAL: ClassVar[frozenset[str]] = frozenset({"rows"})
    campaign_id: UUID
    rows: Annotated[Many[ContactRow], ROWS]


class EnrolContact(ContactRow, Command):
    """Make one person a contact of a campaign.

    `Done.results` has one answer: `contact_id`, `reference` and `result`, accepted or already_enrolled;
    `Done.stream_id` is the contact's. Raises what `EnrolContacts` does, `out_of_range`, and the reason for which
    an enrolment is turned away.
    """

    NAME: ClassVar[str] = "enrol_contact"
    PERSONAL: ClassVar[frozenset[str]] = frozenset({"reference", "name", "phone", "email", "profile"})
    model_config = Command.model_config
    campaign_id: UUID


class EnrolImported(EnrolContacts):
    """Rows of a file, as `EnrolContacts`.

    Of a row an answer says its `result`, and of a refused one `reason`, `field` and `allowed`, no more: what
    stands in the wrong column of a file may be personal, and answers are kept.
    """

    NAME: ClassVar[str] = "enrol_imported"
    KEPT: ClassVar[tuple[str, ...]] = ("result", "reason", "field", "allowed")
    rows: Many[ContactRow]
    """As many as an import takes at a time, whatever a request may have."""


class CopiedRow(ContactRow):
    """A contact of another campaign, as it is there."""

    source_contact_id: UUID


class CopyContacts(Command):
    """Make contacts of one campaign contacts of another, at most `ROWS_AN_APPEND` at a time.

    As `EnrolContacts`; each answer begins with the `source_contact_id`.
    """

    NAME: ClassVar[str] = "copy_contacts"
    JUDGED_BY_ROW: ClassVar[frozenset[str]] = frozenset({"rows"})
    campaign_id: UUID
    source_campaign_id: UUID
    rows: Many[CopiedRow]


@dataclass(frozen=True, slots=True)
class Read:
    """A row that can be decided on."""

    contact_id: UUID
    reference: str
    profile: Profile


def read_row(row: ContactRow, campaign_id: UUID, workspace_key: bytes) -> Read:
    """What a row says. Raises `Refused` (`out_of_range`) for the first value at fault."""
    reference = opaque_reference(row.reference, workspace_key)
    profile = read_profile(
        name=row.name,
        phone=row.phone,
        country=row.country,
        email=row.email,
        profile=row.profile,
        zone=row.zone,
        priority=row.priority,
        tags=row.tags,
        workspace_key=workspace_key,
    )
    return Read(contact_id(campaign_id, reference), reference, profile)


_ANY_CAMPAIGN: Final = UUID(int=0)
_ANY_KEY: Final = bytes(32)


def refusal_of(row: ContactRow) -> Refused | None:
    """What is wrong with a row by itself, whatever campaign it is for; None when nothing is."""
    try:
        read_row(row, _ANY_CAMPAIGN, _ANY_KEY)
    except Refused as refused:
        return refused
    return None


def refused_row(refused: Refused) -> dict[str, Any]:
    """A refusal as a row's answer."""
    at_fault = {"field": refused.field, "value": refused.value, "allowed": refused.allowed}
    told = {name: value for name, value in at_fault.items() if value is not None}
    return {"result": "refused", "reason": refused.code.value, "message": refused.message, **told}


def _enrol(command: EnrolContacts, run: Run) -> Done:
    workspace_key = run.keys.key(run.principal.workspace_id)
    chunks = list(_chunks(command.rows)) or [()]
    done: list[Done] = []
    for number, rows in enumerate(chunks):
        read = [_read_or_refused(row, command.campaign_id, workspace_key) for row in rows]

        def plan(read: Sequence[Read | Refused] = read) -> Plan:
            planned = _Enrolling(run, command.campaign_id, read).plan()
            return _discreet(planned) if isinstance(command, EnrolImported) else planned

        done.append(run.many(plan, bulk=len(rows) >= ROWS_FOR_BULK, item=str(number)))
    return together(done)


def _copy(command: CopyContacts, run: Run) -> Done:
    workspace_key = run.keys.key(run.principal.workspace_id)
    read = [_read_or_refused(row, command.campaign_id, workspace_key) for row in command.rows]

    def plan() -> Plan:
        enrolling = _Enrolling(run, command.campaign_id, read, copied_from=command.source_campaign_id)
        planned = enrolling.plan()
        found = [{"source_contact_id": str(row.source_contact_id)} for row in command.rows]
        return replace(planned, results=tuple(a | b for a, b in zip(found, planned.results, strict=True)))

    return run.many(plan, bulk=len(read) >= ROWS_FOR_BULK)


def _discreet(planned: Plan) -> Plan:
    told = [{name: row[name] for name in EnrolImported.KEPT if name in row} for row in planned.results]
    return replace(planned, results=tuple(told))


def _enrol_one(command: EnrolContact, run: Run) -> Done:
    read = read_row(command, command.campaign_id, run.keys.key(run.principal.workspace_id))
    return run.many(lambda: _Enrolling(run, command.campaign_id, [read]).plan_of(read))


def together(done: Sequence[Done]) -> Done:
    """Several appends of one command as one answer."""
    last = done[-1]
    return Done(
        stream_id=last.stream_id,
        version=last.version,
        position=max(one.position for one in done),
        facts=tuple(fact for one in done for fact in one.facts),
        results=tuple(result for one in done for result in one.results),
        repeated=all(one.repeated for one in done),
    )


def _chunks(rows: Sequence[ContactRow]) -> Iterator[Sequence[ContactRow]]:
    for start in range(0, len(rows), ROWS_AN_APPEND):
        yield rows[start : start + ROWS_AN_APPEND]


def _read_or_refused(row: ContactRow, campaign_id: UUID, workspace_key: bytes) -> Read | Refused:
    try:
        return read_row(row, campaign_id, workspace_key)
    except Refused as refused:
        return refused


class _Enrolling:
    """One try to plan the append for some rows."""

    def __init__(
        self, run: Run, campaign_id: UUID, rows: Sequence[Read | Refused], *, copied_from: UUID | None = None
    ) -> None:
        readable = [row for row in rows if isinstance(row, Read)]
        keys = [key for row in readable for key in row.profile.address_keys]
        self._rows = rows
        self._copied_from = copied_from
        self._campaign_id = campaign_id
        self._campaign = Streams(run, CAMPAIGN, [campaign_id], campaign_id)
        campaign = self._campaign.state(campaign_id)
        if campaign is None:
            raise unknown("campaign", campaign_id)
        self._terms = terms_of(campaign, campaign_id)
        self._contacts = Streams(run, CONTACT, [row.contact_id for row in readable], campaign_id)
        channels = channels_of(self._terms.kind)
        self._suppressed = suppressed_keys(run, [k.key for k in keys if not channels or k.channel in channels])
        unique = self._terms.settings.unique_address
        claims = [address_claim_id(campaign_id, key.key) for key in keys] if unique else []
        self._claims = Streams(run, ADDRESS_CLAIM, claims, campaign_id)
        self._events: list[Event[Fact]] = []

    def plan(self) -> Plan:
        """The events of every row, and the rows' answers."""
        results = tuple(self._answer(row) for row in self._rows)
        return Plan(self._campaign_id, self._campaign.version(self._campaign_id), self._events, results)

    def plan_of(self, row: Read) -> Plan:
        """The events of the only row; a refusal is recorded, and then raised."""
        refusal: Refused | None = None
        try:
            result = {"result": "accepted" if self._enrol(row) else "already_enrolled"}
        except EnrolmentRefused as refused:
            self._events += self._contacts.write(row.contact_id, refused.facts)
            refusal, result = refused, {}
        answer = _named(row) | result
        return Plan(row.contact_id, self._contacts.version(row.contact_id), self._events, (answer,), refusal)

    def _answer(self, row: Read | Refused) -> dict[str, Any]:
        if isinstance(row, Refused):
            return refused_row(row)
        named = _named(row)
        try:
            accepted = self._enrol(row)
        except EnrolmentRefused as refused:
            self._events += self._contacts.write(row.contact_id, refused.facts)
            return named | refused_row(refused)
        return named | {"result": "accepted" if accepted else "already_enrolled"}

    def _enrol(self, row: Read) -> bool:
        claims = self._claims_of(row)
        facts = enrol(
            self._contacts.state(row.contact_id),
            terms=self._terms,
            reference=row.reference,
            private=row.profile.private,
            zone=row.profile.zone,
            priority=row.profile.priority,
            tags=row.profile.tags,
            address_keys=row.profile.address_keys,
            copied_from=self._copied_from,
            suppressed=any(key.key in self._suppressed for key in row.profile.address_keys),
            duplicate_address=any(is_taken(self._claims.state(c), contact_id=row.contact_id) for c in claims),
        )
        if not facts:
            return False
        opened = open_audience(self._campaign.state(self._campaign_id))
        self._events += self._campaign.write(self._campaign_id, opened)
        self._events += self._contacts.write(row.contact_id, facts)
        for claim_id in claims:
            claimed = claim_address(self._claims.state(claim_id), contact_id=row.contact_id)
            self._events += self._claims.write(claim_id, claimed)
        return True

    def _claims_of(self, row: Read) -> list[UUID]:
        if not self._terms.settings.unique_address:
            return []
        return [address_claim_id(self._campaign_id, key.key) for key in row.profile.address_keys]


def _named(row: Read) -> dict[str, Any]:
    return {"contact_id": str(row.contact_id), "reference": row.reference}


HANDLERS: dict[type[Command], Handler] = {
    EnrolContacts: _enrol,
    EnrolImported: _enrol,
    EnrolContact: _enrol_one,
    CopyContacts: _copy,
}
