"""What can be wrong with an event.

EventError
├── UnknownEventType      no class and no upcaster knows this type name
├── MalformedEvent        the bytes are not the CloudEvents document that the type promises
├── NotSealed             what is personal would have been written in clear (a mistake in our code)
└── EventTypeMismatch     a class is not named after its type (a mistake in our code)
"""


class EventError(Exception):
    """The base of this module's errors."""


class UnknownEventType(EventError):
    """A type name, or a version of it, that this code does not know."""

    def __init__(self, type_name: str) -> None:
        super().__init__(
            f"unknown event type {type_name!r}: no event class and no upcaster has this name and version"
        )
        self.type_name = type_name


class MalformedEvent(EventError):
    """Bytes that are not a CloudEvents document with the data that its type promises."""

    def __init__(self, type_name: str, problem: str) -> None:
        super().__init__(f"malformed event of type {type_name!r}: {problem}")
        self.type_name = type_name
        self.problem = problem


class NotSealed(EventError):
    """An event with something personal was to be written without its person's key, or after it was withheld."""

    def __init__(self, type_name: str) -> None:
        super().__init__(f"an event of type {type_name!r} is about a person and cannot be sealed")


class EventTypeMismatch(EventError):
    """An event class whose name does not follow from its type name."""

    def __init__(self, type_name: str, class_name: str, expected: str) -> None:
        super().__init__(f"event class {class_name} of type {type_name!r} must be named {expected}")
