"""Load tests against a running server, and the benchmark of this server beside its alternatives."""
