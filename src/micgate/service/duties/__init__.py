"""What runs beside the API, and what brings it off the machine."""
