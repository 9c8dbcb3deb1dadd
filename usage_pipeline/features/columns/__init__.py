"""The columns of a snapshot, listed by what they speak of."""
