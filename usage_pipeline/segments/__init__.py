"""Which kind of account it is, and why: curve, breadth, cohort, bucket and renewal stage; and of person: persona.

Reads a morning's account snapshots, makes `segments/account_segment`, one row per account
and morning; reads `usage` and `sources/user`, makes `segments/user_persona`, one row per
person, account and morning. Promises: every account has exactly one cohort and every person
in it exactly one persona, given by one row of a published decision table, and that row is
told in words.
"""
