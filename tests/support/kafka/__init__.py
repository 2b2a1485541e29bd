"""A real Kafka for tests: one broker of one's own, three of them, Kafka's own tools. Fixtures: `plugin`."""

from support.kafka.broker import Broker, BrokerDidNotStart, broker_in
from support.kafka.programs import CONSOLE_CONSUMER, CONSUMER_GROUPS, TOPICS, ProgramsMissing, kafka_tool
from support.kafka.three import Brokers, three_brokers

__all__ = [
    "Broker",
    "BrokerDidNotStart",
    "Brokers",
    "CONSOLE_CONSUMER",
    "CONSUMER_GROUPS",
    "ProgramsMissing",
    "TOPICS",
    "broker_in",
    "kafka_tool",
    "three_brokers",
]
