"""`drumbeat streams`: make the topics on the brokers, or say in what they are not as they should be."""

import json
from collections.abc import Sequence
from typing import Annotated, Protocol

import typer

from drumbeat.opsapi.exits import Exit
from drumbeat.settings import Settings
from drumbeat.transport.cluster import cluster_of, quieten_the_library, require_libraries
from drumbeat.transport.topic_differences import Outcome, State


def create_or_check(settings: Settings, *, make: bool) -> list[Outcome]:
    """What became of every topic. Raises `KafkaProblem`."""
    cluster = cluster_of(settings)
    require_libraries()
    from drumbeat.transport import topics

    return topics.create_or_check(cluster, topics.topics_as_set(settings), make=make)


class TopicMaker(Protocol):
    """What the command line lends to these commands; it stands in the context's `obj`."""

    def topics(self, *, make: bool) -> Sequence[Outcome]:
        """What became of every topic. Raises `KafkaProblem`, and `Failed` when no brokers are named."""
        ...


app = typer.Typer(help="Look after the topics on Kafka.", no_args_is_help=True, rich_markup_mode=None)

_WORDS = {State.MADE: "made", State.AS_TOLD: "as it should be", State.MISSING: "missing"}


@app.callback()
def streams() -> None:
    """Look after the topics on Kafka."""


@app.command()
def create(
    context: typer.Context,
    check: Annotated[bool, typer.Option("--check", help="Make nothing; only compare.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Answer in JSON, for programs.")] = False,
) -> None:
    """Make the topics that are missing; name every difference of the others, and change none."""
    quieten_the_library()
    maker: TopicMaker = context.obj
    outcomes = maker.topics(make=not check)
    typer.echo(json.dumps(document(outcomes), indent=2) if as_json else "\n".join(lines(outcomes)))
    raise typer.Exit(Exit.DONE if is_as_told(outcomes) else Exit.UNFIT)


def is_as_told(outcomes: Sequence[Outcome]) -> bool:
    """Whether every topic is there and as it should be."""
    return all(outcome.state in {State.MADE, State.AS_TOLD} for outcome in outcomes)


def lines(outcomes: Sequence[Outcome]) -> list[str]:
    """For people: a line for each topic, and one for each difference."""
    told: list[str] = []
    for outcome in outcomes:
        if outcome.state is State.DIFFERENT:
            told += [one.line() for one in outcome.differences]
        else:
            told.append(f"{outcome.topic}: {_WORDS[outcome.state]}")
    return told


def document(outcomes: Sequence[Outcome]) -> list[dict[str, object]]:
    """For programs: the same."""
    return [
        {
            "topic": outcome.topic,
            "state": outcome.state.value,
            "differences": [
                {
                    "what": one.what,
                    "wanted": one.wanted,
                    "found": one.found,
                    "breaks": one.breaks,
                    "advice": one.advice,
                }
                for one in outcome.differences
            ],
        }
        for outcome in outcomes
    ]
