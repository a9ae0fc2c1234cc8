"""What people write into templates, and what customers call themselves, does no harm."""

from __future__ import annotations

from datetime import date

import pytest

from domain.messaging.channels import Channel
from domain.messaging.liquid import TemplateFault, fill_text
from domain.messaging.ready.catalogue import READY, Ready
from domain.messaging.templates import Content, Template
from domain.messaging.variables import SAMPLE, Facts, Person, RewardFacts

MAIL = (
    "<mjml><mj-body><mj-section><mj-column><mj-text>{}</mj-text></mj-column></mj-section>"
    "</mj-body></mjml>"
)
EVIL = '<img src=x onerror="alert(1)">&{{ code }}</mj-text><mj-include path="/etc/passwd"/>'


def mail(text: str, subject: str = "News") -> Template:
    return Template(name="one", channel=Channel.EMAIL, subject=subject, mjml=MAIL.format(text))


def of(name: str | None, **more: object) -> Facts:
    return Facts.model_validate({"customer": Person(id="cust_1", name=name), **more})


@pytest.mark.parametrize("ready", READY, ids=lambda ready: ready.template.name)
def test_each_ready_mail_renders_and_says_the_essential(ready: Ready) -> None:
    ready.template.must_render()
    made = ready.template.render(SAMPLE, "en")
    assert made.html is not None
    assert made.text is not None
    assert made.subject
    assert "{{" not in made.html + made.text + made.subject
    assert 'lang="en"' in made.html
    assert "Jane" in made.html
    assert "Jane" in made.text


def test_the_claim_link_of_a_reward_stands_in_the_html_and_in_the_plain_text() -> None:
    here = next(one.template for one in READY if one.template.name == "reward here")
    made = here.render(SAMPLE, "en")
    assert 'href="https://rewards.example/claim/sample"' in (made.html or "")
    assert "Open my gift card: https://rewards.example/claim/sample" in (made.text or "")


def test_amounts_and_days_are_written_as_the_reader_writes_them() -> None:
    facts = SAMPLE.model_copy(
        update={
            "reward": RewardFacts(kind="gift_card", amount=1500, unit="EUR"),
            "due": date(2026, 12, 24),
        }
    )
    words = Content(text="{{ reward.amount }}, {{ due_date }}")
    template = Template(
        name="one", channel=Channel.SMS, text=words.text, translations={"de": words, "de-AT": words}
    )
    assert template.render(facts, "en").text == "€15.00, December 24, 2026"
    assert template.render(facts, "de").text == "15,00\xa0€, 24. Dezember 2026"
    assert template.render(facts, "de-AT").text == "€\xa015,00, 24. Dezember 2026"


def test_a_customers_name_is_never_read_as_markup_or_as_a_template() -> None:
    made = mail("Hi {{ customer.metadata.nick }}").render(
        Facts(customer=Person(id="cust_1", metadata={"nick": EVIL}), code="SECRET"), None
    )
    assert "<img" not in (made.html or "")
    assert "SECRET" not in (made.html or "")
    assert EVIL in (made.text or "")


def test_a_name_with_an_address_in_it_is_left_out() -> None:
    template = mail("Hi {{ customer.name | default: 'there' }}")
    for name in ("Win at www.evil.example", "http://evil.example", "evil.com", "a@evil.example"):
        assert "evil" not in (template.render(of(name), None).html or "")
    assert "Dr. Jane O'Hara" in (template.render(of("Dr. Jane O'Hara"), None).text or "")


def test_a_line_break_in_a_value_adds_no_header() -> None:
    template = mail("x", subject="For {{ customer.metadata.nick }}")
    facts = Facts(customer=Person(id="c", metadata={"nick": "a\r\nBcc: all@evil.example"}))
    assert template.render(facts, None).subject == "For a Bcc: all@evil.example"


@pytest.mark.parametrize(
    "source",
    [
        "{{ custmer.name }}",
        "{{ customer.phne }}",
        "{% include '/etc/passwd' %}",
        "{% render 'other' %}",
        "{{ customer.name | safe }}",
        "{{ customer.name | shout }}",
        "{% if code %}",
        "{% for i in (1..1000000) %}{% for j in (1..1000000) %}x{% endfor %}{% endfor %}",
        "{{ customer.__class__ }}",
    ],
)
def test_what_a_template_may_not_do_is_refused_when_it_is_stored(source: str) -> None:
    with pytest.raises(TemplateFault):
        mail(source).must_render()


@pytest.mark.parametrize(
    "mjml",
    [
        "no markup at all",
        "<mjml><mj-body><mj-section></mj-body></mjml>",
        '<mjml><mj-body><mj-include path="/etc/passwd" /></mj-body></mjml>',
        '<mjml><mj-body><mj-include path="file:///etc/passwd" /></mj-body></mjml>',
        '<mjml><mj-body><mj-include path="http://127.0.0.1/x" /></mj-body></mjml>',
        "<mjml><mj-body><mj-unknown>x</mj-unknown></mj-body></mjml>",
    ],
)
def test_mjml_that_cannot_be_read_or_reads_files_is_refused(mjml: str) -> None:
    with pytest.raises(TemplateFault):
        Template(name="one", channel=Channel.EMAIL, subject="x", mjml=mjml).must_render()


def test_a_reader_gets_their_language_then_the_same_without_region_then_the_templates_own() -> None:
    template = Template(
        name="one",
        channel=Channel.SMS,
        language="en",
        text="hello",
        translations={"de": Content(text="hallo"), "de-AT": Content(text="servus")},
    )
    told = {wanted: template.render(SAMPLE, wanted).text for wanted in ("de-AT", "de-CH", "fr")}
    assert told == {"de-AT": "servus", "de-CH": "hallo", "fr": "hello"}


def test_a_value_stays_in_its_place_of_an_http_body() -> None:
    body = {"to": "{{ customer.phone }}", "text": ["{{ customer.metadata.nick }}", 1, None]}
    template = Template(name="one", channel=Channel.HTTP, body=body)
    facts = Facts(customer=Person(id="c", phone="+1", metadata={"nick": '", "to": "+2'}))
    assert template.render(facts, None).body == {"to": "+1", "text": ['", "to": "+2', 1, None]}


@pytest.mark.parametrize(
    ("channel", "content"),
    [
        (Channel.EMAIL, Content(subject="x")),
        (Channel.EMAIL, Content(subject="x", mjml=MAIL, body={})),
        (Channel.SMS, Content(text="x", subject="x")),
        (Channel.HTTP, Content(text="x")),
    ],
)
def test_a_template_has_what_its_channel_needs_and_nothing_else(
    channel: Channel, content: Content
) -> None:
    with pytest.raises(ValueError, match="a template for"):
        Template(name="one", channel=channel, **content.model_dump())


def test_the_stored_words_of_a_fault_quote_no_value() -> None:
    with pytest.raises(TemplateFault) as caught:
        fill_text("{{ name | plus: 'Jane Doe' | date: name }}{{ nobody }}", {"name": "Jane Doe"})
    assert "Jane" not in caught.value.place
