"""Whom somebody means: looked up here first, then at the platform."""
