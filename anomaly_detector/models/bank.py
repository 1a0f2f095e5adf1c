"""`bank`: eleven features of each series at several speeds, judged together.

The distances of the features from what is usual, in robust scales, are softened and joined as a root mean square, once
for each generation of the normaliser; the smallest counts. That is the feature `shape`; the rest is
scoring/feature_bank.py.
"""

from anomaly_detector.models.model import Plugin
from anomaly_detector.scoring.bank_options import FeatureBankOptions
from anomaly_detector.scoring.feature_bank import FeatureBank


class BankOptions(FeatureBankOptions, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of `class: bank`."""


class Bank(FeatureBank):
    """The model; see the module's docstring. Holds its options and nothing else."""


PLUGIN = Plugin(name="bank", options=BankOptions, make=Bank)
