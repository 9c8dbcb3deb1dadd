"""Snowplow's enriched events: lines of 131 values between tabs, without a head.

Facts from Snowplow's documentation (docs.snowplow.io, "Understanding the enriched TSV format" and
"Canonical event model") and its analytics SDKs, which refuse a line of another number of values. Times
are UTC without a zone. `derived_tstamp` is `true_tstamp`, else the collector's less the time the event
waited on the device, `dvce_sent_tstamp - dvce_created_tstamp`. A structured event (`se_*`) is named
`event`; `unstruct_event` and `contexts` are self-describing JSON (`schema`, `data`), and loaders
replace tabs and newlines within values.
"""

import json

from usage_pipeline.company import Events
from usage_pipeline.errors import Rejected
from usage_pipeline.events import fields

_COLUMNS = """
    app_id platform etl_tstamp collector_tstamp dvce_created_tstamp event event_id txn_id name_tracker v_tracker
    v_collector v_etl user_id user_ipaddress user_fingerprint domain_userid domain_sessionidx network_userid
    geo_country geo_region geo_city geo_zipcode geo_latitude geo_longitude geo_region_name ip_isp
    ip_organization ip_domain ip_netspeed page_url page_title page_referrer page_urlscheme page_urlhost
    page_urlport page_urlpath page_urlquery page_urlfragment refr_urlscheme refr_urlhost refr_urlport
    refr_urlpath refr_urlquery refr_urlfragment refr_medium refr_source refr_term mkt_medium mkt_source mkt_term
    mkt_content mkt_campaign contexts se_category se_action se_label se_property se_value unstruct_event
    tr_orderid tr_affiliation tr_total tr_tax tr_shipping tr_city tr_state tr_country ti_orderid ti_sku ti_name
    ti_category ti_price ti_quantity pp_xoffset_min pp_xoffset_max pp_yoffset_min pp_yoffset_max useragent
    br_name br_family br_version br_type br_renderengine br_lang br_features_pdf br_features_flash
    br_features_java br_features_director br_features_quicktime br_features_realplayer br_features_windowsmedia
    br_features_gears br_features_silverlight br_cookies br_colordepth br_viewwidth br_viewheight os_name
    os_family os_manufacturer os_timezone dvce_type dvce_ismobile dvce_screenwidth dvce_screenheight doc_charset
    doc_width doc_height tr_currency tr_total_base tr_tax_base tr_shipping_base ti_currency ti_price_base
    base_currency geo_timezone mkt_clickid mkt_network etl_tags dvce_sent_tstamp refr_domain_userid
    refr_device_tstamp derived_contexts domain_sessionid derived_tstamp event_vendor event_name event_format
    event_version event_fingerprint true_tstamp
"""
COLUMNS = tuple(_COLUMNS.split())
_OWN = "unstruct_event"
_CONTEXTS = ("contexts", "derived_contexts")
_KEPT = (
    "app_id",
    "platform",
    "page_urlhost",
    "page_urlpath",
    "se_category",
    "se_action",
    "se_label",
    "se_property",
    "se_value",
)
_ACCOUNT = ("contexts.account.account_id", "contexts.account.id", *fields.default(_OWN, "account"))


def rows(events: Events) -> str:
    """SQL from `lines` (line, raw) to one row per non-blank line, all values as stated."""
    account = events.account or _ACCOUNT
    features = events.feature or (*fields.default(_OWN, "feature"), "se_category")
    quantity = events.quantity or fields.default(_OWN, "quantity")
    durations = fields.durations(events, _OWN)
    feature = _first(features)
    without = fields.text(json.dumps(fields.taken((*account, *features, *quantity, *durations, *events.session), _OWN)))
    units = " ".join(f"WHEN {_first((place,))} IS NOT NULL THEN {unit}" for place, unit in durations.items())
    skewed = fields.corrected(*map(_value, ("dvce_created_tstamp", "dvce_sent_tstamp", "collector_tstamp")))
    collected = _first(("collector_tstamp", "dvce_created_tstamp"))
    columns = {
        "name": f"CASE WHEN {_value('event')} = 'struct' THEN {_first(('se_action', 'event_name'))} "
        f"ELSE {_first(('event_name', 'event'))} END",
        "kind": "'event'",
        "event_id": _first(("event_id",)),
        "ts": fields.unless(_first(("true_tstamp", "derived_tstamp")), f"coalesce({skewed}, {collected})"),
        "received_at": _first(("collector_tstamp",)),
        "account_id": _first(account),
        "user_id": _first(events.user or ("user_id",)),
        "anonymous_id": _first(("domain_userid", "network_userid")),
        "previous_id": "NULL::VARCHAR",
        "feature": f"coalesce({feature}, name)" if events.feature_is_name else feature,
        "quantity": _first(quantity),
        "duration": _first(tuple(durations)),
        "duration_unit_ms": f"CASE {units} END",
        "session_id": _first(events.session or ("domain_sessionid",)),
        "type": _value("event"),
    }
    if "email_domains" in events.exclude:
        columns["email"] = _first(events.email)
    if "user_agents" in events.exclude:
        columns["user_agent"] = _first(events.user_agent or ("useragent",))
    listed = ", ".join(f"{sql} AS {name}" for name, sql in columns.items())
    kept = ", ".join(f"'{name}', {_value(name)}" for name in _KEPT)
    contexts = ", ".join(f"{_contexts(name)} AS o_{name}" for name in _CONTEXTS)
    return f"""
        WITH cut AS (
            SELECT line, raw, string_split(rtrim(raw, chr(13) || chr(10)), chr(9)) AS c
            FROM lines WHERE regexp_matches(raw, '[^\\s\\x0b]')
        ), whole AS (
            SELECT line, raw, CASE WHEN len(c) = {len(COLUMNS)} THEN c END AS c FROM cut
        ), opened AS (
            SELECT *, {contexts},
                CASE WHEN json_valid({_value(_OWN)}) THEN json_extract({_value(_OWN)}, '/data/data') END AS own
            FROM whole
        )
        SELECT line, raw, CASE WHEN c IS NULL THEN 'wrong_columns' END AS unreadable, {listed},
            json_merge_patch('{{}}', json_object({kept}, 'contexts', o_contexts),
                CASE WHEN starts_with(own, '{{') THEN own ELSE '{{}}' END, {without}) AS properties
        FROM opened
    """


def _first(places: tuple[str, ...]) -> str:
    return fields.first(*map(_place, places))


def _place(place: str) -> str:
    """A column, or a key in the event's own data, or in the context of a name (`contexts.account.id`)."""
    column, _, rest = fields.pointer(place)[1:].partition("/")
    if column == _OWN:
        return f"json_extract_string(own, {fields.text('/' + rest)})"
    if column in _CONTEXTS:
        name, _, key = rest.partition("/")
        like = fields.text(f"/{name}/jsonschema/")
        return (
            f"json_extract_string(list_filter(o_{column}, lambda one: contains(one.schema, {like}))[1].data, "
            f"{fields.text('/' + key)})"
        )
    return _value(column)


def _contexts(column: str) -> str:
    return (
        f"""CASE WHEN json_valid({_value(column)}) THEN json_transform(json_extract({_value(column)}, '/data'), """
        f"""'[{{"schema":"VARCHAR","data":"JSON"}}]') END"""
    )


def _value(column: str) -> str:
    if column not in COLUMNS:
        raise Rejected(
            f"{column!r} is no column of a Snowplow enriched event",
            fix="name a column such as se_label, unstruct_event.KEY or contexts.NAME.KEY in the mapping's events",
        )
    return f"c[{COLUMNS.index(column) + 1}]"
