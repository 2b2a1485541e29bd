"""People, whose contacts may be in many campaigns: what is known of one, and forgetting one."""

import json
from typing import Annotated

from fastapi import Path, Request
from starlette.responses import Response

from drumbeat.aggregates.refusals import RefusalCode as No
from drumbeat.aggregates.refusals import Refused
from drumbeat.commands.ledger import LedgerUnavailable
from drumbeat.commands.people import ErasePerson
from drumbeat.events.workspace import KeyScope
from drumbeat.web.authenticating import principal_of
from drumbeat.web.declaring import declared
from drumbeat.web.problems import DatabaseAway
from drumbeat.writeapi.bodies import JSON
from drumbeat.writeapi.commanding import ALWAYS, Services, command_router, commands, parameter_router
from drumbeat.writeapi.problems import REFUSALS, refused

router = command_router("people")
reading = parameter_router("people", KeyScope.READ)

_PERSON = "/people/{reference}"
commands(router, "DELETE", _PERSON, ErasePerson, summary="Forget a person", needed=KeyScope.OPERATE)

Reference = Annotated[
    str, Path(min_length=1, max_length=200, description="Your id of the person, or their phone number or email.")
]

_FILE = {
    "type": "object",
    "required": ["person_id", "reference", "erasures", "contacts"],
    "properties": {
        "person_id": {"type": "string", "format": "uuid"},
        "reference": {"type": "string"},
        "erasures": {"type": "array", "items": {"type": "object"}},
        "contacts": {"type": "array", "items": {"type": "object"}},
    },
}


@reading.get(
    _PERSON,
    summary="Everything that is known of a person",
    response_class=Response,
    responses={
        200: {"description": "Everything that is known", "content": {JSON: {"schema": _FILE}}},
        **declared(*ALWAYS, REFUSALS[No.UNKNOWN_STREAM], REFUSALS[No.OUT_OF_RANGE]),
    },
)
def show_person(request: Request, reference: Reference) -> Response:
    """Contacts in every campaign with profile, calls, answers, everything that happened, and whether addresses are
    suppressed. Read from the log, so that it is as new as the newest command."""
    services: Services = request.app.state.writing
    try:
        found = services.commands.person(reference, principal_of(request), now=services.clock())
    except Refused as refusal:
        raise refused(refusal) from refusal
    except LedgerUnavailable as error:
        raise DatabaseAway("the log cannot be read; try again") from error
    return Response(json.dumps(found), media_type=JSON)
