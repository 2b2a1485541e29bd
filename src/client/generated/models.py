"""What is answered, and what bodies are made of.

Made from the OpenAPI document by `make client`; not to be edited.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from drumbeat.client.generated.words import (
    ContactStatus,
    Priority,
    Question,
    StepChannel,
)
from drumbeat.client.values import Id


class AnalysisAnswer(msgspec.Struct, kw_only=True):
    """What an analysis found in one conversation."""

    conversation_id: UUID
    analysis_id: UUID
    name: str | None
    question: str | None
    value: Any
    answered_at: datetime


class AnalysisDefinition(msgspec.Struct, kw_only=True):
    """An analysis as it is defined now; `scale` belongs to ratings, `options` to choices."""

    id: UUID
    name: str
    description: str
    question: str
    options: list[str]
    scale: int | None
    active: bool
    archived: bool


class AnalysisText(msgspec.Struct, kw_only=True):
    """What an analysis asks: `options` for choices, `scale` (best value, from 1) for ratings."""

    name: str
    description: str | UnsetType = UNSET
    question: Question
    options: Sequence[str] | UnsetType = UNSET
    scale: int | UnsetType | None = UNSET


class Answer(msgspec.Struct, kw_only=True):
    """A command was carried out, or there was nothing to do.

    `version` is the stream's version afterwards. `position` is that of the last event written, or the
    newest of the log when none was: a read asked with `at_least` that position shows the effect.
    `results` has an answer for each row where the command had rows, and what the command made.
    `repeated`: the idempotency key was known, this is the first answer, and nothing was written.
    `dry_run`: nothing was written; the position means nothing.
    """

    stream_id: UUID
    version: int
    position: int
    events: int = 0
    results: list[dict[str, Any]] = []
    repeated: bool = False
    dry_run: bool = False


class LocalTime(msgspec.Struct, kw_only=True):
    """When a call was placed on the clock of `zone`; what is not known is null. `weekday` is ISO: 1
    Monday.
    """

    year: int | None
    month: int | None
    day: int | None
    weekday: int | None
    hour: int | None
    minute: int | None
    zone: str | None
    zone_source: str | None


class Attempt(msgspec.Struct, kw_only=True):
    """A call. `attempt` is its number for the contact, null for a received call; `outcome` null while in
    flight.

    `counts_in_total_time` says whether its duration is part of `total_time_spent`. `removed`: the
    contact was.
    """

    contact_id: UUID
    contact_name: str | None
    contact_reference: str | None
    attempt: int | None
    direction: str
    sender_id: UUID | None
    placed_at: datetime | None
    ended_at: datetime | None
    local: LocalTime
    answered_by: str | None
    outcome: str | None
    answer_status: str | None
    conversation: bool
    duration_seconds: int | None
    counts_in_total_time: bool
    callback_at: datetime | None
    permanent: bool
    detail: str | None
    corrected: bool
    settings_version: int | None
    conversation_id: UUID | None
    summary: str | None
    transcript_reference: str | None
    answers: list[AnalysisAnswer]
    removed: bool
    position: int


class ClosedDay(msgspec.Struct, kw_only=True):
    """A day on which there are no hours."""

    year: int
    month: int
    day: int


class Opening(msgspec.Struct, kw_only=True):
    """One opening: ISO weekday, minutes after local midnight, `closes_minute` exclusive."""

    weekday: int
    opens_minute: int
    closes_minute: int


class BusinessHours(msgspec.Struct, kw_only=True):
    """When a campaign may call, and whether that is now: at the instant of `as_of`."""

    schedule_id: UUID | None
    name: str
    zone: str
    open: bool
    weekly_hours: list[Opening]
    holidays: list[ClosedDay]


class GoalDefinition(msgspec.Struct, kw_only=True):
    """A goal as it is defined now."""

    id: UUID
    name: str
    description: str
    role: str
    archived: bool


class Pause(msgspec.Struct, kw_only=True):
    """By whom, when and why a campaign is paused. Reason and note are null since it was reopened."""

    since: datetime
    by: str
    reason: str | None
    note: str | None


class SenderBrief(msgspec.Struct, kw_only=True):
    """A number that a campaign calls from."""

    sender_id: UUID
    friendly_name: str
    address: str
    standing: str


class ChangedField(msgspec.Struct, kw_only=True):
    """A field of the campaign whose value is another: `status`, `settings.max_retries`,
    `senders.ID.standing`.

    `about` is what the goal, analysis or number in the path is called now. Null: it was not there, or
    is gone.
    """

    field: str
    about: str | None
    before: Any
    after: Any


class ChangedNumber(msgspec.Struct, kw_only=True):
    """A counter of the dashboard whose value is another; `key` tells those of one name apart:
    `GOAL/result`.

    `about` is what the goal or number in the key is called now.
    """

    counter: str
    key: str | None
    about: str | None
    before: int
    after: int


class ChangedColumn(msgspec.Struct, kw_only=True):
    """In how many contacts a column of the read row has another value; of those that were there at both
    ends.
    """

    column: str
    contacts: int


class Move(msgspec.Struct, kw_only=True):
    """How many contacts went from one label to another. Null: not in the campaign, before or since."""

    before: str | None
    after: str | None
    contacts: int


class ContactsChanged(msgspec.Struct, kw_only=True):
    """How many contacts came, how many of the others changed, in which columns and from where to where.

    `rows` lists them.
    """

    enrolled: int
    changed: int
    columns: list[ChangedColumn]
    labels: list[Move]
    rows: str


class End(msgspec.Struct, kw_only=True):
    """One end of what is compared: everything up to the position. `recorded_at`: of the newest event in
    it.
    """

    position: int
    recorded_at: datetime | None


class Happenings(msgspec.Struct, kw_only=True):
    """What was done in between: how many rows of a list, and the link to them."""

    count: int
    rows: str


class CampaignItem(msgspec.Struct, kw_only=True):
    """A campaign in the list. `status` is canonical, `status_label` the word of its vocabulary.

    `hours` is null while no business hours are set: always open. `available_actions` are the commands
    that its state allows now.
    """

    campaign_id: UUID
    name: str
    kind: str
    vocabulary: str
    source: str
    status: str
    status_label: str
    status_since: datetime
    overlays: list[str]
    available_actions: list[str]
    agent: str | None
    senders: list[SenderBrief]
    hours: BusinessHours | None
    contacts: int
    start_at: datetime | None
    end_at: datetime | None
    created_at: datetime
    launched_at: datetime | None
    completed_at: datetime | None


class LeftUnknown(msgspec.Struct, kw_only=True):
    """How many contacts the history leaves open, and why; the counts beside hold what is known of them.

    `contacts_open`: their attempts go on beyond the recorded history (queued, dialling, or another
    attempt due). `contacts_cut_short`: attempts of theirs that were recorded are not made here.
    `contacts_left_out`: what they did after such an attempt (a call, a judgement over all calls) may
    have followed from it, and is left out. `contacts_early`: an attempt was recorded before it would
    have been due here; it counts, its date does not.
    """

    contacts_open: int
    contacts_cut_short: int
    contacts_left_out: int
    contacts_early: int


class PartlyKnown(msgspec.Struct, kw_only=True):
    """A measure that needs what a history may not hold. `value` is null when it is missing of some
    contacts.
    """

    value: float | int | None
    contacts_unknown: int


class CampaignMeasures(msgspec.Struct, kw_only=True):
    """What a campaign comes to. `attempts` are calls placed, of which the source does not tell the outcome
    of `attempts_not_recorded`; `attempts_not_made` were recorded and are not made here.

    `goals_achieved`: contacts whose primary goal is achieved. `talk_time_seconds`: of conversations.
    `call_time_seconds`: on the line in all calls, which is what `cost` by the minute is for.
    `seconds_to_finish`: from the first call to the end of the last contact. `cost` is null where no
    rate was given.
    """

    contacts: int
    attempts: int
    attempts_not_recorded: int
    attempts_not_made: int
    conversations: int
    goals_achieved: int
    talk_time_seconds: PartlyKnown
    call_time_seconds: PartlyKnown
    seconds_to_finish: PartlyKnown
    cost: PartlyKnown | None
    unknown: LeftUnknown


class ProblemDocument(msgspec.Struct, kw_only=True):
    """A problem, RFC 9457. `type` never changes for a kind of problem; `detail` is for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    instance: str | None = None
    correlation_id: str | None = None
    field: str | None = None
    value: Any = None
    allowed: str | list[str] | None = None
    position: int | None = None
    retry_after_seconds: int | None = None


