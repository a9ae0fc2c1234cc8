"""The `guerdon` command. Each command imports its code only when it runs."""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from cli import data
from domain.roles import Role, Scope

app = typer.Typer(
    name="guerdon",
    help="Turns referrals into delivered rewards, and can prove it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
keys = typer.Typer(help="Credentials of those who call the API.", no_args_is_help=True)
app.add_typer(keys, name="keys")
ledger = typer.Typer(help="The books.", no_args_is_help=True)
app.add_typer(ledger, name="ledger")
evidence = typer.Typer(help="What there is to show for a grant.", no_args_is_help=True)
app.add_typer(evidence, name="evidence")
app.add_typer(data.imports, name="import")
app.command("export")(data.export)


Host = Annotated[str, typer.Option(help="Address to listen at.")]


@app.command()
def dev(
    workers: Annotated[int, typer.Option(min=1, help="How many worker processes to run.")] = 1,
) -> None:
    """Run the embedded stack until Ctrl-C; its state stays in GUERDON_HOME (.guerdon)."""
    from cli.dev import run

    raise typer.Exit(run(workers))


@app.command()
def demo() -> None:
    """Run refer-a-friend with gift cards on a throw-away stack, and check the provider's book."""
    from cli.demo.run import run

    raise typer.Exit(run())


@app.command()
def api(
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(help="TCP port to listen on.")] = 8000,
) -> None:
    """Serve the HTTP API."""
    from api.server import run

    run(host, port)


@app.command()
def worker(
    check: Annotated[
        bool, typer.Option("--check", help="Only say whether a worker of this host takes tasks.")
    ] = False,
) -> None:
    """Run workflows and activities until SIGTERM."""
    if check:
        from cli.worker_check import check as run
    else:
        from worker.main import run

    run()


@app.command()
def simulator(
    state: Annotated[Path, typer.Option(help="Folder that keeps what was ordered.")],
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(help="TCP port to listen on.")] = 8090,
    webhooks: Annotated[
        str,
        typer.Option(
            envvar="GUERDON_SIMULATOR_WEBHOOKS",
            help='Where accounts\' webhooks go: {"tremendous": {"url": …, "secret": …}}',
        ),
    ] = "{}",
) -> None:
    """Play every gift-card provider over HTTP, for development and tests."""
    from simulator.server import run

    run(host, port, state, json.loads(webhooks))


@app.command()
def migrate() -> None:
    """Bring the database to this version, and Temporal too where it is configured. With
    GUERDON_RUNTIME_ROLE, give that role what API and workers need, and no more."""
    from cli.surroundings import one_line_errors
    from store.migrate import upgrade
    from store.runtime_role import grant_runtime
    from store.settings import StoreSettings

    with one_line_errors():
        url = StoreSettings().database_url.get_secret_value()
        upgrade(url)
        if role := os.environ.get("GUERDON_RUNTIME_ROLE"):
            grant_runtime(url, role)
    if any(name.startswith("TEMPORAL_") for name in os.environ):
        from cli.surroundings import run_and_leave
        from worker.register import prepare

        run_and_leave(prepare())


@app.command()
def recover(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what is missing; change nothing.")
    ] = False,
) -> None:
    """Rebuild Temporal's workflows from the facts, after its state or a backup of PostgreSQL was
    lost. Safe to repeat, beside live traffic. Exits 0, or 1 when something could not be started
    (with --dry-run: when something is missing), 2 when it could not be done."""
    from cli.recover import run

    raise typer.Exit(run(dry_run=dry_run))


@app.command()
def reconcile(
    provider: Annotated[str, typer.Option(help="Whose book, such as giftcard-partners.")],
    since: Annotated[str, typer.Option("--from", help="A day, or a time with offset; included.")],
    until: Annotated[str, typer.Option("--to", help="The same; not included, and may lie ahead.")],
    csv: Annotated[Path | None, typer.Option(help="Write what differs into this file.")] = None,
    statement: Annotated[
        Path | None, typer.Option(help="Read this statement instead of asking the provider.")
    ] = None,
) -> None:
    """Compare grants, ledger and a provider's book. Exits 0 without a difference, 1 with some,
    2 when it could not be done."""
    from cli.reconcile import run

    raise typer.Exit(run(provider, since, until, csv, statement))


@evidence.command("verify")
def verify_evidence(
    file: Annotated[Path, typer.Argument(help="The answer of GET /v1/grants/{id}/evidence.")],
    key: Annotated[
        str | None,
        typer.Option(
            envvar="GUERDON_EVIDENCE_KEY", help="The deployment's public key, as it published it."
        ),
    ] = None,
) -> None:
    """Check a grant's evidence. Exits 1 if a section was changed, which it names, or if the
    signature is not the deployment's."""
    from cli.evidence import run

    raise typer.Exit(run(file, key))


@evidence.command("key")
def show_evidence_key() -> None:
    """Print the public key that this deployment signs evidence with."""
    from cli.evidence import show_key

    show_key()


@ledger.command()
def verify(
    head: Annotated[
        str | None, typer.Option(help="A head that was written down elsewhere: it must be there.")
    ] = None,
) -> None:
    """Check that no sealed ledger entry and no sealed event was changed, removed or added, and
    that the counters behind summaries are what the rows come to. Exits 1, naming what is wrong,
    also if no block has the given head."""
    from cli.ledger import run

    raise typer.Exit(run(head))


@ledger.command("recount")
def recount_all() -> None:
    """Count what summaries show anew. Referrals go on meanwhile."""
    from cli.ledger import recount

    raise typer.Exit(recount())


@ledger.command("head")
def show_heads() -> None:
    """Print the heads of both chains as JSON, to be written down where nobody who can write to
    the database can write."""
    from cli.ledger import head

    raise typer.Exit(head())


@keys.command()
def create(
    role: Annotated[Role, typer.Option(help="What the key may do.")],
    name: Annotated[str, typer.Option(help="Whose key it is, such as `shop backend`.")] = "",
    expires: Annotated[
        str | None, typer.Option(help="The day or time from which it is refused; UTC.")
    ] = None,
    scope: Annotated[
        list[Scope] | None, typer.Option(help="What it may do beyond its role; repeatable.")
    ] = None,
) -> None:
    """Create credentials for the API and print them once: they are stored hashed."""
    from cli.keys import create_key, expiry_of
    from cli.surroundings import one_line_errors
    from store.access.api_keys import NewKey

    with one_line_errors():
        new = NewKey(role, name, scope or (), expiry_of(expires))
    create_key(new)


@keys.command("list")
def list_keys() -> None:
    """Show every key: its name, role, scopes, last use, expiry. Never a token."""
    from cli.keys import show_keys

    show_keys()


@keys.command()
def revoke(
    app_id: Annotated[str, typer.Argument(help="The key's id, X-App-Id.")],
) -> None:
    """Refuse a key from now on; running processes do within 10 seconds."""
    from cli.keys import revoke_key

    revoke_key(app_id)


@keys.command()
def rotate() -> None:
    """Encrypt stored claim links under the first of GUERDON_ENCRYPTION_KEYS. Safe to repeat."""
    from cli.rotation import run

    raise typer.Exit(run())


def main() -> None:
    """Entry point of the console script."""
    app()
