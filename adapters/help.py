"""The examples under a command's `--help`. Used by every module with commands."""


def examples(*lines: str, prefix: str = "") -> str:
    """An epilog with one command on each line of the help page."""
    return "\n\n".join(("**Examples**", *(f"`{prefix}{line}`" for line in lines)))