class CampaignResult(msgspec.Struct, kw_only=True):
    """What became of one campaign: its version afterwards and how many events, or why it was refused."""

    campaign_id: UUID
    version: int | None = None
    position: int | None = None
    events: int = 0
    repeated: bool = False
    problem: ProblemDocument | None = None


class CampaignResults(msgspec.Struct, kw_only=True):
    """What became of each campaign, in the order of the request.

    `position` is the greatest, null when every campaign was refused: a read with `at_least` that
    position shows every effect.
    """

    done: int
    refused: int
    position: int | None
    results: list[CampaignResult]
    dry_run: bool = False


class Number(msgspec.Struct, kw_only=True):
    """A number of a read model. `metric` names its definition in /metrics/definitions.

    `rows` lists exactly the rows behind it: as many as `value` says, or, when `sums` names a field,
    rows whose sum of that field it is.
    """

    metric: str
    value: int
    rows: str
    sums: str | None = None
    unit: str = ""


class Ratio(msgspec.Struct, kw_only=True):
    """A number over another; `value` is null as the metric's null rule says, else in its unit."""

    metric: str
    value: float | None
    unit: str
    numerator: Number
    denominator: Number


class Cell(msgspec.Struct, kw_only=True):
    """Attempts placed on a weekday (ISO, 1 Monday) in an hour (0 to 23); null: not known.

    `rate` is human / recorded; attempts without recorded outcome stand beside.
    """

    weekday: int | None
    hour: int | None
    rate: Ratio
    not_recorded: Number


