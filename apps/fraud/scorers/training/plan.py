"""What a training is asked to do. The same plan on the same rows gives the same bytes."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

from apps.fraud.scorers.training.refusals import CostsRefused, PlanRefused


class Costs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What each kind of mistake costs, in euros. Defaults are a web shop's; see docs/training.md."""

    chargeback_fee: float = 25.0
    """What the bank takes for a fraud that went through, beside the amount."""
    challenge: float = 1.0
    """A good customer asked for proof: some give up."""
    challenge_stops: float = 0.9
    """Share of frauds that a challenge stops."""
    declined_share: float = 0.15
    """Of the amount: the margin lost with a good payment that is declined."""
    declined: float = 20.0
    """And what the customer would have brought later."""
    analyst_minutes: float = 4.0
    """For each alert, which is each payment challenged or denied."""
    analyst_hour: float = 35.0

    @property
    def alert(self) -> float:
        return self.analyst_minutes / 60 * self.analyst_hour

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if not 0 <= getattr(self, name) < 1e6:
                raise CostsRefused(problem=f"{name} is {getattr(self, name)}, and must be zero or more")
        if self.challenge_stops > 1:
            raise CostsRefused(problem=f"challenge_stops is {self.challenge_stops}, and is a share between 0 and 1")


def costs_read(text: str) -> Costs:
    """From TOML: `chargeback_fee = 30`. What is not said keeps its default."""
    try:
        return msgspec.toml.decode(text.encode(), type=Costs)
    except (msgspec.MsgspecError, ValueError) as error:
        raise CostsRefused(problem=str(error)) from error


# What XGBoost and NumPy both take for a seed.
LARGEST_SEED: Final = 2**31 - 1
# In memory a row takes 4 bytes a feature, and half as much again while a booster is fitted: a million rows of 191
# features take a gigabyte and a bit, which the jobs worker has. More of them hardly change a scorer.
MOST_ROWS: Final = 1_000_000
# Longer than any bank gives a customer to dispute a payment.
LONGEST_DELAY: Final = 3650.0
# Weights of the scorer in the combined score that are tried. Under a half the rules would decide alone.
WEIGHTS: Final = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


class Plan(Struct, frozen=True, kw_only=True):
    seed: int = 1
    label_delay_days: float | None = None
    """None: measured on the frauds of the matrix."""
    budget_minutes: float = 2.0
    trials: int | None = None
    """So many sets of parameters, whatever time they take: what makes a run repeatable elsewhere."""
    features: tuple[str, ...] = ()
    """Only these; all of the catalogue otherwise."""
    allow: tuple[str, ...] = ()
    """Features that may separate frauds nearly perfectly: somebody has looked."""
    costs: Costs = Costs()
    most_touched: float = 0.05
    """Of good payments, challenged or denied."""
    most_rows: int = MOST_ROWS
    """The newest so many payments; older ones are left out, and the report says how many."""
    validation_share: float = 0.2
    test_share: float = 0.2
    threads: int = 2
    """Never changes the result."""

    def __post_init__(self) -> None:
        delay = self.label_delay_days
        asked: list[tuple[str, float | None, float, float]] = [
            ("the seed", self.seed, 0, LARGEST_SEED),
            ("the days that labels need", delay, 0, LONGEST_DELAY),
            ("the minutes to search in", self.budget_minutes, 0, 24 * 60),
            ("the number of trials", self.trials, 1, 100_000),
            ("the share of good payments touched", self.most_touched, 0, 1),
            ("the share for validation", self.validation_share, 0, 1 - self.test_share),
            ("the share for the test", self.test_share, 0, 1),
            ("the number of payments", self.most_rows, 1, 10**9),
            ("the number of threads", self.threads, 1, 1024),
        ]
        for name, value, least, most in asked:
            # Written so that what is no number is refused too.
            if value is not None and not least <= value <= most:
                raise PlanRefused(
                    problem=f"{name} is {value:,.10g}, and must be between {least:,.10g} and {most:,.10g}"
                )
