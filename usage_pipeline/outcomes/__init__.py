"""What came of it: results, impact, feedback.

Reads the assignments and tasks of earlier mornings, their scores, and the labels of those
mornings; makes flags against what then happened, one row per episode and outcome, and the
effect of each play against its hold-out with its interval. Promises that a yes and a no are
counted from the same day on, and that "not yet known" is never a number.
"""
