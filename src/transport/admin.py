"""Asking the brokers: the library's admin client, with limits on time, and its failures in our words."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from uuid import uuid4

from kafka import KafkaAdminClient
from kafka.errors import (
    AuthorizationError,
    IllegalSaslStateError,
    KafkaConfigurationError,
    KafkaError,
    KafkaTimeoutError,
    SaslAuthenticationFailedError,
    UnsupportedSaslMechanismError,
)
from kafka.net.compat import KafkaNetClient

from drumbeat.transport.cluster import Cluster, KafkaAway, KafkaRefused, KafkaUnfit

PATIENCE_SECONDS: Final = 8.0

REFUSALS: Final = (
    AuthorizationError,
    IllegalSaslStateError,
    SaslAuthenticationFailedError,
    UnsupportedSaslMechanismError,
)
"""What the brokers answer to a user, a password or an operation that they do not allow."""


class _Watched:
    """Makes the library's network client, and notes why brokers close its connections.

    The admin client goes on trying when a password is refused, and says in the end only that it took too long.
    """

    def __init__(self) -> None:
        self.client: Any = None
        self.refusals: list[BaseException] = []
        self.last: BaseException | None = None

    def __call__(self, **options: Any) -> Any:
        self.client = KafkaNetClient(**options)
        manager = self.client._manager
        connect = manager.get_connection

        def get_connection(*args: Any, **named: Any) -> Any:
            connection = connect(*args, **named)
            connection.close_future.add_errback(closed)
            return connection

        def closed(error: BaseException) -> None:
            self.last = error
            if isinstance(error, REFUSALS):
                self.refusals.append(error)
                # Another attempt with the same password ends the same: the client need not wait for its time.
                manager.close()

        manager.get_connection = get_connection
        return self.client


@contextmanager
def admin(cluster: Cluster, *, patience_seconds: float = PATIENCE_SECONDS) -> Iterator[KafkaAdminClient]:
    """An admin client. Every failure in it and of it is `KafkaAway`, `KafkaRefused` or `KafkaUnfit`."""
    if cluster.ca_file is not None and not cluster.ca_file.is_file():
        raise KafkaUnfit(f"DRUMBEAT_KAFKA_CA_FILE names no file: {cluster.ca_file}")
    watched = _Watched()
    made: KafkaAdminClient | None = None
    patience_ms = int(patience_seconds * 1000)
    try:
        made = KafkaAdminClient(
            **cluster.options(f"drumbeat-admin-{uuid4().hex[:8]}"),
            bootstrap_timeout_ms=patience_ms,
            request_timeout_ms=patience_ms,
            reconnect_backoff_max_ms=1_000,
            kafka_client=watched,
        )
        yield made
    except KafkaConfigurationError as error:
        raise KafkaUnfit(f"the settings of Kafka do not fit: {error}") from error
    except (KafkaError, OSError) as error:
        raise _in_our_words(cluster, error, watched) from error
    finally:
        # A client that did not come about has left a thread and sockets behind.
        for one in (made, watched.client):
            if one is not None:
                one.close()


def _in_our_words(cluster: Cluster, error: Exception, watched: _Watched) -> Exception:
    if watched.refusals or isinstance(error, REFUSALS):
        return KafkaRefused(refusal(cluster, watched.refusals[0] if watched.refusals else error))
    # The library's own last word is that time was up; why the connections ended says more.
    reason = watched.last if isinstance(error, KafkaTimeoutError) and watched.last is not None else error
    if cluster.security.startswith("SASL") and "socket disconnected" in str(reason):
        # A broker refuses and hangs up at once; the library often sees only the latter.
        return KafkaRefused(refusal(cluster, reason))
    return KafkaAway(f"no Kafka broker answers at {cluster.bootstrap} ({cluster.security}): {_plainly(reason)}")


def refusal(cluster: Cluster, error: BaseException) -> str:
    """What a refusal by the brokers means, and whom it concerns."""
    who = "a client without a user" if cluster.user is None else f"user {cluster.user!r}"
    if isinstance(error, UnsupportedSaslMechanismError):
        return f"the brokers at {cluster.bootstrap} do not know {cluster.mechanism}: see DRUMBEAT_KAFKA_MECHANISM"
    if isinstance(error, AuthorizationError):
        return f"the brokers at {cluster.bootstrap} do not allow {who} to do that: {_plainly(error)}"
    return f"the brokers at {cluster.bootstrap} refuse {who} or the password: {_plainly(error)}"


def _plainly(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
