"""docker-compose.yml, read as YAML: nothing here needs a container engine."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic_settings import BaseSettings

from api.settings import ApiSettings
from providers.giftbit import GiftbitSettings
from providers.giftcard_partners import GiftCardPartnersSettings
from providers.registry import KNOWN, open_configured
from providers.runa import RunaSettings
from providers.tango import TangoSettings
from providers.tremendous import TremendousSettings
from store.settings import StoreSettings, explain
from worker.settings import WorkerSettings

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(FILE.read_text())["services"]
OURS = {name: s for name, s in SERVICES.items() if s["image"].startswith("guerdon:")}
LONG_RUNNING = {n: s for n, s in SERVICES.items() if s["restart"] == "unless-stopped"}

PROVIDERS = (
    *(GiftCardPartnersSettings, TremendousSettings, TangoSettings),
    *(GiftbitSettings, RunaSettings),
)
SETTINGS = (ApiSettings, StoreSettings, WorkerSettings, *PROVIDERS)

# What the embedded stack runs, word for word: cli/stack/stack.py.
COMMANDS = {"migrate", "api", "worker", "simulator"}
SECRET = re.compile("PASSWORD|PWD|TOKEN|KEYS|SECRET|URL|EMAIL")
FROM_ENVIRONMENT = re.compile(r"\$\{\w+:[?-][^}]+\}")


def test_the_parts_are_all_there() -> None:
    assert set(OURS) == COMMANDS
    assert {"postgres", "temporal", "temporal-ui"} <= set(SERVICES)


@pytest.mark.parametrize("name", OURS)
def test_our_services_run_what_the_embedded_stack_runs(name: str) -> None:
    program, command, *_ = OURS[name]["command"]
    assert (program, command) == ("guerdon", name)
    source = (ROOT / "cli/stack/stack.py").read_text()
    assert f'"{command}"' in source


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_long_running_services_have_a_health_check(name: str) -> None:
    check = LONG_RUNNING[name]["healthcheck"]
    assert check["test"][0] in ("CMD", "CMD-SHELL")
    assert {"interval", "timeout", "retries"} <= set(check)


@pytest.mark.parametrize("name", SERVICES)
def test_dependencies_wait_for_health_or_completion(name: str) -> None:
    for needed, how in SERVICES[name].get("depends_on", {}).items():
        wanted = "service_healthy" if needed in LONG_RUNNING else "service_completed_successfully"
        assert how["condition"] == wanted


def test_each_program_has_a_role_of_its_own() -> None:
    """The superuser's password is known to who makes the roles, and to nobody else."""
    superuser = "GUERDON_DATABASE_PASSWORD"
    knowing = {name for name, service in SERVICES.items() if superuser in str(service)}
    assert knowing == {"postgres", "roles"}
    urls = {name: str(OURS[name]["environment"].get("GUERDON_DATABASE_URL")) for name in OURS}
    assert "//guerdon_owner:" in urls["migrate"]
    assert "//guerdon_runtime:" in urls["api"]
    assert urls["worker"] == urls["api"]
    for name in ("temporal", "temporal-schema"):
        assert "TEMPORAL_DATABASE_PASSWORD" in str(SERVICES[name])


def test_the_simulator_is_started_only_by_name_and_no_provider_is_played_by_default() -> None:
    assert SERVICES["simulator"]["profiles"] == ["simulator"]
    for name in set(OURS) - {"simulator"}:
        values = OURS[name]["environment"].values()
        assert "simulator" not in " ".join(map(str, values))
        assert "simulator" not in OURS[name].get("depends_on", {})


def test_a_forgotten_url_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUERDON_GIFTCARD_PARTNERS_EMAIL", "buyer@example.com")
    monkeypatch.setenv("GUERDON_GIFTCARD_PARTNERS_ACCESS_TOKEN", "token")
    with pytest.raises(ValueError, match="validation error") as raised:
        open_configured(within=1)
    assert explain(raised.value).startswith("GUERDON_GIFTCARD_PARTNERS_URL:")


@pytest.mark.parametrize("name", SERVICES)
def test_no_secret_is_written_down(name: str) -> None:
    for variable, value in SERVICES[name].get("environment", {}).items():
        if value is not None and SECRET.search(variable):  # without one .env's is handed on
            assert FROM_ENVIRONMENT.search(str(value)), variable


def test_only_loopback_is_published() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_the_example_names_every_variable_and_gives_no_value() -> None:
    wanted = set(re.findall(r"\$\{(\w+):\?", FILE.read_text()))
    lines = (ROOT / ".env.example").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert set(given) == wanted
    assert set(given.values()) == {""}


def test_every_provider_s_section_is_looked_at() -> None:
    assert len(PROVIDERS) == len(KNOWN)


@pytest.mark.parametrize("section", SETTINGS, ids=lambda section: section.__name__)
@pytest.mark.parametrize("page", ["docker-compose.yml", ".env.example", "README.md"])
def test_every_setting_is_named(section: type[BaseSettings], page: str) -> None:
    text = (ROOT / page).read_text()
    prefix = str(section.model_config["env_prefix"])
    for field in section.model_fields:
        if page == "README.md" and prefix != "GUERDON_":
            (row,) = [line for line in text.splitlines() if line.startswith(f"| `{prefix}…`")]
            assert f"`{field.upper()}`" in row
        elif (page, field) != (".env.example", "database_url"):  # made of its password
            assert re.search(rf"\b{prefix}{field.upper()}\b", text), field


def test_docker_compose_itself_reads_it(tmp_path: Path) -> None:
    program = shutil.which("docker-compose")
    if program is None:  # .ci/run installs it; everything above holds without it
        return
    settings = tmp_path / "env"
    settings.write_text((ROOT / ".env.example").read_text().replace("=\n", "=set\n"))
    asked = [program, "--file", str(FILE), "--env-file", str(settings), "config", "--quiet"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