class Change(msgspec.Struct, kw_only=True):
    """One change. `subject_id` is the goal, analysis, number or key that it is about. `via` is the key
    through which a product named the actor; without one the actor acted by itself.

    `before` and `after` hold the changed keys, where the event says what was before.
    """

    position: int
    time: datetime
    actor: str
    via: str | None
    cause: str
    stream: str
    stream_id: UUID
    type: str
    words: str
    reason: str | None
    subject_id: UUID | None
    subject_name: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    event_id: UUID
    correlation_id: UUID
    causation_id: UUID | None


class ChangedValue(msgspec.Struct, kw_only=True):
    """A column of a contact's read row, and what stood in it."""

    column: str
    before: Any
    after: Any


class RowAtFault(msgspec.Struct, kw_only=True):
    """A row that will be refused: its line, the column at fault where one is, why, and what is allowed."""

    line: int
    field: str
    reason: str
    allowed: str


class CheckedFile(msgspec.Struct, kw_only=True):
    """What a dry run found; of the rows at fault the first hundred. Whom a do-not-contact list or the
    campaign itself turns away is told by the import alone.
    """

    rows: int
    refused: int
    first_refused: list[RowAtFault]


class Head(msgspec.Struct, kw_only=True):
    """A signed tree head (RFC 6962): leaves, milliseconds since 1970 UTC, root hash, and their Ed25519
    signature.

    Bytes are Base64. `public_key` is the key that the log says is its own: compare it with the one you
    were given.
    """

    tree_size: int
    timestamp: int
    sha256_root_hash: str
    tree_head_signature: str
    public_key: str


