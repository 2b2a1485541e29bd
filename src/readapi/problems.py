"""What a read can answer beside the problems that every route has and those of `web.read_models`.

├── MalformedCursor 400       not a cursor, or one of another question
├── UnknownContact 404
├── UnknownEvent 404
├── NotSignedYet 503          with Retry-After
├── of what changed between two positions
│   ├── MalformedPosition 400
│   ├── PositionInTheFuture 400
│   ├── PositionBeforeTheCampaign 400
│   ├── StretchTooLong 400        more contacts changed than this installation compares for one answer
│   └── TooManyComparisons 503
└── with `as_of`
    ├── MalformedAsOf 400
    ├── AsOfInTheFuture 400
    ├── AsOfBeforeFirstEvent 400
    ├── AsOfTooLarge 400      more events than this installation folds for one answer
    └── AsOfBusy 503
"""

from drumbeat.web.problems import BadRequest, NotFound, Unavailable


class MalformedCursor(BadRequest):
    code = "malformed-cursor"
    title = "The cursor is not one that this question was answered with"


class UnknownContact(NotFound):
    code = "unknown-contact"
    title = "There is no such contact in this campaign"


class UnknownEvent(NotFound):
    code = "unknown-event"
    title = "There is no such event in this workspace"


class NotSignedYet(Unavailable):
    code = "not-signed-yet"
    title = "No signed tree head covers this yet"
    retry_after_seconds = 10


class MalformedPosition(BadRequest):
    code = "malformed-position"
    title = "What was sent is no position of the log"


class PositionInTheFuture(BadRequest):
    code = "position-in-the-future"
    title = "The log has not come to that position"


class PositionBeforeTheCampaign(BadRequest):
    code = "position-before-the-campaign"
    title = "The campaign was not there at that position"


class StretchTooLong(BadRequest):
    code = "stretch-too-long"
    title = "More contacts have changed since than are compared for one answer"


class TooManyComparisons(Unavailable):
    code = "too-many-comparisons"
    title = "As many comparisons are under way as run at once"
    retry_after_seconds = 2


class MalformedAsOf(BadRequest):
    code = "malformed-as-of"
    title = "What as_of says is no moment"


class AsOfInTheFuture(BadRequest):
    code = "as-of-in-the-future"
    title = "The moment has not come yet"


class AsOfBeforeFirstEvent(BadRequest):
    code = "as-of-before-first-event"
    title = "There was nothing yet at that moment"


class AsOfTooLarge(BadRequest):
    code = "as-of-too-large"
    title = "The campaign has more events than are folded for one answer"


class AsOfBusy(Unavailable):
    code = "as-of-busy"
    title = "Too many earlier moments are being asked for"
