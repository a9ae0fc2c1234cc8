"""Links that people share: our short link, the landing address that it leads to, and the texts."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote

from pydantic import AnyHttpUrl, TypeAdapter, ValidationError

from domain.messaging.liquid import TemplateFault, fill_text
from domain.targets import may_be_public

PLACE = "{code}"
"""Stands for the code in a landing address."""
USUAL_TEXT = "Use my code {{ code }} and we both get a reward: {{ link }}"
_URL = TypeAdapter(AnyHttpUrl)


class ShareTexts(NamedTuple):
    """What a person sends to a friend, and the addresses that open it ready to be sent."""

    text: str
    email: str
    sms: str
    whatsapp: str


def share_url(public_url: str, code: str) -> str:
    """Our short link of a code."""
    return f"{public_url.rstrip('/')}/r/{quote(code, safe='')}"


def landing_address(template: str, code: str) -> str:
    """Where the short link leads."""
    return template.replace(PLACE, quote(code, safe=""))


def must_be_landing(template: str) -> str:
    """A landing address, unchanged. Raises ValueError unless it has `{code}` behind the host and
    its host may be on the public internet."""
    if template.count(PLACE) != 1:
        raise ValueError("must have {code} once, where the code is to stand")
    try:
        url = _URL.validate_python(landing_address(template, "CODE"))
    except ValidationError as error:
        raise ValueError(error.errors()[0]["msg"]) from None
    # A browser reads backslashes and white space in an address in ways of its own.
    if any(character in "\\<>\"'" or not "!" <= character <= "~" for character in template):
        raise ValueError("may hold no white space, quotes, backslashes or other special characters")
    if url.username or url.password:
        raise ValueError("may hold no credentials")
    if PLACE in template.split("://", 1)[1].split("/", 1)[0].split("?", 1)[0].split("#", 1)[0]:
        raise ValueError("has {code} in its host: put it into the path or the query")
    if not may_be_public(url.host or ""):
        raise ValueError("must be an address on the public internet")
    return template


def must_be_share_text(template: str) -> str:
    """A text to share, unchanged. Raises ValueError unless it renders and has the link."""
    try:
        filled = fill_text(template, {"code": "REF-7K2M9QXA", "link": "https://x.example/r/1"})
    except TemplateFault as fault:
        raise ValueError(f"{fault}; it may use code and link") from None
    if "https://x.example/r/1" not in filled:
        raise ValueError("must have {{ link }}")
    return template


def share_texts(template: str | None, code: str, link: str, subject: str) -> ShareTexts:
    """The text for a code, and addresses that open it in a mail program, as a text message and in
    WhatsApp."""
    text = fill_text(template or USUAL_TEXT, {"code": code, "link": link})
    body = quote(text, safe="")
    return ShareTexts(
        text=text,
        email=f"mailto:?subject={quote(subject, safe='')}&body={body}",
        sms=f"sms:?&body={body}",
        whatsapp=f"https://wa.me/?text={body}",
    )