class Consistency(msgspec.Struct, kw_only=True):
    """Two heads, and the hashes that show that the tree of the second begins with that of the first."""

    first: Head
    second: Head
    consistency: list[str]


class Entry(msgspec.Struct, kw_only=True):
    """One event of the contact. `data` is the event's own, with what is personal in it."""

    position: int
    version: int
    time: datetime
    actor: str
    cause: str
    type: str
    words: str
    reason: str | None
    correlation_id: str
    data: Any


class GoalStanding(msgspec.Struct, kw_only=True):
    """A contact's result for one goal; `not_evaluated` when nobody judged it."""

    goal_id: UUID
    name: str
    role: str
    archived: bool
    result: str
    score: int | None


class Phone(msgspec.Struct, kw_only=True):
    """A phone number, in E.164, and its country (ISO 3166-1); null where the number does not say."""

    number: str
    country: str | None


class ContactDifference(msgspec.Struct, kw_only=True):
    """What changed in one contact. `enrolled`: it came in between. Name and reference are those of now."""

    contact_id: UUID
    reference: str
    name: str | None
    enrolled: bool
    columns: list[ChangedValue]


class ContactItem(msgspec.Struct, kw_only=True):
    """A contact of a campaign. `status` is canonical, `status_label` the word people see.

    `paused_by` is `hand` or `campaign`, null when neither; it is an overlay of the label. `goal_score`
    is the mean over the active goals with a known score, 0 to 100. `retry_at` is null when no retry
    will come, and so is `attempts_left`. `erased`: the person was erased, and nothing personal of them
    is known any more.
    """

    contact_id: UUID
    reference: str
    name: str | None
    phone: Phone | None
    email: str | None
    tags: list[str]
    priority: str
    zone: str | None
    status: str
    substatus: str
    status_label: str
    paused_by: str | None
    removed: bool
    erased: bool
    attempts: int
    attempts_left: int | None
    conversations: int
    talk_time_seconds: int
    total_time_seconds: int
    last_called_at: datetime | None
    last_outcome: str | None
    retry_at: datetime | None
    primary_goal: str | None
    goal_score: float | None
    enrolled_at: datetime


class ContactRow(msgspec.Struct, kw_only=True):
    """One person to enrol. `country` (ISO 3166-1) is that of a phone number that names none.

    Nothing here is judged before its row's turn comes: a bad row spoils no other.
    """

    reference: str
    name: str | UnsetType | None = UNSET
    phone: str | UnsetType | None = UNSET
    country: str | UnsetType | None = UNSET
    email: str | UnsetType | None = UNSET
    profile: Mapping[str, str] | UnsetType = UNSET
    zone: str | UnsetType | None = UNSET
    priority: str | UnsetType = UNSET
    tags: Sequence[str] | UnsetType = UNSET


class ContactsChosen(msgspec.Struct, kw_only=True):
    """The filters of the list of contacts; one that is left out lets all through."""

    search: str | UnsetType | None = UNSET
    status: Sequence[ContactStatus] | UnsetType | None = UNSET
    substatus: Sequence[str] | UnsetType | None = UNSET
    status_label: Sequence[str] | UnsetType | None = UNSET
    paused: bool | UnsetType | None = UNSET
    tag: Sequence[str] | UnsetType | None = UNSET
    priority: Sequence[Priority] | UnsetType | None = UNSET
    goal: Id | UnsetType | None = UNSET
    result: (
        Sequence[Literal["achieved", "partially_achieved", "not_achieved", "unknown", "not_evaluated"]]
        | UnsetType
        | None
    ) = UNSET
    removed: bool | UnsetType = UNSET


class CopiedContacts(msgspec.Struct, kw_only=True):
    """What became of each contact, in the order of their ids in the source campaign.

    `judged_at` is the position at which the filters were judged. `position` is the greatest of the
    contacts enrolled, null when there was nobody to enrol: a read with `at_least` that position shows
    all of them.
    """

    accepted: int
    already_enrolled: int
    refused: int
    judged_at: int
    position: int | None
    results: list[dict[str, Any]]
    dry_run: bool = False


