"""Operations on campaigns.

Made from the OpenAPI document by `make client`; not to be edited.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from msgspec import UNSET, UnsetType

from drumbeat.client.connection import Connection, path
from drumbeat.client.generated.models import (
    AnalysisText,
    Answer,
    CampaignCard,
    CampaignDifference,
    CampaignItem,
    CampaignItemPage,
    CampaignResults,
    Change,
    ChangePage,
    ContactDifference,
    ContactDifferencePage,
    Dashboard,
    Done,
    DonePage,
    Heatmap,
    Step,
)
from drumbeat.client.generated.words import (
    ActivityFormat,
    CampaignKind,
    CampaignSort,
    CampaignSource,
    CampaignStatus,
    ChangedStream,
    GoalRole,
    Order,
    PauseReason,
    Vocabulary,
)
from drumbeat.client.paging import each
from drumbeat.client.values import AtLeast, Id


class CampaignsOperations:
    """Operations on campaigns."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def dashboard(
        self, campaign_id: Id, *, at_least: AtLeast | None = None, as_of: str | None = None
    ) -> Dashboard:
        """The numbers of a campaign.

        Every counter is a sum over contacts or calls, kept by differences; `rows` lists exactly those.

        `GET /campaigns/{campaign_id}/dashboard`
        """
        return self._connection.read(
            "GET",
            path("/campaigns/{campaign_id}/dashboard", campaign_id=campaign_id),
            query={"at_least": at_least, "as_of": as_of},
            answers=Dashboard,
        )

    def heatmap(self, campaign_id: Id, *, at_least: AtLeast | None = None, as_of: str | None = None) -> Heatmap:
        """When people answer, by local weekday and hour.

        Every count links to its calls.

        `GET /campaigns/{campaign_id}/heatmap`
        """
        return self._connection.read(
            "GET",
            path("/campaigns/{campaign_id}/heatmap", campaign_id=campaign_id),
            query={"at_least": at_least, "as_of": as_of},
            answers=Heatmap,
        )

    def list(
        self,
        *,
        search: str | None = None,
        status: Sequence[CampaignStatus] | None = None,
        status_label: Sequence[
            Literal[
                "ACTIVE",
                "ARCHIVED",
                "Active",
                "Archived",
                "CANCELLED",
                "COMPLETED",
                "COMPLETING",
                "Cancelled",
                "Complete",
                "Completed",
                "DELETED",
                "DRAFT",
                "Deleted",
                "Draft",
                "Ended",
                "Finished",
                "LAUNCHING",
                "Not Started",
                "PAUSED",
                "Paused",
                "SCHEDULED",
                "Started",
            ]
        ]
        | None = None,
        kind: Sequence[CampaignKind] | None = None,
        sort: CampaignSort | None = None,
        order: Order | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        count: bool = False,
        at_least: AtLeast | None = None,
    ) -> CampaignItemPage:
        """The campaigns of the workspace.

        Deleted campaigns are not listed; archived ones are.

        `GET /campaigns`
        """
        return self._connection.read(
            "GET",
            path("/campaigns"),
            query={
                "search": search,
                "status": status,
                "status_label": status_label,
                "kind": kind,
                "sort": sort,
                "order": order,
                "limit": limit,
                "cursor": cursor,
                "count": count or None,
                "at_least": at_least,
            },
            answers=CampaignItemPage,
        )

    def each(
        self,
        *,
        search: str | None = None,
        status: Sequence[CampaignStatus] | None = None,
        status_label: Sequence[
            Literal[
                "ACTIVE",
                "ARCHIVED",
                "Active",
                "Archived",
                "CANCELLED",
                "COMPLETED",
                "COMPLETING",
                "Cancelled",
                "Complete",
                "Completed",
                "DELETED",
                "DRAFT",
                "Deleted",
                "Draft",
                "Ended",
                "Finished",
                "LAUNCHING",
                "Not Started",
                "PAUSED",
                "Paused",
                "SCHEDULED",
                "Started",
            ]
        ]
        | None = None,
        kind: Sequence[CampaignKind] | None = None,
        sort: CampaignSort | None = None,
        order: Order | None = None,
        limit: int | None = None,
        count: bool = False,
        at_least: AtLeast | None = None,
    ) -> Iterator[CampaignItem]:
        """Every row of `list`, page by page; `limit` is the size of a page."""
        return each(
            lambda cursor: self.list(
                search=search,
                status=status,
                status_label=status_label,
                kind=kind,
                sort=sort,
                order=order,
                limit=limit,
                count=count,
                at_least=at_least,
                cursor=cursor,
            )
        )

    def draft(
        self,
        *,
        kind: CampaignKind,
        name: str,
        campaign_id: Id | UnsetType | None = UNSET,
        vocabulary: Vocabulary | UnsetType | None = UNSET,
        settings: Mapping[str, Any] | UnsetType = UNSET,
        source: CampaignSource | UnsetType = UNSET,
        dry_run: bool = False,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Make a campaign.

        Make a campaign. Without `campaign_id` it gets a new one; `Done.stream_id` tells it.

        `settings` holds any of the settings of `settings_rules.RULES`; the others have their defaults.

        `POST /campaigns`
        """
        return self._connection.command(
            "POST",
            path("/campaigns"),
            query={"dry_run": dry_run or None},
            body={
                "kind": kind,
                "name": name,
                "campaign_id": campaign_id,
                "vocabulary": vocabulary,
                "settings": settings,
                "source": source,
            },
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def get(self, campaign_id: Id, *, at_least: AtLeast | None = None, as_of: str | None = None) -> CampaignCard:
        """One campaign with its settings, goals and analyses.

        The same status as in the list, from the same row.

        `GET /campaigns/{campaign_id}`
        """
        return self._connection.read(
            "GET",
            path("/campaigns/{campaign_id}", campaign_id=campaign_id),
            query={"at_least": at_least, "as_of": as_of},
            answers=CampaignCard,
        )

    def delete(
        self,
        campaign_id: Id,
        *,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Delete; its history stays.

        Take it out of every list; its history stays.

        `DELETE /campaigns/{campaign_id}`
        """
        return self._connection.command(
            "DELETE",
            path("/campaigns/{campaign_id}", campaign_id=campaign_id),
            query={"dry_run": dry_run or None},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def activity(
        self,
        campaign_id: Id,
        *,
        order: Order | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        count: bool = False,
        contact: Id | None = None,
        action: Sequence[
            Literal[
                "call_ended",
                "call_outcome_corrected",
                "call_received",
                "campaign_activated",
                "campaign_analysis_activated",
                "campaign_analysis_archived",
                "campaign_analysis_deactivated",
                "campaign_analysis_defined",
                "campaign_analysis_edited",
                "campaign_analysis_restored",
                "campaign_archived",
                "campaign_audience_opened",
                "campaign_audience_processed",
                "campaign_cancelled",
                "campaign_completed",
                "campaign_completion_requested",
                "campaign_deleted",
                "campaign_drafted",
                "campaign_end_extended",
                "campaign_goal_archived",
                "campaign_goal_defined",
                "campaign_goal_edited",
                "campaign_goal_restored",
                "campaign_import_finished",
                "campaign_import_started",
                "campaign_launched",
                "campaign_paused",
                "campaign_primary_goal_changed",
                "campaign_reminders_requested",
                "campaign_renamed",
                "campaign_reopened",
                "campaign_report_failed",
                "campaign_report_generated",
                "campaign_report_not_generated",
                "campaign_report_requested",
                "campaign_resumed",
                "campaign_scheduled",
                "campaign_sender_assigned",
                "campaign_sender_disabled",
                "campaign_sender_enabled",
                "campaign_sender_excluded",
                "campaign_sender_reinstated",
                "campaign_sender_unassigned",
                "campaign_sender_weight_changed",
                "campaign_sequence_defined",
                "campaign_settings_changed",
                "campaign_window_closed",
                "contact_enrolled",
                "contact_erased",
                "contact_finished",
                "contact_paused",
                "contact_removed",
                "contact_reopened",
                "contact_resumed",
                "enrolment_refused",
                "goal_achieved",
                "goal_achievement_withdrawn",
                "opted_out",
                "profile_changed",
                "reminder_requested",
            ]
        ]
        | None = None,
        actor: Sequence[str] | None = None,
        from_: datetime | None = None,
        to: datetime | None = None,
        above: int | None = None,
        up_to: int | None = None,
        at_least: AtLeast | None = None,
        as_of: str | None = None,
    ) -> DonePage:
        """What was done in a campaign, newest first.

        Names are those of now. A call is one action, told when it ended.

        `GET /campaigns/{campaign_id}/activity`
        """
        return self._connection.read(
            "GET",
            path("/campaigns/{campaign_id}/activity", campaign_id=campaign_id),
            query={
                "order": order,
                "limit": limit,
                "cursor": cursor,
                "count": count or None,
                "contact": contact,
                "action": action,
                "actor": actor,
                "from": from_,
                "to": to,
                "above": above,
                "up_to": up_to,
                "at_least": at_least,
                "as_of": as_of,
            },
            answers=DonePage,
        )

    def each_activity(
        self,
        campaign_id: Id,
        *,
        order: Order | None = None,
        limit: int | None = None,
        count: bool = False,
        contact: Id | None = None,
        action: Sequence[
            Literal[
                "call_ended",
                "call_outcome_corrected",
                "call_received",
                "campaign_activated",
                "campaign_analysis_activated",
                "campaign_analysis_archived",
                "campaign_analysis_deactivated",
                "campaign_analysis_defined",
                "campaign_analysis_edited",
                "campaign_analysis_restored",
                "campaign_archived",
                "campaign_audience_opened",
                "campaign_audience_processed",
                "campaign_cancelled",
                "campaign_completed",
                "campaign_completion_requested",
                "campaign_deleted",
                "campaign_drafted",
                "campaign_end_extended",
                "campaign_goal_archived",
                "campaign_goal_defined",
                "campaign_goal_edited",
                "campaign_goal_restored",
                "campaign_import_finished",
                "campaign_import_started",
                "campaign_launched",
                "campaign_paused",
                "campaign_primary_goal_changed",
                "campaign_reminders_requested",
                "campaign_renamed",
                "campaign_reopened",
                "campaign_report_failed",
                "campaign_report_generated",
                "campaign_report_not_generated",
                "campaign_report_requested",
                "campaign_resumed",
                "campaign_scheduled",
                "campaign_sender_assigned",
                "campaign_sender_disabled",
                "campaign_sender_enabled",
                "campaign_sender_excluded",
                "campaign_sender_reinstated",
                "campaign_sender_unassigned",
                "campaign_sender_weight_changed",
                "campaign_sequence_defined",
                "campaign_settings_changed",
                "campaign_window_closed",
                "contact_enrolled",
                "contact_erased",
                "contact_finished",
                "contact_paused",
                "contact_removed",
                "contact_reopened",
                "contact_resumed",
                "enrolment_refused",
                "goal_achieved",
                "goal_achievement_withdrawn",
                "opted_out",
                "profile_changed",
                "reminder_requested",
            ]
        ]
        | None = None,
        actor: Sequence[str] | None = None,
        from_: datetime | None = None,
        to: datetime | None = None,
        above: int | None = None,
        up_to: int | None = None,
        at_least: AtLeast | None = None,
        as_of: str | None = None,
    ) -> Iterator[Done]:
        """Every row of `activity`, page by page; `limit` is the size of a page."""
        return each(
            lambda cursor: self.activity(
                campaign_id,
                order=order,
                limit=limit,
                count=count,
                contact=contact,
                action=action,
                actor=actor,
                from_=from_,
                to=to,
                above=above,
                up_to=up_to,
                at_least=at_least,
                as_of=as_of,
                cursor=cursor,
            )
        )

    def activity_export(
        self,
        campaign_id: Id,
        *,
        format_: ActivityFormat | None = None,
        order: Order | None = None,
        contact: Id | None = None,
        action: Sequence[
            Literal[
                "call_ended",
                "call_outcome_corrected",
                "call_received",
                "campaign_activated",
                "campaign_analysis_activated",
                "campaign_analysis_archived",
                "campaign_analysis_deactivated",
                "campaign_analysis_defined",
                "campaign_analysis_edited",
                "campaign_analysis_restored",
                "campaign_archived",
                "campaign_audience_opened",
                "campaign_audience_processed",
                "campaign_cancelled",
                "campaign_completed",
                "campaign_completion_requested",
                "campaign_deleted",
                "campaign_drafted",
                "campaign_end_extended",
                "campaign_goal_archived",
                "campaign_goal_defined",
                "campaign_goal_edited",
                "campaign_goal_restored",
                "campaign_import_finished",
                "campaign_import_started",
                "campaign_launched",
                "campaign_paused",
                "campaign_primary_goal_changed",
                "campaign_reminders_requested",
                "campaign_renamed",
                "campaign_reopened",
                "campaign_report_failed",
                "campaign_report_generated",
                "campaign_report_not_generated",
                "campaign_report_requested",
                "campaign_resumed",
                "campaign_scheduled",
                "campaign_sender_assigned",
                "campaign_sender_disabled",
                "campaign_sender_enabled",
                "campaign_sender_excluded",
                "campaign_sender_reinstated",
                "campaign_sender_unassigned",
                "campaign_sender_weight_changed",
                "campaign_sequence_defined",
                "campaign_settings_changed",
                "campaign_window_closed",
                "contact_enrolled",
                "contact_erased",
                "contact_finished",
                "contact_paused",
                "contact_removed",
                "contact_reopened",
                "contact_resumed",
                "enrolment_refused",
                "goal_achieved",
                "goal_achievement_withdrawn",
                "opted_out",
                "profile_changed",
                "reminder_requested",
            ]
        ]
        | None = None,
        actor: Sequence[str] | None = None,
        from_: datetime | None = None,
        to: datetime | None = None,
        above: int | None = None,
        up_to: int | None = None,
        at_least: AtLeast | None = None,
        as_of: str | None = None,
    ) -> Iterator[str]:
        """What was done in a campaign, as a file.

        Every row of the list under the same filters. One that was cut off has no proper end of its
        transfer.

        `GET /campaigns/{campaign_id}/activity/export`
        """
        return self._connection.lines(
            "GET",
            path("/campaigns/{campaign_id}/activity/export", campaign_id=campaign_id),
            query={
                "format": format_,
                "order": order,
                "contact": contact,
                "action": action,
                "actor": actor,
                "from": from_,
                "to": to,
                "above": above,
                "up_to": up_to,
                "at_least": at_least,
                "as_of": as_of,
            },
            answers=str,
        )

    def history(
        self,
        campaign_id: Id,
        *,
        stream: Sequence[ChangedStream] | None = None,
        type_: Sequence[str] | None = None,
        actor: Sequence[str] | None = None,
        from_: datetime | None = None,
        to: datetime | None = None,
        above: int | None = None,
        up_to: int | None = None,
        order: Order | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        count: bool = False,
        at_least: AtLeast | None = None,
        as_of: str | None = None,
    ) -> ChangePage:
        """Every change of a campaign: who, when, why, before and after.

        Newest first. A deleted campaign's history is kept.

        `GET /campaigns/{campaign_id}/history`
        """
        return self._connection.read(
            "GET",
            path("/campaigns/{campaign_id}/history", campaign_id=campaign_id),
            query={
                "stream": stream,
                "type": type_,
                "actor": actor,
                "from": from_,
                "to": to,
                "above": above,
                "up_to": up_to,
                "order": order,
                "limit": limit,
                "cursor": cursor,
                "count": count or None,
                "at_least": at_least,
                "as_of": as_of,
            },
            answers=ChangePage,
        )

    def each_history(
        self,
        campaign_id: Id,
        *,
        stream: Sequence[ChangedStream] | None = None,
        type_: Sequence[str] | None = None,
        actor: Sequence[str] | None = None,
        from_: datetime | None = None,
        to: datetime | None = None,
        above: int | None = None,
        up_to: int | None = None,
        order: Order | None = None,
        limit: int | None = None,
        count: bool = False,
        at_least: AtLeast | None = None,
        as_of: str | None = None,
    ) -> Iterator[Change]:
        """Every row of `history`, page by page; `limit` is the size of a page."""
        return each(
            lambda cursor: self.history(
                campaign_id,
                stream=stream,
                type_=type_,
                actor=actor,
                from_=from_,
                to=to,
                above=above,
                up_to=up_to,
                order=order,
                limit=limit,
                count=count,
                at_least=at_least,
                as_of=as_of,
                cursor=cursor,
            )
        )

    def history_diff(
        self,
        campaign_id: Id,
        *,
        from_: str,
        to: str | None = None,
        at_least: AtLeast | None = None,
        as_of: str | None = None,
    ) -> CampaignDifference:
        """What changed in a campaign between two positions.

        The campaign's fields, numbers, and contacts by column and label; of a deleted campaign too.

        `GET /campaigns/{campaign_id}/history/diff`
        """
        return self._connection.read(
            "GET",
            path("/campaigns/{campaign_id}/history/diff", campaign_id=campaign_id),
            query={"from": from_, "to": to, "at_least": at_least, "as_of": as_of},
            answers=CampaignDifference,
        )

    def history_diff_contacts(
        self,
        campaign_id: Id,
        *,
        from_: str,
        to: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        count: bool = False,
        at_least: AtLeast | None = None,
        as_of: str | None = None,
    ) -> ContactDifferencePage:
        """The contacts that changed between two positions, with what changed in each.

        In the order of their ids. Personal columns show what is known now, and nothing of a person erased
        since.

        `GET /campaigns/{campaign_id}/history/diff/contacts`
        """
        return self._connection.read(
            "GET",
            path("/campaigns/{campaign_id}/history/diff/contacts", campaign_id=campaign_id),
            query={
                "from": from_,
                "to": to,
                "limit": limit,
                "cursor": cursor,
                "count": count or None,
                "at_least": at_least,
                "as_of": as_of,
            },
            answers=ContactDifferencePage,
        )

    def each_history_diff_contacts(
        self,
        campaign_id: Id,
        *,
        from_: str,
        to: str | None = None,
        limit: int | None = None,
        count: bool = False,
        at_least: AtLeast | None = None,
        as_of: str | None = None,
    ) -> Iterator[ContactDifference]:
        """Every row of `history_diff_contacts`, page by page; `limit` is the size of a page."""
        return each(
            lambda cursor: self.history_diff_contacts(
                campaign_id,
                from_=from_,
                to=to,
                limit=limit,
                count=count,
                at_least=at_least,
                as_of=as_of,
                cursor=cursor,
            )
        )

    def command_many(
        self,
        *,
        command: Literal[
            "launch",
            "pause",
            "resume",
            "complete",
            "extend",
            "send-reminders",
            "cancel",
            "reopen",
            "archive",
            "delete",
        ],
        campaign_ids: Sequence[Id],
        arguments: Mapping[str, Any] | UnsetType = UNSET,
        dry_run: bool = False,
        idempotency_key: str | None = None,
    ) -> CampaignResults:
        """Give one command to many campaigns.

        Each campaign is judged and changed by itself: one that is refused holds up no other. Sent again
        under the same key, what was done gets its first answer, and what was refused is tried once more.

        `POST /campaigns/bulk`
        """
        return self._connection.command(
            "POST",
            path("/campaigns/bulk"),
            query={"dry_run": dry_run or None},
            body={"command": command, "campaign_ids": campaign_ids, "arguments": arguments},
            idempotency_key=idempotency_key,
            answers=CampaignResults,
        )

    def duplicate(
        self,
        campaign_id: Id,
        *,
        copy_id: Id | UnsetType | None = UNSET,
        name: str | UnsetType | None = UNSET,
        dry_run: bool = False,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Make a campaign like this one, without its contacts.

        Make a campaign like another, without its contacts; `Done.stream_id` is the copy's.

        `POST /campaigns/{campaign_id}/duplicate`
        """
        return self._connection.command(
            "POST",
            path("/campaigns/{campaign_id}/duplicate", campaign_id=campaign_id),
            query={"dry_run": dry_run or None},
            body={"copy_id": copy_id, "name": name},
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def rename(
        self,
        campaign_id: Id,
        *,
        name: str,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Give it another name.

        Give it another name.

        `POST /campaigns/{campaign_id}/rename`
        """
        return self._connection.command(
            "POST",
            path("/campaigns/{campaign_id}/rename", campaign_id=campaign_id),
            query={"dry_run": dry_run or None},
            body={"name": name},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def change_settings(
        self,
        campaign_id: Id,
        *,
        changes: Mapping[str, Any],
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Change settings.

        Change the given settings; they hold from now on.

        `PATCH /campaigns/{campaign_id}/settings`
        """
        return self._connection.command(
            "PATCH",
            path("/campaigns/{campaign_id}/settings", campaign_id=campaign_id),
            query={"dry_run": dry_run or None},
            body={"changes": changes},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def define_sequence(
        self,
        campaign_id: Id,
        *,
        steps: Sequence[Step],
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Set the steps of a sequence.

        Set the steps of a sequence while it is a draft.

        `PUT /campaigns/{campaign_id}/sequence`
        """
        return self._connection.command(
            "PUT",
            path("/campaigns/{campaign_id}/sequence", campaign_id=campaign_id),
            query={"dry_run": dry_run or None},
            body={"steps": steps},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def launch(
        self,
        campaign_id: Id,
        *,
        start_at: datetime | UnsetType | None = UNSET,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Launch now or at a start.

        Launch at the given start, or at the setting, or now.

        `POST /campaigns/{campaign_id}/launch`
        """
        return self._connection.command(
            "POST",
            path("/campaigns/{campaign_id}/launch", campaign_id=campaign_id),
            query={"dry_run": dry_run or None},
            body={"start_at": start_at},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def pause(
        self,
        campaign_id: Id,
        *,
        pause_reason: PauseReason | UnsetType = UNSET,
        note: str | UnsetType = UNSET,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Pause.

        Hand out no new work.

        `POST /campaigns/{campaign_id}/pause`
        """
        return self._connection.command(
            "POST",
            path("/campaigns/{campaign_id}/pause", campaign_id=campaign_id),
            query={"dry_run": dry_run or None},
            body={"pause_reason": pause_reason, "note": note},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def resume(
        self,
        campaign_id: Id,
        *,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Go on.

        Go on after a pause.

        `POST /campaigns/{campaign_id}/resume`
        """
        return self._connection.command(
            "POST",
            path("/campaigns/{campaign_id}/resume", campaign_id=campaign_id),
            query={"dry_run": dry_run or None},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def complete(
        self,
        campaign_id: Id,
        *,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """End it now.

        End it now, with what was reached.

        `POST /campaigns/{campaign_id}/complete`
        """
        return self._connection.command(
            "POST",
            path("/campaigns/{campaign_id}/complete", campaign_id=campaign_id),
            query={"dry_run": dry_run or None},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def extend(
        self,
        campaign_id: Id,
        *,
        end_at: datetime,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Move the end out.

        Move the end out.

        `POST /campaigns/{campaign_id}/extend`
        """
        return self._connection.command(
            "POST",
            path("/campaigns/{campaign_id}/extend", campaign_id=campaign_id),
            query={"dry_run": dry_run or None},
            body={"end_at": end_at},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def send_reminders(
        self,
        campaign_id: Id,
        *,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Remind who has not responded.

        Remind everyone who has not responded to a survey.

        `POST /campaigns/{campaign_id}/send-reminders`
        """
        return self._connection.command(
            "POST",
            path("/campaigns/{campaign_id}/send-reminders", campaign_id=campaign_id),
            query={"dry_run": dry_run or None},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def cancel(
        self,
        campaign_id: Id,
        *,
        reason: str,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """End it before its time.

        End it before its time.

        `POST /campaigns/{campaign_id}/cancel`
        """
        return self._connection.command(
            "POST",
            path("/campaigns/{campaign_id}/cancel", campaign_id=campaign_id),
            query={"dry_run": dry_run or None},
            body={"reason": reason},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def reopen(
        self,
        campaign_id: Id,
        *,
        end_at: datetime | UnsetType | None = UNSET,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Make a completed campaign a paused one.

        Make a completed campaign a paused one again.

        `POST /campaigns/{campaign_id}/reopen`
        """
        return self._connection.command(
            "POST",
            path("/campaigns/{campaign_id}/reopen", campaign_id=campaign_id),
            query={"dry_run": dry_run or None},
            body={"end_at": end_at},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def archive(
        self,
        campaign_id: Id,
        *,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Archive.

        Put it out of sight for good.

        `POST /campaigns/{campaign_id}/archive`
        """
        return self._connection.command(
            "POST",
            path("/campaigns/{campaign_id}/archive", campaign_id=campaign_id),
            query={"dry_run": dry_run or None},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def define_goal(
        self,
        campaign_id: Id,
        *,
        name: str,
        goal_id: Id | UnsetType | None = UNSET,
        description: str | UnsetType = UNSET,
        role: GoalRole | UnsetType = UNSET,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Define a goal.

        Add a goal.

        `POST /campaigns/{campaign_id}/goals`
        """
        return self._connection.command(
            "POST",
            path("/campaigns/{campaign_id}/goals", campaign_id=campaign_id),
            query={"dry_run": dry_run or None},
            body={"name": name, "goal_id": goal_id, "description": description, "role": role},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def edit_goal(
        self,
        campaign_id: Id,
        goal_id: Id,
        *,
        name: str,
        description: str | UnsetType = UNSET,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Edit a goal.

        Change a goal's text.

        `PATCH /campaigns/{campaign_id}/goals/{goal_id}`
        """
        return self._connection.command(
            "PATCH",
            path("/campaigns/{campaign_id}/goals/{goal_id}", campaign_id=campaign_id, goal_id=goal_id),
            query={"dry_run": dry_run or None},
            body={"name": name, "description": description},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def archive_goal(
        self,
        campaign_id: Id,
        goal_id: Id,
        *,
        successor: Id | UnsetType | None = UNSET,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Archive a goal.

        Let a goal count no longer; the primary one needs a successor.

        `POST /campaigns/{campaign_id}/goals/{goal_id}/archive`
        """
        return self._connection.command(
            "POST",
            path("/campaigns/{campaign_id}/goals/{goal_id}/archive", campaign_id=campaign_id, goal_id=goal_id),
            query={"dry_run": dry_run or None},
            body={"successor": successor},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def restore_goal(
        self,
        campaign_id: Id,
        goal_id: Id,
        *,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Restore a goal.

        Let an archived goal count again, as a secondary one.

        `POST /campaigns/{campaign_id}/goals/{goal_id}/restore`
        """
        return self._connection.command(
            "POST",
            path("/campaigns/{campaign_id}/goals/{goal_id}/restore", campaign_id=campaign_id, goal_id=goal_id),
            query={"dry_run": dry_run or None},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def change_primary_goal(
        self,
        campaign_id: Id,
        goal_id: Id,
        *,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Make it the primary goal.

        Make another goal the primary one.

        `POST /campaigns/{campaign_id}/goals/{goal_id}/make-primary`
        """
        return self._connection.command(
            "POST",
            path(
                "/campaigns/{campaign_id}/goals/{goal_id}/make-primary", campaign_id=campaign_id, goal_id=goal_id
            ),
            query={"dry_run": dry_run or None},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def define_analysis(
        self,
        campaign_id: Id,
        *,
        text: AnalysisText,
        analysis_id: Id | UnsetType | None = UNSET,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Define an analysis.

        Add an analysis, active.

        `POST /campaigns/{campaign_id}/analyses`
        """
        return self._connection.command(
            "POST",
            path("/campaigns/{campaign_id}/analyses", campaign_id=campaign_id),
            query={"dry_run": dry_run or None},
            body={"text": text, "analysis_id": analysis_id},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def edit_analysis(
        self,
        campaign_id: Id,
        analysis_id: Id,
        *,
        text: AnalysisText,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Edit an analysis.

        Change what an analysis asks.

        `PATCH /campaigns/{campaign_id}/analyses/{analysis_id}`
        """
        return self._connection.command(
            "PATCH",
            path(
                "/campaigns/{campaign_id}/analyses/{analysis_id}", campaign_id=campaign_id, analysis_id=analysis_id
            ),
            query={"dry_run": dry_run or None},
            body={"text": text},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def activate_analysis(
        self,
        campaign_id: Id,
        analysis_id: Id,
        *,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Activate an analysis.

        Ask it again.

        `POST /campaigns/{campaign_id}/analyses/{analysis_id}/activate`
        """
        return self._connection.command(
            "POST",
            path(
                "/campaigns/{campaign_id}/analyses/{analysis_id}/activate",
                campaign_id=campaign_id,
                analysis_id=analysis_id,
            ),
            query={"dry_run": dry_run or None},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def deactivate_analysis(
        self,
        campaign_id: Id,
        analysis_id: Id,
        *,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Deactivate an analysis.

        Do not ask it for the time being.

        `POST /campaigns/{campaign_id}/analyses/{analysis_id}/deactivate`
        """
        return self._connection.command(
            "POST",
            path(
                "/campaigns/{campaign_id}/analyses/{analysis_id}/deactivate",
                campaign_id=campaign_id,
                analysis_id=analysis_id,
            ),
            query={"dry_run": dry_run or None},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def archive_analysis(
        self,
        campaign_id: Id,
        analysis_id: Id,
        *,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Archive an analysis.

        Put it out of sight; its answers stay.

        `POST /campaigns/{campaign_id}/analyses/{analysis_id}/archive`
        """
        return self._connection.command(
            "POST",
            path(
                "/campaigns/{campaign_id}/analyses/{analysis_id}/archive",
                campaign_id=campaign_id,
                analysis_id=analysis_id,
            ),
            query={"dry_run": dry_run or None},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )

    def restore_analysis(
        self,
        campaign_id: Id,
        analysis_id: Id,
        *,
        dry_run: bool = False,
        if_match: int | None = None,
        idempotency_key: str | None = None,
    ) -> Answer:
        """Restore an analysis.

        Bring an archived analysis back, inactive.

        `POST /campaigns/{campaign_id}/analyses/{analysis_id}/restore`
        """
        return self._connection.command(
            "POST",
            path(
                "/campaigns/{campaign_id}/analyses/{analysis_id}/restore",
                campaign_id=campaign_id,
                analysis_id=analysis_id,
            ),
            query={"dry_run": dry_run or None},
            if_match=if_match,
            idempotency_key=idempotency_key,
            answers=Answer,
        )
