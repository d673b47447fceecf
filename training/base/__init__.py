"""All that makes the demo base."""
