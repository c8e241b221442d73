"""Who may have paid a credit: by an account that paid before, by the payer's name, or by a name in the text."""

from bisect import bisect_left
from collections.abc import Collection, Mapping

from tusker.domain.bank.judgements import Credit
from tusker.domain.texts import name_words, without_cut_form
from tusker.messages import say

LEAST_OF_NAME = 12
"""Characters of a name that a bank cut by which it is still known."""


class Parties:
    """The customers, ready to be looked up by what a bank writes."""

    def __init__(self, names: Mapping[int, str]) -> None:
        self._names = names
        self._by_name: dict[tuple[str, ...], set[int]] = {}
        for customer_id, name in names.items():
            if name_key := name_words(name):
                self._by_name.setdefault(name_key, set()).add(customer_id)
        self._spelled = sorted((" ".join(key), key) for key in self._by_name)
        self._first_words = {key[0] for key in self._by_name}
        self._callers: dict[str, Collection[int]] = {}

    def name(self, customer_id: int) -> str:
        return self._names.get(customer_id, say("the one who owes it"))

    def payers(self, credit: Credit) -> tuple[dict[int, str], bool]:
        """Who may have paid, with the reason, and whether the bank names somebody else."""
        payers: dict[int, str] = {
            customer_id: say("{name} paid from this account before", name=self._names[customer_id])
            for customer_id in credit.known_payers
            if customer_id in self._names
        }
        called: Collection[int]
        if name := credit.counterparty:
            if name not in self._callers:
                self._callers[name] = self._called(name_words(name))
            called = self._callers[name]
        else:
            spoken = name_words(credit.remittance)
            called = {
                customer_id
                for start in range(len(spoken))
                if spoken[start] in self._first_words
                for end in range(start + 1, min(len(spoken), start + 8) + 1)
                if sum(map(len, spoken[start:end])) >= 5
                for customer_id in self._by_name.get(spoken[start:end], ())
            }
        for customer_id in called:
            payers.setdefault(customer_id, say("payer is {name}", name=self._names[customer_id]))
        return payers, bool(credit.counterparty) and not payers

    def _called(self, words: tuple[str, ...]) -> Collection[int]:
        """Who goes by this name, or by the only one that begins with it: banks cut long names."""
        words = without_cut_form(words) if words not in self._by_name else words
        if words in self._by_name:
            return self._by_name[words]
        told = " ".join(words)
        place = bisect_left(self._spelled, (told, ()))
        longer = [key for name, key in self._spelled[place : place + 2] if name.startswith(told)]
        return self._by_name[longer[0]] if len(longer) == 1 and len(told) >= LEAST_OF_NAME else ()
