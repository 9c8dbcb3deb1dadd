"""Telling the CRM: what is wanted, a plan of the fewest writes, and its execution.

Reads scores, segments, health, decisions, `sources/crm_link` and the ledger; writes to the CRM and
the ledger, and exports `log`, `acknowledged` and `rejection`. Promises: running twice sends nothing
the second time; whatever crashes in between, each change arrives once and no task twice; no record
is ever created; an account held out of a play shows nothing of it.
"""
