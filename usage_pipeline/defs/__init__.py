"""The stages as Dagster sees them: one thin module per stage, and partitions, resources, jobs, automation."""
