"""The refinery: what a shop exports becomes typed, checked and split examples."""
