"""The engine: vLLM, its settings, and the fake engine for tests."""
