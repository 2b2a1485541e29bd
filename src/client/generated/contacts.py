"""Operations on contacts.

Made from the OpenAPI document by `make client`; not to be edited.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Literal

from msgspec import UNSET, UnsetType

from drumbeat.client.connection import Connection, path
from drumbeat.client.generated.models import (
    Answer,
    ContactCard,
    ContactItem,
    ContactItemPage,
    ContactRow,
    ContactsChosen,
    CopiedContacts,
)
from drumbeat.client.generated.words import (
    AnsweredBy,
    CallOutcome,
    Channel,
    ContactStatus,
    GoalResult,
    Order,
    Priority,
)
from drumbeat.client.paging import each
from drumbeat.client.values import AtLeast, Id


class ContactsOperations:
    """Operations on contacts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list(
        self,
        campaign_id: Id,
        *,
        search: str | None = None,
        status: Sequence[ContactStatus] | None = None,
        substatus: Sequence[str] | None = None,
        status_label: Sequence[
            Literal[
                "Not invited",
                "Invited",
                "In session",
                "Abandoned",
                "Completed",
                "Opted out",
                "Paused",
                "Other",
                "Not started",
                "In progress",
                "Error",
                "Replied",
                "Finished",
                "Pending",
                "Dialing",
                "Called",
                "Retry",
                "Failed",
                "No Conversation",
                "Partial",
                "Sent",
            ]
        ]
        | None = None,
        paused: bool | None = None,
        tag: Sequence[str] | None = None,
        priority: Sequence[Priority] | None = None,
        goal: Id | None = None,
        result: Sequence[Literal["achieved", "partially_achieved", "not_achieved", "unknown", "not_evaluated"]]
        | None = None,
        removed: bool = False,
        sort: Literal[
            "id",
            "name",
            "status",
            "priority",
            "enrolled",
            "attempts",
            "conversations",
            "talk_time",
            "last_called",
            "goal_score",
        ]
        | None = None,
        order: Order | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        count: bool = False,
        at_least: AtLeast | None = None,
        as_of: str | None = None,
    ) -> ContactItemPage:
        """The contacts of a campaign.

        Everybody who is in the campaign now; the numbers of the dashboard are sums over these rows.

        `GET /campaigns/{campaign_id}/contacts`
        """
        return self._connection.read(
            "GET",
            path("/campaigns/{campaign_id}/contacts", campaign_id=campaign_id),
            query={
                "search": search,
                "status": status,
                "substatus": substatus,
                "status_label": status_label,
                "paused": paused,
                "tag": tag,
                "priority": priority,
                "goal": goal,
                "result": result,
                "removed": removed or None,
                "sort": sort,
                "order": order,
                "limit": limit,
                "cursor": cursor,
                "count": count or None,
                "at_least": at_least,
                "as_of": as_of,
            },
            answers=ContactItemPage,
        )

    def each(
        self,
        campaign_id: Id,
        *,
        search: str | None = None,
        status: Sequence[ContactStatus] | None = None,
        substatus: Sequence[str] | None = None,
        status_label: Sequence[
            Literal[
                "Not invited",
                "Invited",
                "In session",
                "Abandoned",
                "Completed",
                "Opted out",
                "Paused",
                "Other",
                "Not started",
                "In progress",
                "Error",
                "Replied",
                "Finished",
                "Pending",
                "Dialing",
                "Called",
                "Retry",
                "Failed",
                "No Conversation",
                "Partial",
                "Sent",
            ]
        ]
        | None = None,
        paused: bool | None = None,
        tag: Sequence[str] | None = None,
        priority: Sequence[Priority] | None = None,
        goal: Id | None = None,
        result: Sequence[Literal["achieved", "partially_achieved", "not_achieved", "unknown", "not_evaluated"]]
        | None = None,
        removed: bool = False,
        sort: Literal[
            "id",
            "name",
            "status",
            "priority",
            "enrolled",
            "attempts",
            "conversations",
            "talk_time",
            "last_called",
            "goal_score",
        ]
        | None = None,
        order: Order | None = None,
        limit: int | None = None,
        count: bool = False,
        at_least: AtLeast | None = None,
        as_of: str | None = None,
    ) -> Iterator[ContactItem]:
        """Every row of `list`, page by page; `limit` is the size of a page."""
        return each(
            lambda cursor: self.list(
                campaign_id,
                search=search,
                status=status,
                substatus=substatus,
                status_label=status_label,
                paused=paused,
                tag=tag,
                priority=priority,
                goal=goal,
                result=result,
                removed=removed,
                sort=sort,
                order=order,
                limit=limit,
                count=count,
                at_least=at_least,
                as_of=as_of,
                cursor=cursor,
            )
        )

    def enrol(
        self,
        campaign_id: Id,
        *,
        reference: str,
        name: str | UnsetType | None = UNSET,
        phone: str | UnsetType | None = UNSET,
        country: str | UnsetType | None = UNSET,
        email: str | UnsetType | None = UNSET,
        profile: Mapping[str, str] | UnsetType = UNSET,
        zone: str | UnsetType | None = UNSET,
        priority: str | UnsetType = UNSET,
        tags: Sequence[str] | UnsetType = UNSET,
        dry_run: bool = False,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Enrol one contact.

        Make one person a contact of a campaign.

        `Done.results` has one answer: `contact_id`, `reference` and `result`, accepted or already_enrolled;
        `Done.stream_id` is the contact's. Raises what `EnrolContacts` does, `out_of_range`, and the reason
        for which an enrolment is turned away.

        `POST /campaigns/{campaign_id}/contacts`
        """
        return self._connection.command(
            "POST",
            path("/campaigns/{campaign_id}/contacts", campaign_id=campaign_id),
            query={"dry_run": dry_run or None},
            body={
                "reference": reference,
                "name": name,
                "phone": phone,
                "country": country,
                "email": email,
                "profile": profile,
                "zone": zone,
                "priority": priority,
                "tags": tags,
            },
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def get(
        self, campaign_id: Id, contact_id: Id, *, at_least: AtLeast | None = None, as_of: str | None = None
    ) -> ContactCard:
        """One contact with its timeline.

        The card from the read model, the timeline from the contact's stream up to the same position.

        `GET /campaigns/{campaign_id}/contacts/{contact_id}`
        """
        return self._connection.read(
            "GET",
            path("/campaigns/{campaign_id}/contacts/{contact_id}", campaign_id=campaign_id, contact_id=contact_id),
            query={"at_least": at_least, "as_of": as_of},
            answers=ContactCard,
        )

    def enrol_many(
        self,
        campaign_id: Id,
        *,
        rows: Sequence[ContactRow],
        dry_run: bool = False,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Enrol contacts, each judged by itself.

        Make people contacts of a campaign.

        `Done.results` has an answer per row, in their order: `result` is accepted, already_enrolled or
        refused, then with `reason` and, where one value is at fault, `field`, `value` and `allowed`.
        Several appends are made when there are many rows; the same command again adds nothing. Raises
        `unknown_stream`, `deleted`, `not_for_an_import`.

        `POST /campaigns/{campaign_id}/contacts/batch`
        """
        return self._connection.command(
            "POST",
            path("/campaigns/{campaign_id}/contacts/batch", campaign_id=campaign_id),
            query={"dry_run": dry_run or None},
            body={"rows": rows},
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def change_profile(
        self,
        campaign_id: Id,
        contact_id: Id,
        *,
        name: str | UnsetType | None = UNSET,
        phone: str | UnsetType | None = UNSET,
        country: str | UnsetType | None = UNSET,
        email: str | UnsetType | None = UNSET,
        profile: Mapping[str, str] | UnsetType = UNSET,
        zone: str | UnsetType | None = UNSET,
        priority: str | UnsetType = UNSET,
        tags: Sequence[str] | UnsetType = UNSET,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Replace what is known of the person.

        Replace the whole of what is known of the person.

        Addresses are kept in one spelling; `country` (ISO 3166-1) is that of a phone number that names
        none.

        `PUT /campaigns/{campaign_id}/contacts/{contact_id}/profile`
        """
        return self._connection.command(
            "PUT",
            path(
                "/campaigns/{campaign_id}/contacts/{contact_id}/profile",
                campaign_id=campaign_id,
                contact_id=contact_id,
            ),
            query={"dry_run": dry_run or None},
            body={
                "name": name,
                "phone": phone,
                "country": country,
                "email": email,
                "profile": profile,
                "zone": zone,
                "priority": priority,
                "tags": tags,
            },
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def remove(
        self,
        campaign_id: Id,
        contact_id: Id,
        *,
        reason: str,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Take the contact out for ever.

        Take a contact out of its campaign for ever.

        `POST /campaigns/{campaign_id}/contacts/{contact_id}/remove`
        """
        return self._connection.command(
            "POST",
            path(
                "/campaigns/{campaign_id}/contacts/{contact_id}/remove",
                campaign_id=campaign_id,
                contact_id=contact_id,
            ),
            query={"dry_run": dry_run or None},
            body={"reason": reason},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def pause(
        self,
        campaign_id: Id,
        contact_id: Id,
        *,
        reason: str | UnsetType = UNSET,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Pause the contact.

        Do nothing more with it until it is resumed.

        `POST /campaigns/{campaign_id}/contacts/{contact_id}/pause`
        """
        return self._connection.command(
            "POST",
            path(
                "/campaigns/{campaign_id}/contacts/{contact_id}/pause",
                campaign_id=campaign_id,
                contact_id=contact_id,
            ),
            query={"dry_run": dry_run or None},
            body={"reason": reason},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def resume(
        self,
        campaign_id: Id,
        contact_id: Id,
        *,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Resume the contact.

        End a pause by hand.

        `POST /campaigns/{campaign_id}/contacts/{contact_id}/resume`
        """
        return self._connection.command(
            "POST",
            path(
                "/campaigns/{campaign_id}/contacts/{contact_id}/resume",
                campaign_id=campaign_id,
                contact_id=contact_id,
            ),
            query={"dry_run": dry_run or None},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def opt_out(
        self,
        campaign_id: Id,
        contact_id: Id,
        *,
        channel: Channel | UnsetType = UNSET,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Record that the person opts out.

        Record that the person does not want to be contacted.

        `POST /campaigns/{campaign_id}/contacts/{contact_id}/opt-out`
        """
        return self._connection.command(
            "POST",
            path(
                "/campaigns/{campaign_id}/contacts/{contact_id}/opt-out",
                campaign_id=campaign_id,
                contact_id=contact_id,
            ),
            query={"dry_run": dry_run or None},
            body={"channel": channel},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def retry(
        self,
        campaign_id: Id,
        contact_id: Id,
        *,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Give one more attempt.

        Give a finished contact, or one whose retry lies ahead, one more attempt, due now.

        `POST /campaigns/{campaign_id}/contacts/{contact_id}/retry`
        """
        return self._connection.command(
            "POST",
            path(
                "/campaigns/{campaign_id}/contacts/{contact_id}/retry",
                campaign_id=campaign_id,
                contact_id=contact_id,
            ),
            query={"dry_run": dry_run or None},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def place_call(
        self,
        campaign_id: Id,
        contact_id: Id,
        *,
        sender_id: Id | UnsetType | None = UNSET,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Dial now.

        Dial now. The answer's row tells the attempt's number and when the call counts as lost.

        `POST /campaigns/{campaign_id}/contacts/{contact_id}/calls`
        """
        return self._connection.command(
            "POST",
            path(
                "/campaigns/{campaign_id}/contacts/{contact_id}/calls",
                campaign_id=campaign_id,
                contact_id=contact_id,
            ),
            query={"dry_run": dry_run or None},
            body={"sender_id": sender_id},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def connect_call(
        self,
        campaign_id: Id,
        contact_id: Id,
        attempt: int,
        *,
        answered_by: AnsweredBy,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Report that somebody picked up.

        Somebody, or something, picked up.

        `POST /campaigns/{campaign_id}/contacts/{contact_id}/calls/{attempt}/connect`
        """
        return self._connection.command(
            "POST",
            path(
                "/campaigns/{campaign_id}/contacts/{contact_id}/calls/{attempt}/connect",
                campaign_id=campaign_id,
                contact_id=contact_id,
                attempt=attempt,
            ),
            query={"dry_run": dry_run or None},
            body={"answered_by": answered_by},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def end_call(
        self,
        campaign_id: Id,
        contact_id: Id,
        attempt: int,
        *,
        outcome: CallOutcome,
        duration_seconds: int | UnsetType | None = UNSET,
        callback_at: datetime | UnsetType | None = UNSET,
        permanent: bool | UnsetType = UNSET,
        conversation_id: Id | UnsetType | None = UNSET,
        summary: str | UnsetType | None = UNSET,
        transcript_reference: str | UnsetType | None = UNSET,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Report how a call ended.

        Report a call's outcome. The same report again adds nothing.

        `POST /campaigns/{campaign_id}/contacts/{contact_id}/calls/{attempt}/end`
        """
        return self._connection.command(
            "POST",
            path(
                "/campaigns/{campaign_id}/contacts/{contact_id}/calls/{attempt}/end",
                campaign_id=campaign_id,
                contact_id=contact_id,
                attempt=attempt,
            ),
            query={"dry_run": dry_run or None},
            body={
                "outcome": outcome,
                "duration_seconds": duration_seconds,
                "callback_at": callback_at,
                "permanent": permanent,
                "conversation_id": conversation_id,
                "summary": summary,
                "transcript_reference": transcript_reference,
            },
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def correct_outcome(
        self,
        campaign_id: Id,
        contact_id: Id,
        attempt: int,
        *,
        from_: CallOutcome,
        to: CallOutcome,
        reason: str,
        duration_seconds: int | UnsetType | None = UNSET,
        callback_at: datetime | UnsetType | None = UNSET,
        permanent: bool | UnsetType | None = UNSET,
        conversation_id: Id | UnsetType | None = UNSET,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Correct a recorded outcome.

        Replace a recorded outcome; `from` is what is recorded now.

        `POST /campaigns/{campaign_id}/contacts/{contact_id}/calls/{attempt}/correct`
        """
        return self._connection.command(
            "POST",
            path(
                "/campaigns/{campaign_id}/contacts/{contact_id}/calls/{attempt}/correct",
                campaign_id=campaign_id,
                contact_id=contact_id,
                attempt=attempt,
            ),
            query={"dry_run": dry_run or None},
            body={
                "from": from_,
                "to": to,
                "reason": reason,
                "duration_seconds": duration_seconds,
                "callback_at": callback_at,
                "permanent": permanent,
                "conversation_id": conversation_id,
            },
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def receive_call(
        self,
        campaign_id: Id,
        contact_id: Id,
        *,
        conversation_id: Id,
        duration_seconds: int,
        sender_id: Id | UnsetType | None = UNSET,
        occurred: datetime | UnsetType | None = UNSET,
        summary: str | UnsetType | None = UNSET,
        transcript_reference: str | UnsetType | None = UNSET,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Report a call by the contact.

        The contact called. `occurred` is when; now when not given.

        `POST /campaigns/{campaign_id}/contacts/{contact_id}/received-calls`
        """
        return self._connection.command(
            "POST",
            path(
                "/campaigns/{campaign_id}/contacts/{contact_id}/received-calls",
                campaign_id=campaign_id,
                contact_id=contact_id,
            ),
            query={"dry_run": dry_run or None},
            body={
                "conversation_id": conversation_id,
                "duration_seconds": duration_seconds,
                "sender_id": sender_id,
                "occurred": occurred,
                "summary": summary,
                "transcript_reference": transcript_reference,
            },
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def evaluate_goal(
        self,
        campaign_id: Id,
        contact_id: Id,
        goal_id: Id,
        *,
        result: GoalResult,
        conversation_id: Id | UnsetType | None = UNSET,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Judge a goal.

        Judge a goal, of one conversation or (without one) over all.

        `POST /campaigns/{campaign_id}/contacts/{contact_id}/goals/{goal_id}/evaluations`
        """
        return self._connection.command(
            "POST",
            path(
                "/campaigns/{campaign_id}/contacts/{contact_id}/goals/{goal_id}/evaluations",
                campaign_id=campaign_id,
                contact_id=contact_id,
                goal_id=goal_id,
            ),
            query={"dry_run": dry_run or None},
            body={"result": result, "conversation_id": conversation_id},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def answer_analysis(
        self,
        campaign_id: Id,
        contact_id: Id,
        analysis_id: Id,
        *,
        conversation_id: Id,
        value: bool | float | str | Sequence[str],
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Answer an analysis.

        Answer an analysis of a conversation: true or false, a text, a number, or the options chosen.

        `POST /campaigns/{campaign_id}/contacts/{contact_id}/analyses/{analysis_id}/answers`
        """
        return self._connection.command(
            "POST",
            path(
                "/campaigns/{campaign_id}/contacts/{contact_id}/analyses/{analysis_id}/answers",
                campaign_id=campaign_id,
                contact_id=contact_id,
                analysis_id=analysis_id,
            ),
            query={"dry_run": dry_run or None},
            body={"conversation_id": conversation_id, "value": value},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def copy_many(
        self,
        campaign_id: Id,
        *,
        source_campaign_id: Id,
        contact_ids: Sequence[Id] | UnsetType | None = UNSET,
        filters: ContactsChosen | UnsetType = UNSET,
        at_least: AtLeast | None = None,
        dry_run: bool = False,
        idempotency_key: str | None = None,
    ) -> CopiedContacts:
        """Enrol contacts of another campaign.

        Each is judged by itself, as in `contacts/batch`, and tells whence it was copied; at most 100,000.

        `POST /campaigns/{campaign_id}/contacts/from-campaign`
        """
        return self._connection.command(
            "POST",
            path("/campaigns/{campaign_id}/contacts/from-campaign", campaign_id=campaign_id),
            query={"at_least": at_least, "dry_run": dry_run or None},
            body={"source_campaign_id": source_campaign_id, "contact_ids": contact_ids, "filters": filters},
            idempotency_key=idempotency_key,
            answers=CopiedContacts,
        )
