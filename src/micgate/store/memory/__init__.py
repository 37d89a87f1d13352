"""The six verbs in memory, for the simulation."""
