"""`micgate demo`: a guided run on the simulator and the service, which shows each promise being kept."""
