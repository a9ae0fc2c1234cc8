"""Each provider's prefunded deposit: one amount per currency."""

from simulator.database import Database
from simulator.settings import Settings


class Funds:
    """Deposits in minor units. Charges belong to the transaction of the order that they pay."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._db = database
        self._settings = settings

    def available(self, provider: str, currency: str) -> int:
        row = self._db.execute(
            "SELECT amount FROM spent WHERE provider = ? AND currency = ?", (provider, currency)
        ).fetchone()
        spent = row["amount"] if row else 0
        return int(self._settings.get("funds", provider)["amount"]) - int(spent)

    def charge(self, provider: str, currency: str, amount: int) -> bool:
        """Take the amount and return True, or take nothing and return False. A negative amount is
        returned to the deposit."""
        if amount > 0 and amount > self.available(provider, currency):
            return False
        self._db.execute(
            "INSERT INTO spent VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET amount = amount + excluded.amount",
            (provider, currency, amount),
        )
        return True

    def put(self, provider: str, amount: int) -> None:
        """Set what is available from now on, in each currency."""
        with self._db.transaction():
            self._db.execute("DELETE FROM spent WHERE provider = ?", (provider,))
            self._settings.put("funds", provider, {"amount": amount})
