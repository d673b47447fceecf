"""The base of every error that a user can mend. The command line prints its message as one red line."""


class ShopLoraError(Exception):
    """Something cannot be done as asked; the message says why and what to do."""
