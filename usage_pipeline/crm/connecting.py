"""The clients that an installation's settings name."""

from usage_pipeline.crm.client import Crm
from usage_pipeline.crm.hubspot import HubSpot
from usage_pipeline.crm.salesforce import Salesforce
from usage_pipeline.errors import Rejected
from usage_pipeline.settings import Settings

SANDBOX_TOKEN = "sandbox-token"  # noqa: S105 - the sandbox's published one, on loopback
SANDBOX_CLIENT = "sandbox"


def connect(settings: Settings) -> dict[str, Crm]:
    """A client per CRM, by name; without an address of its own it talks to the sandbox. Sends nothing yet."""
    return {name: _client(name, settings) for name in settings.crm_names}


def _client(name: str, settings: Settings) -> Crm:
    if name == "hubspot":
        if not settings.hubspot_url:
            return HubSpot(settings.sandbox_url, SANDBOX_TOKEN, settings.hubspot_version)
        token = settings.hubspot_token.get_secret_value()
        return HubSpot(settings.hubspot_url, _given(token, "USAGE_HUBSPOT_TOKEN"), settings.hubspot_version)
    if name == "salesforce":
        if not settings.salesforce_url:
            return Salesforce(settings.sandbox_url, SANDBOX_CLIENT, SANDBOX_CLIENT, settings.salesforce_version)
        secret = settings.salesforce_client_secret.get_secret_value()
        return Salesforce(
            settings.salesforce_url,
            _given(settings.salesforce_client_id, "USAGE_SALESFORCE_CLIENT_ID"),
            _given(secret, "USAGE_SALESFORCE_CLIENT_SECRET"),
            settings.salesforce_version,
        )
    raise Rejected(f"there is no CRM named {name!r}", fix="USAGE_CRMS takes hubspot and salesforce")


def _given(value: str, setting: str) -> str:
    if not value:
        raise Rejected(f"{setting} is empty", fix=f"set {setting}, or leave the address empty to use the sandbox")
    return value
