"""Comparisons of many adapters: ablations, regression matrix, cost."""
