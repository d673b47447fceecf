"""Requests in, typed answers out."""
