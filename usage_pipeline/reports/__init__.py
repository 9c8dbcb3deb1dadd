"""What people look at: the page of outcomes, and the same tables for the orchestrator's UI.

Reads decisions, effects, episodes, flags and trainings; makes one self-contained page (no
script, nothing fetched) and Markdown. Promises to show no figure without its count, no
difference without its interval, and "not yet known" as exactly that.
"""
