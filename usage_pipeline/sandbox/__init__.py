"""A HubSpot and a Salesforce of one's own, on loopback, at the vendors' own paths.

Reads: what an API client sends over HTTP or TLS, and what `/_sandbox/` is told.
Makes: one SQLite file that holds both CRMs; web pages where a CSM would look.
Promises: to answer as the vendors do in all that the pipeline uses, wherever
that is documented or was recorded; where it is not known, a setting decides.
It shares no code with the clients it tests.

    exchange    one request: log, faults, one commit, one answer
    hubspot/    objects, batches, properties, associations, owners, limits
    salesforce/ records, collections, SOQL, describe, tooling, field security
    control     what a test or a script tells the sandbox
    pages       what a person looks at

Three places are shared by both CRMs: `store` (the file), `overview` (companies
and tasks in one shape) and `people` (what a person does in a CRM).
"""
