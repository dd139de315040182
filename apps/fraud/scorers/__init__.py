"""Learned scorers: what they are, how they are trained, what they say and why. Pure: no tables."""

import os

# XGBoost's threads otherwise wait for each other by spinning. On cores that others use as well, a training was seen to
# take fourteen times the processor time. Read once, when XGBoost is loaded, which is from modules of this package.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
