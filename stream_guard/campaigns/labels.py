"""What operators' labels teach: an online logistic regression over the parts of the membership odds.

River's `StandardScaler` and `LogisticRegression`, learning one label at a time.  It may only add evidence, at
most `MOST_BONUS` nats, and only to an account that the odds already speak against: it never convicts alone,
and never protects (a cleared account is the operator's word, not the model's).  Silent until it has seen
`WARM` labels of both kinds.

Input: named log odds in nats.  Output: nats, 0 to `MOST_BONUS`.  Memory: about 300 bytes.  Cost: 10 us a
label, 5 us a bonus.

>>> model = LabelModel()
>>> model.bonus({"fit": 3.0})
0.0
"""

from math import isfinite, log
from typing import Any

import msgspec
from river import linear_model, preprocessing

WARM = 10  # labels of each kind
MOST_BONUS = 1.5
NAMES = ("fit", "payment", "device", "network", "software", "sign_up", "other")


class LabelModel:
    """Scaled logistic regression; wraps River's, packs to a few hundred bytes."""

    __slots__ = ("_regression", "_scaler", "right", "wrong")

    def __init__(self) -> None:
        self._scaler: Any = preprocessing.StandardScaler()
        self._regression: Any = linear_model.LogisticRegression()
        self.right = self.wrong = 0

    @property
    def is_warm(self) -> bool:
        """Whether it has seen enough labels of both kinds to speak."""
        return min(self.right, self.wrong) >= WARM

    def learn_one(self, odds: dict[str, float], *, is_right: bool) -> None:
        """Learn one label on an account with these odds."""
        features = _features(odds)
        self._scaler.learn_one(features)
        self._regression.learn_one(self._scaler.transform_one(features), is_right)
        self.right += is_right
        self.wrong += not is_right

    def bonus(self, odds: dict[str, float]) -> float:
        """What the labels add to these odds, in nats."""
        if not self.is_warm:
            return 0.0
        scaled = self._scaler.transform_one(_features(odds))
        right = float(self._regression.predict_proba_one(scaled)[True])
        if not isfinite(right):
            return 0.0
        return min(MOST_BONUS, max(0.0, log(max(right, 1e-9) / max(1 - right, 1e-9))))

    def snapshot(self) -> bytes:
        """The whole state; `restore` of it behaves the same, bit for bit."""
        scaler, regression = self._scaler, self._regression
        weights = regression.weights
        state = (
            self.right,
            self.wrong,
            [[scaler.counts[name], scaler.means[name], scaler.vars[name]] for name in NAMES],
            [float(weights.get(name, 0.0)) for name in NAMES],
            float(regression.intercept),
            int(regression.optimizer.n_iterations),
        )
        return msgspec.msgpack.encode(state)

    @classmethod
    def restore(cls, state: bytes) -> "LabelModel":
        """Build the model again."""
        model = cls()
        model.right, model.wrong, moments, weights, intercept, iterations = msgspec.msgpack.decode(state)
        if not model.right + model.wrong:
            return model
        for name, (count, mean, variance) in zip(NAMES, moments, strict=True):
            model._scaler.counts[name] = count
            model._scaler.means[name] = mean
            model._scaler.vars[name] = variance
        for name, weight in zip(NAMES, weights, strict=True):
            model._regression._weights[name] = weight
        model._regression.intercept = intercept
        model._regression.optimizer.n_iterations = iterations
        return model


def _features(odds: dict[str, float]) -> dict[str, float]:
    return {name: value if isfinite(value := odds.get(name, 0.0)) else 0.0 for name in NAMES}
