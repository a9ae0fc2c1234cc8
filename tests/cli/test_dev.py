"""`guerdon dev`, run as a person runs it: its processes killed, stopped, started again."""

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from cli.stack.ports import LOOPBACK
from cli.stack.state import DevInfo
from tests.cli.dev_process import FREE_PORTS, GUERDON, Dev, gone, wait_until

CUSTOMER = {"source_id": "dev-test", "name": "Ana", "email": "ana@example.com"}


def call(info: DevInfo, method: str, path: str, **arguments: object) -> httpx.Response:
    assert info.api
    headers = {"X-App-Id": info.app_id, "X-App-Token": info.app_token}
    return httpx.request(method, f"{info.api.url}{path}", headers=headers, **arguments)


def pid_of(info: DevInfo, name: str) -> int:
    return info.worker.pids[0] if name == "worker" else getattr(info, name).pid


def ready(info: DevInfo) -> bool:
    try:
        return call(info, "GET", "/readyz").status_code == 200
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dev]:
    """One that most tests share."""
    dev = Dev.start(tmp_path_factory.mktemp("dev") / "home")
    yield dev
    dev.end()


def test_dev_prints_all_addresses(dev: Dev) -> None:
    info = dev.info
    assert info.api
    shown = (info.api.url, info.app_id, info.app_token, info.temporal.ui, info.postgres.url)
    wait_until(lambda: all(words in dev.said() for words in shown), 60)  # dev.json comes first


def test_one_home_has_one_stack(dev: Dev) -> None:
    second = guerdon_dev(dev.home, FREE_PORTS)
    assert second.returncode == 1
    assert second.stdout == (
        f"error: {dev.home} is in use by another stack (process {dev.process.pid})\n"
    )
    assert dev.process.poll() is None


def test_a_key_may_do_what_its_role_says(dev: Dev) -> None:
    made = guerdon(dev, "keys", "create", "--role", "finance")
    assert made.returncode == 0
    headers = dict(line.split(": ") for line in made.stdout.splitlines())
    assert dev.info.api
    with httpx.Client(base_url=dev.info.api.url, headers=headers) as finance:
        assert finance.get("/v1/ledger/balances").status_code == 200
        assert finance.post("/v1/campaigns", json={}).status_code == 403


def test_commands_beside_it_need_no_settings(dev: Dev, tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    file.write_text("Source_id,Name\nbeside,Ana\n")
    own = {name: value for name, value in os.environ.items() if not name.startswith("GUERDON_")}
    for command in (
        "keys create --role support",
        f"import customers {file}",
        "export customer",
        "ledger verify",
    ):
        done = subprocess.run(
            [GUERDON, *command.split()],
            env=own | {"GUERDON_HOME": str(dev.home)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    assert call(dev.info, "GET", "/v1/customers/beside").is_success


def test_the_worker_s_check_knows_whether_it_polls(dev: Dev) -> None:
    wait_until(lambda: guerdon(dev, "worker", "--check").returncode == 0, 60)
    elsewhere = guerdon(dev, "worker", "--check", TEMPORAL_ADDRESS="127.0.0.1:1")
    assert elsewhere.returncode == 1
    assert elsewhere.stderr.startswith("Temporal does not answer")


def test_every_killed_process_comes_back_on_its_port(dev: Dev) -> None:
    first = dev.info
    for name in ("worker", "simulator", "api", "temporal", "postgres"):
        os.kill(pid_of(dev.info, name), signal.SIGKILL)
        wait_until(lambda name=name: pid_of(dev.info, name) != pid_of(first, name), 60)
        wait_until(lambda name=name: psutil.pid_exists(pid_of(dev.info, name)), 60)
        said = f"{name}-1" if name == "worker" else name
        assert f"{said} was ended by SIGKILL: started again" in dev.said()
    wait_until(lambda: ready(dev.info), 60)
    assert call(dev.info, "POST", "/v1/customers", json=CUSTOMER).is_success
    assert without_pids(dev.info) == without_pids(first)


def test_nothing_is_lost_and_nothing_is_left(start_dev: Callable[[], Dev]) -> None:
    dev = start_dev()
    before = dev.info
    assert call(before, "POST", "/v1/customers", json=CUSTOMER).is_success
    processes = dev.children()
    assert len(processes) > 5
    dev.end(signal.SIGKILL)
    wait_until(lambda: all(gone(process) for process in processes), 60)

    dev = start_dev()
    assert (dev.info.app_id, dev.info.app_token) == (before.app_id, before.app_token)
    found = call(dev.info, "GET", f"/v1/customers/{CUSTOMER['source_id']}")
    assert found.json()["name"] == CUSTOMER["name"]
    processes = dev.children()
    assert dev.end(signal.SIGTERM) == 0
    wait_until(lambda: all(gone(process) for process in processes), 60)
    assert not (dev.home / "dev.json").exists()


def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        port = str(taken.getsockname()[1])
        done = guerdon_dev(tmp_path / "home", FREE_PORTS | {"GUERDON_API_PORT": port})
    assert done.returncode == 1
    assert done.stdout.startswith(f"error: port {port} is taken")
    assert "GUERDON_API_PORT" in done.stdout
    assert len(done.stdout.splitlines()) == 1


def guerdon_dev(home: Path, settings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """`guerdon dev` where it cannot start."""
    environment = os.environ | settings | {"GUERDON_HOME": str(home)}
    return subprocess.run(
        [GUERDON, "dev"], env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def guerdon(dev: Dev, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """A command that works on what `dev` runs."""
    own = {
        "GUERDON_DATABASE_URL": dev.info.postgres.url,
        "GUERDON_ENCRYPTION_KEYS": "k1:unused",
        "TEMPORAL_ADDRESS": dev.info.temporal.address,
    }
    return subprocess.run(
        [GUERDON, *arguments],
        env=os.environ | own | settings,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def without_pids(info: DevInfo) -> dict[str, object]:
    """All that must stay as it was when processes are replaced."""
    own = {"pid", "pids"}
    return info.model_dump(
        exclude={part: own for part in ("api", "worker", "temporal", "simulator", "postgres")}
    )
