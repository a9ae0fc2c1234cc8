"""What the simulated GiftCard Partners sells and how it ships. Prices are minor units."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from simulator.catalogue import Item
from simulator.provider import major


@dataclass(frozen=True, slots=True)
class Product(Item):
    """An item and the ways it can be delivered."""

    delivery_types: tuple[str, ...] = ("DigitalDelivery", "Links")
    type: str = "Digital"
    needs_carrier: bool = False

    def render(self) -> dict[str, Any]:
        return {
            "Id": self.id,
            "Name": self.name,
            "ShortDescription": f"{self.name} gift card",
            "LongDescription": f"{self.name} gift card, valid in stores and online.",
            "Denominations": [major(value) for value in self.values],
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


LINKS = ("Links",)
PHYSICAL = ("PhysicalShipment",)
PRODUCTS = {
    product.id: product
    for product in (
        Product("CVS", "CVS Pharmacy", (1_00, 500_00), fee=50, discount_percent=Decimal("2.0")),
        Product("AMAZON", "Amazon.com", (10_00, 25_00, 50_00, 100_00), variable=False),
        Product("CHOICE", "Choice of many", (5_00, 1000_00), fee=1_00, delivery_types=LINKS),
        Product("VISA-PLASTIC", "Visa plastic card", (25_00, 250_00), fee=3_95,
                delivery_types=PHYSICAL, type="Physical"),
        Product("FOLDER-CARD", "Card in a folder", (25_00, 50_00), variable=False,
                delivery_types=PHYSICAL, type="Physical", needs_carrier=True),
        Product("ZALANDO-DE", "Zalando Deutschland", (5_00, 150_00), currency="EUR"),
    )
}  # fmt: skip

SHIPPING_METHODS = [
    {"Id": "USPS-FIRST", "Name": "USPS First Class", "CarrierIds": ["PLAIN", "FOLDER"]},
    {"Id": "FEDEX-2DAY", "Name": "FedEx 2Day", "CarrierIds": ["PLAIN", "FOLDER"]},
]
