"""What a read can answer beside the problems that every route has.

├── MalformedCursor 400       not a cursor, or one of another question
├── PageTooLarge 400          more rows than this installation gives at once
├── UnknownCampaign 404
├── UnknownContact 404
├── CampaignDeleted 410       its history still answers
├── PositionNotReached 504    the read models are not as far as `at_least` asks
└── TooManyWaiters 503
"""

from drumbeat.web.problems import BadRequest, NotFound, Problem, Unavailable


class MalformedCursor(BadRequest):
    code = "malformed-cursor"
    title = "The cursor is not one that this question was answered with"


class PageTooLarge(BadRequest):
    code = "page-too-large"
    title = "A page of that many rows is not given"


class UnknownCampaign(NotFound):
    code = "unknown-campaign"
    title = "There is no such campaign"


class UnknownContact(NotFound):
    code = "unknown-contact"
    title = "There is no such contact in this campaign"


class CampaignDeleted(Problem):
    status = 410
    code = "campaign-deleted"
    title = "The campaign was deleted; its history is still there"


class PositionNotReached(Problem):
    status = 504
    code = "position-not-reached"
    title = "The read models are not there yet"


class TooManyWaiters(Unavailable):
    code = "too-many-waiters"
    title = "Too many reads are waiting for a position"
