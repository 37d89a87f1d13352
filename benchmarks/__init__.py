"""What micgate costs, beside the bare library and beside the official SDK. `make bench` runs all of it."""
