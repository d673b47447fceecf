"""requirements/uv.sh passes pip's configuration to uv."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.skipif(
    not (ROOT / ".venv/bin/uv").exists(), reason="not run from the .venv that `make` sets up"
)


def dry_run(**settings: str) -> str:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("PIP_", "UV_", "SSL_"))}
    environment = {**inherited, "PIP_CONFIG_FILE": os.devnull, "DRY_RUN": "1", "ENGINE": "cpu", **settings}
    return subprocess.check_output(["requirements/uv.sh", "pip", "install"], cwd=ROOT, env=environment, text=True)


def test_torch_comes_from_the_wheel_folder_that_pip_is_configured_with() -> None:
    out = dry_run(PIP_FIND_LINKS="/wheels /more")
    assert "--find-links /wheels --find-links /more" in out
    assert "--torch-backend" not in out


def test_torch_comes_from_its_own_cpu_index_where_there_is_no_wheel_folder() -> None:
    out = dry_run()
    assert "--torch-backend cpu" in out
    assert "--find-links" not in out


def test_the_gpu_engine_uses_neither() -> None:
    out = dry_run(ENGINE="gpu", PIP_FIND_LINKS="/wheels")
    assert out.splitlines()[-1] == ".venv/bin/uv pip install"


def test_indexes_and_certificate_are_passed_on() -> None:
    out = dry_run(
        PIP_INDEX_URL="https://one.example/simple",
        PIP_EXTRA_INDEX_URL="https://two.example/simple https://three.example/simple",
        PIP_CERT="/ca.pem",
    )
    assert "UV_INDEX_URL=https://one.example/simple\n" in out
    assert "UV_EXTRA_INDEX_URL=https://two.example/simple https://three.example/simple\n" in out
    assert "SSL_CERT_FILE=/ca.pem\n" in out


def test_settings_in_pips_files_count_and_those_of_uv_come_first(tmp_path: Path) -> None:
    config = tmp_path / "pip.conf"
    config.write_text("[global]\nindex_url = https://file.example/simple\nfind-links =\n    /one\n    /two\n")
    out = dry_run(PIP_CONFIG_FILE=str(config), UV_INDEX_URL="https://uv.example/simple")
    assert "UV_INDEX_URL=https://uv.example/simple\n" in out
    assert "--find-links /one --find-links /two" in out
