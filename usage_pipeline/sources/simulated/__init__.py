"""A simulated company: a software vendor, its customer accounts, and what they do in its product.

Reads nothing. Makes what a real company would give: deliveries of product events and tables
in a landing folder (`delivery`), the CRM's companies (`stock`), what its CSMs do with their
tasks (`team`), and, beside it all and for tests only, the truth (`truth`).

Promises: the same seed and the same treatments give the same bytes; a treatment changes the
treated account from that day on, and nothing else; churn and expansion follow from a latent
health that shows in use weeks before, with noise (`health`).
"""
