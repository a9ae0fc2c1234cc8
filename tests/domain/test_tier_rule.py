"""Which tiers a conversion reaches, against a naive reading of the friends one after another."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from domain.campaigns import Criterion, Tier
from domain.tiers import reached
from tests.builders import every_friend, many_friends


def ordinals(tiers: list[Tier], friends: int) -> list[tuple[str, int]]:
    """(tier, ordinal) of every grant that so many friends earn, in order."""
    return [
        (tier.id, ordinal)
        for count in range(1, friends + 1)
        for tier, ordinal in reached(tiers, count)
    ]


def naive(tier: Tier, friends: int) -> list[int]:
    """The ordinals of one tier's grants, read as a person would: walk through the friends with a
    tally that begins anew at each milestone."""
    if tier.criterion is Criterion.EACH_UNIQUE_REFEREE:
        return list(range(1, friends + 1))
    earned, tally = [], 0
    for friend in range(1, friends + 1):
        tally += 1
        if tally == tier.threshold and (tier.repeat or not earned):
            earned.append(friend)
            tally = 0
    return earned


class TestEachUniqueReferee:
    def test_rewards_every_friend_under_the_friends_number(self) -> None:
        assert ordinals([every_friend(id="t")], 3) == [("t", 1), ("t", 2), ("t", 3)]


class TestMinUniqueReferees:
    def test_rewards_nothing_before_the_threshold(self) -> None:
        assert ordinals([many_friends(5)], 4) == []

    def test_rewards_once_at_the_threshold(self) -> None:
        assert ordinals([many_friends(5, id="t")], 11) == [("t", 5)]

    def test_rewards_every_multiple_when_repeated(self) -> None:
        assert ordinals([many_friends(5, repeat=True, id="t")], 11) == [("t", 5), ("t", 10)]

    def test_a_threshold_of_one_repeated_rewards_every_friend(self) -> None:
        assert ordinals([many_friends(1, repeat=True, id="t")], 3) == [("t", 1), ("t", 2), ("t", 3)]


class TestTogether:
    def test_tiers_stack_in_the_terms_order(self) -> None:
        tiers = [many_friends(2, id="two"), every_friend(id="each"), many_friends(4, id="four")]
        assert [tier.id for tier, _ in reached(tiers, 2)] == ["two", "each"]
        assert [tier.id for tier, _ in reached(tiers, 4)] == ["each", "four"]

    def test_without_tiers_nothing_is_earned(self) -> None:
        assert reached([], 5) == []

    @given(
        st.lists(
            st.one_of(
                st.just("each"),
                st.tuples(st.integers(1, 12), st.booleans()),
            ),
            max_size=4,
        ),
        st.integers(0, 60),
    )
    def test_equals_the_naive_sequential_reading(
        self, shapes: list[str | tuple[int, bool]], friends: int
    ) -> None:
        tiers = [
            every_friend(id=f"t{n}")
            if isinstance(shape, str)
            else many_friends(shape[0], repeat=shape[1], id=f"t{n}")
            for n, shape in enumerate(shapes)
        ]
        earned = ordinals(tiers, friends)
        for tier in tiers:
            assert [ordinal for id, ordinal in earned if id == tier.id] == naive(tier, friends)
        assert len(earned) == len(set(earned)), "no identity comes up twice"
