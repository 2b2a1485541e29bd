"""`drumbeat replay`: step through a stream or a campaign, and see what each event changed, by whom and why."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Protocol
from uuid import UUID

import typer

from drumbeat.opsapi.exits import Exit
from drumbeat.opsapi.failures import Failed
from drumbeat.opsapi.piping import while_read

if TYPE_CHECKING:
    from drumbeat.opsapi.replaying import Place, Replay, Step, Track


class Operator(Protocol):
    """What the command line lends to this command; it stands in the context's `obj`."""

    def replay(self) -> AbstractContextManager["Replay"]:
        """The log, to be stepped through, with what is personal opened."""
        ...


def replay(
    context: typer.Context,
    stream: Annotated[UUID | None, typer.Option(help="Step through this stream.")] = None,
    campaign: Annotated[UUID | None, typer.Option(help="Step through this campaign and its contacts.")] = None,
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="POSITION|INSTANT", help="From there on; 17 or 2026-01-31T09:00:00Z."),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="POSITION|INSTANT", help="Up to there, with what happened then.")
    ] = None,
    backwards: Annotated[bool, typer.Option("--backwards", help="The newest event first.")] = False,
    as_list: Annotated[bool, typer.Option("--list", help="On a terminal too: do not stop at each event.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON document a line, for programs.")] = False,
) -> None:
    """Show event by event what each changed in state and read rows, who did it and why.

    On a terminal one event at a time: n(ext), p(revious), g(oto) POSITION or INSTANT, q(uit).
    """
    from drumbeat.opsapi.replay_words import as_json as json_of
    from drumbeat.opsapi.replay_words import as_lines

    if (stream is None) == (campaign is None):
        raise Failed(Exit.WRONG_USE, "say what to replay: --stream ID or --campaign ID")
    told = json_of if as_json else lambda step: "\n".join(as_lines(step))
    operator: Operator = context.obj
    with operator.replay() as log:
        bounds = bounds_of(log, since, until)
        track = log.stream(stream) if stream is not None else log.campaign(campaign)  # type: ignore[arg-type]
        if sys.stdin.isatty() and sys.stdout.isatty() and not (as_list or as_json):
            stepping = Stepping(log, track, bounds, show=lambda step: typer.echo(told(step)), say=typer.echo)
            stepping.run(read_line, backwards=backwards)
            return
        with while_read():
            for place in listed(track, bounds, backwards=backwards):
                typer.echo(told(log.step(place)))


@dataclass(frozen=True, slots=True)
class Bounds:
    """The positions that are stepped through, both included."""

    first: int
    last: int


def bounds_of(log: "Replay", since: str | None, until: str | None) -> Bounds:
    """The bounds that a person named. Raises `Failed` for what is none, or lies ahead of the log."""
    head = log.head()
    first = 1 if since is None else _position("--from", since, log.since)
    last = head if until is None else _position("--to", until, log.at)
    for option, given, position in (("--from", since, first), ("--to", until, last)):
        if given is not None and given.isdecimal() and position > head:
            raise Failed(Exit.WRONG_USE, f"{option} {given} lies ahead: the log ends at position {head}")
    if first > last:
        raise Failed(Exit.WRONG_USE, f"there is nothing from position {first} to position {last}")
    return Bounds(first, last)


def _position(option: str, text: str, position_at: Callable[[datetime], int]) -> int:
    if text.isdecimal() and text.isascii() and len(text) <= 18:
        return int(text)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Failed(
            Exit.WRONG_USE, f"{option} is {text!r}, but must be a position or an instant like 2026-01-31T09:00:00Z"
        ) from None
    return position_at(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def listed(track: "Track", bounds: Bounds, *, backwards: bool) -> "Iterator[Place]":
    """The places within bounds, in order or in the other."""
    if backwards:
        for place in track.below(bounds.last + 1):
            if place.position < bounds.first:
                return
            yield place
    else:
        for place in track.above(bounds.first - 1):
            if place.position > bounds.last:
                return
            yield place


_HELP = "n(ext)  p(revious)  g(oto) POSITION or INSTANT  q(uit)"
_PROMPT = "replay> "


def read_line() -> str | None:
    """What the person typed; None at the end of their input."""
    try:
        return input(_PROMPT)
    except EOFError:
        return None


class Stepping:
    """One person going through a track, an event at a time. `show` shows an event, `say` a line."""

    def __init__(
        self,
        log: "Replay",
        track: "Track",
        bounds: Bounds,
        *,
        show: "Callable[[Step], object]",
        say: Callable[[str], object],
    ) -> None:
        self._log = log
        self._track = track
        self._bounds = bounds
        self._show = show
        self._say = say
        self._at = 0

    def run(self, read: Callable[[], str | None], *, backwards: bool = False) -> None:
        """Show the first event (backwards: the last), then do as told until `q` or the end of what is typed."""
        self._at = self._bounds.last + 1 if backwards else self._bounds.first - 1
        (self._previous if backwards else self._next)()
        self._say(_HELP)
        while (line := read()) is not None:
            word, _, rest = line.strip().partition(" ")
            match word.casefold():
                case "" | "n" | "next":
                    self._next()
                case "p" | "previous":
                    self._previous()
                case "g" | "goto":
                    self._goto(rest.strip())
                case "q" | "quit":
                    return
                case _:
                    self._say(_HELP)

    def _next(self) -> None:
        self._go_to(next(listed(self._track, Bounds(self._at + 1, self._bounds.last), backwards=False), None))

    def _previous(self) -> None:
        self._go_to(next(listed(self._track, Bounds(self._bounds.first, self._at - 1), backwards=True), None))

    def _goto(self, text: str) -> None:
        try:
            position = _position("goto", text, self._log.at)
        except Failed as failed:
            self._say(str(failed))
            return
        # The event there, else the last one before it: how things stood then.
        last = min(position, self._bounds.last)
        self._go_to(next(listed(self._track, Bounds(self._bounds.first, last), backwards=True), None))

    def _go_to(self, place: "Place | None") -> None:
        if place is None:
            self._say("there is nothing further that way")
            return
        self._at = place.position
        self._show(self._log.step(place))
