"""The ready mails in German."""

from __future__ import annotations

from domain.messaging.ready.layout import Words


def _reward(name: str = "reward") -> str:
    """In the accusative, behind `Sie erhalten`."""
    return (
        f"{{% case {name}.kind %}}"
        f"{{% when 'gift_card' %}}eine Geschenkkarte über {{{{ {name}.amount }}}}"
        f"{{% when 'gift_credits' %}}ein Guthaben von {{{{ {name}.amount }}}}"
        f"{{% when 'loyalty_points' %}}{{{{ {name}.amount }}}} Punkte"
        "{% when 'discount_coupon' %}einen Rabattgutschein"
        f"{{% else %}}{{{{ {name}.name | default: 'Ihre Prämie' }}}}{{% endcase %}}"
    )


_HELLO = "Hallo{% if customer.first_name != '' %} {{ customer.first_name }}{% endif %},"
_A_FRIEND = "{{ friend.first_name | default: 'Jemand' }}"
_WHY = (
    "Sie erhalten diese Mail, weil Sie an "
    "{{ campaign.name | default: 'unserem Empfehlungsprogramm' }} teilnehmen."
)
_STOP = (
    _WHY
    + "{% if unsubscribe_url != '' %} "
    + '<a href="{{ unsubscribe_url }}">Abbestellen</a>.{% endif %}'
)

INVITATION = Words(
    subject="Ihr Link für {{ campaign.name | default: 'Ihre Empfehlungen' }}",
    preview="Teilen Sie ihn mit Freunden, und beide werden belohnt.",
    heading="Laden Sie Ihre Freunde ein",
    paragraphs=(
        _HELLO,
        "das ist Ihr persönlicher Link. Schicken Sie ihn Freunden: Sobald jemand damit "
        "dazukommt, bedanken wir uns mit einer Prämie.",
    ),
    button=("Meinen Link öffnen", "{{ link }}"),
    code=True,
    after=("{% if link != '' %}Oder zum Kopieren: {{ link }}{% endif %}",),
    small=_STOP,
)
FRIEND_JOINED = Words(
    subject=_A_FRIEND + " ist Ihrer Einladung gefolgt",
    preview="Wir melden uns, sobald Ihre Prämie unterwegs ist.",
    heading=_A_FRIEND + " ist dabei",
    paragraphs=(
        _HELLO,
        "gute Nachrichten: <strong>" + _A_FRIEND + "</strong> hat sich mit Ihrem Code "
        "angemeldet. Ihre Prämie folgt, wenn der erste Einkauf abgeschlossen ist. Sie müssen "
        "nichts weiter tun.",
    ),
    small=_WHY,
)
REWARD_COMING = Words(
    subject="Ihre Prämie ist unterwegs",
    preview=_reward() + "{% if due_date != '' %}, am {{ due_date }}{% endif %}",
    heading="Ihre Prämie ist unterwegs",
    paragraphs=(
        _HELLO,
        "Sie erhalten <strong>" + _reward() + "</strong>.",
        "{% if due_date != '' %}Wir versenden die Prämie am <strong>{{ due_date }}</strong>, wenn "
        "die Rückgabefrist des Einkaufs vorbei ist.{% else %}Wir bereiten sie gerade vor."
        "{% endif %} Wir schreiben Ihnen wieder, wenn sie da ist.",
    ),
    small=_WHY,
)
REWARD_HERE = Words(
    subject="Ihre Prämie ist da",
    preview=_reward(),
    heading="Ihre Prämie ist da",
    paragraphs=(
        _HELLO,
        "Sie erhalten <strong>" + _reward() + "</strong>. Vielen Dank!",
        "{% if claim.url != '' %}Öffnen Sie Ihre Karte mit dem Knopf unten. Wer diesen Link hat, "
        "kann die Karte verwenden; geben Sie ihn bitte nicht weiter."
        "{% if claim.answer != '' %} Sie werden nach dieser Antwort gefragt: "
        "<strong>{{ claim.answer }}</strong>.{% endif %}"
        "{% elsif reward.code != '' %}Geben Sie bei Ihrer nächsten Bestellung diesen Code ein: "
        "<strong>{{ reward.code }}</strong>."
        "{% elsif reward.kind == 'gift_card' %}Die Karte kommt in einer eigenen Mail von unserem "
        "Geschenkkarten-Partner. Sehen Sie im Spam-Ordner nach, wenn Sie sie nicht finden."
        "{% else %}Sie ist in Ihrem Konto, und Sie können sie gleich verwenden.{% endif %}",
    ),
    button=("Meine Geschenkkarte öffnen", "{{ claim.url }}"),
    small=_WHY,
)
ADDRESS_NEEDED = Words(
    subject="Für Ihre Prämie fehlt uns eine Adresse",
    preview="Eine Angabe fehlt noch.",
    heading="Eine Angabe fehlt noch",
    paragraphs=(
        _HELLO,
        "Sie erhalten <strong>" + _reward() + "</strong>. Uns fehlt aber eine Adresse, an die "
        "wir die Prämie schicken können.",
        "Bitte ergänzen Sie in Ihrem Konto E-Mail, Telefonnummer und Postanschrift. Danach geht "
        "die Prämie von selbst auf den Weg.",
    ),
    small=_WHY,
)
REWARD_WITHDRAWN = Words(
    subject="Ihre Prämie wurde zurückgezogen",
    preview="Wir erklären, warum.",
    heading="Ihre Prämie wurde zurückgezogen",
    paragraphs=(
        _HELLO,
        "leider können wir Ihnen <strong>" + _reward() + "</strong> nicht geben. "
        "{% case reason %}"
        "{% when 'refunded' %}Der Einkauf dahinter wurde zurückgegeben oder erstattet"
        "{% when 'not_eligible' %}Der Einkauf entsprach nicht den Bedingungen des Programms"
        "{% else %}Die Bedingungen des Programms waren nicht mehr erfüllt{% endcase %}.",
        "Wenn Sie das für einen Irrtum halten, schreiben Sie einfach unserem Kundendienst.",
    ),
    small=_WHY,
)
NEAR_A_TIER = Words(
    subject="Nur noch eine Einladung",
    preview="{{ progress.friends }} von {{ progress.threshold }} Freunden sind dabei.",
    heading="Nur noch eine Einladung",
    paragraphs=(
        _HELLO,
        "{{ progress.friends }} Ihrer Freunde sind schon dabei. Mit einem weiteren erhalten Sie "
        "<strong>" + _reward("progress.reward") + "</strong>.",
    ),
    button=("Noch jemanden einladen", "{{ link }}"),
    code=True,
    small=_STOP,
)
CARD_UNCLAIMED = Words(
    subject="Ihre Geschenkkarte wartet noch auf Sie",
    preview=_reward(),
    heading="Ihre Geschenkkarte wartet noch",
    paragraphs=(
        _HELLO,
        "<strong>{% if reward.amount != '' %}{{ reward.amount }}{% else %}Ihre Karte{% endif %}"
        "</strong>: Diese Geschenkkarte haben Sie noch nicht geöffnet. Lassen Sie sie nicht "
        "verfallen.",
        "{% if claim.url != '' %}Öffnen Sie sie mit dem Knopf unten. Wer diesen Link hat, kann "
        "die Karte verwenden; geben Sie ihn bitte nicht weiter.{% else %}Sie finden sie in der "
        "Mail von unserem Geschenkkarten-Partner; sehen Sie auch im Spam-Ordner nach.{% endif %}",
    ),
    button=("Meine Geschenkkarte öffnen", "{{ claim.url }}"),
    small=_WHY,
)
