"""The commands that import and export data: `guerdon import …`, `guerdon export`."""

from pathlib import Path
from typing import Annotated

import typer

imports = typer.Typer(help="Data from files.", no_args_is_help=True)

CsvFile = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV, UTF-8.")]


@imports.command("customers")
def import_customers(file: CsvFile) -> None:
    """Create customers from a CSV file, or overwrite them. Killed? Type the same command again."""
    from cli.importing import customers

    raise typer.Exit(customers(file))


@imports.command("codes")
def import_codes(
    campaign: Annotated[str, typer.Argument(help="The campaign's id or its name.")],
    file: CsvFile,
) -> None:
    """Add codes to a campaign from a CSV file: Code, Active, Category, Redeemed quantity, Start
    date, Expiration date; other columns are metadata. Of a code that the campaign has, Active and
    Category change. Killed? Type the same command again."""
    from cli.importing import codes

    raise typer.Exit(codes(campaign, file))


def export(
    what: Annotated[
        str, typer.Argument(metavar="OBJECT", help="customer, publication, redemption or voucher.")
    ],
    fields: Annotated[
        str | None, typer.Option(help="Columns, with commas between; metadata.NAME is one too.")
    ] = None,
    filter: Annotated[
        list[str] | None,
        typer.Option(
            help="FIELD=VALUE, or FIELD:CONDITION=VALUE with is, is_not, in, not_in, starts_with, "
            "contains, before or after. All of several must hold; one field's: any of them."
        ),
    ] = None,
    order: Annotated[
        str | None, typer.Option(help="A field to order by; with - in front, descending.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(dir_okay=False, help="The file; without it, standard output.")
    ] = None,
) -> None:
    """Write a CSV file of what there is, of any length. Exits 0, or 2 with the reason."""
    from cli.exporting import Request, filters_of, run
    from store.exports.query import Asked

    try:
        columns = fields.split(",") if fields else None
        asked = Asked(order=order, fields=columns, filters=filters_of(filter or []) or None)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    raise typer.Exit(run(Request(what, asked, output)))
