"""How good an adapter is, beside the base and cheap baselines."""
