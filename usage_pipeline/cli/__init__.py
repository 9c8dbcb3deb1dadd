"""The same things for a person at a terminal.

`main` is the door, with the main job and what one looks at; `delivery` is what tells the CRMs; `crm_state`
is what the ledger knows; `options` is what several commands take. Exit codes: 0, 1 for an error or a
mistake in the command, and 2 for changes, only with `--detailed-exitcode`.
"""
