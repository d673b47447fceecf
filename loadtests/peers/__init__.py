"""What one would use instead of this server, set up as well as we can, to measure against."""