class CountedDifference(msgspec.Struct, kw_only=True):
    """Rows of one table beside those that are read, at the same position; `columns` counts those that
    changed.
    """

    projection: str
    table: str
    rows: int
    same: int
    changed: int
    appeared: int
    gone: int
    columns: dict[str, int]


class OfAnswer(msgspec.Struct, kw_only=True):
    """Attempts with one answer status, and their share of those with a recorded outcome."""

    answer_status: str
    share: Ratio


class Mean(msgspec.Struct, kw_only=True):
    """A mean over contacts; `over` says how many and lists them, `value` is null when there are none."""

    metric: str
    value: float | None
    unit: str
    over: Number


class OfResult(msgspec.Struct, kw_only=True):
    """Contacts with one result for a goal."""

    result: str
    contacts: Number


class OfGoal(msgspec.Struct, kw_only=True):
    """One goal: how many contacts have which result, achievement and mean score."""

    goal_id: UUID
    name: str
    role: str
    archived: bool
    results: list[OfResult]
    achievement: Ratio
    mean_score: Mean


class OfLabel(msgspec.Struct, kw_only=True):
    """Contacts with one label."""

    label: str
    contacts: Number


class OfOutcome(msgspec.Struct, kw_only=True):
    """Attempts that ended with one outcome."""

    outcome: str
    attempts: Number


class Metric(msgspec.Struct, kw_only=True):
    """A number's definition. `version` rises when the formula changes.

    `null_rule` says when there is no value, `zone_rule` whose clock is asked.
    """

    id: str
    version: int = 1
    unit: str
    formula: str
    null_rule: str
    zone_rule: str


class Definitions(msgspec.Struct, kw_only=True):
    """Every metric there is."""

    items: list[Metric]


class Done(msgspec.Struct, kw_only=True):
    """One action. `contact_id` is null for an action on the campaign itself.

    `code` is the one word that tells more (an outcome, a reason), `number` the attempt or a count,
    `subject_id` the goal, analysis or number that it is about; `words` says it all in one line.
    """

    position: int
    time: datetime
    actor: str
    cause: str
    action: str
    words: str
    code: str | None
    number: int | None
    subject_id: UUID | None
    subject_name: str | None
    contact_id: UUID | None
    contact_name: str | None
    contact_reference: str | None


class ExpectedRebuild(msgspec.Struct, kw_only=True):
    """What a rebuild would take; `seconds` at the usual pace. `free_words` says whether there is room for
    it.
    """

    projections: list[str]
    events: int
    slices: int
    workers: int
    size_bytes: int
    seconds: float
    free_words: str


class Freshness(msgspec.Struct, kw_only=True):
    """How fresh an answer is: the position it is about, when the newest event in it was recorded, and how
    many positions the log was ahead when it was last looked at (null while that is not known).
    """

    position: int
    recorded_at: datetime | None
    lag_events: int | None


class Fresh(msgspec.Struct, kw_only=True):
    """What every answer from the read models begins with. `as_of` is `position@instant`."""

    as_of: str
    freshness: Freshness


class Zones(msgspec.Struct, kw_only=True):
    """Whose local time the recorded attempts are told in, and what that means in words."""

    statement: str
    contact: Number
    campaign: Number
    unknown: Number
    campaign_zone: str


class HeldProjection(msgspec.Struct, kw_only=True):
    """A projection in one generation. `state`: building, built, live or kept.

    Everything of the log up to `position` is in its rows; `lag_events` is how far it is behind the one
    that is furthest. `rows` is what the database's statistics say, `size_bytes` has the indexes.
    `stage` is that of what is being built, `left_at` when another generation last took its place.
    `package` brought it; null: Drumbeat.
    """

    projection: str
    package: str | None
    generation: str
    version: int
    state: str
    stage: str | None
    position: int
    lag_events: int
    rows: int
    size_bytes: int
    installed_at: str
    left_at: str | None


