"""The base class of every error that a user can fix. The command line prints its message as one red line."""


class ShopLoraError(Exception):
    """An error that a user can fix; the message gives the reason and the remedy."""
