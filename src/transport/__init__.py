"""Following the log: sources hand out batches of events in position order and never pass a gap."""