class Holiday(msgspec.Struct, kw_only=True):
    """A day on which a schedule stays closed."""

    year: int
    month: int
    day: int


class WeeklyHours(msgspec.Struct, kw_only=True):
    """One opening: ISO weekday (1 Monday … 7 Sunday), minutes after local midnight, `closes` exclusive."""

    weekday: int
    opens_minute: int
    closes_minute: int


class Hours(msgspec.Struct, kw_only=True):
    """Opening hours in an IANA zone."""

    zone: str
    weekly_hours: Sequence[WeeklyHours]
    holidays: Sequence[Holiday] | UnsetType = UNSET


class Import(msgspec.Struct, kw_only=True):
    """How an import is doing. `share_done` is that of the file's lines, 0 to 1.

    A read with `at_least` the `position` shows every contact enrolled so far; null before the first
    one. `failure` is the code of the problem for which it failed.
    """

    import_id: UUID
    campaign_id: UUID
    actor: str
    state: str
    cancelling: bool
    file_bytes: int
    rows_read: int
    accepted: int
    already_enrolled: int
    refused: int
    share_done: float
    position: int | None
    failure: str | None
    queued_at: str
    began_at: str | None
    ended_at: str | None
    report: str


class ImportPage(msgspec.Struct, kw_only=True):
    """The newest first; `next_cursor` leads to the older ones, null when there are none."""

    items: list[Import]
    next_cursor: str | None


class Inclusion(msgspec.Struct, kw_only=True):
    """An event with everything that shows that it is in the log: its bytes as stored, its leaf, and the
    hashes.

    The leaf's hash is SHA-256 of 0x00, the position as 8 bytes (the greatest first) and the bytes.
    """

    position: int
    bytes: str
    leaf_index: int
    audit_path: list[str]
    head: Head


class Live(msgspec.Struct, kw_only=True):
    """The process answers."""

    status: str


class ProjectionList(msgspec.Struct, kw_only=True):
    """Every projection in every generation, by name and age."""

    items: list[HeldProjection]


class Ready(msgspec.Struct, kw_only=True):
    """What was looked at a moment ago: `ok` each, or this answer would be a problem."""

    status: str
    checks: dict[str, str]


class Rebuild(msgspec.Struct, kw_only=True):
    """How a rebuild is doing, by the generation that it makes.

    `share_done` is that of the `events_expected`, 0 to 1; `seconds_left` follows from the pace until
    now, null when it cannot be told. Keys and indexes, the rest of the log and the comparison come
    after the last event: `stage` tells. `problem`: why it failed, or did not go live, or what holds it
    up. `differences` is null until it was compared. What was begun at the command line has neither
    `asked_by` nor what is asked for with it.
    """

    generation: str
    projections: list[str]
    state: str
    cancelling: bool
    stage: str | None
    slices_done: int
    slices: int
    events: int
    events_expected: int
    share_done: float
    events_per_second: float | None
    seconds_left: float | None
    differences: list[CountedDifference] | None
    problem: str | None
    workers: int | None
    lag_limit_events: int | None
    go_live: bool | None
    asked_by: str | None
    asked_at: str | None
    began_at: str | None
    ended_at: str | None


class RebuildAnswer(msgspec.Struct, kw_only=True):
    """The rebuild that was asked for; of a dry run what it would take instead."""

    queued: Rebuild | None = None
    expected: ExpectedRebuild | None = None


class RebuildList(msgspec.Struct, kw_only=True):
    """The newest first."""

    items: list[Rebuild]


