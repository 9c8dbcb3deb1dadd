"""What to do about it, and what not: gates, capacity, hold-out.

Reads scores, segments, health, snapshots, CRM links and what was done before; makes one
decision per account, play and morning, and the assignments of new hold-outs. Promises that
every non-action has its reason, that an arm is drawn once and before any action, and that
nobody held out of a play is ever acted on by it.
"""
