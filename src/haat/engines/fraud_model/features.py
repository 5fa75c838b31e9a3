"""Features of a card transaction from streaming counters: the same code replays files and serves live decisions."""

import hashlib
from bisect import bisect_right, insort
from collections import defaultdict
from dataclasses import dataclass, field

from haat.ports.fraud_model import CardUse

DAY_SECONDS = 86_400.0
WINDOW_DAYS = (1, 7, 30)
LONGEST_DAYS = max(WINDOW_DAYS)
PRUNE_AT = 256
NIGHT_ENDS_HOUR = 6
LARGE_TIMES_MEDIAN = 3.5
LARGE_DAYS = 7
FEATURES = (
    "amount",
    "weekend",
    "night",
    *(f"customer_count_{days}d" for days in WINDOW_DAYS),
    *(f"customer_mean_amount_{days}d" for days in WINDOW_DAYS),
    "amount_over_earlier_mean",
    "customer_large_count_7d",
    *(f"terminal_count_{days}d" for days in WINDOW_DAYS),
    *(f"terminal_risk_{days}d" for days in WINDOW_DAYS),
)
FEATURES_HASH = hashlib.sha256("\n".join(FEATURES).encode()).hexdigest()


@dataclass
class _Customer:
    times: list[float] = field(default_factory=list)
    amounts: list[int] = field(default_factory=list)
    # running[k] is the sum of the first k amounts, so that any window is one subtraction.
    running: list[int] = field(default_factory=lambda: [0])


@dataclass
class _Terminal:
    times: list[float] = field(default_factory=list)
    frauds: list[float] = field(default_factory=list)


class StreamingHistory:
    """Implements FraudHistory. Windows are (t - days, t] for customers, counting the transaction itself, and
    (t - delay - days, t - delay] for terminals, whose labels are not known earlier."""

    def __init__(self, feedback_delay_days: int) -> None:
        self._delay = feedback_delay_days * DAY_SECONDS
        self._customers: defaultdict[str, _Customer] = defaultdict(_Customer)
        self._terminals: defaultdict[str, _Terminal] = defaultdict(_Terminal)

    def features(self, use: CardUse) -> tuple[float, ...]:
        """See FraudHistory."""
        weekday = int(use.at // DAY_SECONDS + 3) % 7  # 1 January 1970 was a Thursday
        hour = use.at % DAY_SECONDS // 3600
        return (
            float(use.amount_minor),
            float(weekday >= 5),
            float(hour <= NIGHT_ENDS_HOUR),
            *self._customer_features(use),
            *self._terminal_features(use),
        )

    def _customer_features(self, use: CardUse) -> tuple[float, ...]:
        known = self._customers.get(use.customer) or _Customer()
        end = bisect_right(known.times, use.at)
        counts, means = [], []
        earlier_mean = 0.0
        for days in WINDOW_DAYS:
            start = bisect_right(known.times, use.at - days * DAY_SECONDS)
            count, total = end - start, known.running[end] - known.running[start]
            counts.append(count + 1.0)
            means.append((total + use.amount_minor) / (count + 1.0))
            earlier_mean = total / count if count else 0.0
        ratio = use.amount_minor / earlier_mean if earlier_mean else 1.0
        return (*counts, *means, ratio, _large_purchases(known, use.at, end))

    def _terminal_features(self, use: CardUse) -> tuple[float, ...]:
        known = self._terminals.get(use.terminal) or _Terminal()
        until = use.at - self._delay
        end, fraud_end = bisect_right(known.times, until), bisect_right(known.frauds, until)
        counts, risks = [], []
        for days in WINDOW_DAYS:
            since = until - days * DAY_SECONDS
            count = end - bisect_right(known.times, since)
            frauds = fraud_end - bisect_right(known.frauds, since)
            counts.append(float(count))
            risks.append(frauds / count if count else 0.0)
        return (*counts, *risks)

    def observe(self, use: CardUse) -> None:
        """See FraudHistory."""
        customer, terminal = self._customers[use.customer], self._terminals[use.terminal]
        for times in (customer.times, terminal.times):
            if times and times[-1] > use.at:
                raise ValueError(f"transaction {use.id} is older than one already observed")
        customer.times.append(use.at)
        customer.amounts.append(use.amount_minor)
        customer.running.append(customer.running[-1] + use.amount_minor)
        terminal.times.append(use.at)
        if len(customer.times) > PRUNE_AT:
            _forget_customer(customer, use.at - LONGEST_DAYS * DAY_SECONDS)
        if len(terminal.times) > PRUNE_AT:
            _forget_terminal(terminal, use.at - self._delay - LONGEST_DAYS * DAY_SECONDS)

    def confirm_fraud(self, use: CardUse) -> None:
        """See FraudHistory."""
        insort(self._terminals[use.terminal].frauds, use.at)


def _large_purchases(known: _Customer, at: float, end: int) -> float:
    """How many of the last days' purchases were far above the customer's median: a stolen card at work. The median,
    because the mean would rise with the theft."""
    usual = sorted(known.amounts[bisect_right(known.times, at - LONGEST_DAYS * DAY_SECONDS) : end])
    if not usual:
        return 0.0
    limit = usual[len(usual) // 2] * LARGE_TIMES_MEDIAN
    lately = known.amounts[bisect_right(known.times, at - LARGE_DAYS * DAY_SECONDS) : end]
    return float(sum(amount > limit for amount in lately))


def _forget_customer(customer: _Customer, before: float) -> None:
    gone = bisect_right(customer.times, before)
    # In halves: deleting one at a time would make every transaction of a busy customer linear.
    if gone > len(customer.times) // 2:
        del customer.times[:gone]
        del customer.amounts[:gone]
        del customer.running[:gone]


def _forget_terminal(terminal: _Terminal, before: float) -> None:
    gone = bisect_right(terminal.times, before)
    if gone > len(terminal.times) // 2:
        del terminal.times[:gone]
        del terminal.frauds[: bisect_right(terminal.frauds, before)]