class SenderRow(msgspec.Struct, kw_only=True):
    """A number of a campaign. `spam_band` is green (0–4), yellow (5–6) or red (7–10); null: never
    reported.

    `excluded_score` and `excluded_threshold` say why it is excluded.
    """

    sender_id: UUID
    friendly_name: str
    address: str
    channel: str
    standing: str
    standing_since: datetime
    weight: int
    assigned_at: datetime
    daily_limit: int | None
    spam_score: int | None
    spam_band: str | None
    spam_reported_at: datetime | None
    excluded_score: int | None
    excluded_threshold: int | None
    connected: bool
    retired: bool
    calls_today: Number
    calls_total: Number


class VariantMeasures(msgspec.Struct, kw_only=True):
    """One variant: its name, the settings that it changes (`max_retries` null: none), and what it comes
    to.
    """

    name: str
    settings: dict[str, Any]
    measures: CampaignMeasures


class SimulatedCampaign(msgspec.Struct, kw_only=True):
    """A campaign as it was (`real`) and under each variant, in their order. `events`: how many were
    replayed.

    `as_of` is `position@instant`: the history is read up to the position, and waits that were due by
    the instant have ended.
    """

    campaign_id: UUID
    as_of: str
    events: int
    real: CampaignMeasures
    variants: list[VariantMeasures]


class Step(msgspec.Struct, kw_only=True):
    """One step of a sequence."""

    step_id: Id
    name: str
    channel: StepChannel
    action: str
    delay_seconds: int
    condition: str | UnsetType | None = UNSET


class Switch(msgspec.Struct, kw_only=True):
    """A generation that is put in front of readers. They wait `locked_milliseconds` for a view, at most.

    `problem`: why it was not done; then nothing was changed.
    """

    switch_id: UUID | None = None
    generation: str
    projections: list[str]
    state: str
    locked_milliseconds: float | None = None
    problem: str | None = None
    asked_by: str | None = None
    asked_at: str | None = None
    ended_at: str | None = None


class Uploaded(msgspec.Struct, kw_only=True):
    """The import that was queued; of a dry run what was found instead."""

    queued: Import | None = None
    checked: CheckedFile | None = None


class CampaignCard(Fresh, kw_only=True):
    """One campaign whole: what the list shows, its settings, goals, analyses and how it came to its state."""

    campaign_id: UUID
    name: str
    kind: str
    vocabulary: str
    source: str
    status: str
    status_label: str
    status_since: datetime
    overlays: list[str]
    available_actions: list[str]
    agent: str | None
    senders: list[SenderBrief]
    hours: BusinessHours | None
    contacts: int
    start_at: datetime | None
    end_at: datetime | None
    created_at: datetime
    launched_at: datetime | None
    completed_at: datetime | None
    settings: dict[str, Any]
    settings_version: int
    version: int
    zone: str
    goals: list[GoalDefinition]
    analyses: list[AnalysisDefinition]
    steps: list[dict[str, Any]]
    pause: Pause | None
    window_closed_by: str | None
    drain_until: datetime | None
    completion_reason: str | None
    cancelled_at: datetime | None
    cancel_reason: str | None
    archived_at: datetime | None
    copied_from: UUID | None
    report: dict[str, Any] | None
    import_progress: dict[str, Any] | None
    changed_at: datetime


class CampaignDifference(Fresh, kw_only=True, rename={"from_": "from"}):
    """What changed in a campaign between two positions, under today's definitions; nothing else is there."""

    from_: End
    to: End
    campaign: list[ChangedField]
    numbers: list[ChangedNumber]
    contacts: ContactsChanged
    activity: Happenings
    history: Happenings


class ContactCard(Fresh, kw_only=True):
    """One contact whole, with everything that happened, oldest first."""

    contact_id: UUID
    reference: str
    name: str | None
    phone: Phone | None
    email: str | None
    tags: list[str]
    priority: str
    zone: str | None
    status: str
    substatus: str
    status_label: str
    paused_by: str | None
    removed: bool
    erased: bool
    attempts: int
    attempts_left: int | None
    conversations: int
    talk_time_seconds: int
    total_time_seconds: int
    last_called_at: datetime | None
    last_outcome: str | None
    retry_at: datetime | None
    primary_goal: str | None
    goal_score: float | None
    enrolled_at: datetime
    profile: dict[str, str] | None
    removed_reason: str | None
    in_flight_attempt: int | None
    completion_due_at: datetime | None
    goals: list[GoalStanding]
    answers: list[AnalysisAnswer]
    timeline: list[Entry]


