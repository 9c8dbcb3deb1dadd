"""A HubSpot and a Salesforce of one's own, on loopback, at the vendors' own paths.

Reads: what an API client sends over HTTP or TLS, and what `/_sandbox/` is told.
Makes: one SQLite file that holds both CRMs; web pages where a CSM would look.
Promises: to answer as the vendors do in all that the pipeline uses, wherever
that is documented or was recorded; where it is not known, a setting decides.
It shares no code with the clients it tests.

    exchange    what is asked and what is answered, in words of our own
    door        one request: fault, one commit, log, one answer
    faults      what goes wrong on demand and on a schedule; its kinds stand in the three `mishaps`
    hubspot/    objects, batches, properties, associations, owners, limits
    salesforce/ records, collections, SOQL, describe, tooling, field security, Bulk jobs
    control     what a test or a script tells the sandbox, and asks it
    pages       what a person looks at

Shared by both CRMs: `store` (the file), `traffic` (the API log and its counts), `overview` and
`state` (companies and tasks in one shape, as a person sees them and row by row), `people` and
`merging` (what a person does in a CRM), `meanwhile` and `mending` (what a fault does to a CRM's
state, and how it is undone), `history`, `allowance` (limits used) and `openapi`.
"""
