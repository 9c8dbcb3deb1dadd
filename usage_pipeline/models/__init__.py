"""What we learned: one model per outcome, chosen from a ladder, judged on mornings used for nothing else.

Reads `features` (training snapshots) and `labels`; makes a registered model per outcome (MLflow)
and the rows of `training` and `judged`. Promises: only labels known by `as_of` enter, mornings are
cut by time with the outcome's own embargo between, and a model that shows no skill says so.
"""
