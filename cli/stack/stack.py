"""Runs the whole product on one machine: real servers, each a supervised process."""

from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import httpx

from cli.stack import forked, postgres, state, temporal
from cli.stack.child import Child
from cli.stack.environment import Urls, environment
from cli.stack.ports import LOOPBACK, Ports, StackError
from cli.stack.supervisor import Supervisor


class Stack:
    """PostgreSQL, Temporal, simulator, workers and API; a context manager that runs them.

    All state is kept under `home`, so that the next stack there continues it. Children are called
    `postgres temporal simulator worker api`; `worker` means all workers."""

    def __init__(
        self,
        home: Path,
        ports: Ports | None = None,
        *,
        workers: int = 1,
        api: bool = True,
        time_skipping: bool = False,
        program: Sequence[str] | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        """Choose what to run; nothing starts before the `with` statement.

        `program`: what to run instead of `guerdon`. `say` receives one line at each step and each
        restart, from another thread."""
        self.home = home.absolute()
        self.ports = ports or Ports.from_environment()
        self._workers = workers
        self._api = api
        self._time_skipping = time_skipping
        self._program = program
        self._say = say
        self._lock: IO[str] | None = None

    def __enter__(self) -> Self:
        """Start everything and return once it is ready; raise StackError with one clear line."""
        self._lock = state.lock(self.home)
        self._supervisor = Supervisor(self._say, self._write_info)
        try:
            self._start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything, clients before servers. Nothing is left running."""
        self._supervisor.close(["api", "worker"], ["temporal", "simulator"], ["postgres"])
        self._info_file.unlink(missing_ok=True)
        if self._lock:
            self._lock.close()

    @property
    def info(self) -> state.DevInfo:
        """The content of `dev.json`, with current process ids."""
        return state.DevInfo(
            app_id=self.secrets.app_id or "",
            app_token=self.secrets.app_token or "",
            api=state.Api(url=self.urls.api, pid=self._pid("api")) if self._api else None,
            worker=state.Worker(pids=self._supervisor.pids("worker")),
            temporal=state.Temporal(
                address=self.urls.temporal,
                ui=self.urls.temporal_ui,
                namespace=temporal.NAMESPACE,
                pid=self._pid("temporal"),
            ),
            simulator=state.Simulator(url=self.urls.simulator, pid=self._pid("simulator")),
            postgres=state.Postgres(url=self.urls.database, pid=self._pid("postgres")),
        )

    def kill(self, name: str, signal_number: int) -> None:
        """Send a signal to the child; one that dies of it is started again within seconds."""
        self._supervisor.kill(name, signal_number)

    def stop(self, name: str, signal_number: int | None = None) -> None:
        """End the child, by its stop signal or the given one, and keep it down."""
        self._supervisor.stop(name, signal_number)

    def start(self, name: str) -> None:
        """Start what `stop` ended, and wait until it is ready."""
        self._supervisor.start(name)
        ready = {
            "postgres": self._postgres_ready,
            "temporal": self._temporal_ready,
            "simulator": self._simulator_ready,
            "api": self._api_ready,
        }.get(name)
        if ready:
            self._supervisor.wait_until(ready, name)

    def another_api(self, port: int, database: str) -> Child:
        """An API of another database beside this stack's own; the caller starts and ends it."""
        child = self._guerdon(f"api-{port}", "api", "--host", LOOPBACK, "--port", str(port))
        child.environment = self.environment | {"GUERDON_DATABASE_URL": database}
        return child

    def _start(self) -> None:
        self._info_file.unlink(missing_ok=True)
        self.ports = self.ports.resolve()
        self.secrets = state.Secrets.load(self.home)
        self.urls = Urls.of(self.ports, self.secrets)
        self.environment = environment(self.urls, self.secrets)
        self._start_servers()
        self._prepare()
        self._start_workers()
        self._write_info()
        self._supervisor.watch()

    def _start_servers(self) -> None:
        if not self._program:
            forked.load()
        self._say(f"Starting Temporal at {self.urls.temporal} ...")
        self._supervisor.add(
            temporal.child(
                self.home / "temporal.db",
                self.ports,
                self._log("temporal"),
                time_skipping=self._time_skipping,
            )
        )
        data = self.home / "postgres"
        self._say(f"Starting PostgreSQL on port {self.ports.postgres} ...")
        postgres.create_cluster(data, self.secrets.database_password)
        postgres.wait_for_predecessor(data)
        self._supervisor.add(postgres.child(data, self.ports.postgres, self._log("postgres")))
        self._say(f"Starting the provider simulator at {self.urls.simulator} ...")
        self._supervisor.add(self._serving("simulator", "--state", str(self.home / "simulator")))
        if self._api:
            self._say(f"Starting the API at {self.urls.api} ...")
            self._supervisor.add(self._serving("api"))
        self._supervisor.wait_until(self._postgres_ready, "postgres")
        self._supervisor.wait_until(self._temporal_ready, "temporal")

    def _prepare(self) -> None:
        self._say("Creating the tables and registering search attributes with Temporal ...")
        migrate = self._guerdon("migrate", "migrate")
        if migrate.run():
            raise StackError(f"guerdon migrate failed:\n{migrate.last_lines()}")

    def _start_workers(self) -> None:
        self._say(
            f"Starting {'the worker' if self._workers == 1 else f'{self._workers} workers'} ..."
        )
        for number in range(1, self._workers + 1):
            self._supervisor.add(self._guerdon(f"worker-{number}", "worker"))
        self._create_key_once()
        self._supervisor.wait_until(self._simulator_ready, "simulator")
        if self._api:
            self._supervisor.wait_until(self._api_ready, "api")

    def _serving(self, name: str, *options: str) -> Child:
        port = str(getattr(self.ports, name))
        return self._guerdon(name, name, "--host", LOOPBACK, "--port", port, *options)

    def _guerdon(self, name: str, *arguments: str) -> Child:
        program = self._program or ()
        return Child(
            name, [*program, *arguments], self.environment, self._log(name), guerdon=not program
        )

    def _create_key_once(self) -> None:
        if self.secrets.app_token:
            return
        # Slow to import, and only needed for a new home.
        from store.access.api_keys import create_key_sync

        self.secrets.app_id, self.secrets.app_token = create_key_sync(self.urls.database, "admin")
        self.secrets.save(self.home)

    def _write_info(self) -> None:
        state.replace_file(self._info_file, self.info.model_dump_json(indent=1))

    @property
    def _info_file(self) -> Path:
        return self.home / "dev.json"

    def _log(self, name: str) -> Path:
        return self.home / "logs" / f"{name}.log"

    def _pid(self, name: str) -> int:
        return self._supervisor.pids(name)[0]

    def _postgres_ready(self) -> bool:
        return postgres.ready(self.ports.postgres)

    def _temporal_ready(self) -> bool:
        return temporal.ready(self.ports.temporal_http)

    def _simulator_ready(self) -> bool:
        return _answers(f"{self.urls.simulator}/_control/stats")

    def _api_ready(self) -> bool:
        return _answers(f"{self.urls.api}/readyz")


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=10).status_code == 200
    except httpx.HTTPError:
        return False
