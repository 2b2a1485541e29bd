"""Commands over HTTP: each endpoint is a signature, a command and its answer."""
