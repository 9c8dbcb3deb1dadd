"""What just changed: falls against an account's own learned normal, lost features, tier and cohort moves.

Reads a morning's snapshots, scores and segments and those of the morning before it, makes
`signals/signal`, one row per account, morning and kind of change. Promises: a signal is a
deviation from what is usual for that account, never a fixed percentage alone, and its text
carries the figures, the comparison with similar accounts and what to do.
"""
