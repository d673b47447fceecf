"""The quality gate, and publishing."""
