"""What others know: product data as it landed, accounts, billing, support, surveys, the CRM, our own past actions.

Reads the deliveries under the landing folder and what the CRMs answer. Makes one table
per thing that is known (`catalogue`), each row with the moment from which a morning may
see it. Promises that a table is the same however often it is read, that a missing column
is named with its fix, and that a company's SQL sees the delivery's files and nothing else.
"""
