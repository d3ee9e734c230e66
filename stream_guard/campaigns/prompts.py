"""How many different prompts an account has in common with a campaign.

A tool shows its system prompt and its templates to all who use it, so that they come together.  Who harvests
works through a list of questions, and each of his accounts gets another part of it: an account that shows
several *different* ones has in common with the campaign what no one tool explains.

Two prompts are different unless most accounts of the campaign that show either show both (Jaccard's index
above `TOGETHER`).  Counted over a sample, in a prompt that honest accounts hardly show (`traits.py`).

Fails where honest customers put the questions to the model that the farm puts: public question sets.  So
different prompts make the vote of a campaign's software louder and are no vote of their own.
"""

from collections.abc import Mapping

from stream_guard.campaigns.rows import AccountRow, CampaignRow

KINDS = frozenset({"system_prompt", "template"})
LEAST = 3  # different prompts that are several
LEAST_SHOWN = 4  # accounts of the sample that show a prompt; of fewer, nobody can say what comes together
TOGETHER = 0.5
MAX_PROMPTS = 64  # the most shown of a campaign; sorting compares each with each


def sort_out(shown_by: Mapping[str, set[str]]) -> dict[str, int]:
    """Prompts by the accounts that show them -> the number of what each comes together with.

    >>> ab, cd = {"a", "b", "c", "d"}, {"c", "d", "e", "f"}
    >>> sort_out({"template:x": ab, "template:y": ab, "template:z": cd})
    {'template:x': 0, 'template:y': 0, 'template:z': 1}
    """
    names = [name for name, accounts in shown_by.items() if len(accounts) >= LEAST_SHOWN]
    names.sort(key=lambda name: (-len(shown_by[name]), name))
    firsts: list[str] = []
    numbers: dict[str, int] = {}
    for name in names[:MAX_PROMPTS]:
        found = (i for i, first in enumerate(firsts) if _jaccard(shown_by[name], shown_by[first]) > TOGETHER)
        numbers[name] = next(found, len(firsts))
        if numbers[name] == len(firsts):
            firsts.append(name)
    return numbers


def are_several(campaign: CampaignRow, account: AccountRow) -> bool:
    """Whether the account shows `LEAST` different prompts of the campaign."""
    known = campaign.prompts
    return len({known[name] for name in account.indicators if name in known}) >= LEAST


def _jaccard(some: set[str], others: set[str]) -> float:
    both = len(some & others)
    return both / (len(some) + len(others) - both)
