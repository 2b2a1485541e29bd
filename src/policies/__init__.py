"""When this has happened, or this time has come, command that. Policies act through commands only."""
