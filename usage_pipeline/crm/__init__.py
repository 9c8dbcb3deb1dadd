"""HubSpot and Salesforce as they are: clients, limits, error bodies, matching.

Both answer the few named questions of `client.Crm`, with one result per row. Every request has a
class (safe, idempotent, unsafe) that decides whether it may be repeated. Built from the vendors'
documentation; tried against the sandbox and third-party clients, never against a live portal.
"""
