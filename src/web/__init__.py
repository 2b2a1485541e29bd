"""What every HTTP API of ours shares: problems, guards, one document, and what is seen of a request."""
