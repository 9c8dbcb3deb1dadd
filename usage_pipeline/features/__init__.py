"""What was known of an account on a morning, against its own history and its peers.

Reads the rollups of `usage` and the tables of `sources`; makes one snapshot per account and
morning with the columns of `catalogue.py`. Promises that nothing that became known on or
after the morning can change it: `sight` drops that and turns every date into an age, and no
formula below it ever sees a date. NULL says that something cannot be said, 0 that it is so.
"""
