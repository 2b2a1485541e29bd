"""What can stop an import. Each message is one line that names the file and says what to do.

IntakeError
├── MappingProblem     the mapping is not there, is no TOML, or says something that it may not
├── FileProblem        the file cannot be read as the mapping says: nothing was written
├── FileChanged        the file changed while it was read: what was written stays, no more is added
├── OtherReading       another version of Drumbeat began this import and read its rows otherwise
├── ReportProblem      the report of refused rows cannot be written
└── LedgerAway         the database stayed away too long: run the same command again to go on
"""


class IntakeError(Exception):
    """The base of this package's errors."""


class MappingProblem(IntakeError):
    """A mapping that cannot be used; nothing was written."""


class FileProblem(IntakeError):
    """A file that cannot be read as its mapping says; nothing was written."""


class FileChanged(IntakeError):
    """A file that is not the one that the import began with."""


class OtherReading(IntakeError):
    """An import that another version of Drumbeat began, and that this one cannot go on with."""


class ReportProblem(IntakeError):
    """The report of refused rows could not be written; what was recorded stays, the same command goes on."""


class LedgerAway(IntakeError):
    """The database stayed away for longer than an import waits; the same command goes on where it stopped."""
