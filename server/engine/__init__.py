"""vLLM: started, asked, its settings."""
