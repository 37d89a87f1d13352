import pytest

from micgate.genesys.strategy import Accepted, Strategy, order

ON_BEHALF, PARTICIPANT = Strategy.ON_BEHALF, Strategy.PARTICIPANT


def ways(strategy=Strategy.AUTO, *, has_user=True, accepted=None):
    return order(strategy, has_user=has_user, accepted=accepted or Accepted(), conversation_id="c")


def test_a_token_without_a_user_acts_on_behalf_only():
    assert ways(has_user=False) == (ON_BEHALF,)


def test_a_users_token_is_tried_as_a_party_first():
    assert ways() == (PARTICIPANT, ON_BEHALF)


def test_what_was_accepted_comes_first():
    accepted = Accepted()
    accepted.worked(ON_BEHALF)
    assert ways(accepted=accepted) == (ON_BEHALF, PARTICIPANT)


def test_the_plain_form_is_not_repeated_where_it_was_refused():
    accepted = Accepted()
    accepted.worked(PARTICIPANT)
    accepted.not_a_party("c")
    assert ways(accepted=accepted) == (ON_BEHALF,)
    elsewhere = order(Strategy.AUTO, has_user=True, accepted=accepted, conversation_id="other")
    assert PARTICIPANT in elsewhere


@pytest.mark.parametrize("strategy", [ON_BEHALF, PARTICIPANT])
@pytest.mark.parametrize("has_user", [True, False])
def test_an_explicit_strategy_is_the_only_one(strategy, has_user):
    assert ways(strategy, has_user=has_user) == (strategy,)
