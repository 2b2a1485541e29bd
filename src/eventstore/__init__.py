"""The log: Postgres behind the `eventsourcing` recorder contract, and the embedded server that carries it."""