class Dashboard(Fresh, kw_only=True):
    """The numbers of a campaign. Labels sum to contacts, shares to 100 %, results of a goal to contacts.

    `goal_achievement` is that of the primary goal, null while there is none.
    """

    campaign_id: UUID
    contacts: Number
    contacts_by_label: list[OfLabel]
    paused_by_hand: Number
    attempts: Number
    in_flight: Number
    recorded: Number
    not_recorded: Number
    answer_rate: Ratio
    answers: list[OfAnswer]
    outcomes: list[OfOutcome]
    calls_received: Number
    conversations: Number
    talk_time: Number
    total_time_spent: Number
    mean_talk_time: Ratio
    goal_achievement: Ratio | None
    goals: list[OfGoal]


class Heatmap(Fresh, kw_only=True):
    """The cells that hold anything, by weekday and hour; the others are empty.

    Attempts on a known weekday at an unknown hour are in `hour_unknown`, those without a weekday in
    `day_unknown`.
    """

    campaign_id: UUID
    zones: Zones
    total: Cell
    cells: list[Cell]
    hour_unknown: list[Cell]
    day_unknown: Cell


class AttemptPage(Fresh, kw_only=True):
    """Rows of a list in its order.

    `next_cursor` leads to the rows after these, null on the last page; it stays right when rows come
    and go. `count` is the number of all rows that the filters let through, when asked for with
    `count=true`.
    """

    items: list[Attempt]
    next_cursor: str | None = None
    count: int | None = None


class CampaignItemPage(Fresh, kw_only=True):
    """Rows of a list in its order.

    `next_cursor` leads to the rows after these, null on the last page; it stays right when rows come
    and go. `count` is the number of all rows that the filters let through, when asked for with
    `count=true`.
    """

    items: list[CampaignItem]
    next_cursor: str | None = None
    count: int | None = None


class ChangePage(Fresh, kw_only=True):
    """Rows of a list in its order.

    `next_cursor` leads to the rows after these, null on the last page; it stays right when rows come
    and go. `count` is the number of all rows that the filters let through, when asked for with
    `count=true`.
    """

    items: list[Change]
    next_cursor: str | None = None
    count: int | None = None


class ContactDifferencePage(Fresh, kw_only=True):
    """Rows of a list in its order.

    `next_cursor` leads to the rows after these, null on the last page; it stays right when rows come
    and go. `count` is the number of all rows that the filters let through, when asked for with
    `count=true`.
    """

    items: list[ContactDifference]
    next_cursor: str | None = None
    count: int | None = None


class ContactItemPage(Fresh, kw_only=True):
    """Rows of a list in its order.

    `next_cursor` leads to the rows after these, null on the last page; it stays right when rows come
    and go. `count` is the number of all rows that the filters let through, when asked for with
    `count=true`.
    """

    items: list[ContactItem]
    next_cursor: str | None = None
    count: int | None = None


class DonePage(Fresh, kw_only=True):
    """Rows of a list in its order.

    `next_cursor` leads to the rows after these, null on the last page; it stays right when rows come
    and go. `count` is the number of all rows that the filters let through, when asked for with
    `count=true`.
    """

    items: list[Done]
    next_cursor: str | None = None
    count: int | None = None


class Senders(Fresh, kw_only=True):
    """The numbers in the order of their assignment. Today began at `today_from`, midnight in `zone`."""

    campaign_id: UUID
    zone: str
    today_from: datetime
    today_to: datetime
    items: list[SenderRow]
