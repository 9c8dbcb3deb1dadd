"""What we meant to send, sent, and know: written before and after every request to a CRM.

Every row belongs to one CRM instance, except hold-out assignments, which hold in every channel.
`store.Ledger` is the door; `schema` the tables; `leases` who may apply.
"""
