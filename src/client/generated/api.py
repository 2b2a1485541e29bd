"""Every group of operations.

Made from the OpenAPI document by `make client`; not to be edited.
"""

from drumbeat.client.connection import Connection
from drumbeat.client.generated.attempts import AttemptsOperations
from drumbeat.client.generated.audit import AuditOperations
from drumbeat.client.generated.campaigns import CampaignsOperations
from drumbeat.client.generated.contacts import ContactsOperations
from drumbeat.client.generated.health import HealthOperations
from drumbeat.client.generated.history import HistoryOperations
from drumbeat.client.generated.imports import ImportsOperations
from drumbeat.client.generated.metrics import MetricsOperations
from drumbeat.client.generated.people import PeopleOperations
from drumbeat.client.generated.projections import ProjectionsOperations
from drumbeat.client.generated.schedules import SchedulesOperations
from drumbeat.client.generated.senders import SendersOperations
from drumbeat.client.generated.simulations import SimulationsOperations
from drumbeat.client.generated.suppressions import SuppressionsOperations


class Api:
    """Every operation of both APIs, in groups."""

    def __init__(self, connection: Connection) -> None:
        self.attempts = AttemptsOperations(connection)
        self.audit = AuditOperations(connection)
        self.campaigns = CampaignsOperations(connection)
        self.contacts = ContactsOperations(connection)
        self.health = HealthOperations(connection)
        self.history = HistoryOperations(connection)
        self.imports = ImportsOperations(connection)
        self.metrics = MetricsOperations(connection)
        self.people = PeopleOperations(connection)
        self.projections = ProjectionsOperations(connection)
        self.schedules = SchedulesOperations(connection)
        self.senders = SendersOperations(connection)
        self.simulations = SimulationsOperations(connection)
        self.suppressions = SuppressionsOperations(connection)
