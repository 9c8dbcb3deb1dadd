"""One shape for everything that happened: cleaning, identity, quarantine.

Reads the product data of each delivery, every file once. Makes the valid copies of events,
the calls that say who is who, the refused rows with their reasons, and an account of each
file. Promises that received = accepted + duplicates + rejected for every file, that a file
which landed twice or half adds nothing twice, and that no row is lost without a reason.
"""
