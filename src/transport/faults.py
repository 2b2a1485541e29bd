"""What the library's errors mean for us: later, never, or refused."""

from kafka.errors import (
    BrokerResponseError,
    KafkaConfigurationError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
    RetriableError,
)

from drumbeat.transport.admin import REFUSALS, refusal
from drumbeat.transport.cluster import Cluster, KafkaAway, KafkaProblem, KafkaRefused, KafkaUnfit

_TOO_LARGE = (MessageSizeTooLargeError, RecordListTooLargeError)


def problem_of(cluster: Cluster, error: BaseException) -> KafkaProblem:
    """Our name for what a producer met. What is unknown counts as "later": nothing is lost by another try."""
    if isinstance(error, KafkaProblem):
        return error
    if isinstance(error, REFUSALS):
        return KafkaRefused(refusal(cluster, error))
    words = " ".join(str(error).split())[:300] or type(error).__name__
    if isinstance(error, _TOO_LARGE):
        return KafkaUnfit(f"an event is larger than its topic or broker allows (max.message.bytes): {words}")
    if isinstance(error, KafkaConfigurationError):
        return KafkaUnfit(f"the settings of Kafka do not fit: {words}")
    if isinstance(error, BrokerResponseError) and not isinstance(error, RetriableError):
        return KafkaUnfit(f"the brokers at {cluster.bootstrap} do not take an event: {words}")
    return KafkaAway(f"the brokers at {cluster.bootstrap} take nothing now: {words}")
