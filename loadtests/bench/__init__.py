"""`shoplora bench`: this server beside its alternatives, measured in one run."""
