"""usage-pipeline: what customers do in a product, turned into what a company should do about it.

The stages, in the data's order; each looks upstream and never downstream:

    sources -> events -> usage -> features -> labels -> segments -> models -> scores
            -> signals -> plays -> sync -> outcomes -> reports

Below them, for all: errors, periods, accounts, spans, documents, company, settings, home, engine, lake, frames, crm, channels,
ledger.
Beside them: sandbox (a HubSpot and a Salesforce of one's own). Above them: defs (the only place
that knows Dagster), run (the main job from a terminal) and cli.
"""
