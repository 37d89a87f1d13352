"""Listening, and how an error looks to whoever is told of it."""
