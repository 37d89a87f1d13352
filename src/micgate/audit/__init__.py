"""The record: what is written down, chained, signed, exported, verified, and in time forgotten."""
