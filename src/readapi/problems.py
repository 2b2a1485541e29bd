"""What a read can answer beside the problems that every route has and those of `web.read_models`.

├── MalformedCursor 400       not a cursor, or one of another question
├── UnknownContact 404
├── UnknownEvent 404
└── NotSignedYet 503          with Retry-After
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
