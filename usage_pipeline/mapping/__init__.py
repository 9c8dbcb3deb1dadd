"""The sections of a company's file, one idea each; `company.py` puts them together."""
