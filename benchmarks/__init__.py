"""What micgate costs, beside what was asked for, the bare library and the official SDK: `make bench`."""
