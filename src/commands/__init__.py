"""What can be asked for: command messages, their handlers, and the loop that loads, decides and appends."""
