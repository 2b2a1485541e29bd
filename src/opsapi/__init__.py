"""What an operator does: run the processes, look at their state, follow the log."""
