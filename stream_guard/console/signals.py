"""What each line of evidence measured, in a few words; docs/signals.md has the whole of it."""

from collections.abc import Mapping
from typing import Final

SAYS: Final[Mapping[str, str]] = {
    # of groups: groups/evidence/
    "client_churn": "clients that each account is used from",
    "content_sameness": "how alike the accounts' prompts are",
    "hidden_network": "share of requests from hosting, VPN, proxy or relay networks",
    "load_evenness": "how far the accounts' request rates spread: little is a balancer's work",
    "network_churn": "networks that each account comes from",
    "no_night": "what is left of traffic in the quietest six hours",
    "no_sessions": "how many hours the requests are strewn over: dripping, not sessions",
    "prompt_labels": "share of requests for reasoning, grading or rewriting",
    "region_mismatch": "share of requests from outside the billing country",
    "regular_gaps": "how regular the pauses between requests are",
    "shared_cards": "share of cards that pay for accounts in several places",
    "sign_up_burst": "share of accounts that signed up within the same hours",
    "ties": "ways in which the accounts share networks and software, crosswise",
    "instruments": "ways in which cards, keys and devices are dealt over the accounts",
    # of an account against a campaign: campaigns/
    "conduct_fit": "how well its own conduct fits the campaign's",
    "shared_client": "share of the campaign that deals out this client among itself",
    "shared_network": "share of the campaign that deals out this network among itself",
    "shared_other": "share of the campaign that deals out this among itself",
    "shared_payment": "share of the campaign that deals out this card or key among itself",
    "shared_prompts": "share of the campaign that shows three different prompts of it or more",
    "shared_sign_up": "share of the campaign that deals out this sign-up trait among itself",
    "shared_template": "share of the campaign that deals out this template among itself",
    "chargeback": "a payment of this account was taken back",
    "operator": "what operators' labels taught",
    # of an account alone: accounts/
    "own_burst": "requests in one hour, against its own past",
    "population_outlier": "how seldom its kind of customer behaves like this",
}


def says(name: str) -> str:
    """What a line of evidence measured; empty if it is not in the list (an older decision's)."""
    return SAYS.get(name, "")
