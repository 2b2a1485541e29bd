"""A typed client of the HTTP APIs: `with Drumbeat(url, key=…) as api: …` (docs/client.md).

It imports nothing of the server. Its methods, and the types that they take and answer, are made from the OpenAPI
document by `make client`.
"""

from drumbeat.client.drumbeat import Drumbeat
from drumbeat.client.errors import (
    BadRequest,
    ContentTypeRefused,
    CutOff,
    DrumbeatError,
    Forbidden,
    Gone,
    NoAnswer,
    NotFound,
    NotYet,
    OutOfRange,
    ProblemError,
    Refused,
    ServerBroke,
    TooLarge,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    UnreadableAnswer,
    VersionConflict,
)
from drumbeat.client.generated import models, words
from drumbeat.client.retrying import Retries

__all__ = [
    "Drumbeat", "Retries", "models", "words",
    "DrumbeatError", "NoAnswer", "CutOff", "UnreadableAnswer", "ProblemError",
    "BadRequest", "Unauthenticated", "Forbidden", "NotFound", "Refused", "Gone", "VersionConflict", "TooLarge",
    "ContentTypeRefused", "OutOfRange", "TooManyRequests", "ServerBroke", "Unavailable", "NotYet",
]  # fmt: skip
