"""The look of the ready mails: one column, readable on a phone, in light and in dark."""

from __future__ import annotations

from typing import NamedTuple

_STYLE = """
.small a { color: #5c6370; }
:root { color-scheme: light dark; supported-color-schemes: light dark; }
@media (prefers-color-scheme: dark) {
  body, .page { background-color: #15171c !important; }
  .card, .card > table, .card td { background-color: #22252d !important; }
  .card .text div, .card .heading div, .card .code div { color: #f2f3f5 !important; }
  .small div, .small a { color: #a8adb8 !important; }
}
"""

_PAGE = """<mjml lang="{{{{ language }}}}">
<mj-head>
<mj-title>{title}</mj-title>
<mj-preview>{preview}</mj-preview>
<mj-attributes>
<mj-all font-family="-apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif" />
<mj-text font-size="16px" line-height="24px" color="#1d2129" padding="8px 28px" />
<mj-button background-color="#1a5fd0" color="#ffffff" font-size="16px" font-weight="600"
 border-radius="8px" inner-padding="14px 28px" padding="16px 28px" />
</mj-attributes>
<mj-raw><meta name="color-scheme" content="light dark" />
<meta name="supported-color-schemes" content="light dark" /></mj-raw>
<mj-style>{style}</mj-style>
</mj-head>
<mj-body background-color="#f3f4f7" width="560px" css-class="page">
<mj-section padding="24px 0 0"><mj-column></mj-column></mj-section>
<mj-section css-class="card" background-color="#ffffff" border-radius="12px" padding="20px 0">
<mj-column>
<mj-text css-class="heading" font-size="22px" line-height="30px" font-weight="700">{heading}</mj-text>
{blocks}
</mj-column>
</mj-section>
<mj-section padding="8px 0 24px"><mj-column>
<mj-text css-class="small" font-size="13px" line-height="20px" color="#5c6370" align="center">{small}</mj-text>
</mj-column></mj-section>
</mj-body>
</mjml>"""  # noqa: E501 - markup


class Words(NamedTuple):
    """One mail in one language. Texts are Liquid, and may have `<strong>` and `<a>`."""

    subject: str
    preview: str
    heading: str
    paragraphs: tuple[str, ...]
    small: str
    button: tuple[str, str] | None = None
    """Its label and its address. Left out of the mail where the address is empty."""
    code: bool = False
    """Shows the code in large letters."""
    after: tuple[str, ...] = ()
    """Paragraphs below the button."""


def page(words: Words) -> str:
    """The mail's MJML."""
    blocks = [_text(each) for each in words.paragraphs]
    if words.code:
        blocks.append(_CODE)
    if words.button:
        blocks.append(_button(*words.button))
    blocks += [_text(each) for each in words.after]
    return _PAGE.format(
        title=words.subject,
        preview=words.preview,
        heading=words.heading,
        style=_STYLE,
        blocks="\n".join(blocks),
        small=words.small,
    )


_CODE = (
    '{% if code != "" %}<mj-text css-class="code" align="center" font-size="24px"'
    ' font-weight="700" letter-spacing="2px">{{ code }}</mj-text>{% endif %}'
)


def _text(paragraph: str) -> str:
    return f'<mj-text css-class="text">{paragraph}</mj-text>'


def _button(label: str, address: str) -> str:
    name = address.strip("{} ")
    return f'{{% if {name} != "" %}}<mj-button href="{address}">{label}</mj-button>{{% endif %}}'
