"""The ready mails in English."""

from __future__ import annotations

from domain.messaging.ready.layout import Words


def _reward(name: str = "reward") -> str:
    return (
        f"{{% case {name}.kind %}}"
        f"{{% when 'gift_card' %}}a gift card of {{{{ {name}.amount }}}}"
        f"{{% when 'gift_credits' %}}{{{{ {name}.amount }}}} of credit"
        f"{{% when 'loyalty_points' %}}{{{{ {name}.amount }}}} points"
        "{% when 'discount_coupon' %}a discount coupon"
        f"{{% else %}}{{{{ {name}.name | default: 'your reward' }}}}{{% endcase %}}"
    )


_HELLO = "Hi{% if customer.first_name != '' %} {{ customer.first_name }}{% endif %},"
_FRIEND = "{{ friend.first_name | default: 'your friend' }}"
_A_FRIEND = "{{ friend.first_name | default: 'A friend' }}"
_WHY = (
    "You receive this mail because you take part in "
    "{{ campaign.name | default: 'our referral programme' }}."
)
_STOP = (
    _WHY
    + "{% if unsubscribe_url != '' %} "
    + '<a href="{{ unsubscribe_url }}">Unsubscribe</a>.{% endif %}'
)

INVITATION = Words(
    subject="Your link for {{ campaign.name | default: 'inviting friends' }}",
    preview="Share it with friends, and you both get a reward.",
    heading="Invite your friends",
    paragraphs=(
        _HELLO,
        "This is your personal link. Send it to friends: when one of them joins with it, we thank "
        "you with a reward.",
    ),
    button=("Open my link", "{{ link }}"),
    code=True,
    after=("{% if link != '' %}Or copy it: {{ link }}{% endif %}",),
    small=_STOP,
)
FRIEND_JOINED = Words(
    subject=_A_FRIEND + " joined with your code",
    preview="We tell you as soon as your reward is on its way.",
    heading=_A_FRIEND + " joined",
    paragraphs=(
        _HELLO,
        "Good news: <strong>" + _FRIEND + "</strong> signed up with your code. Your reward comes "
        "once their first purchase is complete. You need not do anything.",
    ),
    small=_WHY,
)
REWARD_COMING = Words(
    subject="Your reward is on its way",
    preview=_reward() + "{% if due_date != '' %}, on {{ due_date }}{% endif %}",
    heading="Your reward is on its way",
    paragraphs=(
        _HELLO,
        "You have earned <strong>" + _reward() + "</strong>.",
        "{% if due_date != '' %}We send it on <strong>{{ due_date }}</strong>, when the return "
        "period of the purchase is over.{% else %}We are preparing it now.{% endif %} We write to "
        "you again when it is here.",
    ),
    small=_WHY,
)
REWARD_HERE = Words(
    subject="Your reward is here",
    preview=_reward(),
    heading="Your reward is here",
    paragraphs=(
        _HELLO,
        "You have <strong>" + _reward() + "</strong>. Thank you!",
        "{% if claim.url != '' %}Open your card with the button below. Whoever has this link can "
        "use the card, so please do not pass it on."
        "{% if claim.answer != '' %} You are asked for this answer: "
        "<strong>{{ claim.answer }}</strong>.{% endif %}"
        "{% elsif reward.code != '' %}Enter this code at your next order: "
        "<strong>{{ reward.code }}</strong>."
        "{% elsif reward.kind == 'gift_card' %}The card comes in a mail of its own, from our gift "
        "card partner. Look into your spam folder if you cannot find it."
        "{% else %}It is in your account, and you can use it right away.{% endif %}",
    ),
    button=("Open my gift card", "{{ claim.url }}"),
    small=_WHY,
)
ADDRESS_NEEDED = Words(
    subject="We need your address to send your reward",
    preview="One detail is missing.",
    heading="One detail is missing",
    paragraphs=(
        _HELLO,
        "Your reward, <strong>" + _reward() + "</strong>, is ready, but we have no address that we "
        "can send it to.",
        "Please complete your e-mail, phone number and postal address in your account. The reward "
        "then goes out by itself.",
    ),
    small=_WHY,
)
REWARD_WITHDRAWN = Words(
    subject="Your reward was withdrawn",
    preview="We explain why.",
    heading="Your reward was withdrawn",
    paragraphs=(
        _HELLO,
        "We are sorry: we cannot give you <strong>" + _reward() + "</strong>, because "
        "{% case reason %}"
        "{% when 'refunded' %}the purchase behind it was returned or refunded"
        "{% when 'not_eligible' %}the purchase did not meet the terms of the programme"
        "{% else %}the conditions of the programme were no longer met{% endcase %}.",
        "If you think that this is a mistake, just write to our customer service.",
    ),
    small=_WHY,
)
NEAR_A_TIER = Words(
    subject="One friend to go",
    preview="{{ progress.friends }} of {{ progress.threshold }} friends have joined.",
    heading="One friend to go",
    paragraphs=(
        _HELLO,
        "{{ progress.friends }} of your friends have joined. With one more you get "
        "<strong>" + _reward("progress.reward") + "</strong>.",
    ),
    button=("Invite one more friend", "{{ link }}"),
    code=True,
    small=_STOP,
)
CARD_UNCLAIMED = Words(
    subject="Your gift card is still waiting for you",
    preview=_reward(),
    heading="Your gift card is still waiting",
    paragraphs=(
        _HELLO,
        "You have not opened <strong>" + _reward() + "</strong> yet. It is yours, so do not let "
        "it expire.",
        "{% if claim.url != '' %}Open it with the button below. Whoever has this link can use the "
        "card, so please do not pass it on.{% else %}You find it in the mail from our gift card "
        "partner; look into your spam folder too.{% endif %}",
    ),
    button=("Open my gift card", "{{ claim.url }}"),
    small=_WHY,
)
