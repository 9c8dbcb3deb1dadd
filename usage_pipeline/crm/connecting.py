"""The clients that an installation's settings name."""

from usage_pipeline.crm.client import Crm
from usage_pipeline.crm.hubspot import HubSpot
from usage_pipeline.crm.hubspot_auth import Refresh
from usage_pipeline.crm.hubspot_token_file import TokenFile
from usage_pipeline.crm.salesforce import Salesforce
from usage_pipeline.crm.salesforce_auth import ClientCredentials, JwtBearer, Login
from usage_pipeline.errors import Rejected
from usage_pipeline.settings import Settings

SANDBOX_TOKEN = "sandbox-token"  # noqa: S105 - the sandbox's published one, on loopback
SANDBOX_CLIENT = "sandbox"
TOKEN_FILE = "hubspot_refresh_token.json"  # noqa: S105 - a file's name


def connect(settings: Settings, *, has_contacts: bool = False, has_lists: bool = False) -> dict[str, Crm]:
    """A client per CRM, by name; without an address of its own it talks to the sandbox. Sends nothing yet.

    `has_contacts`, `has_lists`: HubSpot's contacts are written, and its lists of companies kept.
    """
    return {
        name: _client(name, settings, has_contacts=has_contacts, has_lists=has_lists) for name in settings.crm_names
    }


def _client(name: str, settings: Settings, *, has_contacts: bool, has_lists: bool) -> Crm:
    if name == "hubspot":
        url = settings.hubspot_url or settings.sandbox_url
        credentials = _hubspot_credentials(settings) if settings.hubspot_url else SANDBOX_TOKEN
        return HubSpot(url, credentials, settings.hubspot_version, has_contacts=has_contacts, has_lists=has_lists)
    if name == "salesforce":
        if not settings.salesforce_url:
            login: Login = ClientCredentials(SANDBOX_CLIENT, SANDBOX_CLIENT)
            return Salesforce(settings.sandbox_url, login, settings.salesforce_version)
        return Salesforce(settings.salesforce_url, _salesforce_login(settings), settings.salesforce_version)
    raise Rejected(f"there is no CRM named {name!r}", fix="USAGE_CRMS takes hubspot and salesforce")


def _hubspot_credentials(settings: Settings) -> str | Refresh:
    refresh_token = settings.hubspot_refresh_token.get_secret_value()
    if not refresh_token:
        return _given(settings.hubspot_token.get_secret_value(), "USAGE_HUBSPOT_TOKEN")
    return Refresh(
        _given(settings.hubspot_client_id, "USAGE_HUBSPOT_CLIENT_ID"),
        _given(settings.hubspot_client_secret.get_secret_value(), "USAGE_HUBSPOT_CLIENT_SECRET"),
        refresh_token,
        TokenFile(settings.home.resolve() / TOKEN_FILE),
    )


def _salesforce_login(settings: Settings) -> Login:
    client_id = _given(settings.salesforce_client_id, "USAGE_SALESFORCE_CLIENT_ID")
    if settings.salesforce_key_file is None:
        secret = settings.salesforce_client_secret.get_secret_value()
        return ClientCredentials(client_id, _given(secret, "USAGE_SALESFORCE_CLIENT_SECRET"))
    try:
        key = settings.salesforce_key_file.read_text(encoding="utf-8")
    except OSError as absent:
        raise Rejected(
            f"the key file {settings.salesforce_key_file} cannot be read",
            fix="mend USAGE_SALESFORCE_KEY_FILE, or leave it empty to log in with the client secret",
        ) from absent
    username = _given(settings.salesforce_username, "USAGE_SALESFORCE_USERNAME")
    return JwtBearer(client_id, username, key, settings.salesforce_audience)


def _given(value: str, setting: str) -> str:
    if not value:
        raise Rejected(f"{setting} is empty", fix=f"set {setting}, or leave the address empty to use the sandbox")
    return value
