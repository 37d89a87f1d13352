"""The HTTP API, and the process it runs in."""
