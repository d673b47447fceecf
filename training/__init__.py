"""Examples in, a published adapter out."""
