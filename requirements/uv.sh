#!/usr/bin/env bash
# Runs uv on .venv, making both where they are missing: requirements/uv.sh pip install ...
# uv reads none of pip's settings, so what pip is configured with is handed on here.
# ENGINE=gpu takes torch as the indexes have it; DRY_RUN=1 prints the command instead of running it.
set -euo pipefail
cd "$(dirname "$0")/.."
uv=0.13.9

[ -x .venv/bin/python ] || python3 -m venv .venv
.venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11) and "ShopLoRA needs Python 3.11 or newer")'
[ "$(.venv/bin/uv --version 2>/dev/null | cut -d' ' -f2)" = "$uv" ] || .venv/bin/python -m pip install --quiet "uv==$uv"

# A setting of pip, from its environment variable or else its files: "config list" sorts them so.
configured=$(.venv/bin/python -m pip config list)
setting() { sed -nE "s/^(:env:|global|install)\.$1='(.*)'\$/\2/p" <<<"$configured" | sed -n '1s/\\n/ /g;1p'; }
give() { [ -z "$2" ] || [ -n "${!1:-}" ] || export "$1=$2"; }

give UV_INDEX_URL "$(setting index.url)"
give UV_EXTRA_INDEX_URL "$(setting extra.index.url)"
give UV_INDEX_STRATEGY unsafe-best-match  # pip's: look into every index, not only the first
give SSL_CERT_FILE "$(setting cert)"

# torch's CPU build comes from pip's wheel folder where there is one, else from PyTorch's own index.
options=()
if [ "${ENGINE:-cpu}" = cpu ]; then
    for folder in $(setting find.links); do options+=(--find-links "$folder"); done
    [ ${#options[@]} -gt 0 ] || options=(--torch-backend cpu)
fi

export VIRTUAL_ENV=$PWD/.venv
[ -z "${DRY_RUN:-}" ] || env | grep -E '^(UV_|SSL_CERT_FILE=)' || true
${DRY_RUN:+echo} .venv/bin/uv "$@" "${options[@]}"
