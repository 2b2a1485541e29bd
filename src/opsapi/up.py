"""`drumbeat up`: everything that one machine needs, under one supervisor."""

import json
import os
import shlex
import threading
import time
from collections.abc import Callable
from threading import Event
from urllib.error import URLError
from urllib.request import Request, urlopen

import structlog

from drumbeat.commands.ledger import LedgerUnavailable
from drumbeat.eventstore.embedded import EmbeddedServer, EmbeddedServerError
from drumbeat.eventstore.embedded.logins import login_url
from drumbeat.intake.demonstration import Interrupted
from drumbeat.opsapi.auditing import head_file, signing_key
from drumbeat.opsapi.databases import Say
from drumbeat.opsapi.exits import Exit
from drumbeat.opsapi.local_key import LocalKey
from drumbeat.opsapi.master_keys import checked_master_keys
from drumbeat.opsapi.schemas import ROLES
from drumbeat.opsapi.serving import require_free
from drumbeat.opsapi.status import processes
from drumbeat.opsapi.supervisor import Supervisor
from drumbeat.settings import Settings, variable_of

log = structlog.get_logger(__name__)

Load = Callable[[str, Event], None]
"""Loads the demonstration into the ledger at a URL, and returns early when the event is set."""


class MachineRun:
    """One run of `drumbeat up`. Belongs to one thread; the demonstration is loaded in another.

    The policies start after the demonstration is loaded: they act by the real clock, and its past is not theirs.
    """

    def __init__(self, settings: Settings, stop: Event, *, say: Say, live: bool = False) -> None:
        """`live`: a simulated dialler goes on calling over HTTP once everything runs."""
        self._settings = settings
        self._stop = stop
        self._say = say
        self._server: EmbeddedServer | None = None
        self._supervisor: Supervisor | None = None
        self._loading: threading.Thread | None = None
        self._load_error: BaseException | None = None
        self._api = settings.address(settings.api_port)
        self._key: LocalKey | None = None
        self._logins: dict[str, str] = {}
        self._live = live
        self._announced = False
        self._policies_run = False

    def run(self, *, migrate: Callable[[str], object], key: Callable[[str], LocalKey], load: Load | None) -> Exit:
        """Start everything, watch it, and end it all when `stop` is set: Postgres last.

        `migrate` and `key` are given the database: its schemas are brought up to date, then the key of this
        machine is found or made.
        """
        ours = self._settings
        ports = (ours.api_port, ours.project_metrics_port, ours.policies_metrics_port, ours.relay_metrics_port)
        require_free(ours.api_host, ports if ours.kafka_bootstrap else ports[:-1])
        url = self._database()
        try:
            migrate(url)
            self._logins = self._make_logins()
            self._key = key(url)
            master = checked_master_keys(self._settings)
            environment = {
                **os.environ,
                variable_of("database_url"): url,
                variable_of("master_key_file"): str(master.path.absolute()),
                **_of_the_tree(self._settings),
            }
            self._supervisor = Supervisor(environment=environment, shutdown_seconds=ours.shutdown_seconds)
            try:
                self._start("api")
                self._start("project")
                if ours.kafka_bootstrap is not None:
                    self._start("relay")
                if load is not None:
                    self._loading = threading.Thread(target=self._load, args=(load, url), name="demonstration")
                    self._loading.start()
                code = self._supervisor.run(self._stop, every_round=self._round)
            finally:
                self._end()
        finally:
            if self._server is not None:
                self._server.stop()
        if self._load_error is not None:
            raise self._load_error
        self._say("Drumbeat has ended.")
        return code

    def _database(self) -> str:
        if self._settings.database_url is not None:
            return self._settings.database_url
        self._server = EmbeddedServer(self._settings.postgres_home, progress=self._say)
        return self._server.start()

    def _load(self, load: Load, url: str) -> None:
        while not self._stop.is_set():
            try:
                load(url, self._stop)
            except LedgerUnavailable as error:
                # Begun anew when the database is back; what was half done is taken away then.
                log.warning("demonstration_waits_for_the_database", problem=str(error))
                self._stop.wait(1.0)
            except Interrupted:
                return
            except BaseException as error:  # noqa: BLE001  handed to the thread that ends everything
                self._load_error = error
                self._stop.set()
            else:
                return

    def _round(self) -> None:
        if self._server is not None and self._server.postmaster_pid is None:
            self._restart_postgres(self._server)
        loaded = self._loading is None or not self._loading.is_alive()
        if loaded and not self._policies_run and self._supervisor is not None:
            self._policies_run = True
            self._start("policies")
        if loaded and not self._announced and self._is_ready():
            self._announced = True
            assert self._key is not None
            self._say(ready_words(self._api, self._newest_campaign(), self._key))
            if self._live and self._supervisor is not None:
                self._supervisor.add("dialler", "simulate-live")

    def _start(self, process: str) -> None:
        assert self._supervisor is not None
        url = self._logins.get(process)
        own = {variable_of("database_url"): url} if url is not None else None
        self._supervisor.add(process, process, environment=own)

    def _make_logins(self) -> dict[str, str]:
        # A server of the user's own has the logins that its owner gave it.
        if self._server is None:
            return {}
        url = self._server.url
        return {name: login_url(url, name, {*of.on_log, *of.on_read_models}) for name, of in ROLES.items()}

    def _restart_postgres(self, server: EmbeddedServer) -> None:
        log.warning("postgres_ended")
        try:
            server.start()
        except EmbeddedServerError as error:
            # The folder may be unusable for a while only; the next round tries again.
            log.error("postgres_does_not_start", error=str(error))  # noqa: TRY400  the reason is in the message
            self._stop.wait(1.0)
        else:
            log.info("postgres_started", pid=server.postmaster_pid)

    def _end(self) -> None:
        self._stop.set()
        self._say("Ending every process …")
        if self._supervisor is not None:
            self._supervisor.stop()
        if self._loading is not None:
            self._loading.join()

    def _is_ready(self) -> bool:
        return all(process.answers for process in processes(self._settings))

    def _get(self, path: str) -> object | None:
        assert self._key is not None
        request = Request(self._api + path, headers={"Authorization": f"Bearer {self._key.text}"})  # noqa: S310
        try:
            with urlopen(request, timeout=2) as answer:  # noqa: S310  our own API
                return json.loads(answer.read() or b"null") or {}
        except (URLError, OSError, ValueError):
            return None

    def _newest_campaign(self) -> str:
        """The newest campaign, once the read models show everything; a word in its place when that takes long."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and not self._stop.is_set():
            answer = self._get("/campaigns?limit=1&sort=date&order=desc")
            if isinstance(answer, dict) and answer["freshness"]["lag_events"] == 0:
                return str(answer["items"][0]["campaign_id"]) if answer["items"] else "CAMPAIGN"
            self._stop.wait(0.1)
        return "CAMPAIGN"


def _of_the_tree(settings: Settings) -> dict[str, str]:
    """Where the tree's key and heads are, for processes that are told of a database and so look nowhere."""
    key, heads = signing_key(settings), head_file(settings)
    files = {"audit_key_file": key.path if key is not None else None, "audit_head_file": heads}
    return {variable_of(name): str(path.absolute()) for name, path in files.items() if path is not None}


def ready_words(address: str, campaign_id: str, key: LocalKey) -> str:
    """What a person can open and paste once everything runs. The key itself is shown when it is new."""
    base = f"{address}/campaigns/{campaign_id}"
    file = shlex.quote(str(key.file.absolute()))
    ask = f'curl -s -H "Authorization: Bearer $(cat {file})"'
    shown = f"{key.text}\n                   (shown this once)" if key.is_new else "in this file:"
    trouble = "" if key.trouble is None else f"\n                   {key.trouble}; see `drumbeat keys list`"
    return f"""
Drumbeat is running. Ctrl-C ends every process.

  to look at       {address}/
  OpenAPI          {address}/openapi.json
  your key         {shown}
                   {key.file.absolute()}{trouble}

Requests to paste:

  {ask} '{address}/campaigns'
  {ask} '{base}/dashboard'
  {ask} '{base}/heatmap'
  {ask} '{base}/contacts?limit=5'
  {ask} '{base}/activity?limit=5'
  {ask} '{address}/metrics/definitions'
"""
