"""What training refuses, each with what to do about it."""

from __future__ import annotations

from django.utils.translation import gettext_noop

from kivendtout.lib.errors import InvalidInput


class TrainingRefused(InvalidInput):
    code = "training_refused"
    message = gettext_noop("A scorer cannot be trained on this. Check the feature matrix.")


class NotTrainable(TrainingRefused):
    code = "not_a_training_matrix"
    message = gettext_noop(
        "%(file)s cannot be trained on: %(problem)s. Make one with `manage.py export_features` or `import_history`."
    )


class FeaturesRefused(TrainingRefused):
    code = "features_refused"
    message = gettext_noop(
        "A scorer cannot learn from %(names)s: only features of the catalogue are known when a payment is decided on. "
        "Leave them out."
    )


class Leaks(TrainingRefused):
    code = "feature_leaks"
    message = gettext_noop(
        "By itself a feature tells frauds from the rest nearly perfectly: %(findings)s. It usually is the verdict "
        "itself, or written after it: check what it is made of and when. If it is honest, name it with --allow."
    )


class TooLittle(TrainingRefused):
    code = "too_little_to_learn"
    message = gettext_noop(
        "The %(part)s period, %(begins)s to %(ends)s, has %(rows)s payments and %(frauds)s known frauds. It needs at "
        "least %(rows_needed)s and %(frauds_needed)s: give a longer period, or wait for more labels."
    )


class TooShort(TrainingRefused):
    code = "period_too_short"
    message = gettext_noop(
        "From %(begins)s to %(ends)s there is no room for training, validation and test with %(delay)s days between "
        "them for labels to arrive. Give a longer period, or a smaller --label-delay."
    )


class CostsRefused(TrainingRefused):
    code = "costs_refused"
    message = gettext_noop("The costs cannot be used: %(problem)s. See docs/training.md for the names and their units.")


class PlanRefused(TrainingRefused):
    code = "training_plan_refused"
    message = gettext_noop("A training cannot be planned so: %(problem)s.")
