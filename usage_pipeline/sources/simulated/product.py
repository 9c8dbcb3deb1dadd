"""What the simulated vendor sells, and to whom: features, plans, industries, countries.

An analytics product: people connect data, open dashboards, share them and build on them.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Feature:
    """One of fourteen features; `plan` is the rank of the smallest plan that has it."""

    name: str
    event: str
    plan: int = 0
    seconds: int = 0
    """Usual length of one use; 0: the product states none."""
    quantity: int = 0
    """Usual quantity of one use (rows, calls); 0: the product states none."""


FEATURES = (
    Feature("dashboards", "Dashboard Opened", seconds=90),
    Feature("charts", "Chart Created", seconds=150),
    Feature("filters", "Filter Applied", seconds=20),
    Feature("sharing", "Dashboard Shared"),
    Feature("comments", "Comment Added", seconds=35),
    Feature("imports", "Data Imported", seconds=60, quantity=800),
    Feature("exports", "Report Exported", quantity=3),
    Feature("alerts", "Alert Set"),
    Feature("templates", "Template Applied"),
    Feature("api", "API Called", quantity=60),
    Feature("automations", "Automation Run", plan=1, seconds=25),
    Feature("forecasting", "Forecast Built", plan=1, seconds=240),
    Feature("embedding", "Dashboard Embedded", plan=2),
    Feature("audit_log", "Audit Log Opened", plan=2, seconds=45),
)
PREMIUM = tuple(feature.name for feature in FEATURES if feature.plan)

SIGNED_IN, INVITED, CONNECTED, DISCONNECTED, HELP_PAGE, PRICING_PAGE = range(len(FEATURES), len(FEATURES) + 6)
"""Codes of events in which no feature fires; the codes below are the features' positions."""

EVENT_NAMES = (
    *(feature.event for feature in FEATURES),
    "Signed In",
    "Teammate Invited",
    "Integration Connected",
    "Integration Disconnected",
    "Help",
    "Pricing",
)

INTEGRATIONS = ("warehouse", "spreadsheet", "chat", "crm", "billing", "ticketing")


@dataclass(frozen=True)
class Plan:
    """A plan, and its list price per seat and month in minor units."""

    name: str
    price_minor: int


PLANS = (Plan("starter", 2900), Plan("team", 4900), Plan("business", 7900))
ANNUAL_DISCOUNT = 0.85


@dataclass(frozen=True)
class Industry:
    """Whom the vendor sells to: in which order they take up features, and when they work."""

    name: str
    share: float
    weekend: float
    """Use on a Saturday or Sunday over that of a weekday."""
    season: float
    """Height of the yearly wave of use."""
    peak_day: int
    """Day of the year at which the wave is highest."""
    order: str
    """Features in the typical order of adoption, as letters: a is the first of FEATURES."""


INDUSTRIES = (
    Industry("software", 0.26, 0.10, 0.05, 80, "acdjbekgmlhfin"),
    Industry("retail", 0.18, 0.45, 0.18, 330, "abfdchgilekjnm"),
    Industry("finance", 0.14, 0.05, 0.10, 20, "afgdbclhneikjm"),
    Industry("logistics", 0.13, 0.30, 0.12, 320, "afhdckbgijlenm"),
    Industry("health", 0.11, 0.20, 0.06, 40, "abdcefignhlkmj"),
    Industry("education", 0.09, 0.08, 0.25, 280, "abiecdfghlkjnm"),
    Industry("media", 0.09, 0.25, 0.08, 300, "abdecimghfkljn"),
)


@dataclass(frozen=True)
class Country:
    """Where an account works. Zones stay within UTC-6 and UTC+8, so that a working day lies in one UTC day."""

    code: str
    zone: str
    currency: str
    share: float


COUNTRIES = (
    Country("US", "America/New_York", "USD", 0.26),
    Country("US", "America/Chicago", "USD", 0.12),
    Country("GB", "Europe/London", "GBP", 0.16),
    Country("DE", "Europe/Berlin", "EUR", 0.15),
    Country("FR", "Europe/Paris", "EUR", 0.09),
    Country("FI", "Europe/Helsinki", "EUR", 0.05),
    Country("BR", "America/Sao_Paulo", "USD", 0.05),
    Country("IN", "Asia/Kolkata", "USD", 0.07),
    Country("SG", "Asia/Singapore", "USD", 0.05),
)

# (month, day) from and to, and how much of the usual use is left.
HOLIDAYS = (
    ((12, 24), (12, 26), 0.10),
    ((12, 27), (12, 31), 0.35),
    ((1, 1), (1, 1), 0.10),
    ((1, 2), (1, 4), 0.60),
    ((5, 1), (5, 1), 0.45),
    ((7, 20), (8, 20), 0.82),
)

ROLES = ("analyst", "manager", "engineer", "executive", "operations")

OWNERS = (
    ("csm.north@vendor.example", "Csm", "North", "csm"),
    ("csm.south@vendor.example", "Csm", "South", "csm"),
    ("csm.east@vendor.example", "Csm", "East", "csm"),
    ("csm.west@vendor.example", "Csm", "West", "csm"),
    ("sales.inbound@vendor.example", "Sales", "Inbound", "sales"),
    ("sales.outbound@vendor.example", "Sales", "Outbound", "sales"),
)
"""Address, first name, last name and role of the vendor's people who work with accounts."""

CSMS = tuple(address for address, _, _, role in OWNERS if role == "csm")
