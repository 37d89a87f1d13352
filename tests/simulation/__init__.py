"""micgate's own code in a world without sockets and without real time: everything comes from a seed."""
