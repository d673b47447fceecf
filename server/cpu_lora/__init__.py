"""The LoRA kernel for CPUs."""
