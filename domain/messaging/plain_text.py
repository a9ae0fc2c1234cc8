"""The plain-text part of a mail, from its filled-in MJML."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_BREAKS = frozenset({"mj-text", "mj-section", "p", "h1", "h2", "h3", "li", "tr", "ul", "ol"})
_HIDDEN = frozenset({"mj-head", "mj-raw", "style", "script"})
_TARGETS = ("http://", "https://", "mailto:")


class _Reader(HTMLParser):
    """Collects text, with the address behind each link. Void MJML elements are written `<x />`."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0
        self._links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self._hidden += 1
        if self._hidden:
            return
        if tag in _BREAKS or tag == "mj-button":
            self.parts.append("\n\n")
        if tag == "li":
            self.parts.append("- ")
        if tag == "br":
            self.parts.append("\n")
        if tag in ("a", "mj-button"):
            self._links.append((dict(attrs).get("href") or "", len(self.parts)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._hidden:
            return
        if tag == "br":
            self.parts.append("\n")
        elif tag == "mj-divider":
            self.parts.append("\n\n---\n\n")
        elif tag == "mj-image" and (words := dict(attrs).get("alt")):
            self.parts.append(f"\n\n[{words}]\n\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        elif not self._hidden and tag in ("a", "mj-button") and self._links:
            self._close_link(*self._links.pop())
        if not self._hidden and (tag in _BREAKS or tag == "mj-button"):
            self.parts.append("\n\n")

    def _close_link(self, address: str, since: int) -> None:
        words = "".join(self.parts[since:]).strip()
        if address.startswith(_TARGETS) and address.removeprefix("mailto:") != words:
            self.parts.append(f": {address}" if words else address)

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(re.sub(r"[ \t\r\n\f]+", " ", data))


def plain_text(mjml: str) -> str:
    """What a reader without HTML sees: texts, buttons with their addresses, alternative texts."""
    reader = _Reader()
    reader.feed(mjml)
    reader.close()
    lines = [line.strip() for line in "".join(reader.parts).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"
