"""What happened next.

Reads `sources` (subscription, milestone, label, account) and `usage` (account_day); makes one
row per account at risk, morning and outcome. Promises: a row says when it could first have
been stated, the same for yes and for no; until then `happened` is NULL, which is not no.
"""
