"""An adapter trained on the frozen base."""
