"""Which tiers a conversion reaches, against a naive reading of the friends one after another."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from domain.campaigns import Criterion, Tier
from domain.tiers import Milestone, Reached, falls_below, reached
from tests.builders import every_friend, many_friends


def earned(terms: Iterable[list[Tier]]) -> list[tuple[int, Reached]]:
    """(friend, tier reached) for one friend after another, each under terms of their own."""
    before = defaultdict[str, list[Milestone]](list)
    all_of_them = []
    for count, tiers in enumerate(terms, start=1):
        for one in reached(tiers, count, before=before):
            all_of_them.append((count, one))
            if one.friends is not None:
                before[one.tier.id].append(Milestone(one.ordinal, one.friends))
    return all_of_them


def numbered(tiers: list[Tier], friends: int) -> list[tuple[str, int, int]]:
    """(tier, ordinal, friend) of every grant that so many friends earn under the same terms."""
    return [(one.tier.id, one.ordinal, friend) for friend, one in earned([tiers] * friends)]


def naive(tier: Tier, friends: int) -> list[int]:
    """The friends who earn one tier's grants, read as a person would: walk through them with a
    tally that begins anew at each milestone."""
    if tier.criterion is Criterion.EACH_UNIQUE_REFEREE:
        return list(range(1, friends + 1))
    those, tally = [], 0
    for friend in range(1, friends + 1):
        tally += 1
        if tally == tier.threshold and (tier.repeat or not those):
            those.append(friend)
            tally = 0
    return those


class TestEachUniqueReferee:
    def test_rewards_every_friend_under_the_friends_number(self) -> None:
        assert numbered([every_friend(id="t")], 3) == [("t", 1, 1), ("t", 2, 2), ("t", 3, 3)]


class TestMinUniqueReferees:
    def test_rewards_nothing_before_the_threshold(self) -> None:
        assert numbered([many_friends(5)], 4) == []

    def test_rewards_once_at_the_threshold(self) -> None:
        assert numbered([many_friends(5, id="t")], 11) == [("t", 1, 5)]

    def test_rewards_every_multiple_when_repeated(self) -> None:
        tiers = [many_friends(5, repeat=True, id="t")]
        assert numbered(tiers, 11) == [("t", 1, 5), ("t", 2, 10)]

    def test_a_threshold_of_one_repeated_rewards_every_friend(self) -> None:
        tiers = [many_friends(1, repeat=True, id="t")]
        assert numbered(tiers, 3) == [("t", 1, 1), ("t", 2, 2), ("t", 3, 3)]


class TestEditedThresholds:
    def paid_at(self, *tiers: Tier) -> list[int]:
        """The friends who earn the milestone, where each friend has terms of their own."""
        return [friend for friend, _ in earned([tier] for tier in tiers)]

    def test_a_one_time_milestone_is_not_paid_again_after_its_threshold_is_raised(self) -> None:
        assert self.paid_at(*[many_friends(2)] * 2, many_friends(3), many_friends(4)) == [2]

    def test_a_one_time_milestone_is_paid_by_the_next_friend_after_it_is_lowered(self) -> None:
        assert self.paid_at(*[many_friends(5)] * 3, *[many_friends(2)] * 3) == [4]

    def test_friends_under_older_terms_do_not_pay_it_again(self) -> None:
        old, new = many_friends(4), many_friends(2)
        assert self.paid_at(old, new, old, old, new, old) == [2]

    def test_repeated_it_is_paid_at_the_new_multiples_above_the_last_one_paid(self) -> None:
        old, new = many_friends(2, repeat=True), many_friends(3, repeat=True)
        assert self.paid_at(*[old] * 4, *[new] * 5) == [2, 4, 6, 9]

    def test_made_one_time_it_is_not_paid_again(self) -> None:
        assert self.paid_at(*[many_friends(2, repeat=True)] * 4, *[many_friends(6)] * 4) == [2, 4]

    def test_made_repeating_it_goes_on_above_the_one_that_was_paid(self) -> None:
        new = many_friends(2, repeat=True)
        assert self.paid_at(*[many_friends(3)] * 3, *[new] * 3) == [3, 4, 6]

    @given(
        st.lists(st.tuples(st.integers(1, 6), st.booleans()), min_size=1, max_size=40),
    )
    def test_no_edit_gives_a_number_twice_or_leaves_one_out(
        self, shapes: list[tuple[int, bool]]
    ) -> None:
        all_of_them = earned([many_friends(n, repeat=again)] for n, again in shapes)
        numbers = [one.ordinal for _, one in all_of_them]
        assert numbers == list(range(1, len(numbers) + 1))
        friends = [friend for friend, _ in all_of_them]
        assert len(set(friends)) == len(friends), "a conversion earns at most one milestone"


class TestUndone:
    def test_an_undone_milestone_is_reopened_before_a_new_one_is_made(self) -> None:
        before = {"t": [Milestone(1, 2), Milestone(2, 4, undone=True)]}
        tiers = [many_friends(2, repeat=True, id="t")]
        assert [one.ordinal for one in reached(tiers, 4, before=before)] == [2]
        assert [one.ordinal for one in reached(tiers, 6, before=before)] == [2]

    def test_an_undone_one_time_milestone_is_reopened_under_the_terms_that_judge(self) -> None:
        before = {"t": [Milestone(1, 2, undone=True)]}
        assert [one.ordinal for one in reached([many_friends(3, id="t")], 3, before=before)] == [1]
        assert reached([many_friends(3, id="t")], 2, before=before) == []

    def test_a_one_time_milestone_falls_below_its_threshold_not_below_what_earned_it(self) -> None:
        assert not falls_below(many_friends(2), friends=4, count=3)
        assert falls_below(many_friends(2), friends=4, count=1)

    def test_a_repeated_milestone_falls_below_the_count_that_earned_it(self) -> None:
        assert falls_below(many_friends(2, repeat=True), friends=4, count=3)


class TestTogether:
    def test_tiers_stack_in_the_terms_order(self) -> None:
        tiers = [many_friends(2, id="two"), every_friend(id="each"), many_friends(4, id="four")]
        before = {"two": [Milestone(1, 2)]}
        assert [one.tier.id for one in reached(tiers, 2)] == ["two", "each"]
        assert [one.tier.id for one in reached(tiers, 4, before=before)] == ["each", "four"]

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
        grants = numbered(tiers, friends)
        for tier in tiers:
            assert [friend for id, _, friend in grants if id == tier.id] == naive(tier, friends)
        identities = [(id, ordinal) for id, ordinal, _ in grants]
        assert len(identities) == len(set(identities)), "no identity comes up twice"
