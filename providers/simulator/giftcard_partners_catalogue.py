"""What the simulated GiftCard Partners sells and how it ships. Prices are minor units."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from providers.simulator.provider import major, share


@dataclass(frozen=True, slots=True)
class Product:
    """`denominations` are the allowed values, or [lowest, highest] when `variable`."""

    id: str
    name: str
    denominations: tuple[int, ...]
    variable: bool
    delivery_types: tuple[str, ...]
    currency: str = "USD"
    type: str = "Digital"
    fee: int = 0
    discount_percent: Decimal = Decimal(0)
    needs_carrier: bool = False

    def sells(self, value: int) -> bool:
        if self.variable:
            return self.denominations[0] <= value <= self.denominations[1]
        return value in self.denominations

    def cost(self, value: int) -> int:
        """What one card costs us: value less discount plus fee."""
        return value - share(value, self.discount_percent) + self.fee

    def render(self) -> dict[str, Any]:
        return {
            "Id": self.id,
            "Name": self.name,
            "ShortDescription": f"{self.name} gift card",
            "LongDescription": f"{self.name} gift card, valid in stores and online.",
            "Denominations": [major(value) for value in self.denominations],
            "DenominationType": "Variable" if self.variable else "Fixed",
            "AvailableDeliveryTypes": list(self.delivery_types),
            "Type": self.type,
            "Terms": "Not redeemable for cash.",
            "Disclaimer": "",
            "RedemptionNote": "",
            "CurrencyCode": self.currency,
            "CultureCodes": ["en-US"],
            "Cost": {"Fee": major(self.fee), "DiscountPercentage": float(self.discount_percent)},
            "Media": {"Faceplates": []},
            "Meta": {
                "ShippingConfiguration": {
                    "FulfillmentGroup": "standard",
                    "HasRequiredCardCarriers": self.needs_carrier,
                }
            },
            "Translations": [],
        }


DIGITAL = ("DigitalDelivery", "Links")
PRODUCTS = {
    product.id: product
    for product in (
        Product("CVS", "CVS Pharmacy", (1_00, 500_00), True, DIGITAL, fee=50,
                discount_percent=Decimal("2.0")),
        Product("AMAZON", "Amazon.com", (10_00, 25_00, 50_00, 100_00), False, DIGITAL),
        Product("CHOICE", "Choice of many", (5_00, 1000_00), True, ("Links",), fee=1_00),
        Product("VISA-PLASTIC", "Visa plastic card", (25_00, 250_00), True, ("PhysicalShipment",),
                type="Physical", fee=3_95),
        Product("FOLDER-CARD", "Card in a folder", (25_00, 50_00), False, ("PhysicalShipment",),
                type="Physical", needs_carrier=True),
        Product("ZALANDO-DE", "Zalando Deutschland", (5_00, 150_00), True, DIGITAL,
                currency="EUR"),
    )
}  # fmt: skip

SHIPPING_METHODS = [
    {"Id": "USPS-FIRST", "Name": "USPS First Class", "CarrierIds": ["PLAIN", "FOLDER"]},
    {"Id": "FEDEX-2DAY", "Name": "FedEx 2Day", "CarrierIds": ["PLAIN", "FOLDER"]},
]
