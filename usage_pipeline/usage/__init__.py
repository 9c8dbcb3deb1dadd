"""What an account, its users and its features did in a day.

Reads the counted events of the lake and the identity links; makes the rollups of
`catalogue.py`, partitioned by the day on which things became known. Promises that a day's
partition depends on nothing that became known later, that a back-fill of a range gives what
day after day gave, and that sums over the parts of a day are exact.
"""
