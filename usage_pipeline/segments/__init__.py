"""Which kind of account it is, and why: curve, breadth, cohort, bucket and renewal stage.

Reads a morning's account snapshots, makes `segments/account_segment`, one row per account
and morning. Promises: every account has exactly one cohort, given by one row of a published
decision table, and that row is told in words.
"""
