"""Salesforce: REST under `/services/data/vNN.0/`, its Tooling API, and its token endpoint."""
