"""What there is under `/v1`, a module each, and how the service is."""
