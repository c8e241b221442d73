"""How good a debt is, by the days that its borrower is past due, and what is provided for it.

After India's prudential norms: Reserve Bank of India, Master Circular on Income Recognition, Asset Classification and
Provisioning pertaining to Advances, and its clarifications of 12 November 2021. States are by borrower: one loan that
is non-performing makes all of its loans so, and it is standard again only when nothing of any of them is in arrears.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from tusker.domain.money import round_minor
from tusker.domain.status import Status, Tone


class AssetClass(Status):
    """The states, each worse than the one before. The last two are non-performing."""

    STANDARD = "standard", Tone.GREEN
    SMA_0 = "sma_0", Tone.YELLOW
    SMA_1 = "sma_1", Tone.YELLOW
    SMA_2 = "sma_2", Tone.ORANGE
    SUBSTANDARD = "substandard", Tone.RED
    DOUBTFUL = "doubtful", Tone.RED

    @property
    def severity(self) -> int:
        """0 for the best."""
        return list(AssetClass).index(self)


NON_PERFORMING = frozenset({AssetClass.SUBSTANDARD, AssetClass.DOUBTFUL})


def worse_from(state: AssetClass) -> list[AssetClass]:
    """A state and those that are worse."""
    return list(AssetClass)[state.severity :]


@dataclass(frozen=True, slots=True)
class Rules:
    """From how many days past due on each state holds; `doubtful` counts from when a borrower became non-performing.
    `provisions` are fractions of what is owed."""

    sma_0: int
    sma_1: int
    sma_2: int
    substandard: int
    doubtful: int
    provisions: Mapping[AssetClass, Decimal]

    @property
    def shares(self) -> list[Decimal]:
        """The fractions that `provisions` has, the smallest first."""
        return sorted(set(self.provisions.values()))


@dataclass(frozen=True, slots=True)
class Standing:
    """A borrower's or loan's state; `npa_since` is the day on which it became non-performing."""

    state: AssetClass = AssetClass.STANDARD
    npa_since: date | None = None


def classify(day: date, days_past_due: int, before: Standing, rules: Rules) -> Standing:
    """The state at the end of a day, of a borrower whose oldest debt is so many days past due and which stood `before`
    as given: who is non-performing stays so until nothing is in arrears."""
    if days_past_due < rules.sma_0:
        return Standing()
    since = before.npa_since
    if since is None and days_past_due >= rules.substandard:
        since = day - timedelta(days=days_past_due - rules.substandard)
    if since is not None:
        doubtful = (day - since).days >= rules.doubtful
        return Standing(AssetClass.DOUBTFUL if doubtful else AssetClass.SUBSTANDARD, since)
    if days_past_due >= rules.sma_2:
        return Standing(AssetClass.SMA_2)
    return Standing(AssetClass.SMA_1 if days_past_due >= rules.sma_1 else AssetClass.SMA_0)


def classify_loan(day: date, days_past_due: int, borrower: Standing, rules: Rules) -> Standing:
    """The state of one loan: by its own days past due, and its borrower's where that is non-performing."""
    if borrower.npa_since is not None:
        return borrower
    return classify(day, days_past_due, Standing(), rules)


def provision(owed: int, state: AssetClass, rules: Rules) -> int:
    """What is provided for a debt, in minor units; nothing for one that is paid."""
    return round_minor(max(0, owed) * rules.provisions[state])
