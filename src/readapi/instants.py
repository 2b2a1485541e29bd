"""How answers declare a moment: a text of RFC 3339 that says its offset."""

from datetime import datetime
from typing import Annotated

import msgspec

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
