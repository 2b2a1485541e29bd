"""`drumbeat simulate-live`: the dialler of the demonstration, a child of `drumbeat up --live`."""

from collections.abc import Callable
from threading import Event

import structlog

from drumbeat.access import DEFAULT_WORKSPACE
from drumbeat.client import Drumbeat, DrumbeatError, Retries
from drumbeat.intake.live import Ended, LiveDialler
from drumbeat.opsapi import local_key
from drumbeat.settings import Settings

log = structlog.get_logger(__name__)


def run(settings: Settings, stop: Event) -> None:
    """Call until `stop` is set, with the key of this machine. While the API is away it waits for it.

    A key that may not do this stops the calls, and nothing else of the machine. Raises `Failed` for a key file
    that others can read.
    """
    key = local_key.read(settings.key_file)
    for_ever = Retries(attempts=1_000_000, patience_seconds=float("inf"), sleep=_unless(stop))
    with Drumbeat(settings.address(settings.api_port), key=key, timeout_seconds=10, retries=for_ever) as api:
        dialler = LiveDialler(api=api, workspace_id=DEFAULT_WORKSPACE, stop=stop)
        while not stop.is_set():
            try:
                dialler.run()
            except DrumbeatError as error:
                log.error("live_dialler_stopped", problem=str(error), again_in_seconds=60)  # noqa: TRY400  told whole
                stop.wait(60)


def _unless(stop: Event) -> Callable[[float], None]:
    def wait(seconds: float) -> None:
        if stop.wait(seconds):
            raise Ended

    return wait
