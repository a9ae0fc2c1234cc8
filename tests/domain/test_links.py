"""Landing addresses and texts to share."""

from __future__ import annotations

import pytest

from domain.links import (
    landing_address,
    must_be_landing,
    must_be_share_text,
    share_texts,
    share_url,
)


@pytest.mark.parametrize(
    "template",
    [
        "https://shop.example.com/welcome?code={code}",
        "https://shop.example.com/r/{code}/hello",
        "http://shop.example.com/#/join/{code}",
        "https://8.8.8.8/{code}",
    ],
)
def test_a_public_address_with_a_place_for_the_code_is_taken(template: str) -> None:
    assert must_be_landing(template) == template


@pytest.mark.parametrize(
    "template",
    [
        "https://shop.example.com/welcome",
        "https://shop.example.com/{code}/{code}",
        "https://{code}.example.com/",
        "https://{code}@example.com/",
        "https://user:word@example.com/{code}",
        "javascript:alert({code})",
        "data:text/html,{code}",
        "//example.com/{code}",
        "/welcome/{code}",
        "https://example.com/{code}\n",
        "https://example.com\\@evil.example/{code}",
        "https://example.com/{code}<script>",
        # The spellings of private hosts that are refused for callouts.
        "http://localhost/{code}",
        "http://localhost./{code}",
        "http://shop/{code}",
        "http://printer.local/{code}",
        "http://db.internal/{code}",
        "http://127.0.0.1/{code}",
        "http://127.1/{code}",
        "http://0x7f.1/{code}",
        "http://2130706433/{code}",
        "http://017700000001/{code}",
        "http://10.0.0.8/{code}",
        "http://192.168.1.1/{code}",
        "http://169.254.169.254/{code}",
        "http://100.64.0.1/{code}",
        "http://0.0.0.0/{code}",
        "http://[::1]/{code}",
        "http://[::ffff:127.0.0.1]/{code}",
        "http://[64:ff9b::7f00:1]/{code}",
        "http://[fd00::1]/{code}",
        "http://[fe80::1]/{code}",
    ],
)
def test_an_address_that_leads_elsewhere_or_nowhere_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        must_be_landing(template)


def test_a_code_is_encoded_wherever_it_stands() -> None:
    code = "A/B?&#% é"
    assert share_url("https://api.example.com/", code) == (
        "https://api.example.com/r/A%2FB%3F%26%23%25%20%C3%A9"
    )
    assert landing_address("https://shop.example.com/?c={code}", code) == (
        "https://shop.example.com/?c=A%2FB%3F%26%23%25%20%C3%A9"
    )


@pytest.mark.parametrize(
    "template", ["no link", "{{ link", "{{ link }} {{ name }}", "{% include 'x' %}{{ link }}"]
)
def test_a_text_without_the_link_or_with_an_unknown_name_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        must_be_share_text(template)


def test_texts_open_ready_to_be_sent() -> None:
    texts = share_texts("Try {{ code }}: {{ link }}", "A&B", "https://x.example/r/A%26B", "For you")
    assert texts.text == "Try A&B: https://x.example/r/A%26B"
    body = "Try%20A%26B%3A%20https%3A%2F%2Fx.example%2Fr%2FA%2526B"
    assert texts.email == f"mailto:?subject=For%20you&body={body}"
    assert texts.sms == f"sms:?&body={body}"
    assert texts.whatsapp == f"https://wa.me/?text={body}"
