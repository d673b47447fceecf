"""The alternatives to this server, each set up as well as its documentation says, to measure against."""
