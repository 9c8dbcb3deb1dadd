"""HubSpot: date-versioned paths (`/crm/objects/2026-03/companies`) and v3/v4 ones side by side."""
