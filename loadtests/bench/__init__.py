"""`shoplora bench`: this server beside what a user would pick instead, all in one run."""
