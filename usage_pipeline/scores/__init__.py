"""What we believe of an account today, and why: scores, reasons in words, health.

Reads a morning's snapshots and the champion model of each outcome, makes
`scores/account_score` (one row per account, morning and outcome) and `scores/account_health`
(one row per account and morning). Promises: a number only where there is evidence for one,
and otherwise a sentence that says what is missing; every reason carries the account's own
figures.
"""
