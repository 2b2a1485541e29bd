"""What a read can answer beside the problems that every route has and those of `web.read_models`.

├── MalformedCursor 400       not a cursor, or one of another question
└── UnknownContact 404
"""

from drumbeat.web.problems import BadRequest, NotFound


class MalformedCursor(BadRequest):
    code = "malformed-cursor"
    title = "The cursor is not one that this question was answered with"


class UnknownContact(NotFound):
    code = "unknown-contact"
    title = "There is no such contact in this campaign"
