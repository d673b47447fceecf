"""Locust users that drive a running server, and the targets a run is held to."""
