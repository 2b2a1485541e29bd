"""What whoever asks the read models may be answered instead, a read or a command that takes contacts from there.

├── UnknownCampaign 404
├── CampaignDeleted 410       its history still answers
├── PositionNotReached 504    the read models are not as far as `at_least` asks
└── TooManyWaiters 503
"""

from drumbeat.web.problems import NotFound, Problem, Unavailable


class UnknownCampaign(NotFound):
    code = "unknown-campaign"
    title = "There is no such campaign"


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
